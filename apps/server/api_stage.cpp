// stage, stage/vector: one text in every block of the model with edits, compared with the same text without them.
#include <algorithm>
#include <cmath>
#include <list>
#include <mutex>
#include <optional>

#include <fmt/format.h>

#include "answers.h"
#include "api.h"
#include "reply.h"
#include "texts.h"

#include "embscope/runs/predict.h"
#include "embscope/runs/residual_stream.h"

namespace embscope::server {
namespace {

constexpr std::int64_t most_positions = 256;

/// The most recently used runs without edits, so that dragging an edit needs only one run per step, and a changed text
/// only the positions from the change on.
class Untouched {
 public:
  std::shared_ptr<const KnownStream> of(const OpenModel& model, const ResidualStreamRequest& request,
                                        const Progress& progress) {
    std::shared_ptr<const KnownStream> nearest;
    {
      const std::lock_guard lock(mutex_);
      std::int64_t most_shared = 0;
      for (auto e = list_.begin(); e != list_.end(); ++e) {
        if (e->model != &model.model()) continue;
        const KnownStream& known = *e->stream;
        if (known.ids == request.ids && known.first == request.first && known.last == request.last) {
          list_.splice(list_.begin(), list_, e);
          return list_.front().stream;
        }
        const std::int64_t shared = shared_positions(request, known);
        if (shared > most_shared) most_shared = shared, nearest = e->stream;
      }
    }
    auto stream =
        std::make_shared<const KnownStream>(known_stream(model.transformer(), request, progress, nearest.get()));
    const std::lock_guard lock(mutex_);
    list_.push_front({&model.model(), stream});
    if (list_.size() > most) list_.pop_back();
    return stream;
  }

 private:
  static constexpr std::size_t most = 6;
  struct Entry {
    const Model* model;
    std::shared_ptr<const KnownStream> stream;
  };
  std::mutex mutex_;
  std::list<Entry> list_;
};

// Four decimals are enough for a colour.
Tensor rounded(Tensor values, float steps = 1e4F) {
  for (float& v : values.values()) v = std::round(v * steps) / steps;
  return values;
}

// Integers from -127 to 127, which stand for the largest value.
void add_vectors(Reply& reply, const Tensor& vectors) {
  float largest = 0;
  for (float v : vectors.values()) largest = std::max(largest, std::abs(v));
  Tensor levels = vectors.clone();
  if (largest > 0)
    for (float& v : levels.values()) v = std::round(v / largest * 127);
  reply.add("largest", largest).add_rows("vectors", levels);
}

bj::object outlook(const OpenModel& model, TokenId id, const std::vector<double>& with,
                   const std::vector<double>& without) {
  bj::object one = token_value(model.model(), id);
  one["probability"] = with[static_cast<std::size_t>(id)];
  one["before"] = without[static_cast<std::size_t>(id)];
  return one;
}

ResidualStreamRequest positions_of(const Fields& in, const Prompt& prompt, std::vector<Edit> edits) {
  ResidualStreamRequest request{prompt.tokens.ids, std::move(edits), 0, 0};
  request.last = in.integer("last", prompt.length(), 1, prompt.length());
  request.first = in.integer("first", std::max<std::int64_t>(0, request.last - most_positions), 0, request.last - 1);
  if (request.last - request.first > most_positions)
    throw Refusal(422, "range", "first, last",
                  fmt::format("{} positions: at most {} at once", request.last - request.first, most_positions));
  return request;
}

Answer stage(const Call& call, const Models& models, Untouched& untouched) {
  const Fields in(call, {"text", "edits", "first", "last", "k", "targets", "vectors"});
  const OpenModelSubject on(models.of(call), models);
  const OpenModel& model = on.opened();
  const Prompt prompt = prompt_of(in, on);
  const ResidualStreamRequest request = positions_of(in, prompt, edits_of(in, on, prompt));
  const auto k = static_cast<int>(in.integer("k", 8, 0, 1000));
  const std::vector<TokenId> targets = tokens_of(in.texts("targets", 64), on);
  const auto known = untouched.of(model, request, call.progress());
  const ResidualStream* const without = &known->stream;
  std::optional<ResidualStream> edited;
  if (!request.edits.empty()) edited = residual_stream(model.transformer(), request, call.progress(), known.get());
  const ResidualStream* const with = edited ? &*edited : without;
  const auto before = softmax(without->logits.values());
  const auto after = edited ? softmax(with->logits.values()) : before;
  bj::array likeliest, followed, ranges;
  for (TokenId id : top(with->logits.values(), k)) likeliest.push_back(outlook(model, id, after, before));
  for (TokenId id : targets) followed.push_back(outlook(model, id, after, before));
  for (const ByteRange& range : prompt.tokens.ranges) ranges.push_back(bj::array{range.begin, range.end});
  const auto& ids = prompt.tokens.ids;
  Reply reply;
  reply.add("ids", bj::array(ids.begin(), ids.end()))
      .add("labels", labels_of(model.model(), ids))
      .add("ranges", ranges)
      .add("first", request.first)
      .add("last", request.last)
      .add("top", likeliest)
      .add("targets", followed)
      .add("words", words_value(model.model(), on.words()))
      .add_rows("lengths", rounded(lengths(*with)))
      .add_rows("moved", rounded(moved(*with)));
  if (!request.edits.empty()) reply.add_rows("felt", rounded(felt(*with, *without)));
  if (in.flag("vectors", false)) add_vectors(reply, with->wte);
  return reply.answer();
}

Answer vector_at(const Call& call, const Models& models, Untouched& untouched) {
  const Fields in(call, {"text", "edits", "block", "position"});
  const OpenModelSubject on(models.of(call), models);
  const OpenModel& model = on.opened();
  const Prompt prompt = prompt_of(in, on);
  const int blocks = static_cast<int>(model.config().blocks);
  const std::int64_t block = in.integer("block", blocks - 1, -1, blocks - 1);
  const auto position = in.integer("position", prompt.length() - 1, 0, prompt.length() - 1);
  const ResidualStreamRequest request{prompt.tokens.ids, edits_of(in, on, prompt), position, position + 1};
  const auto without = untouched.of(model, request, call.progress());
  const auto row = static_cast<std::size_t>(block + 1);
  Reply reply;
  reply.add("block", block).add("position", position).add("before", without->stream.after[row].values());
  if (request.edits.empty()) return reply.add("vector", without->stream.after[row].values()).answer();
  const ResidualStream with = residual_stream(model.transformer(), request, call.progress());
  return reply.add("vector", with.after[row].values()).answer();
}

}  // namespace

void add_stage(Routes& routes, Models& models) {
  auto untouched = std::make_shared<Untouched>();
  routes.add("POST", "/api/stage", Lane::quick, [&, untouched](Call& call) { return stage(call, models, *untouched); });
  routes.add("POST", "/api/stage/vector", Lane::quick,
             [&, untouched](Call& call) { return vector_at(call, models, *untouched); });
}

}  // namespace embscope::server
