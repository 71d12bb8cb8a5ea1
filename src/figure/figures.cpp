// One picture per function: Table -> Vega-Lite.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "figure/grouped.h"
#include "figure/spec.h"

namespace embscope {
namespace {

// Vega reads dots and brackets in field names as paths: long form keeps a word's text out of field names.
bj::array long_form(const Table& table, std::string_view key, std::string_view series, std::string_view value,
                    std::size_t first_column = 1, std::size_t last_column = 1000) {
  bj::array rows;
  const Column& keys = table.columns().front();
  for (std::size_t c = first_column; c < std::min(last_column, table.columns().size()); ++c) {
    const Column& column = table.columns()[c];
    if (!column.is_number()) continue;
    for (std::size_t r = 0; r < table.rows(); ++r) {
      bj::object row;
      if (keys.is_number())
        row[key] = keys.numbers()[r];
      else
        row[key] = keys.texts()[r];
      row[series] = column.name;
      row[value] = std::isfinite(column.numbers()[r]) ? bj::value(column.numbers()[r]) : bj::value(nullptr);
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

bj::object rule(std::string_view axis, double at, std::string_view colour) {
  return {{"data", {{"values", bj::array{bj::object{{"at", at}}}}}},
          {"mark", {{"type", "rule"}, {"strokeDash", {4, 4}}, {"color", bj::string(colour)}}},
          {"encoding", {{axis, {{"field", "at"}, {"type", "quantitative"}}}}}};
}

bj::object axis_from(bj::object field, bool zero) {
  field["scale"] = {{"zero", zero}, {"nice", true}};
  return field;
}

/// An axis that ends where the values do.
bj::object axis_over(bj::object field, double first, double last) {
  field["scale"] = {{"domain", {first, last}}, {"nice", false}};
  return field;
}

}  // namespace

Figure figure_vectors(const Table& vectors) {
  bj::object lines = {
      {"width", 540},
      {"height", 240},
      {"data", {{"values", long_form(vectors, "dimension", "word", "value")}}},
      {"mark", {{"type", "line"}, {"strokeWidth", 0.8}, {"opacity", 0.8}}},
      {"encoding",
       {{"x", number_field("dimension", "dimension")},
        {"y", number_field("value", "value")},
        {"color", {{"field", "word"}, {"type", "nominal"}, {"sort", nullptr}}},
        {"tooltip",
         {number_field("dimension", "dimension"), text_field("word", "word"), number_field("value", "value")}}}}};
  const std::string subtitle = fmt::format("rows of the embedding matrix (wte), {} dimensions", vectors.rows());
  if (vectors.columns().size() != 3) return finish("vectors", "Word vectors", subtitle, std::move(lines));
  const Column &a = vectors.columns()[1], &b = vectors.columns()[2];
  bj::array points;
  for (std::size_t d = 0; d < vectors.rows(); ++d)
    points.push_back(bj::object{{"a", a.numbers()[d]}, {"b", b.numbers()[d]}, {"dimension", d}});
  bj::object scatter = {
      {"width", 220},
      {"height", 240},
      {"data", {{"values", std::move(points)}}},
      {"mark", {{"type", "circle"}, {"size", 14}, {"opacity", 0.6}, {"color", bj::string(palette[2])}}},
      {"encoding",
       {{"x", number_field("a", a.name)},
        {"y", number_field("b", b.name)},
        {"tooltip", {number_field("dimension", "dimension"), number_field("a", a.name), number_field("b", b.name)}}}}};
  return finish("vectors", fmt::format("{} and {}", a.name, b.name),
                subtitle + "; right: one against the other, one dot per dimension",
                {{"hconcat", {std::move(lines), std::move(scatter)}}});
}

Figure figure_cosines(const Table& cosines) {
  const int size = std::clamp(static_cast<int>(cosines.rows()) * 56, 160, 900);
  bj::object cell = {{"x",
                      {{"field", "other"},
                       {"type", "nominal"},
                       {"sort", nullptr},
                       {"title", nullptr},
                       {"axis", {{"orient", "top"}, {"labelAngle", -30}}}}},
                     {"y", {{"field", "word"}, {"type", "nominal"}, {"sort", nullptr}, {"title", nullptr}}}};
  bj::object text = cell;
  text["text"] = {{"field", "cosine"}, {"type", "quantitative"}, {"format", ".2f"}};
  text["color"] = {{"condition", {{"test", "abs(datum.cosine) > 0.6"}, {"value", "white"}}}, {"value", "#222"}};
  cell["color"] = {{"field", "cosine"},
                   {"type", "quantitative"},
                   {"scale", {{"domain", {-1, 1}}, {"scheme", "redblue"}, {"reverse", true}}},
                   {"legend", nullptr}};
  return finish("cosines", "Cosine similarity", "1: the same direction; 0: a right angle",
                {{"width", size},
                 {"height", size * 2 / 3},
                 {"data", {{"values", long_form(cosines, "word", "other", "cosine")}}},
                 {"layer",
                  {bj::object{{"mark", "rect"}, {"encoding", cell}},
                   bj::object{{"mark", {{"type", "text"}, {"fontSize", 11}}}, {"encoding", text}}}}});
}

namespace {

Figure bars(std::string name, std::string title, const std::string& subtitle, const Table& table,
            std::string_view value, std::string_view axis) {
  bj::object y = {{"field", "token"}, {"type", "nominal"}, {"sort", nullptr}, {"title", nullptr}};
  bj::object text = {{"y", y},
                     {"x", number_field(value, axis)},
                     {"text", {{"field", bj::string(value)}, {"type", "quantitative"}, {"format", ".4f"}}}};
  return finish(std::move(name), std::move(title), subtitle,
                {{"width", 480},
                 {"height", static_cast<int>(table.rows()) * 22},
                 {"data", {{"values", rows_of(table)}}},
                 {"layer",
                  {bj::object{{"mark", {{"type", "bar"}, {"color", bj::string(palette[0])}}},
                              {"encoding", {{"y", y}, {"x", number_field(value, axis)}}}},
                   bj::object{{"mark", {{"type", "text"}, {"align", "left"}, {"dx", 4}, {"fontSize", 11}}},
                              {"encoding", std::move(text)}}}}});
}

}  // namespace

Figure figure_similar(const Table& similar, std::string_view word) {
  const std::string& measure = similar.columns().at(3).name;  // behind rank, token and id
  return bars("similar", fmt::format("Nearest to {}", visible(word)),
              fmt::format("{} every other token", measure == "cosine" ? "cosine similarity with"
                                                  : measure == "dot"  ? "product with"
                                                                      : "distance from"),
              similar, measure, measure);
}

Figure figure_predict(const Table& predictions, std::string_view text) {
  return bars("predict", fmt::format("After \"{}\"", text), "the most likely next tokens", predictions, "probability",
              "probability");
}

Figure figure_pairs(const Table& histogram, double mean, double positive_share) {
  bj::object x = number_field("from", "cosine similarity");
  x["bin"] = "binned";
  bj::object bar = {
      {"mark", {{"type", "bar"}, {"color", bj::string(palette[5])}, {"binSpacing", 0}}},
      {"encoding", {{"x", std::move(x)}, {"x2", {{"field", "to"}}}, {"y", number_field("pairs", "pairs of tokens")}}}};
  return finish("pairs", fmt::format("{:.2f} % of all pairs of tokens have a positive cosine", 100 * positive_share),
                fmt::format("distribution of the cosine over every pair; mean {:.4f} (dashed)", mean),
                {{"width", 640},
                 {"height", 240},
                 {"data", {{"values", rows_of(histogram)}}},
                 {"layer", {std::move(bar), rule("x", mean, palette[1]), rule("x", 0, "#9aa4b2")}}});
}

Figure figure_dimensions(const Table& dimensions) {
  bj::object encoding = {
      {"x", axis_over(number_field("dimension", "dimension"), -1, static_cast<double>(dimensions.rows()))},
      {"y", number_field("mean", "mean over all tokens")},
      {"tooltip",
       {number_field("dimension", "dimension"), number_field("mean", "mean"), number_field("deviation", "deviation"),
        number_field("ratio", "|mean| / deviation")}}};
  bj::object bar = {{"mark", {{"type", "bar"}, {"width", 1.2}, {"color", bj::string(palette[0])}}},
                    {"encoding", encoding}};
  encoding["text"] = {{"field", "dimension"}, {"type", "quantitative"}};
  bj::object label = {{"transform",
                       {bj::object{{"window", {bj::object{{"op", "row_number"}, {"as", "place"}}}}},
                        bj::object{{"filter", "datum.place <= 8"}}}},
                      {"mark", {{"type", "text"}, {"dy", -7}, {"fontSize", 10}, {"color", bj::string(palette[1])}}},
                      {"encoding", std::move(encoding)}};
  return finish("dimensions", "Some dimensions have an offset that all tokens share",
                "mean of each dimension over the vocabulary; the largest relative offsets are numbered",
                {{"width", 720},
                 {"height", 220},
                 {"data", {{"values", rows_of(dimensions)}}},
                 {"layer", {std::move(bar), std::move(label)}}});
}

Figure figure_mix(const Table& sweep, std::span<const double> crossings, std::string_view replace,
                  std::string_view with) {
  const std::size_t targets = sweep.columns().size() - 2;  // p, the targets, top, top_probability
  bj::object line = {
      {"data", {{"values", long_form(sweep, "p", "target", "probability", 1, targets)}}},
      {"mark", {{"type", "line"}, {"point", true}}},
      {"encoding",
       {{"x", number_field("p", fmt::format("p: the share of {} (the rest is {})", visible(replace), visible(with)))},
        {"y", number_field("probability", "probability of the next token")},
        {"color", {{"field", "target"}, {"type", "nominal"}, {"sort", nullptr}}},
        {"tooltip",
         {number_field("p", "p"), text_field("target", "target"), number_field("probability", "probability")}}}}};
  bj::array layers = {std::move(line)};
  std::string subtitle = "each point is one run of the model";
  for (double crossing : crossings) {
    layers.push_back(rule("x", crossing, "#5b6675"));
    subtitle += fmt::format("; the two are equally likely at p = {:.3f}", crossing);
  }
  return finish("mix", fmt::format("From {} to {}, step by step", visible(with), visible(replace)), subtitle,
                {{"width", 640}, {"height", 300}, {"layer", std::move(layers)}});
}

Figure figure_trace(const Table& life, std::string_view own, std::string_view predicted) {
  bj::array cosines, lengths;
  for (const auto& [field, series] :
       {std::pair<const char*, std::string>{"cosine_own", fmt::format("{} (itself)", visible(own))},
        {"cosine_predicted", fmt::format("{} (predicted)", visible(predicted))}}) {
    for (std::size_t r = 0; r < life.rows(); ++r) {
      cosines.push_back(bj::object{{"block", life.column("block").numbers()[r]},
                                   {"series", series},
                                   {"cosine", life.column(field).numbers()[r]},
                                   {"top", life.column("top").texts()[r]}});
    }
  }
  for (const char* change : {"ln1", "attn_out", "ln2", "mlp_out"}) {
    for (std::size_t r = 1; r < life.rows(); ++r) {
      lengths.push_back(bj::object{{"block", life.column("block").numbers()[r]},
                                   {"change", change},
                                   {"length", life.column(fmt::format("length_{}", change)).numbers()[r]},
                                   {"cosine", life.column(fmt::format("cosine_{}", change)).numbers()[r]}});
    }
  }
  bj::array ranks;
  for (const auto& [field, series] :
       {std::pair<const char*, std::string>{"rank_own", fmt::format("{} (itself)", visible(own))},
        {"rank_predicted", fmt::format("{} (predicted)", visible(predicted))}}) {
    for (std::size_t r = 0; r < life.rows(); ++r) {
      ranks.push_back(bj::object{{"block", life.column("block").numbers()[r]},
                                 {"series", series},
                                 {"rank", life.column(field).numbers()[r]},
                                 {"top", life.column("top").texts()[r]}});
    }
  }
  const double last = life.column("block").numbers().back();
  auto panel = [last](bj::array values, std::string_view field, std::string_view title, std::string_view series,
                      std::string_view extra) {
    return bj::object{{"width", 640},
                      {"height", 170},
                      {"data", {{"values", std::move(values)}}},
                      {"mark", {{"type", "line"}, {"point", {{"size", 18}}}}},
                      {"encoding",
                       {{"x", axis_over(number_field("block", "block (-1: the embedding)"), -1, last)},
                        {"y", axis_from(number_field(field, title), true)},
                        {"color", {{"field", bj::string(series)}, {"type", "nominal"}, {"sort", nullptr}}},
                        {"tooltip",
                         {number_field("block", "block"), text_field(series, "what"), number_field(field, title),
                          bj::object{{"field", bj::string(extra)}}}}}}};
  };
  bj::object rank_panel = panel(std::move(ranks), "rank", "rank of the token, 1 is the most likely", "series", "top");
  bj::object& rank_axis = rank_panel["encoding"].get_object()["y"].get_object();
  rank_axis["scale"] = {{"type", "log"}, {"reverse", true}};
  return finish(
      "trace",
      fmt::format("The vector of {} moves away from its own token and towards {}", visible(own), visible(predicted)),
      "from the top: ranks of the two tokens after each block, cosines with them, and the four changes",
      {{"vconcat",
        {std::move(rank_panel), panel(std::move(cosines), "cosine", "cosine with the token", "series", "top"),
         panel(lengths, "length", "length of the change", "change", "cosine"),
         panel(lengths, "cosine", "cosine with the residual", "change", "length")}},
       {"resolve", {{"scale", {{"color", "independent"}}}}}});
}

Figure figure_trajectory(const Table& points, std::string_view across, std::string_view up) {
  const bj::object order = {{"field", "block"}, {"type", "quantitative"}};
  bj::object x = number_field("x", across), y = number_field("y", up);
  x["scale"] = y["scale"] = {{"zero", false}};
  const bj::object tip = {{"tooltip", {text_field("site", "site"), number_field("x", "x"), number_field("y", "y")}}};
  bj::object line = {{"mark", {{"type", "line"}, {"strokeWidth", 1}, {"color", "#888888"}}},
                     {"encoding", {{"order", order}}}};
  bj::object colour = number_field("block", "block");
  colour["scale"] = {{"scheme", "viridis"}};
  bj::object dots = {{"mark", {{"type", "circle"}, {"size", 60}, {"opacity", 1}}},
                     {"encoding", {{"color", colour}, {"tooltip", tip.at("tooltip")}}}};
  bj::object numbers = {{"mark", {{"type", "text"}, {"dy", -9}, {"fontSize", 9}}},
                        {"encoding", {{"text", {{"field", "block"}, {"type", "quantitative"}}}}}};
  return finish("trajectory", "The path of the residual vector", "after each block; -1: before the first",
                {{"width", 520},
                 {"height", 420},
                 {"data", {{"values", rows_of(points)}}},
                 {"encoding", {{"x", x}, {"y", y}}},
                 {"layer", {line, dots, numbers}}});
}

Figure figure_toy(const Table& toy) {
  bj::object x = number_field("size", "size"), y = number_field("friendliness", "friendliness");
  x["scale"] = {{"domain", {0, 1.1}}};
  y["scale"] = {{"domain", {0, 1}}};
  bj::object dots = {{"mark", {{"type", "circle"}, {"size", 90}}},
                     {"encoding",
                      {{"x", x},
                       {"y", y},
                       {"color",
                        {{"condition", {{"test", "datum.moved"}, {"value", bj::string(palette[1])}}},
                         {"value", bj::string(palette[0])}}}}}};
  bj::object names = {{"mark", {{"type", "text"}, {"align", "left"}, {"dx", 8}, {"fontSize", 12}}},
                      {"encoding", {{"x", x}, {"y", y}, {"text", {{"field", "animal"}}}}}};
  bj::array ends;
  for (std::size_t r = 0; r < toy.rows(); ++r) {
    const std::string& animal = toy.column("animal").texts()[r];
    if (animal.substr(0, 3) == "cat")
      ends.push_back(bj::object{{"size", toy.column("size").numbers()[r]},
                                {"friendliness", toy.column("friendliness").numbers()[r]}});
  }
  bj::object path = {{"data", {{"values", std::move(ends)}}},
                     {"mark", {{"type", "line"}, {"strokeDash", {4, 3}}, {"color", bj::string(palette[1])}}},
                     {"encoding", {{"x", x}, {"y", y}}}};
  return finish("toy", "A space of two dimensions that have names",
                "a context (\"the neighbour's hissing cat\") moves the cat to [.4, .6]: the same size, less friendly",
                {{"width", 460},
                 {"height", 360},
                 {"data", {{"values", rows_of(toy)}}},
                 {"layer", {std::move(path), std::move(dots), std::move(names)}}});
}

Figure figure_heatmap(const Heatmap& heatmap, const Table& dimensions, std::int64_t vocab, std::int64_t width,
                      std::string_view model) {
  bj::object image = {{"width", 640},
                      {"height", 380},
                      {"data",
                       {{"values", bj::array{bj::object{{"url", "data:image/png;base64," + base64(heatmap.png)},
                                                        {"x", 0},
                                                        {"y", 0},
                                                        {"x2", vocab},
                                                        {"y2", width}}}}}},
                      {"layer",
                       {bj::object{{"mark",
                                    {{"type", "image"},
                                     {"width", 640},
                                     {"height", 380},
                                     {"align", "left"},
                                     {"baseline", "top"},
                                     {"aspect", false}}},
                                   {"encoding",
                                    {{"url", {{"field", "url"}, {"type", "nominal"}}},
                                     {"x",
                                      {{"field", "x"},
                                       {"type", "quantitative"},
                                       {"title", "token"},
                                       {"scale", {{"domain", {0, vocab}}, {"nice", false}}}}},
                                     {"y",
                                      {{"field", "y"},
                                       {"type", "quantitative"},
                                       {"title", "dimension"},
                                       {"scale", {{"domain", {width, 0}}, {"nice", false}}}}}}}}}}};
  bj::object means = {{"width", 110},
                      {"height", 380},
                      {"data", {{"values", rows_of(dimensions)}}},
                      {"mark", {{"type", "rule"}, {"strokeWidth", 1}, {"color", "#5b6675"}}},
                      {"encoding",
                       {{"x", number_field("mean", "mean")},
                        {"x2", {{"datum", 0}}},
                        {"y",
                         {{"field", "dimension"},
                          {"type", "quantitative"},
                          {"title", nullptr},
                          {"axis", nullptr},
                          {"scale", {{"domain", {width, 0}}, {"nice", false}}}}},
                        {"tooltip", {number_field("dimension", "dimension"), number_field("mean", "mean")}}}}};
  return finish(
      "heatmap",
      fmt::format("The whole embedding matrix of {}: {} tokens x {} dimensions", model, grouped(vocab), width),
      fmt::format("red positive, blue negative, white zero; full colour at ±{:.3f}; a pixel is the mean of "
                  "{:.1f} tokens x {:.1f} dimensions; right: mean of each dimension",
                  heatmap.range, heatmap.tokens_per_pixel, heatmap.dimensions_per_pixel),
      {{"hconcat", {std::move(image), std::move(means)}}});
}

}  // namespace embscope
