// Figures of training: the loss, and how the vectors formed.
#include <algorithm>
#include <cmath>
#include <optional>

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
  const std::vector<double>&steps = log.column("step").numbers(), &losses = log.column("loss").numbers();
  const std::vector<double>& held_out = log.column("held-out").numbers();
  const bool several = std::ranges::any_of(log.columns(), [](const Column& c) { return c.name == "seed"; });
  bj::array rows, names;
  for (std::size_t begin = 0, end = 0; begin < steps.size(); begin = end) {  // a run: steps that rise
    for (end = begin + 1; end < steps.size() && steps[end] > steps[end - 1];) ++end;
    const std::string seed = several ? fmt::format(", seed {}", log.column("seed").numbers()[begin]) : "";
    const auto part = [&](const std::vector<double>& all) {
      return std::vector(all.begin() + static_cast<std::ptrdiff_t>(begin),
                         all.begin() + static_cast<std::ptrdiff_t>(end));
    };
    for (auto& row : thinned(part(steps), part(losses), "training" + seed)) rows.push_back(std::move(row));
    for (std::size_t i = begin; i < end; ++i) {
      if (std::isfinite(held_out[i]))
        rows.push_back(bj::object{{"step", steps[i]}, {"loss", held_out[i]}, {"of", "held-out" + seed}});
    }
    names.push_back(bj::string("training" + seed)), names.push_back(bj::string("held-out" + seed));
  }
  bj::object loss = number_field("loss", "loss (nats per token)");
  loss["scale"] = {{"zero", false}, {"nice", true}};
  bj::array colours;
  for (std::size_t i = 0; i < names.size(); ++i) colours.push_back(bj::string(palette[i % std::size(palette)]));
  bj::object colour = {{"field", "of"},
                       {"type", "nominal"},
                       {"title", nullptr},
                       {"sort", names},
                       {"scale", {{"domain", names}, {"range", std::move(colours)}}}};
  bj::object body = {
      {"width", 560},
      {"height", 280},
      {"data", {{"values", std::move(rows)}}},
      {"mark", {{"type", "line"}, {"strokeWidth", 1.2}}},
      {"encoding",
       {{"x", number_field("step", "step")},
        {"y", std::move(loss)},
        {"color", std::move(colour)},
        {"tooltip", {text_field("of", "of"), number_field("step", "step"), number_field("loss", "loss")}}}}};
  return finish("training", "Loss while training", fmt::format("{} steps", steps.empty() ? 0 : steps.back()),
                std::move(body));
}

Figure figure_growth(const Table& shape) {
  bj::array panels;
  const std::pair<const char*, const char*> columns[] = {
      {"norm", "mean norm"},
      {"mean cosine", "mean cosine of all pairs"},
      {"positive share", "share of positive cosines"},
      {"frequency and norm", "correlation of log frequency and norm"}};
  for (const auto& [name, title] : columns) {
    bj::array rows;
    for (std::size_t i = 0; i < shape.rows(); ++i) {
      const double value = shape.column(name).numbers()[i];
      rows.push_back(bj::object{{"step", shape.column("step").numbers()[i]},
                                {"value", std::isfinite(value) ? bj::value(value) : bj::value(nullptr)}});
    }
    bj::object step = number_field("step", "step");
    step["scale"] = {{"type", "symlog"}};  // early steps lie close together, and the first is 0
    bj::object value = number_field("value", title);
    value["scale"] = {{"zero", false}, {"nice", true}};
    panels.push_back({{"width", 270},
                      {"height", 170},
                      {"data", {{"values", std::move(rows)}}},
                      {"mark",
                       {{"type", "line"},
                        {"point", {{"color", bj::string(palette[panels.size()])}}},
                        {"color", bj::string(palette[panels.size()])}}},
                      {"encoding",
                       {{"x", std::move(step)},
                        {"y", std::move(value)},
                        {"tooltip", {number_field("step", "step"), number_field("value", title)}}}}});
  }
  return finish("growth", "How the vectors formed", "the rows of wte, from snapshot to snapshot",
                {{"concat", std::move(panels)}, {"columns", 2}});
}

namespace {

// The domain of all steps: points move, axes do not.
bj::array domain_of(const std::vector<double>& values) {
  const auto [low, high] = std::ranges::minmax(values);
  const double margin = 0.05 * (high - low);
  return {low - margin, high + margin};
}

bj::object plane_field(std::string_view field, bj::array domain) {
  return {{"field", bj::string(field)},
          {"type", "quantitative"},
          {"axis", nullptr},
          {"scale", {{"domain", std::move(domain)}}}};
}

}  // namespace

namespace {

// One row per token and frame, with the token's position in the next frame: between two frames it is interpolated.
bj::array map_rows(const Table& map, std::optional<double> only, std::size_t& frames) {
  const std::vector<double>&steps = map.column("step").numbers(), &x = map.column("x").numbers(),
        &y = map.column("y").numbers();
  std::size_t tokens = 0;
  while (tokens < steps.size() && steps[tokens] == steps[0]) ++tokens;
  bj::array rows;
  frames = 0;
  for (std::size_t i = 0; i < map.rows(); ++i) {
    if (only && steps[i] != *only) continue;
    const std::size_t next = only || i + tokens >= map.rows() ? i : i + tokens, frame = only ? 0 : i / tokens;
    frames = frame + 1;
    rows.push_back({{"frame", frame},
                    {"step", steps[i]},
                    {"token", map.column("token").texts()[i]},
                    {"x", x[i]},
                    {"y", y[i]},
                    {"dx", x[next] - x[i]},
                    {"dy", y[next] - y[i]}});
  }
  return rows;
}

}  // namespace

