#include "subject.h"

#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "embscope/runs/predict.h"

namespace embscope::cli {
namespace {

constexpr std::int64_t shown_positions = 16;  // of a long text: what fits a terminal

// Text for a terminal: bytes that are not text and control characters are made visible; line breaks are kept.
std::string printable(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = visible(text.substr(at, end - at));
    for (std::size_t space; (space = line.find("␣")) != std::string::npos;)
      line.replace(space, std::string_view("␣").size(), " ");
    out += (at == 0 ? "" : "\n  | ") + line;
    at = end + 1;
  }
  return out;
}

/// Lines on standard error: one for each held-out loss, a temporary one on a terminal, and a sample at each checkpoint.
class TrainingReporter {
 public:
  TrainingReporter(std::string out, const Values& values) : out_(std::move(out)) {
    if (const auto given = values.find("sample"); given != values.end())
      sample_ = std::get<std::string>(given->second.is);
    if (const auto given = values.find("sample_tokens"); given != values.end())
      sample_tokens_ = static_cast<int>(std::get<std::int64_t>(given->second.is));
  }

  bool step(const TrainingStep& s) const {
    const bool whole = !std::isnan(s.held_out) || s.step == s.steps;
    if (!whole && !terminal_) return true;
    const std::string held_out = std::isnan(s.held_out) ? "" : fmt::format("  held-out {:.4f}", s.held_out);
    fmt::print(stderr, "{}step {}/{}  loss {:.4f}{}  {:.0f} tokens/s  {:.0f} s left{}", terminal_ ? "\r\x1b[K" : "",
               s.step, s.steps, s.loss, held_out, s.tokens_per_second, s.seconds_left, whole ? "\n" : "");
    std::fflush(stderr);
    return true;
  }

  void sample() const {
    if (sample_tokens_ == 0) return;
    const std::string beginning = sample_.empty() ? first_word() : sample_;
    const Transformer transformer(Model::open(out_));
    Sampling sampling;
    sampling.tokens = sample_tokens_, sampling.temperature = 0.8, sampling.seed = 1;
    if (const std::string problem = not_read(transformer.model().tokenizer(), beginning); !problem.empty()) {
      fmt::print(stderr, "no sample: {}\n", problem);
      return;
    }
    const std::string text = generate(transformer, beginning, sampling);
    fmt::print(stderr, "{}  | {}\n", terminal_ ? "\r\x1b[K" : "", printable(beginning + text));
  }

 private:
  // Why a vocabulary cannot read a text. It is known only when the vocabulary is made, which should not end a training.
  static std::string not_read(const Tokenizer& tokenizer, const std::string& text) {
    try {
      tokenizer.encode(text);
      return "";
    } catch (const Error& error) { return error.what(); }
  }

  // From the training text: every vocabulary can read it.
  std::string first_word() const {
    const std::string text = read_text(out_ + "/training/text");
    const std::size_t end = std::min(text.find_first_of(" \n", std::min<std::size_t>(1, text.size())), std::size_t{40});
    return text.substr(0, end);
  }

  std::string out_, sample_;
  int sample_tokens_ = 80;
  bool terminal_ = is_terminal(Stream::errors);
};

}  // namespace

NamedSubject::NamedSubject(std::shared_ptr<const Common> common, Needs needs, Values values, bool takes_arrays)
    : common_(std::move(common)), needs_(needs), values_(std::move(values)), takes_arrays_(takes_arrays) {}

const Model& NamedSubject::model() const {
  if (needs_ == Needs::transformer) return common_->transformer().model();
  if (!model_) model_ = common_->open();
  return *model_;
}

const Space& NamedSubject::space() const {
  if (!space_) space_ = std::make_unique<const Space>(common_->space());
  return *space_;
}

std::int64_t NamedSubject::usual_positions() const { return shown_positions; }

std::shared_ptr<const Subject> NamedSubject::named(const std::string& name) const {
  auto common = std::make_shared<Common>();
  common->model = name, common->no_bos = common_->no_bos, common->threads = common_->threads;
  return std::make_shared<NamedSubject>(std::move(common), needs_);
}

void NamedSubject::note(const NamedToken& token) const {
  if (said_.insert(token.text).second) explain_word(model(), token);
}

bool NamedSubject::wrote(TokenId id, std::string_view bytes, double) const {
  if (id >= 0) speed_.token();
  return common_->json || common_->csv || text_.write(bytes);
}

TrainingWatch NamedSubject::training(const std::filesystem::path& out) const {
  if (values_.contains("quiet")) return {};
  const auto reporter = std::make_shared<const TrainingReporter>(out.string(), values_);
  return {[reporter](const TrainingStep& s) { return reporter->step(s); },
          [reporter](const TrainingStep&) { reporter->sample(); }};
}

Subject::Estimates NamedSubject::estimates() const {
  return {[](const std::string& line) { fmt::print(stderr, "{}\n", line); }, common_->explain};
}

}  // namespace embscope::cli
