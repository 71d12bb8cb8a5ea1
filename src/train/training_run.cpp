#include "embscope/train/training_run.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>

#include <fmt/format.h>

#include "base/file.h"
#include "base/random.h"
#include "embscope/files/archive.h"
#include "embscope/train/vocabulary.h"
#include "files/json.h"
#include "model/family.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;
namespace bj = boost::json;

constexpr double not_evaluated = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t evaluated_batches = 10;

// One visitor over a request, used for both writing and reading it.
template <class Request, class Visit>
void visit(Request& r, Visit&& visit) {
  visit("from", r.from), visit("tokens", r.tokens);
  visit("layers", r.layers), visit("heads", r.heads), visit("width", r.width), visit("context", r.context);
  visit("steps", r.steps), visit("batch", r.batch), visit("accumulate", r.accumulate), visit("seed", r.seed);
  visit("rate", r.rate), visit("least_rate", r.least_rate), visit("warmup", r.warmup);
  visit("beta1", r.adam.beta1), visit("beta2", r.adam.beta2), visit("epsilon", r.adam.epsilon);
  visit("decay", r.adam.decay), visit("clip", r.adam.clip), visit("dropout", r.dropout), visit("held_out", r.held_out);
  visit("evaluate", r.evaluate), visit("checkpoint", r.checkpoint), visit("snapshot", r.snapshot);
}

std::string request_json(const TrainingRequest& request) {
  bj::object json;
  visit(request, [&](const char* name, const auto& value) { json[name] = value; });
  return bj::serialize(json) + "\n";
}

TrainingRequest read_request(const fs::path& file) {
  const bj::value value = read_json(file);
  const JsonObject json(value, file.string());
  TrainingRequest request;
  visit(request, [&]<class T>(const char* name, T& field) {
    if constexpr (std::is_same_v<T, std::string>)
      field = json.string(name);
    else if constexpr (std::is_same_v<T, double>)
      field = json.number(name);
    else
      field = static_cast<T>(json.integer(name));
  });
  return request;
}

struct Places {
  fs::path out, training = out / "training", run = training / "run.json", text = training / "text";
  fs::path state = training / "state.safetensors", log = training / "log.csv", snapshots = training / "snapshots";
  explicit Places(fs::path folder) : out(std::move(folder)) {}
};

void remove_leftovers(const Places& places) {
  for (const fs::path& folder : {places.out, places.training, places.snapshots}) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder, none)) {
      if (is_leftover(entry.path())) fs::remove(entry.path(), none);
    }
  }
}

void check(const TrainingRequest& r) {
  auto need = [](bool fine, const std::string& message) {
    if (!fine) throw Error(Code::usage, "train", message);
  };
  need(!r.text.empty(), "the text is empty");
  need(r.steps >= 1, fmt::format("{} steps: at least 1 is needed", r.steps));
  need(r.batch >= 1 && r.accumulate >= 1 && r.batch <= 1 << 20 && r.accumulate <= 1 << 20,
       fmt::format("a batch of {} rows, {} batches per step: at least 1 is needed", r.batch, r.accumulate));
  need(r.rate > 0 && std::isfinite(r.rate) && r.least_rate >= 0,
       fmt::format("a learning rate of {}: expected a positive number", r.rate));
  need(r.dropout >= 0 && r.dropout < 1, fmt::format("dropout of {}: expected 0 to below 1", r.dropout));
  need(r.held_out >= 0 && r.held_out < 1, fmt::format("a held-out share of {}: expected 0 to below 1", r.held_out));
  need(r.evaluate >= 1 && r.checkpoint >= 1 && r.snapshot >= 1 && r.warmup >= 0,
       "intervals are counted in steps, from 1 on");
}

TokenizerSpec vocabulary_of(const TrainingRequest& r) {
  if (!r.from.empty()) return tokenizer_from_place(r.from);
  if (r.tokens == "characters") return character_vocabulary(r.text);
  if (r.tokens == "words") return word_vocabulary(r.text);
  if (r.tokens == "bytes") return bytes_vocabulary();
  return tokenizer_from_place(r.tokens);
}

