// What follows the last block: the final norm and the logits, of the positions that are asked for.
#include <algorithm>
#include <numeric>

#include "forward/norm.h"
#include "forward/pass.h"

namespace embscope {
namespace {

void refuse_rows_of_nan(const Model& model, const std::vector<TokenId>& tokens) {
  std::vector<float> row(static_cast<std::size_t>(model.config().width));
  for (TokenId id : tokens) {
    model.weights().unembed.row(id, row.data());
    if (!all_finite(row.data(), model.config().width)) refuse_row(model, "the unembedding", id);
  }
}

// The rows of x with these numbers, which are in order.
void choose(Tensor& x, const std::vector<int>& rows) {
  if (static_cast<std::int64_t>(rows.size()) < x.rows()) x = gather(x, rows);
}

}  // namespace

void Pass::output() {
  enter(final_stage(config_.blocks), x_);
  const LogitRows rows = logit_rows();
  choose(x_, rows.normed);
  if (!final_norm()) return;
  choose(normed_, rows.unembedded);
  refuse_rows_of_nan(model_, request_.tokens);
  const Packed some = request_.tokens.empty() ? Packed() : pack_unembedding(model_, request_.tokens);
  Tensor logits = unembedded(config_, request_.tokens.empty() ? weights_.unembedding() : some,
                             unembedding_bias(model_, request_.tokens), normed_);
  at(Point::logits, logits);
  result_.cost.logit_rows = logits.rows();
  hand_out(std::move(logits), rows.unembedded);
}

bool Pass::final_norm() {
  if (config_.final_norm)
    return norm(weights_.ln_final(), {Point::ln_final_scale, Point::ln_final_normalized}, Point::ln_final);
  normed_ = std::move(x_);
  return at(Point::ln_final, normed_);
}

// Whoever looks at a site there sees every position.
Pass::LogitRows Pass::logit_rows() const {
  std::vector<int> all(static_cast<std::size_t>(probe_.slots().size())), wanted;
  std::iota(all.begin(), all.end(), 0);
  const bool logits = plan_.listens(Point::logits);
  const bool norm = plan_.listens(Point::ln_final) || plan_.listens(Point::ln_final_normalized) ||
                    plan_.listens(Point::ln_final_scale);
  for (const auto& path : probe_.slots().path) {
    if (request_.logits == LogitsAt::last) wanted.push_back(path.back());
    if (request_.logits == LogitsAt::all) wanted.insert(wanted.end(), path.begin(), path.end());
  }
  std::ranges::sort(wanted);
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  return {logits || norm ? all : wanted, logits ? all : wanted};
}

void Pass::hand_out(Tensor logits, const std::vector<int>& of_slots) {
  if (request_.logits == LogitsAt::none) return;
  if (request_.logits == LogitsAt::all && result_.rows.size() == 1) {
    result_.rows[0].logits = std::move(logits);
    return;
  }
  auto row_of = [&](int slot) { return static_cast<int>(std::ranges::lower_bound(of_slots, slot) - of_slots.begin()); };
  for (std::size_t r = 0; r < result_.rows.size(); ++r) {
    const std::vector<int>& path = probe_.slots().path[r];
    if (request_.logits == LogitsAt::last) {
      result_.rows[r].logits = Tensor::of({logits.columns()}, logits.row(row_of(path.back())));
      continue;
    }
    std::vector<int> rows;
    for (int slot : path) rows.push_back(row_of(slot));
    result_.rows[r].logits = gather(logits, rows);
  }
}

}  // namespace embscope
