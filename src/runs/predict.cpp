#include "embscope/runs/predict.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "embscope/runs/generate.h"

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
  return {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count)};  // not the vocabulary's memory with it
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

std::string generate(const Transformer& transformer, std::string_view text, const Sampling& sampling,
                     const OnToken& on_token) {
  return continue_text(transformer, text, {sampling}, on_token).text;
}

}  // namespace embscope
