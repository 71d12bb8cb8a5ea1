#include "embscope/mix.h"

#include <cmath>

#include <fmt/format.h>

#include "embscope/predict.h"

namespace embscope {
namespace {

// The position of the token that stands for `word` in the text: the last token of its only occurrence.
int find_word(const Tokens& tokens, std::string_view text, std::string_view word) {
  if (word.empty()) throw Error(Code::usage, "mix", "the word to replace is empty");
  const std::size_t at = text.find(word);
  if (at == std::string_view::npos)
    throw Error(Code::not_found, "mix", fmt::format("'{}' does not occur in the text (a leading space counts)", word));
  if (text.find(word, at + 1) != std::string_view::npos)
    throw Error(Code::usage, "mix",
                fmt::format("'{}' occurs more than once in the text: choose words that name one place", word));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens.ranges[i].end == at + word.size() && tokens.ranges[i].begin >= at) return static_cast<int>(i);
  }
  throw Error(Code::not_found, "mix",
              fmt::format("no token of the text ends with '{}': it is part of a longer token", word));
}

// What the text has at the site when the other word stands in it.
std::vector<float> distractor(const Transformer& transformer, const MixRequest& r, const Site& site,
                              const std::vector<TokenId>& ids, int position) {
  const Model& model = transformer.model();
  const TokenId other = word_token(model.tokenizer(), r.with).id;
  Tensor vector;
  if (site.point == Point::wte) {
    vector = model.embedding(other);
  } else {
    Request request;
    request.rows = {ids};
    request.rows[0][static_cast<std::size_t>(position)] = other;
    request.capture = {site};
    request.logits = LogitsAt::none;
    const Result result = transformer.run(request);
    vector = Tensor::of({model.config().width}, result.rows[0].captured[0].row(position));
  }
  return {vector.values().begin(), vector.values().end()};
}

std::vector<double> crossings(const std::vector<double>& p, const std::vector<double>& a,
                              const std::vector<double>& b) {
  std::vector<double> found;
  for (std::size_t i = 0; i + 1 < p.size(); ++i) {
    const double now = std::log(a[i]) - std::log(b[i]), next = std::log(a[i + 1]) - std::log(b[i + 1]);
    if ((now < 0) != (next < 0)) found.push_back(p[i] + (p[i + 1] - p[i]) * now / (now - next));
  }
  return found;
}

}  // namespace

MixResult mix(const Transformer& transformer, const MixRequest& r) {
  if (r.steps < 2 || r.steps > 100000)
    throw Error(Code::range, "mix", fmt::format("{} steps: choose 2 to 100000", r.steps));
  if (r.targets.empty()) throw Error(Code::usage, "mix", "no target words: name at least one");
  const Tokenizer& tokenizer = transformer.model().tokenizer();
  const Site site = parse_site(r.site, transformer.config());
  if (site.point != Point::wte && site.point != Point::resid_pre)
    throw Error(Code::usage, "mix", fmt::format("site {}: mixing happens at wte or at resid_pre of a block", r.site));
  const Tokens tokens = tokenizer.with_bos(r.text);

  MixResult result;
  result.position = find_word(tokens, r.text, r.replace);
  const std::vector<float> other = distractor(transformer, r, site, tokens.ids, result.position);
  Request request;
  std::vector<double> p;
  for (int i = 0; i < r.steps; ++i) {
    p.push_back(static_cast<double>(i) / (r.steps - 1));
    request.rows.push_back(tokens.ids);
    Edit edit;
    edit.site = site;
    edit.change = Change::mix;
    edit.rows = {i};
    edit.positions = {result.position};
    edit.vector = other;
    edit.amount = static_cast<float>(p.back());
    request.edits.push_back(std::move(edit));
  }
  Result sweep = transformer.run(request);
  result.cost = sweep.cost;
  Request plain;
  plain.rows = {tokens.ids};
  const Result untouched = transformer.run(plain);
  const std::span<const float> last = sweep.rows.back().logits.values(), own = untouched.rows[0].logits.values();
  result.untouched_equals_p1 = std::equal(last.begin(), last.end(), own.begin(), own.end());

  std::vector<std::vector<double>> probabilities(r.targets.size());
  std::vector<std::string> likeliest;
  std::vector<double> likeliest_probability;
  for (const RowResult& row : sweep.rows) {
    const auto all = softmax(row.logits.values());
    for (std::size_t t = 0; t < r.targets.size(); ++t)
      probabilities[t].push_back(all[static_cast<std::size_t>(word_token(tokenizer, r.targets[t]).id)]);
    const TokenId best = top(row.logits.values(), 1)[0];
    likeliest.push_back(transformer.model().label(best));
    likeliest_probability.push_back(all[static_cast<std::size_t>(best)]);
  }
  result.sweep = Table(fmt::format("p x {} + (1 - p) x {}", visible(r.replace), visible(r.with)));
  result.sweep.add("p", p, 4);
  for (std::size_t t = 0; t < r.targets.size(); ++t) result.sweep.add(visible(r.targets[t]), probabilities[t], 5);
  result.sweep.add("top", likeliest).add("top_probability", likeliest_probability, 5);
  if (r.targets.size() >= 2) result.crossings = crossings(p, probabilities[0], probabilities[1]);
  return result;
}

}  // namespace embscope