Figure figure_growth_map(const Table& map, std::optional<double> only) {
  std::size_t frames = 0;
  bj::array rows = map_rows(map, only, frames);
  const double last = static_cast<double>(std::max<std::size_t>(1, frames)) - 1;
  bj::object snapshot = {{"name", "snapshot"}, {"value", only ? 0 : last}};
  if (!only) snapshot["bind"] = {{"input", "range"}, {"min", 0}, {"max", last}, {"step", 0.02}, {"name", "snapshot "}};
  const bj::array shown = {{{"filter", "datum.frame == floor(snapshot)"}},
                           {{"calculate", "datum.x + (snapshot - datum.frame) * datum.dx"}, {"as", "across"}},
                           {{"calculate", "datum.y + (snapshot - datum.frame) * datum.dy"}, {"as", "up"}}};
  const bj::object step = {
      {"transform", bj::array{{{"aggregate", bj::array{{{"op", "min"}, {"field", "step"}, {"as", "step"}}}}},
                              {{"calculate", "'step ' + datum.step"}, {"as", "label"}}}},
      {"mark", {{"type", "text"}, {"align", "left"}, {"x", 6}, {"y", 12}, {"fontWeight", "bold"}}},
      {"encoding", {{"text", {{"field", "label"}, {"type", "nominal"}}}}}};
  const bj::object tokens = {{"mark", {{"type", "text"}, {"fontSize", 11}, {"color", bj::string(palette[0])}}},
                             {"encoding",
                              {{"x", plane_field("across", domain_of(map.column("x").numbers()))},
                               {"y", plane_field("up", domain_of(map.column("y").numbers()))},
                               {"text", {{"field", "token"}, {"type", "nominal"}}},
                               {"tooltip", {text_field("token", "token"), number_field("step", "step")}}}}};
  bj::object body = {{"width", 560},
                     {"height", 440},
                     {"data", {{"values", std::move(rows)}}},
                     {"params", bj::array{std::move(snapshot)}},
                     {"transform", shown},
                     {"layer", {tokens, step}}};
  if (!only) body["usermeta"] = {{"animate", {{"signal", "snapshot"}, {"last", last}}}};  // page.h
  return finish("growth-map", "The map while training",
                only ? fmt::format("after step {}", *only) : fmt::format("{} snapshots: move the slider", frames),
                std::move(body));
}

Figure figure_seed_maps(const Table& maps) {
  const std::vector<double>&seed = maps.column("seed").numbers(), &x = maps.column("x").numbers(),
        &y = maps.column("y").numbers();
  const std::size_t tokens = maps.rows() / 2;
  bj::array panels;
  for (std::size_t first : {std::size_t{0}, tokens}) {
    bj::array rows;
    for (std::size_t i = first; i < first + tokens; ++i)
      rows.push_back({{"token", maps.column("token").texts()[i]}, {"x", x[i]}, {"y", y[i]}, {"of", x[i - first]}});
    const bj::object colour = {
        {"field", "of"}, {"type", "quantitative"}, {"legend", nullptr}, {"scale", {{"scheme", "turbo"}}}};
    panels.push_back({{"title", {{"text", fmt::format("seed {}", seed[first])}, {"fontSize", 12}}},
                      {"width", 360},
                      {"height", 320},
                      {"data", {{"values", std::move(rows)}}},
                      {"mark", {{"type", "text"}, {"fontSize", 10}}},
                      {"encoding",
                       {{"x", plane_field("x", domain_of(x))},
                        {"y", plane_field("y", domain_of(y))},
                        {"color", colour},
                        {"text", {{"field", "token"}, {"type", "nominal"}}},
                        {"tooltip", bj::array{text_field("token", "token")}}}}});
  }
  return finish(
      "seed-maps", "Two seeds, the same tokens",
      "the colour is the token's position on the left; the coordinates differ, and neighbours may agree or not",
      {{"hconcat", std::move(panels)}});
}

Figure figure_frequency(const Table& frequency) {
  bj::array rows;
  for (std::size_t i = 0; i < frequency.rows(); ++i) {
    rows.push_back({{"token", frequency.column("token").texts()[i]},
                    {"count", frequency.column("count").numbers()[i]},
                    {"norm", frequency.column("norm at last").numbers()[i]}});
  }
  bj::object count = number_field("count", "occurrences in the text"),
             norm = number_field("norm", "norm of the vector");
  count["scale"] = {{"type", "log"}}, norm["scale"] = {{"zero", false}};
  return finish(
      "frequency", "Frequency and norm", "one dot per token, at the last snapshot",
      {{"width", 560},
       {"height", 280},
       {"data", {{"values", std::move(rows)}}},
       {"mark", {{"type", "circle"}, {"size", 18}, {"opacity", 0.6}, {"color", bj::string(palette[1])}}},
       {"encoding",
        {{"x", std::move(count)},
         {"y", std::move(norm)},
         {"tooltip", {text_field("token", "token"), number_field("count", "count"), number_field("norm", "norm")}}}}});
}

}  // namespace embscope
