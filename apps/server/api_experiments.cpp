// mix, one step of it under a dragging hand, and edit.
#include <algorithm>

#include <fmt/format.h>

#include "api.h"
#include "recent.h"
#include "reply.h"
#include "texts.h"

#include "embscope/intervention.h"
#include "embscope/mix.h"
#include "embscope/utf8.h"
#include "embscope/predict.h"

namespace embscope::server {
namespace {

constexpr std::size_t most_targets = 64;

MixRequest mix_request(const Fields& in, const OpenModel& model, Words& words) {
  MixRequest r;
  r.text = in.text("text");
  r.replace = in.text("replace");
  r.with = in.texts("with", most_targets);
  r.vector = in.text("vector", "");
  r.targets = in.texts("targets", most_targets);
  r.site = in.text("site", "wte");
  tokens_of(r.with, model, words);
  return r;
}

Answer sweep(const Call& call, const OpenModel& model) {
  const Fields in(call, {"text", "replace", "with", "vector", "targets", "steps", "site", "edits"});
  const Prompt prompt = prompt_of(in, model);
  Words words;
  MixRequest r = mix_request(in, model, words);
  tokens_of(r.targets, model, words);
  r.edits = edits_of(in, model, prompt, words);
  r.steps = static_cast<int>(in.integer("steps", 17, 2, 1025));
  require_memory(4.0 * r.steps * static_cast<double>(model.config().vocab), "logits of so many steps");
  const MixResult result = mix(model.transformer(), r, call.progress());
  Reply reply;
  reply.add("position", result.position)
      .add("crossings", bj::array(result.crossings.begin(), result.crossings.end()))
      .add("untouched_equals_p1", result.untouched_equals_p1)
      .add("replaced", bj::value(result.replaced))
      .add("mixed_in", bj::value(well_formed(result.mixed_in)))
      .add("cost", cost_value(result.cost))
      .add("table", result.sweep)
      .add("words", words_value(model.model(), words));
  if (call.wants_figure())
    reply.add("figure", figure_mix(result.sweep, result.crossings, result.replaced, result.mixed_in));
  return reply.answer();
}

/// What one drag needs at every step and what does not change from step to step: the two vectors, the targets, and the keys
/// and values of all positions before the word.
struct Drag {
  Prompt prompt;
  int position = 0;
  Site site;
  std::vector<float> other;
  std::vector<TokenId> targets;
  Words words;
  std::vector<Edit> edits;  // in force at the word and after it
  Cache prefix;
};

bool reaches(const Edit& edit, int length, int first, int last) {
  return edit.positions.empty() || std::ranges::any_of(edit.positions, [&](int p) {
           const int at = p < 0 ? p + length : p;
           return at >= first && at < last;
         });
}

// The same edit for positions first..last only, counted from the start.
Edit within(Edit edit, int length, int first, int last) {
  std::vector<int> kept;
  for (int p : edit.positions) {
    const int at = p < 0 ? p + length : p;
    if (at >= first && at < last) kept.push_back(at);
  }
  edit.positions = std::move(kept);
  return edit;
}

std::shared_ptr<const Drag> start_drag(const Fields& in, const OpenModel& model) {
  auto drag = std::make_shared<Drag>();
  drag->prompt = prompt_of(in, model);
  const MixRequest r = mix_request(in, model, drag->words);
  drag->targets = tokens_of(r.targets, model, drag->words);
  drag->site = parse_site(r.site, model.config());
  drag->position = position_of(drag->prompt, r.replace);
  drag->other = mix_vector(model.transformer(), r);
  const std::vector<Edit> edits = edits_of(in, model, drag->prompt, drag->words);
  const int length = drag->prompt.length();
  const bool maps = std::ranges::any_of(edits, [](const Edit& e) { return is_attention_map(e.site.point); });
  const int shared = maps ? 0 : drag->position;  // edits of attention maps count keys from the text's start
  Request prefix;
  prefix.rows = {{drag->prompt.tokens.ids.begin(), drag->prompt.tokens.ids.begin() + shared}};
  prefix.cache = &drag->prefix;
  prefix.logits = LogitsAt::none;
  for (const Edit& edit : edits) {
    if (reaches(edit, length, 0, shared)) prefix.edits.push_back(within(edit, length, 0, shared));
    if (reaches(edit, length, shared, length)) drag->edits.push_back(within(edit, length, shared, length));
  }
  if (shared > 0) model.transformer().run(prefix);
  return drag;
}

double bytes_of(const Drag& drag, const Config& c) {
  return 8.0 * static_cast<double>(drag.prefix.positions() * c.blocks * c.kv_heads * c.head_width);
}

/// A drag by its request without p and k; its answers by the whole request: a class drags through the same steps.
struct Drags {
  Recent<std::string, std::shared_ptr<const Drag>> started{64, 256.0 * (1 << 20)};
  Recent<std::string, std::string> answers{4096, 16.0 * (1 << 20)};
};

bj::value with_probability(const OpenModel& model, TokenId id, const std::vector<double>& p) {
  bj::object one = token_value(model.model(), id);
  one["probability"] = p[static_cast<std::size_t>(id)];
  return one;
}

Reply drag_step(const Drag& drag, const OpenModel& model, double p, int k) {
  Cache cache = drag.prefix;
  Request request;
  const auto& ids = drag.prompt.tokens.ids;
  request.rows = {{ids.begin() + cache.positions(), ids.end()}};
  if (cache.positions() > 0) request.cache = &cache;
  request.edits = drag.edits;
  request.edits.push_back(mix_edit(drag.site, drag.position, drag.other, p));
  const auto run = model.transformer().run(request);
  const auto logits = run.rows[0].logits.values();
  const auto all = softmax(logits);
  bj::array targets, likeliest;
  for (TokenId id : drag.targets) targets.push_back(with_probability(model, id, all));
  for (TokenId id : top(logits, k)) likeliest.push_back(with_probability(model, id, all));
  Reply reply;
  reply.add("p", p).add("position", drag.position).add("targets", targets).add("top", likeliest);
  reply.add("words", words_value(model.model(), drag.words));
  return reply;
}

Answer drag(const Call& call, const OpenModel& model, Drags& drags) {
  const Fields in(call, {"text", "replace", "with", "vector", "targets", "p", "k", "site", "edits"});
  const double p = in.number("p", 1, 0, 1);
  const auto k = static_cast<int>(in.integer("k", 10, 0, 1000));
  const std::string key = in.without({"p", "k"}) + model.name();
  const auto step = [&] {
    const auto drag = drags.started.of(key, [&] { return start_drag(in, model); },
                                       [&](const auto& started) { return bytes_of(*started, model.config()); });
    return drag_step(*drag, model, p, k).text();
  };
  Answer answer;
  answer.body = drags.answers.of(fmt::format("{} {} {}", p, k, key), step, [](const std::string& text) { return text.size(); });
  return answer;
}

Answer edit(const Call& call, const OpenModel& model) {
  const Fields in(call, {"text", "edits", "top", "targets"});
  const Prompt prompt = prompt_of(in, model);
  Words words;
  InterventionRequest request{prompt.tokens.ids, edits_of(in, model, prompt, words), static_cast<int>(in.integer("top", 8, 1, 1000)), {}};
  if (request.edits.empty()) throw Error(Code::usage, "edits", "is empty: name at least one");
  request.followed = tokens_of(in.texts("targets", most_targets), model, words);
  const InterventionResult result = intervene(model.transformer(), request, call.progress());
  Reply reply;
  reply.add("divergence", result.divergence).add("cost", cost_value(result.cost)).add("table", result.changes)
      .add("words", words_value(model.model(), words));
  if (call.wants_figure())
    reply.add("figure", figure_intervention(result.changes, fmt::format("{} edit{}", request.edits.size(),
                                                                         request.edits.size() == 1 ? "" : "s")));
  return reply.answer();
}

}  // namespace

void add_experiments(Routes& routes, Models& models) {
  routes.add("POST", "/api/mix", Lane::work, [&](Call& call) { return sweep(call, *models.of(call)); });
  auto drags = std::make_shared<Drags>();
  routes.add("POST", "/api/mix/at", Lane::quick,
             [&, drags](Call& call) { return drag(call, *models.of(call), *drags); });
  routes.add("POST", "/api/edit", Lane::work, [&](Call& call) { return edit(call, *models.of(call)); });
}

}  // namespace embscope::server
