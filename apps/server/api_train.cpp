// train: a small model on a text, with its loss, samples and the map of its embeddings during training.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <mutex>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "api.h"
#include "reply.h"
#include "texts.h"

#include "embscope/project/projection.h"
#include "embscope/runs/predict.h"
#include "embscope/text/utf8.h"
#include "embscope/train/training_run.h"
#include "embscope/vocabulary/growth.h"

namespace embscope::server {
namespace {

constexpr double most_bytes = 2.0 * (1 << 30);
constexpr std::size_t most_points = 2000;  // of the loss curve that is sent; beyond this every second step is dropped
constexpr std::size_t most_samples = 64;
constexpr int checkpoints = 24;  // each is a frame of the map
constexpr std::size_t most_mapped = 1500;

// What training needs: the trainer's 24 bytes a parameter and 70 a position for each block and unit of width
// (training.h).
double memory_of(const TrainingRequest& r) {
  const auto l = static_cast<double>(r.layers), d = static_cast<double>(r.width), t = static_cast<double>(r.context);
  const auto b = static_cast<double>(r.batch);
  const double rows = r.tokens == "words" ? 8192 : 1024;  // of the vocabulary
  return 24 * (12 * l * d * d + (rows + t) * d) + 70 * b * t * l * d +
         8 * b * t * (rows + t * static_cast<double>(r.heads));
}

TrainingRequest training_request(const Fields& in) {
  TrainingRequest r;
  r.text = in.text("text");
  r.layers = in.integer("layers", 4, 1, 48);
  r.heads = in.integer("heads", 4, 1, 64);
  r.width = in.integer("width", 128, 4, 2048);
  r.context = in.integer("context", 64, 2, 2048);
  r.batch = in.integer("batch", 12, 1, 512);
  r.steps = in.integer("steps", 2000, 1, 1000000);
  if (in.has("rate") && in.has("learning_rate"))
    throw Error(Code::usage, "learning_rate", "is the old name of rate: give one of them");
  r.rate = in.number(in.has("learning_rate") ? "learning_rate" : "rate", 1e-3, 1e-8, 1);
  r.least_rate = r.rate / 10;
  r.seed = in.seed();
  r.tokens = in.text("tokens", "characters");
  if (r.tokens != "characters" && r.tokens != "words" && r.tokens != "bytes")
    throw Error(Code::not_found, fmt::format("tokens '{}'", r.tokens), "there are characters, words and bytes");
  r.warmup = std::min<std::int64_t>(r.warmup, r.steps / 10);
  r.evaluate = r.checkpoint = r.snapshot = std::max<std::int64_t>(1, r.steps / checkpoints);
  if (memory_of(r) > most_bytes)
    throw Refusal(
        413, "too_large", "memory",
        fmt::format("this training takes about {:.0f} MiB, a job may use at most 2048: choose a smaller model or batch",
                    memory_of(r) / (1 << 20)));
  return r;
}

// A folder of its own in the cache, where `-m NAME` finds it.
std::filesystem::path new_folder(std::uint64_t seed) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const std::string name = fmt::format("trained-{:%Y%m%d-%H%M%S}-seed-{}", fmt::gmtime(now), seed);
  std::filesystem::path folder = cache_folder() / "models" / name;
  for (int i = 2; std::filesystem::exists(folder); ++i)
    folder = cache_folder() / "models" / fmt::format("{}-{}", name, i);
  return folder;
}

// The beginning of the samples: the text's first word, or its first character if the text has no spaces.
std::string first_word(std::string_view text) {
  constexpr std::size_t longest = 24;
  std::size_t end = std::min(text.find_first_of(" \n", 1), text.size());
  if (end > longest) {
    for (end = 1; end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80;) ++end;
  }
  return std::string(text.substr(0, end));
}

/// Reports the progress of a training run.
class Watch {
 public:
  Watch(Job& job, TrainingRequest request) : job_(job), r_(std::move(request)) {}

  TrainingWatch functions() {
    return {[this](const TrainingStep& s) { return step(s); }, [this](const TrainingStep& s) { checkpoint(s); }};
  }
  bool cancelled() const { return cancelled_; }

