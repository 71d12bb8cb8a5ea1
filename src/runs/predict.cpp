#include "embscope/runs/predict.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/random.h"

namespace embscope {

std::vector<double> softmax(std::span<const float> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p(logits.size());
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) sum += p[i] = std::exp(static_cast<double>(logits[i]) - most);
  for (double& x : p) x /= sum;
  return p;
}

std::vector<TokenId> top(std::span<const float> logits, int k) {
  std::vector<TokenId> order(logits.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<TokenId>(i);
  const auto count = std::min(order.size(), static_cast<std::size_t>(std::max(0, k)));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](TokenId a, TokenId b) {
                      const float la = logits[static_cast<std::size_t>(a)], lb = logits[static_cast<std::size_t>(b)];
                      return la != lb ? la > lb : a < b;
                    });
  order.resize(count);
  return order;
}

std::int64_t rank_of(std::span<const float> logits, TokenId id) {
  const float own = logits[static_cast<std::size_t>(id)];
  std::int64_t rank = 1;
  for (std::size_t i = 0; i < logits.size(); ++i)
    rank += logits[i] > own || (logits[i] == own && i < static_cast<std::size_t>(id)) ? 1 : 0;
  return rank;
}

namespace {

Table table_of(const Model& model, std::span<const float> logits, const std::vector<double>& p, int k) {
  std::vector<double> rank, id, logit, probability;
  std::vector<std::string> tokens;
  for (TokenId t : top(logits, k)) {
    const auto i = static_cast<std::size_t>(t);
    rank.push_back(static_cast<double>(rank.size() + 1));
    tokens.push_back(model.label(t));
    id.push_back(t);
    logit.push_back(static_cast<double>(logits[i]));
    probability.push_back(p[i]);
  }
  Table table("next token");
  table.add("rank", rank, whole).add("token", tokens).add("id", id, whole).add("logit", logit, 4);
  return std::move(table.add("probability", probability, 5));
}

}  // namespace

Prediction predict(const Transformer& transformer, const PredictRequest& r, const Progress& progress) {
  if (r.k < 1) throw Error(Code::range, "predict", fmt::format("{} tokens: ask for at least 1", r.k));
  for (const TokenId id : r.targets) {
    if (id < 0 || id >= transformer.config().vocab)
      throw Error(Code::range, fmt::format("token {}", id),
                  fmt::format("the vocabulary has 0:{}", transformer.config().vocab));
  }
  Request request;
  request.rows = {r.ids};
  request.edits = r.edits;
  request.progress = progress;
  const Result result = transformer.run(request);
  const auto logits = result.rows[0].logits.values();
  const auto p = softmax(logits);
  Prediction prediction{table_of(transformer.model(), logits, p, r.k), {}};
  for (const TokenId id : r.targets)
    prediction.targets.push_back({id, p[static_cast<std::size_t>(id)], rank_of(logits, id)});
  return prediction;
}

Table predict(const Transformer& transformer, std::string_view text, int k) {
  return predict(transformer, {.ids = transformer.model().tokenizer().with_bos(text).ids, .k = k}).next;
}

namespace {

struct Candidate {
  TokenId id;
  double probability;
};

// Logits divided by the temperature. If they would overflow fp32, the largest is subtracted first, which does not
// change the softmax.
std::vector<float> scaled_by(std::span<const float> logits, double temperature) {
  const auto [least, most] = std::ranges::minmax(logits);
  const double size = std::max(std::abs(static_cast<double>(least)), std::abs(static_cast<double>(most)));
  const double shift =
      size / temperature > static_cast<double>(std::numeric_limits<float>::max()) ? static_cast<double>(most) : 0;
  std::vector<float> scaled;
  scaled.reserve(logits.size());
  for (float x : logits) scaled.push_back(static_cast<float>((static_cast<double>(x) - shift) / temperature));
  return scaled;
}

// Temperature, then the k most likely, then the smallest set with total probability top_p.
std::vector<Candidate> candidates(std::span<const float> logits, const Sampling& s) {
  const std::vector<float> scaled = scaled_by(logits, s.temperature);
  const auto p = softmax(scaled);
  const int most = s.top_k > 0 ? s.top_k : static_cast<int>(logits.size());
  std::vector<Candidate> kept;
  double total = 0;
  for (TokenId id : top(scaled, most)) {
    kept.push_back({id, p[static_cast<std::size_t>(id)]});
    total += kept.back().probability;
    if (total >= s.top_p) break;
  }
  for (Candidate& c : kept) c.probability /= total;
  return kept;
}

TokenId sample(std::span<const float> logits, const Sampling& s, Random& random) {
  if (s.temperature == 0) return top(logits, 1)[0];
  double x = random.uniform();
  const auto list = candidates(logits, s);
  for (const Candidate& c : list) {
    if ((x -= c.probability) < 0) return c.id;
  }
  return list.back().id;
}

}  // namespace

std::string generate(const Transformer& transformer, std::string_view text, const Sampling& s,
                     const OnToken& on_token) {
  if (s.tokens < 0) throw Error(Code::range, "generate", fmt::format("{} tokens: choose 0 or more", s.tokens));
  if (!(s.temperature >= 0) || !std::isfinite(s.temperature))
    throw Error(Code::range, "generate", "the temperature must be 0 (greedy) or positive");
  if (!(s.top_p > 0) || s.top_p > 1) throw Error(Code::range, "generate", "top-p must be in 0..1");
  if (s.top_k < 0) throw Error(Code::range, "generate", "top-k must be 0 (all) or positive");
  const Tokenizer& tokenizer = transformer.model().tokenizer();
  const auto eos = tokenizer.eos() ? tokenizer.eos() : transformer.config().eos;
  Random random(s.seed);
  Cache cache;
  Request request;
  request.cache = &cache;
  request.rows = {tokenizer.with_bos(text).ids};
  request.edits = s.edits;
  std::string out;
  for (int i = 0; i < s.tokens; ++i) {
    if (i > 0 && cache.positions() >= transformer.config().context) break;
    const Result result = transformer.run(request);
    const auto logits = result.rows[0].logits.values();
    const TokenId id = sample(logits, s, random);
    if (eos && id == *eos) break;
    const std::string bytes = id < tokenizer.size() ? tokenizer.bytes(id) : "";
    out += bytes;
    if (on_token && !on_token(id, bytes, softmax(logits)[static_cast<std::size_t>(id)])) break;
    request.rows = {{id}};
    std::erase_if(request.edits, [](const Edit& edit) { return !edit.positions.empty(); });
  }
  return out;
}

}  // namespace embscope
