// train: a small model on a text, with its loss, samples and the map of its embeddings during training.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <mutex>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "answers.h"
#include "api.h"
#include "reply.h"
#include "texts.h"

#include "embscope/project/projection.h"
#include "embscope/runs/predict.h"
#include "embscope/text/utf8.h"
#include "embscope/train/toy_text.h"
#include "embscope/train/training_run.h"
#include "embscope/vocabulary/growth.h"

namespace embscope::server {
namespace {

constexpr double most_bytes = 2.0 * (1 << 30);
constexpr std::size_t most_points = 2000;  // of the loss curve that is sent; beyond this every second step is dropped
constexpr std::size_t most_samples = 64;
constexpr int checkpoints = 24;  // each is a frame of the map
constexpr std::size_t most_mapped = 1500;

// A word for characters, words or bytes; a name of a tokenizer would open a file of this machine.
void check_tokens(const Values& values) {
  const auto given = values.find("tokens");
  const auto* tokens = given == values.end() ? nullptr : std::get_if<std::string>(&given->second.is);
  if (tokens != nullptr && *tokens != "characters" && *tokens != "words" && *tokens != "bytes")
    throw Error(Code::not_found, fmt::format("tokens '{}'", *tokens), "choose characters, words or bytes");
}

double number_of(const Values& values, std::string_view name, double otherwise) {
  const auto given = values.find(name);
  if (given == values.end()) return otherwise;
  if (const auto* whole = std::get_if<std::int64_t>(&given->second.is)) return static_cast<double>(*whole);
  const auto* real = std::get_if<double>(&given->second.is);
  return real != nullptr ? *real : otherwise;
}

void check_rate(const Values& values) {
  for (const char* name : {"rate", "learning_rate"}) {
    if (const double rate = number_of(values, name, 0); rate > 1)
      throw Refusal(422, "range", name, fmt::format("{}: choose 0 to 1", rate));
  }
}

/// What follows from the steps and the rate where it was not given: each frame of the map is a checkpoint.
void add_schedule(Values& values) {
  const TrainingRequest usual;
  const auto steps =
      static_cast<std::int64_t>(std::max(1.0, number_of(values, "steps", static_cast<double>(usual.steps))));
  const double rate = number_of(values, "rate", number_of(values, "learning_rate", usual.rate));
  values.try_emplace("least_rate", Value{rate / 10});
  values.try_emplace("warmup", Value{std::min(usual.warmup, steps / 10)});
  for (const char* name : {"evaluate", "checkpoint", "snapshot"})
    values.try_emplace(name, Value{std::max<std::int64_t>(1, steps / checkpoints)});
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
  Watch(Job& job, std::filesystem::path out, std::string text, std::uint64_t seed)
      : job_(job), out_(std::move(out)), text_(std::move(text)), seed_(seed) {}

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
    const auto model = Model::open(out_.string());
    const Transformer transformer(model);
    Sampling sampling;
    sampling.tokens = 60, sampling.temperature = 0.8, sampling.seed = 1;
    const std::string start = first_word(text_);
    if (samples_.size() == most_samples) samples_.erase(samples_.begin());
    samples_.push_back(
        bj::object{{"step", s.step}, {"text", well_formed(start + generate(transformer, start, sampling))}});
    if (ids_.empty()) ids_ = mapped(model->tokenizer(), text_);
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
                         .add("seed", bj::value(seed_))
                         .add("steps", std::span<const double>(steps_))
                         .add("losses", std::span<const double>(losses_))
                         .add("validation", validation_)
                         .add("frames", frames_)
                         .add("samples", samples_)
                         .text());
  }

  Job& job_;
  std::filesystem::path out_;
  std::string text_;
  std::uint64_t seed_;
  std::int64_t every_ = 1;
  std::vector<double> steps_, losses_;
  bj::array validation_, samples_, frames_;  // frames: the step of each
  std::vector<TokenId> ids_;
  Tensor points_;
  std::chrono::steady_clock::time_point told_{};
  bool cancelled_ = false;
};

/// A training asks no model; who follows it is told.
class TrainingSubject : public Subject {
 public:
  explicit TrainingSubject(Watch* watch) : watch_(watch) {}
  const Transformer& transformer() const override { refuse(); }
  const Model& model() const override { refuse(); }
  const Space& space() const override { refuse(); }
  TrainingWatch training(const std::filesystem::path&) const override { return watch_->functions(); }

 private:
  [[noreturn]] static void refuse() { throw Error(Code::unsupported, "train", "no model is asked here"); }
  Watch* watch_;
};

}  // namespace

Work train_work(const bj::object& body) {
  const Analysis& analysis = *analysis_named("train");
  Values values = values_of(body, analysis);
  for (const Field& field : analysis.fields()) {
    if ((field.kind == Kind::file || field.terminal) && values.contains(field.name))
      throw Refusal(400, "usage", std::string(field.name), "is not a field of train over HTTP");
  }
  check_tokens(values);
  add_schedule(values);
  const auto given = values.find("seed");
  const std::uint64_t seed = given == values.end() ? TrainingRequest().seed : seed_of("seed", given->second);
  values["out"] = {new_folder(seed).string()};
  const Analysis::CheckedRequest asked = analysis.ask(values);
  check_rate(values);
  require_memory(asked.bytes(TrainingSubject(nullptr)), "this training", most_bytes);
  return [&analysis, values, seed](Job& job) mutable {
    const std::filesystem::path out = new_folder(seed);
    values["out"] = {out.string()};
    const auto text = values.find("text");
    Watch watch(job, out, text == values.end() ? std::string(toy_text()) : std::get<std::string>(text->second.is),
                seed);
    const AnalysisResult found = analysis.ask(values).run(TrainingSubject(&watch), {});
    if (watch.cancelled()) throw Error(Code::cancelled, "job", "cancelled");
    const Table& log = found.table("log");
    return Reply()
        .add("model", bj::value(out.string()))
        .add("name", bj::value(out.filename().string()))
        .add("loss", log.column("loss").numbers().back())
        .add("table", log)
        .add("figure", found.figure())
        .text();
  };
}

}  // namespace embscope::server