std::vector<TokenId> encode(const Tokenizer& tokenizer, const std::string& text) {
  try {
    return tokenizer.encode_ids(text);
  } catch (const Error& e) { throw Error(e.code(), "train", "the vocabulary does not fit this text: " + e.message()); }
}

Trainer make_trainer(const TrainingRequest& r, const Tokenizer& tokenizer) {
  if (r.from.empty()) return Trainer(gpt2_of(r.layers, r.heads, r.width, r.context, tokenizer.size()), r.seed);
  const auto model = Model::open(r.from);
  if (r.context > model->config().context)
    throw Error(Code::usage, "train",
                fmt::format("a context of {}: {} reads at most {} tokens", r.context, r.from, model->config().context));
  if (tokenizer.size() > model->config().vocab)
    throw Error(Code::unsupported, "train",
                fmt::format("the vocabulary of {} tokens does not fit: {} has {} rows", tokenizer.size(), r.from,
                            model->config().vocab));
  return Trainer(*model);
}

// 1, 2, 5, 10, 20, 50, ... and every `every`-th: vectors change most in the beginning.
bool is_snapshot(std::int64_t step, std::int64_t every) {
  std::int64_t lead = step;
  while (lead >= 10 && lead % 10 == 0) lead /= 10;
  return step % every == 0 || (step < every && (lead == 1 || lead == 2 || lead == 5));
}

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) { return Random(a * 0x9e3779b97f4a7c15 + b).next(); }

/// Rows of a text, chosen by the seed and the step alone.
class Rows {
 public:
  Rows(std::vector<TokenId> ids, const TrainingRequest& r)
      : ids_(std::move(ids)), batch_(r.batch), context_(r.context) {
    const auto all = static_cast<std::int64_t>(ids_.size());
    const std::int64_t held_out = static_cast<std::int64_t>(static_cast<double>(all) * r.held_out);
    trained_ = all - (held_out > context_ ? held_out : 0);
    if (trained_ <= context_)
      throw Error(
          Code::usage, "train",
          fmt::format("the text has {} tokens to train on, a context of {} needs at least {}: give more text or a "
                      "smaller --context",
                      trained_, context_, context_ + 1));
  }

  std::int64_t trained() const { return trained_; }
  std::span<const TokenId> trained_ids() const { return std::span(ids_).first(static_cast<std::size_t>(trained_)); }
  bool holds_out() const { return trained_ < static_cast<std::int64_t>(ids_.size()); }

  /// `accumulate` batches of a step.
  std::vector<Batch> of_step(std::uint64_t seed, std::int64_t step, std::int64_t accumulate) {
    Random random(mixed(seed, static_cast<std::uint64_t>(step)));
    std::vector<std::int64_t> starts;
    for (std::int64_t i = 0; i < batch_ * accumulate; ++i)
      starts.push_back(static_cast<std::int64_t>(random.next() % static_cast<std::uint64_t>(trained_ - context_)));
    return batches(starts);
  }

  /// Rows spread evenly over what is held out.
  std::vector<Batch> held_out() {
    const std::int64_t room = static_cast<std::int64_t>(ids_.size()) - trained_ - context_,
                       count = batch_ * evaluated_batches;
    std::vector<std::int64_t> starts;
    for (std::int64_t i = 0; i < count; ++i)
      starts.push_back(trained_ + (room - 1) * i / std::max<std::int64_t>(1, count - 1));
    return batches(starts);
  }

 private:
  std::vector<Batch> batches(const std::vector<std::int64_t>& starts) {
    const auto length = static_cast<std::size_t>(context_), size = static_cast<std::size_t>(batch_) * length;
    inputs_.resize(starts.size() * length), targets_.resize(inputs_.size());
    for (std::size_t i = 0; i < starts.size(); ++i) {
      const auto from = ids_.begin() + starts[i];
      std::copy_n(from, length, inputs_.begin() + static_cast<std::ptrdiff_t>(i * length));
      std::copy_n(from + 1, length, targets_.begin() + static_cast<std::ptrdiff_t>(i * length));
    }
    std::vector<Batch> out;
    for (std::size_t at = 0; at < inputs_.size(); at += size)
      out.push_back({std::span(inputs_).subspan(at, size), std::span(targets_).subspan(at, size), batch_, context_});
    return out;
  }

