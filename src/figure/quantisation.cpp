#include "embscope/figure/quantisation.h"

#include <cmath>

#include <fmt/format.h>

#include "figure/spec.h"

namespace embscope {
namespace {

bj::object colour() {
  bj::array range;
  for (std::string_view one : palette) range.emplace_back(one);
  return {{"field", "type"}, {"type", "nominal"}, {"title", "type"}, {"scale", {{"range", std::move(range)}}}};
}

bj::object errors(const Table& tensors) {
  bj::array order;
  for (const std::string& name : tensors.column("tensor").texts()) order.emplace_back(name);
  bj::object x = text_field("tensor", "tensor, in the order of the pass");
  x["sort"] = std::move(order);
  x["axis"] = {{"labels", tensors.rows() <= 40}, {"ticks", false}};
  return {{"data", {{"values", rows_of(tensors)}}},
          {"width", 640},
          {"height", 220},
          {"mark", {{"type", "point"}, {"filled", true}}},
          {"encoding",
           {{"x", std::move(x)},
            {"y", number_field("error", "relative error")},
            {"color", colour()},
            {"tooltip",
             {text_field("tensor", "tensor"), text_field("type", "type"), number_field("error", "relative error"),
              number_field("worst_row", "worst row"), number_field("row_error", "its error")}}}}};
}

bj::object histogram(const Table& differences) {
  bj::array rows, order;
  const auto &from = differences.column("from").numbers(), &to = differences.column("to").numbers(),
             &share = differences.column("share").numbers();
  const auto& type = differences.column("type").texts();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::string name = to[i] == 0     ? "none"
                             : from[i] == 0 ? fmt::format("< 2^{:.0f}", std::log2(to[i]))
                                            : fmt::format("2^{:.0f}", std::log2(from[i]));
    if (type[i] == type[0]) order.emplace_back(name);
    rows.push_back(bj::object{{"difference", name}, {"share", share[i]}, {"type", type[i]}});
  }
  bj::object x = text_field("difference", "difference of a weight, in sizes of a weight, from");
  x["sort"] = std::move(order);
  return {
      {"data", {{"values", std::move(rows)}}},
      {"width", 640},
      {"height", 180},
      {"mark", {{"type", "bar"}}},
      {"encoding",
       {{"x", std::move(x)},
        {"y", number_field("share", "share of the weights")},
        {"xOffset", {{"field", "type"}}},
        {"color", colour()},
        {"tooltip", {text_field("type", "type"), text_field("difference", "from"), number_field("share", "share")}}}}};
}

}  // namespace

Figure figure_quantisation(const Table& tensors, const Table& differences, std::string_view title) {
  return finish("quantisation", fmt::format("How far the types are from the reference: {}", title),
                "the length of the difference over that of the reference",
                {{"vconcat", {errors(tensors), histogram(differences)}}});
}

}  // namespace embscope
