// trace, lens, attention, attribute, trajectory: looks inside a run.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "api.h"
#include "reply.h"
#include "texts.h"

#include "embscope/attention_patterns.h"
#include "embscope/attribution.h"
#include "embscope/lens.h"
#include "embscope/trace.h"
#include "embscope/trajectory.h"

namespace embscope::server {
namespace {

constexpr int any_position = 1 << 20;  // the engine knows the text's own range

Answer life(const Call& call, const OpenModel& model) {
  const Fields in(call, {"text", "position", "top"});
  const Prompt prompt = prompt_of(in, model);
  TraceRequest request{prompt.text, static_cast<int>(in.integer("position", -1, -any_position, any_position)),
                       static_cast<int>(in.integer("top", 5, 1, 100))};
  const TraceResult result = trace(model.transformer(), request, call.progress());
  Reply reply;
  reply.add("position", result.position)
      .add("own", token_value(model.model(), result.own))
      .add("predicted", token_value(model.model(), result.predicted))
      .add_json("tables", Reply().add("life", result.life).add("lens", result.lens).text());
  if (call.wants_figure())
    reply.add("figure", figure_trace(result.life, model.model().label(result.own), model.model().label(result.predicted)));
  return reply.answer();
}

Answer lens_of(const Call& call, const OpenModel& model) {
  const Fields in(call, {"text", "edits", "target", "top", "first", "last"});
  const Prompt prompt = prompt_of(in, model);
  constexpr std::int64_t usual = 64;
  LensRequest request;
  request.ids = prompt.tokens.ids;
  request.edits = edits_of(in, model, prompt);
  request.top = static_cast<int>(in.integer("top", 1, 1, 100));
  request.last = in.integer("last", prompt.length(), 0, any_position);
  request.first = in.integer("first", std::max<std::int64_t>(0, *request.last - usual), 0, any_position);
  const auto target = in.optional_text("target");
  if (target) request.target = token_of(*target, model);
  constexpr double bytes_of_a_line = 512;
  require_memory(bytes_of_a_line * static_cast<double>(model.config().blocks + 1) *
                     static_cast<double>((*request.last - request.first) * request.top),
                 "a lens on so many cells");
  const LensResult result = lens(model.transformer(), request, call.progress());
  Reply reply;
  reply.add("target", token_value(model.model(), result.target))
      .add("first", request.first)
      .add_json("tables", Reply().add("cells", result.cells).add("tops", result.tops).text());
  if (call.wants_figure())
    reply.add("figure", figure_lens(result.cells, target ? model.model().label(result.target) : std::string()));
  return reply.answer();
}

Answer attention(const Call& call, const OpenModel& model) {
  const Fields in(call, {"text", "block", "heads"});
  const Prompt prompt = prompt_of(in, model);
  AttentionRequest request;
  request.ids = prompt.tokens.ids;
  if (in.has("block")) request.block = static_cast<int>(in.integer("block", 0, -any_position, any_position));
  for (std::int64_t head : in.integers("heads", 1024))
    request.heads.push_back(static_cast<int>(std::clamp<std::int64_t>(head, -1, any_position)));
  const double n = prompt.length();
  const auto heads = static_cast<double>(request.heads.empty() ? static_cast<std::size_t>(model.config().heads)
                                                               : request.heads.size());
  constexpr double bytes_of_a_weight = 4 + 14;  // as a float, and as text
  require_memory(n * n * (bytes_of_a_weight * heads + 4 * static_cast<double>(model.config().heads)),
                 fmt::format("attention of {} heads over {} x {} tokens", heads, n, n));
  const AttentionResult result = attention_patterns(model.transformer(), request, call.progress());
  std::vector<std::string> labels;
  labels.reserve(request.ids.size());
  for (TokenId id : request.ids) labels.push_back(model.model().label(id));
  Reply reply;
  reply.add("block", result.block)
      .add("heads", bj::array(result.heads.begin(), result.heads.end()))
      .add("labels", bj::array(labels.begin(), labels.end()))
      .add_rows("patterns", result.patterns)
      .add_json("tables", Reply().add("summary", result.summary).add("every", result.every).text());
  if (call.wants_figure())
    reply.add("figure", figure_attention(result.patterns, result.heads, result.block, labels));
  return reply.answer();
}

Answer attribution(const Call& call, const OpenModel& model) {
  const Fields in(call, {"text", "target", "against", "position", "sorted"});
  const Prompt prompt = prompt_of(in, model);
  AttributionRequest request;
  request.ids = prompt.tokens.ids;
  request.position = static_cast<int>(in.integer("position", -1, -any_position, any_position));
  request.sorted = in.flag("sorted", false);
  if (const auto word = in.optional_text("target")) request.target = token_of(*word, model);
  if (const auto word = in.optional_text("against")) request.against = token_of(*word, model);
  const AttributionResult result = attribute(model.transformer(), request, call.progress());
  const std::string target = model.model().label(result.target);
  Reply reply;
  reply.add("position", result.position)
      .add("target", token_value(model.model(), result.target))
      .add("against", result.against ? bj::value(token_value(model.model(), *result.against)) : bj::value())
      .add("logit", result.logit)
      .add("sum", result.sum)
      .add("scale", result.scale)
      .add("table", result.parts);
  if (call.wants_figure())
    reply.add("figure",
              figure_attribution(result.parts,
                                 result.against ? fmt::format("What speaks for {} against {}", target,
                                                              model.model().label(*result.against))
                                                : fmt::format("What speaks for {}", target),
                                 fmt::format("direct logit attribution; the parts sum to {:.3f}; the final norm's scale is frozen",
                                             result.logit)));
  return reply.answer();
}

Answer way(const Call& call, const OpenModel& model) {
  const Fields in(call, {"text", "position", "plane"});
  const Prompt prompt = prompt_of(in, model);
  TrajectoryRequest request;
  request.ids = prompt.tokens.ids;
  request.position = static_cast<int>(in.integer("position", -1, -any_position, any_position));
  const bj::value* plane = in.find("plane");
  if (plane != nullptr && plane->is_array()) {
    if (plane->get_array().size() != 2) throw Error(Code::usage, "plane", "takes \"pca\" or two vector expressions");
    for (const bj::value& axis : plane->get_array()) {
      request.axes.push_back(vector_of("plane", axis, model));
      request.names.push_back(axis.is_string() ? std::string(axis.get_string()) : "a vector");
    }
  } else if (plane != nullptr && in.text("plane") != "pca") {
    throw Error(Code::usage, "plane", "takes \"pca\" or two vector expressions");
  }
  const TrajectoryResult result = trajectory(model.transformer(), request, call.progress());
  bj::array sites(result.sites.begin(), result.sites.end());
  Reply reply;
  reply.add("position", result.position)
      .add_rows("points", result.points)
      .add("sites", sites)
      .add("axes", bj::array{result.axes[0], result.axes[1]})
      .add("table", result.table);
  if (call.wants_figure()) reply.add("figure", figure_trajectory(result.table, result.axes[0], result.axes[1]));
  return reply.answer();
}

}  // namespace

void add_inside(Routes& routes, Models& models) {
  routes.add("POST", "/api/trace", Lane::work, [&](Call& call) { return life(call, *models.of(call)); });
  routes.add("POST", "/api/lens", Lane::work, [&](Call& call) { return lens_of(call, *models.of(call)); });
  routes.add("POST", "/api/attention", Lane::work, [&](Call& call) { return attention(call, *models.of(call)); });
  routes.add("POST", "/api/attribute", Lane::work, [&](Call& call) { return attribution(call, *models.of(call)); });
  routes.add("POST", "/api/trajectory", Lane::work, [&](Call& call) { return way(call, *models.of(call)); });
}

}  // namespace embscope::server