  std::vector<TokenId> ids_, inputs_, targets_;
  std::int64_t batch_, context_, trained_ = 0;
};

struct LogRow {
  double step, loss, held_out, rate, norm;
};

Table log_table(const std::vector<LogRow>& log) {
  auto column = [&](double LogRow::*field) {
    std::vector<double> values;
    values.reserve(log.size());
    for (const LogRow& row : log) values.push_back(row.*field);
    return values;
  };
  Table table("training");
  table.add("step", column(&LogRow::step), whole)
      .add("loss", column(&LogRow::loss), 4)
      .add("held-out", column(&LogRow::held_out), 4);
  return table.add("learning rate", column(&LogRow::rate)).add("gradient norm", column(&LogRow::norm), 4);
}

/// The rows of log.csv up to a step.
std::vector<LogRow> read_log(const fs::path& file, std::int64_t steps) {
  std::vector<LogRow> log;
  if (!fs::exists(file)) return log;
  const MappedFile mapped(file);
  std::string_view text = mapped.text();
  for (bool header = true; !text.empty(); header = false) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (header) continue;
    double fields[5];
    const char* at = line.data();
    for (double& field : fields) {
      field = not_evaluated;  // an empty cell
      const auto [end, error] = std::from_chars(at, line.data() + line.size(), field);
      at = end < line.data() + line.size() ? end + (*end == ',') : end;
    }
    if (fields[0] <= static_cast<double>(steps)) log.push_back({fields[0], fields[1], fields[2], fields[3], fields[4]});
  }
  return log;
}

class Run {
 public:
  Run(const TrainingRequest& request, const Tokenizer& tokenizer, const TrainingWatch& watch)
      : request_(request),
        places_(request.out),
        watch_(watch),
        trainer_(make_trainer(request, tokenizer)),
        rows_(encode(tokenizer, request.text), request) {}

  /// The files of step 0.
  void begin() {
    std::vector<float> counts(static_cast<std::size_t>(trainer_.config().vocab));
    for (TokenId id : rows_.trained_ids()) ++counts[static_cast<std::size_t>(id)];
    const std::vector<NamedArray> arrays = {{"frequency", {trainer_.config().vocab}, std::span<const float>(counts)}};
    write_arrays(places_.training / "frequency.safetensors", arrays);
    snapshot();
    checkpoint();
  }

  void resume() {
    trainer_.read_state(places_.state);
    kept_ = trainer_.steps_done();
    log_ = read_log(places_.log, kept_);
    trainer_.write_model(places_.out);  // the process may have been killed between writing the state and the model
  }

  Table run() {
    start_ = std::chrono::steady_clock::now();
    first_ = trainer_.steps_done();
    while (trainer_.steps_done() < request_.steps) {
      const TrainingStep done = step();
      const bool last = done.step == request_.steps, stop = watch_.on_step && !watch_.on_step(done);
      if (is_snapshot(done.step, request_.snapshot) || last) snapshot();
      if (done.step % request_.checkpoint == 0 || last || stop) {
        checkpoint();
        if (watch_.on_checkpoint) watch_.on_checkpoint(done);
      }
      if (stop && !last)
        throw Error(Code::cancelled, "train", fmt::format("stopped after step {}: --resume continues", done.step));
    }
    return log_table(log_);
  }

