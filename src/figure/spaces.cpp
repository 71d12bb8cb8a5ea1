// Pictures of analogies, judgements, categories and comparisons.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "figure/spec.h"

namespace embscope {
namespace {

bj::object points(const Table& table, std::string_view x, std::string_view x_title, std::string_view y,
                  std::string_view y_title) {
  return {{"width", 420},
          {"height", 360},
          {"data", {{"values", rows_of(table)}}},
          {"mark", {{"type", "circle"}, {"size", 16}, {"opacity", 0.5}, {"color", bj::string(palette[0])}}},
          {"encoding", {{"x", number_field(x, x_title)}, {"y", number_field(y, y_title)}}}};
}

bj::object cells(bj::array rows, bj::object x, bj::object y, bj::object colour, std::string_view value, int size,
                 bool numbers) {
  const bj::array tooltip = {x, y, number_field(value, value)};  // which has no order
  x["sort"] = nullptr, y["sort"] = nullptr;
  bj::object cell = {{"x", x}, {"y", y}};
  bj::object text = cell;
  cell["color"] = std::move(colour);
  cell["tooltip"] = tooltip;
  text["text"] = {{"field", bj::string(value)}, {"type", "quantitative"}, {"format", ".2f"}};
  bj::array layers = {bj::object{{"mark", "rect"}, {"encoding", std::move(cell)}}};
  if (numbers)
    layers.push_back(bj::object{{"mark", {{"type", "text"}, {"fontSize", 9}}}, {"encoding", std::move(text)}});
  return {{"width", size}, {"height", size}, {"data", {{"values", std::move(rows)}}}, {"layer", std::move(layers)}};
}

}  // namespace

Figure figure_analogies(const Table& relations, std::string_view verdict) {
  static constexpr std::pair<const char*, const char*> shown[] = {
      {"add", "3CosAdd"},
      {"mul", "3CosMul"},
      {"add_raw", "3CosAdd, including the question's words"},
      {"nearest_c", "nearest to the third word"}};
  bj::array rows;
  for (std::size_t r = 0; r < relations.rows(); ++r) {
    for (const auto& [column, title] : shown) {
      const double share = relations.column(column).numbers()[r];
      if (!std::isnan(share))
        rows.push_back(
            bj::object{{"relation", relations.column("relation").texts()[r]}, {"method", title}, {"right", share}});
    }
  }
  bj::object y = text_field("relation", "");
  y["sort"] = nullptr;
  bj::object x = number_field("right", "share of questions answered correctly");
  return finish(
      "analogies", "How well king - man + woman generalises", std::string(verdict),
      {{"width", 560},
       {"height", static_cast<int>(relations.rows()) * 36},
       {"data", {{"values", std::move(rows)}}},
       {"mark", {{"type", "bar"}}},
       {"encoding",
        {{"y", y},
         {"yOffset", {{"field", "method"}, {"sort", nullptr}}},
         {"x", x},
         {"color", {{"field", "method"}, {"type", "nominal"}, {"sort", nullptr}, {"title", nullptr}}},
         {"tooltip",
          {text_field("relation", "relation"), text_field("method", "method"), number_field("right", "share")}}}}});
}

Figure figure_judgements(const Table& pairs, double spearman) {
  bj::object body = points(pairs, "people", "similarity, judged by people", "cosine", "cosine");
  body["encoding"].as_object()["tooltip"] = {text_field("a", "word"), text_field("b", "word"),
                                             number_field("people", "people"), number_field("cosine", "cosine")};
  return finish("judgements", fmt::format("Cosine and human judgement: Spearman {:.3f}", spearman),
                fmt::format("one dot per pair, {} pairs", pairs.rows()), std::move(body));
}

Figure figure_categories(const Table& between) {
  const int size = std::clamp(static_cast<int>(std::sqrt(static_cast<double>(between.rows()))) * 44, 160, 900);
  const auto& values = between.column("cosine").numbers();
  double least = 1, most = -1;
  for (double v : values) {
    if (std::isfinite(v)) least = std::min(least, v), most = std::max(most, v);
  }
  bj::object colour = number_field("cosine", "mean cosine");
  colour["scale"] = sequential_scale("linear", {least, (least + most) / 2, most});
  return finish("categories", "Are words of the same kind near each other?",
                "mean cosine of the words of one category with those of another",
                cells(rows_of(between), text_field("other", ""), text_field("category", ""), std::move(colour),
                      "cosine", size, true));
}

Figure figure_compare(const Table& measures, const Table& pairs, std::string_view a, std::string_view b) {
  bj::array shares;
  for (std::size_t r = 0; r < measures.rows(); ++r) {
    const double value = measures.column("value").numbers()[r];
    if (std::isfinite(value) && std::abs(value) <= 1.0001)
      shares.push_back(bj::object{{"measure", measures.column("measure").texts()[r]}, {"value", value}});
  }
  bj::object y = text_field("measure", "");
  y["sort"] = nullptr;
  bj::object bars = {
      {"width", 260},
      {"height", 360},
      {"data", {{"values", std::move(shares)}}},
      {"mark", {{"type", "bar"}, {"color", bj::string(palette[5])}}},
      {"encoding",
       {{"y", std::move(y)}, {"x", number_field("value", "")}, {"tooltip", {number_field("value", "value")}}}}};
  return finish(
      "compare", fmt::format("{} beside {}", a, b),
      "left: the measures; right: cosines of the same pairs in each, one dot per pair",
      {{"hconcat",
        {std::move(bars), points(pairs, "a", fmt::format("cosine in {}", a), "b", fmt::format("cosine in {}", b))}}});
}

Figure figure_layer_similarity(const Table& layers, std::string_view a, std::string_view b) {
  bj::object colour = number_field("cka", "linear CKA");
  colour["scale"] = sequential_scale("linear", {0, 0.5, 1});
  bj::object x = number_field("b", fmt::format("layer of {}", b)), y = number_field("a", fmt::format("layer of {}", a));
  x["type"] = "ordinal", y["type"] = "ordinal";
  bj::array rows = rows_of(layers);
  bj::object body = cells(std::move(rows), std::move(x), std::move(y), std::move(colour), "cka", 420, false);
  return finish("layer-similarity", "Which layers are similar",
                "linear CKA over the text's positions; layer 0 is the input of the first block", std::move(body));
}

}  // namespace embscope
