// Pictures of a whole space: spectrum, lengths, under-trained tokens, the cone through the layers.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "figure/spec.h"

namespace embscope {
namespace {

bj::object data_of(bj::array rows) { return {{"values", std::move(rows)}}; }

// One line for each of some columns against the first.
bj::object lines(const Table& table, std::string_view x, std::initializer_list<std::string_view> columns,
                 std::string_view title, int height) {
  bj::array rows;
  for (std::string_view name : columns) {
    const auto& values = table.column(name).numbers();
    for (std::size_t r = 0; r < table.rows(); ++r) {
      if (std::isfinite(values[r]))
        rows.push_back(
            bj::object{{"x", table.column(x).numbers()[r]}, {"measure", bj::string(name)}, {"value", values[r]}});
    }
  }
  return {{"width", 560},
          {"height", height},
          {"data", data_of(std::move(rows))},
          {"mark", {{"type", "line"}, {"point", table.rows() < 100}}},
          {"encoding",
           {{"x", number_field("x", x)},
            {"y", number_field("value", title)},
            {"color", {{"field", "measure"}, {"type", "nominal"}, {"sort", nullptr}, {"title", nullptr}}},
            {"tooltip", {number_field("x", x), text_field("measure", "measure"), number_field("value", "value")}}}}};
}

}  // namespace

Figure figure_spectrum(const Table& spectrum) {
  bj::object variance = lines(spectrum, "component", {"variance"}, "variance", 200);
  variance["encoding"].as_object()["y"].as_object()["scale"] = {{"type", "symlog"}, {"constant", 1e-4}};
  return finish(
      "spectrum", "Variance along the principal axes",
      "above: each component; below: the share of the first components together",
      {{"vconcat", {std::move(variance), lines(spectrum, "component", {"cumulated"}, "share of the variance", 200)}}});
}

Figure figure_norms(const Table& norms) {
  bj::object x = number_field("from", "length");
  x["bin"] = "binned";
  return finish(
      "norms", "Lengths of the vectors", "from the shortest to the longest",
      {{"width", 640},
       {"height", 240},
       {"data", data_of(rows_of(norms))},
       {"mark", {{"type", "bar"}, {"color", bj::string(palette[5])}, {"binSpacing", 0}}},
       {"encoding", {{"x", std::move(x)}, {"x2", {{"field", "to"}}}, {"y", number_field("vectors", "vectors")}}}});
}

Figure figure_hubs(const Table& hubs) {
  bj::array rows;
  for (std::size_t r = 0; r < std::min<std::size_t>(40, hubs.rows()); ++r)
    rows.push_back(bj::object{{"token", fmt::format("{} {}", r + 1, hubs.column("token").texts()[r])},
                              {"occurrence", hubs.column("occurrence").numbers()[r]}});
  bj::object y = text_field("token", "");
  y["sort"] = nullptr;
  return finish("hubs", "Hubs: tokens that are near many others", hubs.title(),
                {{"width", 480},
                 {"height", static_cast<int>(rows.size()) * 16},
                 {"data", data_of(std::move(rows))},
                 {"mark", {{"type", "bar"}, {"color", bj::string(palette[0])}}},
                 {"encoding", {{"y", std::move(y)}, {"x", number_field("occurrence", "times among the nearest")}}}});
}

Figure figure_undertrained(const Table& tokens, std::string_view reference) {
  // every token of the lowest thousand, then one in as many as keep the picture at some thousand points
  const std::size_t step = std::max<std::size_t>(1, tokens.rows() / 4000);
  const bool known = std::isfinite(tokens.column("indicator").numbers()[0]);
  bj::array rows;
  for (std::size_t r = 0; r < tokens.rows(); r += r < 1000 ? 1 : step) {
    rows.push_back(bj::object{{"token", tokens.column("token").texts()[r]},
                              {"rank", r + 1},
                              {"indicator", known ? bj::value(tokens.column("indicator").numbers()[r]) : bj::value(0)},
                              {"distance", tokens.column("distance").numbers()[r]},
                              {"norm", tokens.column("norm").numbers()[r]}});
  }
  const char* x = known ? "indicator" : "norm";
  bj::object encoding = {{"x", number_field(x, known ? "1 - cosine with the mean of unused rows" : "length")},
                         {"y", number_field("distance", "distance to the mean of all rows")},
                         {"tooltip",
                          {text_field("token", "token"), number_field("rank", "rank"), number_field(x, x),
                           number_field("distance", "distance"), number_field("norm", "norm")}}};
  bj::object named = encoding;
  named["text"] = {{"field", "token"}, {"type", "nominal"}};
  return finish("undertrained", "Tokens that hardly occurred in training", fmt::format("unused rows: {}", reference),
                {{"width", 640},
                 {"height", 400},
                 {"data", data_of(std::move(rows))},
                 {"layer",
                  {bj::object{{"mark", {{"type", "circle"}, {"size", 14}, {"opacity", 0.5}}}, {"encoding", encoding}},
                   bj::object{{"transform", {bj::object{{"filter", "datum.rank <= 12"}}}},
                              {"mark", {{"type", "text"}, {"align", "left"}, {"dx", 5}, {"fontSize", 10}}},
                              {"encoding", std::move(named)}}}}});
}

Figure figure_layers(const Table& layers, std::string_view sampling) {
  return finish("layers", "The cone, layer by layer", fmt::format("sampling: {}", sampling),
                {{"vconcat",
                  {lines(layers, "layer", {"mean_cosine", "centred_cosine", "self_similarity"}, "mean cosine", 200),
                   lines(layers, "layer", {"effective_rank"}, "effective rank", 120),
                   lines(layers, "layer", {"mean_norm"}, "mean length", 120)}}});
}

}  // namespace embscope