 private:
  TrainingStep step() {
    const std::int64_t number = trainer_.steps_done() + 1;
    const double rate = learning_rate(request_, number);
    const DropoutStep dropout{request_.dropout, mixed(~request_.seed, static_cast<std::uint64_t>(number))};
    const double loss = trainer_.gradient(rows_.of_step(request_.seed, number, request_.accumulate), dropout);
    if (!std::isfinite(loss) || !std::isfinite(trainer_.gradient_norm())) diverged(number);
    const double norm = trainer_.update(request_.adam, rate);
    const bool evaluate = number % request_.evaluate == 0 || number == request_.steps;
    const double held_out = evaluate ? held_out_loss() : not_evaluated;
    log_.push_back({static_cast<double>(number), loss, held_out, rate, norm});
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double speed = static_cast<double>(number - first_) / seconds,
                 tokens = static_cast<double>(request_.batch * request_.accumulate * request_.context);
    return {number, request_.steps, loss,           held_out,
            rate,   norm,           speed * tokens, static_cast<double>(request_.steps - number) / speed};
  }

  double held_out_loss() {
    if (!rows_.holds_out()) return not_evaluated;
    double total = 0;
    const std::vector<Batch> batches = rows_.held_out();
    for (const Batch& batch : batches) total += trainer_.loss(batch);
    return total / static_cast<double>(batches.size());
  }

  [[noreturn]] void diverged(std::int64_t step) const {
    throw Error(
        Code::range, "train",
        fmt::format(
            "the loss is no longer a finite number at step {}; first in {}. The checkpoint of step {} is kept in {}: "
            "train again with a smaller --rate",
            step, trainer_.first_not_finite(), kept_, places_.out.string()));
  }

  // The log is written first: rows beyond the state are ignored when it is read. The state is decisive; the model is
  // derived from it.
  void checkpoint() {
    write_file(places_.log, log_table(log_).csv());
    trainer_.write_state(places_.state);
    trainer_.write_model(places_.out);
    kept_ = trainer_.steps_done();
  }

  void snapshot() {
    const auto parameters = trainer_.parameters();
    const Trainer::Named& wte = parameters.front();
    const std::vector<NamedArray> arrays = {{"wte", wte.shape, std::span<const float>(wte.values)}};
    write_arrays(places_.snapshots / fmt::format("step-{:08}.safetensors", trainer_.steps_done()), arrays);
  }

  const TrainingRequest& request_;
  Places places_;
  const TrainingWatch& watch_;
  Trainer trainer_;
  Rows rows_;
  std::vector<LogRow> log_;
  std::chrono::steady_clock::time_point start_;
  std::int64_t first_ = 0, kept_ = 0;
};

}  // namespace

double learning_rate(const TrainingRequest& r, std::int64_t step) {
  if (step <= r.warmup) return r.rate * static_cast<double>(step) / static_cast<double>(r.warmup);
  const double least = std::min(r.least_rate, r.rate);
  const double passed =
      static_cast<double>(step - r.warmup) / static_cast<double>(std::max<std::int64_t>(1, r.steps - r.warmup));
  return least + (r.rate - least) * 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, passed)));
}

Table train(const TrainingRequest& request, const TrainingWatch& watch) {
  check(request);
  const Places places(request.out);
  if (fs::exists(places.run))
    throw Error(Code::usage, request.out.string(),
                "already contains a run: --resume continues it, or choose another folder");
  const TokenizerSpec spec = vocabulary_of(request);
  const std::string json = tokenizer_json(spec);
  Run run(request, Tokenizer(spec), watch);
  make_folder(places.snapshots);
  remove_leftovers(places);  // of a start that was killed
  write_file(request.out / "tokenizer.json", json);
  write_file(places.text, request.text);
  run.begin();
  write_file(places.run, request_json(request));
  return run.run();
}

Table resume_training(const fs::path& out, const TrainingWatch& watch) {
  const Places places(out);
  if (!fs::exists(places.run))
    throw Error(Code::not_found, out.string(), "holds no run to go on with (training/run.json)");
  remove_leftovers(places);
  TrainingRequest request = read_request(places.run);
  request.out = out;
  request.text = std::string(MappedFile(places.text).text());
  check(request);
  Run run(request, Tokenizer(tokenizer_from_folder(out)), watch);
  run.resume();
  return run.run();
}

}  // namespace embscope
