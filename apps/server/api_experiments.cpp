// One step of a mixture under a dragging hand.
#include <algorithm>
#include <list>
#include <mutex>

#include "api.h"
#include "reply.h"
#include "texts.h"

#include "embscope/mix.h"
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

/// What one drag needs at every step and what does not change from step to step.
struct Drag {
  std::shared_ptr<const OpenModel> model;
  std::vector<TokenId> targets;
  Words words;
  MixedAt mixed;
};

std::shared_ptr<const Drag> start_drag(const Fields& in, std::shared_ptr<const OpenModel> model) {
  Words words;
  MixRequest r = mix_request(in, *model, words);
  auto targets = tokens_of(r.targets, *model, words);
  r.edits = edits_of(in, *model, prompt_of(in, *model), words);
  const Transformer& transformer = model->transformer();
  MixedAt mixed(transformer, r);
  return std::make_shared<const Drag>(
      Drag{std::move(model), std::move(targets), std::move(words), std::move(mixed)});
}

/// The last drags; one is its request without p and k. Bounded: those not used for longest go.
class Drags {
 public:
  std::shared_ptr<const Drag> of(const std::string& key, const std::function<std::shared_ptr<const Drag>()>& start) {
    {
      const std::lock_guard lock(mutex_);
      const auto known = std::ranges::find(list_, key, &Entry::key);
      if (known != list_.end()) {
        list_.splice(list_.begin(), list_, known);
        return list_.front().drag;
      }
    }
    auto drag = start();
    const std::lock_guard lock(mutex_);
    list_.push_front({key, drag, drag->mixed.bytes()});
    bytes_ += list_.front().bytes;
    while (list_.size() > most || (bytes_ > most_bytes && list_.size() > 1)) {
      bytes_ -= list_.back().bytes;
      list_.pop_back();
    }
    return drag;
  }

 private:
  static constexpr std::size_t most = 16;
  static constexpr double most_bytes = 256.0 * (1 << 20);
  struct Entry {
    std::string key;
    std::shared_ptr<const Drag> drag;
    double bytes;
  };
  double bytes_ = 0;
  std::mutex mutex_;
  std::list<Entry> list_;
};

bj::value with_probability(const OpenModel& model, TokenId id, const std::vector<double>& p) {
  bj::object one = token_value(model.model(), id);
  one["probability"] = p[static_cast<std::size_t>(id)];
  return one;
}

Answer drag_step(const Call& call, std::shared_ptr<const OpenModel> model, Drags& drags) {
  const Fields in(call, {"text", "replace", "with", "vector", "targets", "p", "k", "site", "edits"});
  const double p = in.number("p", 1, 0, 1);
  const auto k = static_cast<int>(in.integer("k", 10, 0, 1000));
  const auto drag = drags.of(in.without({"p", "k"}) + model->name(), [&] { return start_drag(in, model); });
  const Tensor row = drag->mixed.logits(p);
  const auto logits = row.values();
  const auto all = softmax(logits);
  bj::array targets, likeliest;
  for (TokenId id : drag->targets) targets.push_back(with_probability(*model, id, all));
  for (TokenId id : top(logits, k)) likeliest.push_back(with_probability(*model, id, all));
  return Reply()
      .add("p", p)
      .add("position", drag->mixed.position())
      .add("targets", targets)
      .add("top", likeliest)
      .add("words", words_value(model->model(), drag->words))
      .answer();
}

}  // namespace

void add_experiments(Routes& routes, Models& models) {
  auto drags = std::make_shared<Drags>();
  routes.add("POST", "/api/mix/at", Lane::quick,
             [&, drags](Call& call) { return drag_step(call, models.of(call), *drags); });
}

}  // namespace embscope::server
