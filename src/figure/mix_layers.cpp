// Mixtures from left to right, blocks from bottom to top: where the answer changes.
#include <cmath>

#include <fmt/format.h>

#include "figure/spec.h"

namespace embscope {
namespace {

// The second target's share of the two; with one target, its probability.
double shown(const Table& cells, std::size_t targets, std::size_t row) {
  const double first = cells.columns()[2].numbers()[row];
  if (targets < 2) return first;
  const double second = cells.columns()[3].numbers()[row];
  return first + second > 0 ? second / (first + second) : 0.5;
}

bj::array cells_of(const Table& cells, std::size_t targets) {
  const auto &block = cells.column("block").numbers(), &p = cells.column("p").numbers();
  const auto& top = cells.column("top").texts();
  const double half = p.size() > 1 ? (p[1] - p[0]) / 2 : 0.5;
  bj::array rows;
  for (std::size_t i = 0; i < cells.rows(); ++i)
    rows.push_back(bj::object{{"block", block[i]},
                              {"block_end", block[i] + 1},
                              {"from", p[i] - half},
                              {"to", p[i] + half},
                              {"p", p[i]},
                              {"shown", shown(cells, targets, i)},
                              {"top", top[i]}});
  return rows;
}

bj::array points_of(const Table& crossings) {
  bj::array rows;
  for (std::size_t i = 0; i < crossings.rows(); ++i) {
    const double p = crossings.column("p").numbers()[i], block = crossings.column("block").numbers()[i];
    if (std::isfinite(p)) rows.push_back(bj::object{{"p", p}, {"middle", block + 0.5}, {"block", block}});
  }
  return rows;
}

}  // namespace

Figure figure_mix_layers(const Table& cells, const Table& crossings, std::string_view replace, std::string_view with) {
  const std::size_t targets = cells.columns().size() - 3;  // beside block, p and top
  const std::string legend = targets < 2 ? "probability of " + cells.columns()[2].name
                                         : fmt::format("{}, of {} and {}", cells.columns()[3].name,
                                                       cells.columns()[2].name, cells.columns()[3].name);
  bj::object x = number_field("from", fmt::format("p, the share of {}", visible(replace))),
             y = number_field("block", "block");
  x["scale"] = {{"nice", false}};
  y["scale"] = {{"nice", false}};
  bj::object colour = number_field("shown", legend);
  colour["scale"] = sequential_scale("linear", {0, 0.5, 1});
  bj::object point_x = number_field("p", ""), point_y = number_field("middle", "");
  point_x.erase("title"), point_y.erase("title");
  return finish("mix-layers", fmt::format("{} changed into {}, block by block", visible(replace), with),
                "the vector at resid_pre replaced; dots: where the first two answers are equally likely",
                {{"width", 420},
                 {"height", static_cast<int>(crossings.rows()) * 18},
                 {"layer",
                  {bj::object{{"data", {{"values", cells_of(cells, targets)}}},
                              {"mark", {{"type", "rect"}}},
                              {"encoding",
                               {{"x", std::move(x)},
                                {"x2", {{"field", "to"}}},
                                {"y", std::move(y)},
                                {"y2", {{"field", "block_end"}}},
                                {"color", std::move(colour)},
                                {"tooltip",
                                 {number_field("block", "block"), number_field("p", "p"), number_field("shown", legend),
                                  text_field("top", "most likely token")}}}}},
                   bj::object{{"data", {{"values", points_of(crossings)}}},
                              {"mark", {{"type", "point"}, {"filled", true}, {"size", 40}, {"color", "#D55E00"}}},
                              {"encoding", {{"x", std::move(point_x)}, {"y", std::move(point_y)}}}}}}});
}

}  // namespace embscope