 private:
  // A cancelled run ends after a checkpoint, so that its model can be opened.
  bool step(const TrainingStep& s) {
    if (s.step % every_ == 0 || s.step == s.steps) {
      steps_.push_back(static_cast<double>(s.step)), losses_.push_back(s.loss);
      if (steps_.size() > most_points) thin();
    }
    if (!std::isnan(s.held_out)) {
      validation_.push_back(bj::array{s.step, s.held_out});
      tell();
    }
    if (std::chrono::steady_clock::now() - told_ > std::chrono::milliseconds(250)) tell();
    try {
      job_.report(
          static_cast<double>(s.step) / static_cast<double>(s.steps),
          fmt::format("step {} of {}, loss {:.3f}, {:.0f} tokens/s", s.step, s.steps, s.loss, s.tokens_per_second));
    } catch (const Error&) { cancelled_ = true; }
    return !cancelled_;
  }

  void thin() {
    every_ *= 2;
    std::size_t kept = 0;
    for (std::size_t i = 1; i < steps_.size(); i += 2, ++kept) steps_[kept] = steps_[i], losses_[kept] = losses_[i];
    steps_.resize(kept), losses_.resize(kept);
  }

  // The tokens that the text has, the most frequent ones where there are many; the rows of others are never moved.
  static std::vector<TokenId> mapped(const Tokenizer& tokenizer, std::string_view text) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(tokenizer.size()));
    for (const TokenId id : tokenizer.encode_ids(text)) ++counts[static_cast<std::size_t>(id)];
    std::vector<TokenId> ids;
    for (std::size_t id = 0; id < counts.size(); ++id) {
      if (counts[id] > 0) ids.push_back(static_cast<TokenId>(id));
    }
    std::ranges::stable_sort(ids, std::greater(), [&](TokenId id) { return counts[static_cast<std::size_t>(id)]; });
    ids.resize(std::min(ids.size(), most_mapped));
    return ids;
  }

  // A text from the current model, and its embedding matrix as points, rotated to match the previous ones.
  void checkpoint(const TrainingStep& s) {
    const auto model = Model::open(r_.out.string());
    const Transformer transformer(model);
    Sampling sampling;
    sampling.tokens = 60, sampling.temperature = 0.8, sampling.seed = 1;
    const std::string start = first_word(r_.text);
    if (samples_.size() == most_samples) samples_.erase(samples_.begin());
    samples_.push_back(
        bj::object{{"step", s.step}, {"text", well_formed(start + generate(transformer, start, sampling))}});
    if (ids_.empty()) ids_ = mapped(model->tokenizer(), r_.text);
    Tensor rows = Tensor::uninitialised({static_cast<std::int64_t>(ids_.size()), model->config().width});
    for (std::size_t i = 0; i < ids_.size(); ++i)
      model->weights().wte.row(ids_[i], rows.row(static_cast<std::int64_t>(i)).data());
    Tensor points = pca(rows, 2);
    if (points_.rows() == points.rows()) points = aligned(points, points_);
    job_.set_ids(ids_, [model](TokenId id) { return model->label(id); });
    job_.publish_frame(points);
    frames_.push_back(s.step);
    points_ = std::move(points);
    tell();
  }

  void tell() {
    told_ = std::chrono::steady_clock::now();
    job_.set_partial(Reply()
                         .add("seed", bj::value(r_.seed))
                         .add("steps", std::span<const double>(steps_))
                         .add("losses", std::span<const double>(losses_))
                         .add("validation", validation_)
                         .add("frames", frames_)
                         .add("samples", samples_)
                         .text());
  }

  Job& job_;
  TrainingRequest r_;
  std::int64_t every_ = 1;
  std::vector<double> steps_, losses_;
  bj::array validation_, samples_, frames_;  // frames: the step of each
  std::vector<TokenId> ids_;
  Tensor points_;
  std::chrono::steady_clock::time_point told_{};
  bool cancelled_ = false;
};

}  // namespace

Work train_work(const Fields& in) {
  in.check(train_fields, " of train");
  TrainingRequest request = training_request(in);
  return [request](Job& job) mutable {
    request.out = new_folder(request.seed);
    Watch watch(job, request);
    const Table log = train(request, watch.functions());
    if (watch.cancelled()) throw Error(Code::cancelled, "job", "cancelled");
    return Reply()
        .add("model", bj::value(request.out.string()))
        .add("name", bj::value(request.out.filename().string()))
        .add("loss", log.column("loss").numbers().back())
        .add("table", log)
        .add("figure", figure_training(log))
        .text();
  };
}

}  // namespace embscope::server
