// The pictures of training: how the loss fell, how the vectors formed.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "figure/spec.h"

namespace embscope {
namespace {

constexpr std::size_t most_points = 500;

// The mean of each stretch of steps: a curve of at most 500 points.
bj::array thinned(const std::vector<double>& steps, const std::vector<double>& values, std::string_view name) {
  const std::size_t stretch = std::max<std::size_t>(1, (steps.size() + most_points - 1) / most_points);
  bj::array rows;
  for (std::size_t at = 0; at < steps.size(); at += stretch) {
    const std::size_t end = std::min(steps.size(), at + stretch);
    double sum = 0;
    for (std::size_t i = at; i < end; ++i) sum += values[i];
    rows.push_back(bj::object{{"step", steps[end - 1]}, {"loss", sum / static_cast<double>(end - at)}, {"of", name}});
  }
  return rows;
}

}  // namespace

Figure figure_training(const Table& log) {
  const std::vector<double>&steps = log.column("step").numbers(), &held_out = log.column("held-out").numbers();
  bj::array rows = thinned(steps, log.column("loss").numbers(), "training");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (std::isfinite(held_out[i])) rows.push_back(bj::object{{"step", steps[i]}, {"loss", held_out[i]}, {"of", "held-out"}});
  }
  bj::object loss = number_field("loss", "loss (nats a token)");
  loss["scale"] = {{"zero", false}, {"nice", true}};
  bj::object colour = {{"field", "of"}, {"type", "nominal"}, {"title", nullptr}, {"sort", bj::array{"training", "held-out"}},
                       {"scale", {{"range", bj::array{bj::string(palette[0]), bj::string(palette[1])}}}}};
  bj::object body = {{"width", 560},
                     {"height", 280},
                     {"data", {{"values", std::move(rows)}}},
                     {"mark", {{"type", "line"}, {"strokeWidth", 1.2}}},
                     {"encoding",
                      {{"x", number_field("step", "step")},
                       {"y", std::move(loss)},
                       {"color", std::move(colour)},
                       {"tooltip", {text_field("of", "of"), number_field("step", "step"), number_field("loss", "loss")}}}}};
  return finish("training", "Loss while training", fmt::format("{} steps", steps.size()), std::move(body));
}

Figure figure_growth(const Table& shape) {
  bj::array panels;
  const std::pair<const char*, const char*> columns[] = {{"norm", "mean norm"}, {"mean cosine", "mean cosine of all pairs"},
                                                         {"positive share", "share of positive cosines"},
                                                         {"frequency and norm", "correlation of log frequency and norm"}};
  for (const auto& [name, title] : columns) {
    bj::array rows;
    for (std::size_t i = 0; i < shape.rows(); ++i) {
      const double value = shape.column(name).numbers()[i];
      rows.push_back(bj::object{{"step", shape.column("step").numbers()[i]}, {"value", std::isfinite(value) ? bj::value(value) : bj::value(nullptr)}});
    }
    bj::object step = number_field("step", "step");
    step["scale"] = {{"type", "symlog"}};  // early steps lie close together, and the first is 0
    bj::object value = number_field("value", title);
    value["scale"] = {{"zero", false}, {"nice", true}};
    panels.push_back({{"width", 270},
                      {"height", 170},
                      {"data", {{"values", std::move(rows)}}},
                      {"mark", {{"type", "line"}, {"point", {{"color", bj::string(palette[panels.size()])}}}, {"color", bj::string(palette[panels.size()])}}},
                      {"encoding", {{"x", std::move(step)}, {"y", std::move(value)}, {"tooltip", {number_field("step", "step"), number_field("value", title)}}}}});
  }
  return finish("growth", "How the vectors formed", "the rows of wte, from snapshot to snapshot", {{"concat", std::move(panels)}, {"columns", 2}});
}

namespace {

// The domain of all steps: points move, axes do not.
bj::array domain_of(const std::vector<double>& values) {
  const auto [low, high] = std::ranges::minmax(values);
  const double margin = 0.05 * (high - low);
  return {low - margin, high + margin};
}

bj::object plane_field(std::string_view field, bj::array domain) {
  return {{"field", bj::string(field)}, {"type", "quantitative"}, {"axis", nullptr}, {"scale", {{"domain", std::move(domain)}}}};
}

}  // namespace

Figure figure_growth_map(const Table& map) {
  const std::vector<double>&steps = map.column("step").numbers(), &x = map.column("x").numbers(), &y = map.column("y").numbers();
  bj::array rows;
  std::size_t frame = 0;
  for (std::size_t i = 0; i < map.rows(); ++i) {
    if (i > 0 && steps[i] != steps[i - 1]) ++frame;
    rows.push_back({{"frame", frame}, {"step", steps[i]}, {"token", map.column("token").texts()[i]}, {"x", x[i]}, {"y", y[i]}});
  }
  const bj::array shown = {{{"filter", "datum.frame == snapshot"}}};
  const bj::object slider = {{"input", "range"}, {"min", 0}, {"max", frame}, {"step", 1}, {"name", "snapshot "}};
  const bj::array params = {{{"name", "snapshot"}, {"value", frame}, {"bind", slider}}};
  const bj::object step = {{"transform", bj::array{{{"aggregate", bj::array{{{"op", "min"}, {"field", "step"}, {"as", "step"}}}}},
                                                   {{"calculate", "'step ' + datum.step"}, {"as", "label"}}}},
                           {"mark", {{"type", "text"}, {"align", "left"}, {"x", 6}, {"y", 12}, {"fontWeight", "bold"}}},
                           {"encoding", {{"text", {{"field", "label"}, {"type", "nominal"}}}}}};
  const bj::object tokens = {{"mark", {{"type", "text"}, {"fontSize", 11}, {"color", bj::string(palette[0])}}},
                             {"encoding",
                              {{"x", plane_field("x", domain_of(x))},
                               {"y", plane_field("y", domain_of(y))},
                               {"text", {{"field", "token"}, {"type", "nominal"}}},
                               {"tooltip", {text_field("token", "token"), number_field("step", "step")}}}}};
  return finish("growth-map", "The map while training", fmt::format("{} snapshots: move the slider", frame + 1),
                {{"width", 560}, {"height", 440}, {"data", {{"values", std::move(rows)}}}, {"params", params}, {"transform", shown}, {"layer", {tokens, step}}});
}

Figure figure_frequency(const Table& frequency) {
  bj::array rows;
  for (std::size_t i = 0; i < frequency.rows(); ++i) {
    rows.push_back({{"token", frequency.column("token").texts()[i]}, {"count", frequency.column("count").numbers()[i]}, {"norm", frequency.column("norm at last").numbers()[i]}});
  }
  bj::object count = number_field("count", "occurrences in the text"), norm = number_field("norm", "norm of the vector");
  count["scale"] = {{"type", "log"}}, norm["scale"] = {{"zero", false}};
  return finish("frequency", "Frequency and norm", "a dot a token, at the last snapshot",
                {{"width", 560}, {"height", 280}, {"data", {{"values", std::move(rows)}}},
                 {"mark", {{"type", "circle"}, {"size", 18}, {"opacity", 0.6}, {"color", bj::string(palette[1])}}},
                 {"encoding", {{"x", std::move(count)}, {"y", std::move(norm)}, {"tooltip", {text_field("token", "token"), number_field("count", "count"), number_field("norm", "norm")}}}}});
}

}  // namespace embscope
