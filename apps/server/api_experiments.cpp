// mix/at: one mixture, for a slider that is being dragged.
#include <algorithm>

#include <fmt/format.h>

#include "answers.h"
#include "api.h"
#include "recent.h"
#include "reply.h"
#include "texts.h"

#include "embscope/runs/mix.h"
#include "embscope/runs/predict.h"

namespace embscope::server {
namespace {

constexpr std::size_t most_targets = 64;

MixRequest mix_request(const Fields& in, const Subject& on) {
  MixRequest r;
  r.text = in.text("text");
  r.replace = in.text("replace");
  r.with = in.texts("with", most_targets);
  r.vector = in.text("vector", "");
  r.targets = in.texts("targets", most_targets);
  r.site = in.text("site", "wte");
  tokens_of(r.with, on);
  return r;
}

/// What every step of one drag needs and what does not change between the steps.
struct Mixing {
  std::shared_ptr<const OpenModel> model;
  std::vector<TokenId> targets;
  Words words;
  MixedAt mixed;
};

std::shared_ptr<const Mixing> start_drag(const Fields& in, std::shared_ptr<const OpenModel> model,
                                         const Models& models) {
  const OpenModelSubject on(model, models);
  MixRequest r = mix_request(in, on);
  auto targets = tokens_of(r.targets, on);
  r.edits = edits_of(in, on, prompt_of(in, on));
  MixedAt mixed(on.transformer(), r);
  return std::make_shared<const Mixing>(Mixing{std::move(model), std::move(targets), on.words(), std::move(mixed)});
}

/// Mixings, by their request without p and k; answers, by the whole request: the guests of a class request the same
/// steps.
struct MixingCaches {
  Recent<std::string, std::shared_ptr<const Mixing>> started{64, 256.0 * (1 << 20)};
  Recent<std::string, std::string> answers{4096, 16.0 * (1 << 20)};
};

bj::value with_probability(const OpenModel& model, TokenId id, const std::vector<double>& p) {
  bj::object one = token_value(model.model(), id);
  one["probability"] = p[static_cast<std::size_t>(id)];
  return one;
}

Reply drag_step(const Mixing& drag, double p, int k) {
  const OpenModel& model = *drag.model;
  const Tensor row = drag.mixed.logits(p);
  const auto logits = row.values();
  const auto all = softmax(logits);
  bj::array targets, likeliest;
  for (TokenId id : drag.targets) targets.push_back(with_probability(model, id, all));
  for (TokenId id : top(logits, k)) likeliest.push_back(with_probability(model, id, all));
  Reply reply;
  reply.add("p", p).add("position", drag.mixed.position()).add("targets", targets).add("top", likeliest);
  reply.add("words", words_value(model.model(), drag.words));
  return reply;
}

Answer drag(const Call& call, const Models& models, MixingCaches& drags) {
  const std::shared_ptr<const OpenModel> model = models.of(call);
  const Fields in(call, {"text", "replace", "with", "vector", "targets", "p", "k", "site", "edits"});
  const double p = in.number("p", 1, 0, 1);
  const auto k = static_cast<int>(in.integer("k", 10, 0, 1000));
  const std::string key = in.without({"p", "k"}) + model->name();
  const auto step = [&] {
    const auto drag = drags.started.of(
        key, [&] { return start_drag(in, model, models); }, [](const auto& started) { return started->mixed.bytes(); });
    return drag_step(*drag, p, k).text();
  };
  return json_answer(
      drags.answers.of(fmt::format("{} {} {}", p, k, key), step, [](const std::string& text) { return text.size(); }));
}

}  // namespace

void add_experiments(Routes& routes, Models& models) {
  auto drags = std::make_shared<MixingCaches>();
  routes.add("POST", "/api/mix/at", Lane::quick, [&, drags](Call& call) { return drag(call, models, *drags); });
}

}  // namespace embscope::server
