#include "embscope/runs/intervention.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "embscope/runs/predict.h"
#include "forward/request.h"
#include "forward/working_memory.h"

namespace embscope {
namespace {

// The most likely tokens before and after and the requested ones, each once, the most likely after the edits first.
std::vector<TokenId> listed(const InterventionRequest& r, std::span<const float> before, std::span<const float> after) {
  std::vector<TokenId> ids = top(after, r.top);
  for (TokenId id : top(before, r.top)) ids.push_back(id);
  ids.insert(ids.end(), r.followed.begin(), r.followed.end());
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::ranges::stable_sort(ids, [&](TokenId a, TokenId b) { return rank_of(after, a) < rank_of(after, b); });
  return ids;
}

Table changes(const Model& model, const std::vector<TokenId>& ids, std::span<const float> before,
              std::span<const float> after) {
  const auto p_before = softmax(before), p_after = softmax(after);
  std::vector<std::string> token;
  std::vector<double> id, was, is, logit_was, logit_is, change, rank_was, rank_is;
  for (TokenId t : ids) {
    const auto i = static_cast<std::size_t>(t);
    token.push_back(model.label(t));
    id.push_back(t);
    was.push_back(p_before[i]);
    is.push_back(p_after[i]);
    logit_was.push_back(static_cast<double>(before[i]));
    logit_is.push_back(static_cast<double>(after[i]));
    change.push_back(logit_is.back() - logit_was.back());
    rank_was.push_back(static_cast<double>(rank_of(before, t)));
    rank_is.push_back(static_cast<double>(rank_of(after, t)));
  }
  Table table("next token, before and after");
  table.add("token", token).add("id", id, whole).add("probability_before", was, 5).add("probability_after", is, 5);
  table.add("logit_before", logit_was, 4).add("logit_after", logit_is, 4).add("change", change, 4);
  return std::move(table.add("rank_before", rank_was, whole).add("rank_after", rank_is, whole));
}

}  // namespace

double divergence(std::span<const float> p_logits, std::span<const float> q_logits) {
  const auto p = softmax(p_logits), q = softmax(q_logits);
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] > 0) sum += p[i] * std::log(p[i] / q[i]);
  }
  return std::max(sum, 0.0);
}

InterventionResult intervene(const Transformer& transformer, const InterventionRequest& r, const Progress& progress) {
  if (r.top < 1 || r.top > 1000) throw Error(Code::range, "edit", fmt::format("{} tokens: choose 1 to 1000", r.top));
  for (TokenId id : r.followed) token_in(transformer.config(), id, "edit");
  Request request;
  request.rows = {r.ids, r.ids};  // before, after
  request.edits = r.edits;
  for (Edit& edit : request.edits) edit.rows = {1};
  request.progress = progress;
  const Result result = run_in_batches(transformer, request);
  const auto before = result.rows[0].logits.values(), after = result.rows[1].logits.values();
  return {changes(transformer.model(), listed(r, before, after), before, after), divergence(after, before),
          result.cost};
}

}  // namespace embscope
