// The logit lens: positions across, blocks upward from the embedding.
#include <algorithm>

#include <fmt/format.h>

#include "figure/spec.h"

namespace embscope {
namespace {

constexpr int cell_width = 66, cell_height = 18;

// The last block first, so that the embedding lies at the bottom; positions from `first` on.
bj::array cells_of(const Table& cells, double first, std::string_view colour) {
  const auto numbers = [&](std::string_view name) { return cells.column(name).numbers(); };
  const auto block = numbers("block"), position = numbers("position"), probability = numbers("probability"),
             rank = numbers("target_rank"), target = numbers("target_probability"), shown = numbers(colour);
  const auto &token = cells.column("token").texts(), &top = cells.column("top").texts();
  bj::array rows;
  for (auto b = static_cast<int>(block.back()); b >= -1; --b) {
    for (std::size_t i = 0; i < cells.rows(); ++i) {
      if (block[i] != b || position[i] < first) continue;
      rows.push_back(bj::object{{"after", b < 0 ? "embedding" : fmt::format("{}", b)},
                                {"at", fmt::format("{} {}", position[i], token[i])},
                                {"top", top[i]},
                                {"probability", probability[i]},
                                {"rank", rank[i]},
                                {"target", target[i]},
                                {"shown", shown[i]}});
    }
  }
  return rows;
}

bj::object encoding(std::string_view target, std::string_view legend) {
  bj::object x = text_field("at", "position and token"), y = text_field("after", "after block");
  x["sort"] = nullptr;
  x["axis"] = {{"labelAngle", -30}, {"labelLimit", 110}};
  y["sort"] = nullptr;
  bj::object colour = number_field("shown", legend);
  // a target is rare in most cells: equal steps of colour are equal factors
  colour["scale"] = target.empty() ? sequential_scale("linear", {0, 0.5, 1}) : sequential_scale("log", {1e-6, 1e-3, 1});
  colour["legend"] = {{"title", bj::string(legend)}, {"gradientLength", 160}};
  if (!target.empty()) {
    colour["legend"].as_object()["values"] = {1e-6, 1e-3, 1};
    colour["legend"].as_object()["labelExpr"] = "datum.value < 1 ? format(datum.value, '.0e') : '1'";
  }
  bj::array tooltip = {text_field("at", "position and token"), text_field("after", "after block"),
                       text_field("top", "top token"), number_field("probability", "its probability")};
  if (!target.empty()) {
    tooltip.push_back(number_field("rank", fmt::format("rank of {}", visible(target))));
    tooltip.push_back(number_field("target", fmt::format("probability of {}", visible(target))));
  }
  return {{"x", std::move(x)}, {"y", std::move(y)}, {"color", std::move(colour)}, {"tooltip", std::move(tooltip)}};
}

}  // namespace

Figure figure_lens(const Table& cells, std::string_view target, std::size_t most) {
  const auto& position = cells.column("position").numbers();
  const double all = position.back() - position.front() + 1, drawn = std::min(all, static_cast<double>(most));
  const double blocks = cells.column("block").numbers().back() + 2;
  const std::string legend =
      target.empty() ? std::string("probability of the top token") : fmt::format("probability of {}", visible(target));
  bj::object rect = encoding(target, legend), text = rect;
  text["text"] = {{"field", "top"}, {"type", "nominal"}};
  text["color"] = {
      {"condition",
       {{"test", bj::string(target.empty() ? "datum.shown > 0.45" : "datum.shown > 5e-4")}, {"value", "white"}}},
      {"value", "#222"}};
  std::string subtitle = "logit lens: the most likely next token (final norm recomputed)";
  if (drawn < all) subtitle += fmt::format("; the last {} of {} positions", drawn, all);
  return finish("lens", "What the model would predict after each block", subtitle,
                {{"width", static_cast<int>(drawn) * cell_width},
                 {"height", static_cast<int>(blocks) * cell_height},
                 {"data",
                  {{"values", cells_of(cells, position.back() - drawn + 1,
                                       target.empty() ? "probability" : "target_probability")}}},
                 {"layer",
                  {bj::object{{"mark", {{"type", "rect"}, {"stroke", "#dfe5ec"}, {"strokeWidth", 0.5}}},
                              {"encoding", std::move(rect)}},
                   bj::object{{"mark", {{"type", "text"}, {"fontSize", 10}, {"limit", cell_width - 4}}},
                              {"encoding", std::move(text)}}}}});
}

}  // namespace embscope
