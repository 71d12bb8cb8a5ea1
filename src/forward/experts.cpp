#include "forward/experts.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "forward/activation.h"
#include "forward/norm.h"

namespace embscope {
namespace {

constexpr float nothing = -std::numeric_limits<float>::infinity();

// The `count` greatest of n values, greatest first; of equal ones the first. A value that is not a number is never
// greater.
std::vector<std::int64_t> greatest(const std::vector<float>& values, std::int64_t count) {
  std::vector<std::int64_t> best;
  std::vector<bool> taken(values.size());
  while (static_cast<std::int64_t>(best.size()) < count) {
    std::int64_t at = -1;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!taken[i] && (at < 0 || values[i] > values[static_cast<std::size_t>(at)])) at = static_cast<std::int64_t>(i);
    }
    taken[static_cast<std::size_t>(at)] = true;
    best.push_back(at);
  }
  return best;
}

// Experts of the groups that are not among the best count as nothing (DeepSeek-AI 2024).
void leave_groups(const Experts& e, std::vector<float>& scores) {
  const std::int64_t size = e.count / e.groups;
  std::vector<float> of_group;
  for (std::int64_t g = 0; g < e.groups; ++g) {
    const std::vector<float> group(scores.begin() + g * size, scores.begin() + (g + 1) * size);
    float sum = 0;
    for (std::int64_t i : greatest(group, std::min<std::int64_t>(e.group_best, size)))
      sum += group[static_cast<std::size_t>(i)];
    of_group.push_back(sum);
  }
  const auto kept = greatest(of_group, e.groups_chosen);
  for (std::int64_t i = 0; i < e.count; ++i) {
    if (std::ranges::find(kept, i / size) == kept.end()) scores[static_cast<std::size_t>(i)] = nothing;
  }
}

// What the weights are divided by. DeepSeek-V3 adds so little that it matters only where all sigmoids are 0.
float divisor(const Experts& e, const float* p, const float* chosen) {
  float sum = 0;
  for (std::int64_t j = 0; e.normalised && j < e.chosen; ++j) sum += p[static_cast<std::int64_t>(chosen[j])];
  return !e.normalised ? 1 : e.router == RouterKind::sigmoid ? sum + 1e-20f : sum;
}

// The softmax over the experts that are near the best of those not `taken`; 0 elsewhere. Nearness is in parts of the
// greater of an expert's own size and the best logit.
std::vector<float> near_best(const Experts& e, const float* logits, const std::vector<bool>& taken) {
  float most = nothing;
  for (std::int64_t i = 0; i < e.count; ++i) {
    if (!taken[static_cast<std::size_t>(i)]) most = std::max(most, logits[i]);
  }
  std::vector<float> part(logits, logits + e.count);
  for (std::int64_t i = 0; i < e.count; ++i) {
    const bool far = (most - logits[i]) / std::max(std::abs(logits[i]), most) > 2 * e.nearness;
    if (far || taken[static_cast<std::size_t>(i)]) part[static_cast<std::size_t>(i)] = nothing;
  }
  softmax(part.data(), e.count);
  return part;
}

/// body(j, expert, parts) for each choice of sparse_mixer.
template <class Body>
void for_choices(const Experts& e, const float* logits, const float* chosen, Body&& body) {
  std::vector<bool> taken(static_cast<std::size_t>(e.count));
  for (std::int64_t j = 0; j < e.chosen; ++j) {
    const auto expert = static_cast<std::size_t>(chosen[j]);
    body(j, expert, near_best(e, logits, taken));
    taken[expert] = true;
  }
}

// One of gpt-oss's: min(g, limit) sigmoid(alpha g) (clamp(u) + 1).
struct Clamped {
  float limit, alpha;
  float gate(float g) const { return std::min(g, limit); }
  float up(float u) const { return std::clamp(u, -limit, limit); }
  float glu(float g) const { return gate(g) * sigmoid(alpha * gate(g)); }
  float slope(float g) const {
    const float s = sigmoid(alpha * gate(g));
    return g > limit ? 0 : s + gate(g) * alpha * s * (1 - s);
  }
};

}  // namespace

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

void router_probabilities(const Experts& e, float* logits) {
  if (e.router == RouterKind::softmax) return softmax(logits, e.count);
  if (e.router == RouterKind::sparse_mixer) return;
  for (std::int64_t i = 0; i < e.count; ++i) logits[i] = sigmoid(logits[i]);
}

void choose_experts(const Experts& e, const float* probabilities, const float* correction, float* chosen) {
  std::vector<float> scores(probabilities, probabilities + e.count);
  for (std::int64_t i = 0; correction != nullptr && i < e.count; ++i)
    scores[static_cast<std::size_t>(i)] += correction[i];
  if (e.groups > 1) leave_groups(e, scores);
  for (std::int64_t expert : greatest(scores, e.chosen)) *chosen++ = static_cast<float>(expert);
}

void weigh_experts(const Experts& e, const float* p, const float* chosen, float* weights) {
  if (e.router == RouterKind::sparse_mixer)
    return for_choices(e, p, chosen, [&](std::int64_t j, std::size_t expert, const std::vector<float>& parts) {
      weights[j] = parts[expert];
    });
  const float sum = divisor(e, p, chosen);
  for (std::int64_t j = 0; j < e.chosen; ++j) weights[j] = p[static_cast<std::int64_t>(chosen[j])] / sum * e.scale;
}

void scale_chosen(const Experts& e, const float* factors, const float* chosen, float* weights) {
  for (std::int64_t j = 0; j < e.chosen; ++j) weights[j] *= factors[static_cast<std::int64_t>(chosen[j])];
}

// w = scale p / sum: dp = scale (dw - sum of dw w / scale) / sum.
void weigh_experts_backward(const Experts& e, const float* p, const float* chosen, const float* dw, float* dp) {
  if (e.router == RouterKind::sparse_mixer)
    return for_choices(e, p, chosen, [&](std::int64_t j, std::size_t expert, const std::vector<float>& parts) {
      for (std::size_t i = 0; i < parts.size(); ++i)
        dp[i] += dw[j] * parts[expert] * ((i == expert ? 1.0f : 0.0f) - parts[i]);
    });
  const float sum = divisor(e, p, chosen);
  float along = 0;
  for (std::int64_t j = 0; e.normalised && j < e.chosen; ++j)
    along += dw[j] * p[static_cast<std::int64_t>(chosen[j])] / sum;
  for (std::int64_t j = 0; j < e.chosen; ++j)
    dp[static_cast<std::int64_t>(chosen[j])] += e.scale * (dw[j] - along) / sum;
}

void router_probabilities_backward(const Experts& e, const float* p, float* d) {
  if (e.router == RouterKind::softmax) return softmax_backward(p, d, e.count, 1);
  if (e.router == RouterKind::sparse_mixer) return;
  for (std::int64_t i = 0; i < e.count; ++i) d[i] *= p[i] * (1 - p[i]);
}

std::vector<std::vector<Routed>> routed(const Experts& e, const Tensor& chosen) {
  std::vector<std::vector<Routed>> rows(static_cast<std::size_t>(e.count));
  for (std::int64_t i = 0; i < chosen.rows(); ++i) {
    for (std::int64_t j = 0; j < e.chosen; ++j) {
      const float expert = chosen.row(i)[static_cast<std::size_t>(j)];
      if (!(expert >= 0) || expert >= static_cast<float>(e.count) || expert != std::floor(expert))
        throw Error(Code::range, "router.chosen", fmt::format("expert {:g}: there are 0..{}", expert, e.count - 1));
      auto& of_expert = rows[static_cast<std::size_t>(expert)];
      if (!of_expert.empty() && of_expert.back().row == i)
        throw Error(Code::range, "router.chosen", fmt::format("expert {:g} is chosen twice for one position", expert));
      of_expert.push_back({i, j});
    }
  }
  return rows;
}

Tensor gather(const Tensor& x, const std::vector<Routed>& rows) {
  Tensor out = Tensor::uninitialised({static_cast<std::int64_t>(rows.size()), x.columns()});
  for_rows(out, [&](std::int64_t i) {
    std::ranges::copy(x.row(rows[static_cast<std::size_t>(i)].row), out.row(i).begin());
  });
  return out;
}

ExpertHidden expert_hidden(const PackedExpert& w, const Tensor& x) {
  const bool in_turn = w.up.weight.empty();
  const std::int64_t outputs = w.gate.weight.out(), f = in_turn ? outputs / 2 : outputs;
  Tensor gate = Tensor::uninitialised({x.rows(), outputs}), up = Tensor::uninitialised({x.rows(), f});
  std::vector<Product> products{product_of(w.gate, gate.data(), outputs)};
  if (!in_turn) products.push_back(product_of(w.up, up.data(), f));
  gemm(x.data(), x.columns(), x.rows(), products);
  if (!in_turn) return {std::move(gate), std::move(up)};
  Tensor own = Tensor::uninitialised({x.rows(), f});
  for_rows(own, [&](std::int64_t i) {
    for (std::int64_t k = 0; k < f; ++k)
      own.row(i).data()[k] = gate.row(i).data()[2 * k], up.row(i).data()[k] = gate.row(i).data()[2 * k + 1];
  });
  return {std::move(own), std::move(up)};
}

void glu(const Config& config, ExpertHidden& hidden) {
  const Clamped clamped{config.experts.limit, config.experts.alpha};
  const std::int64_t f = hidden.gate.columns();
  for_rows(hidden.gate, [&](std::int64_t i) {
    float *gate = hidden.gate.row(i).data(), *up = hidden.up.row(i).data();
    if (clamped.limit == 0) return activate(config.activation, gate, f), multiply(gate, up, f);
    for (std::int64_t k = 0; k < f; ++k) gate[k] = (clamped.up(up[k]) + 1) * clamped.glu(gate[k]);
  });
}

void glu_backward(const Config& config, const Tensor& gate, Tensor& up, Tensor& d) {
  const Clamped clamped{config.experts.limit, config.experts.alpha};
  const std::int64_t f = gate.columns();
  for_rows(d, [&](std::int64_t i) {
    const float* g = gate.row(i).data();
    float *u = up.row(i).data(), *by = d.row(i).data();
    if (clamped.limit != 0) {
      for (std::int64_t k = 0; k < f; ++k) {
        const float by_post = by[k], by_up = std::abs(u[k]) > clamped.limit ? 0 : by_post * clamped.glu(g[k]);
        by[k] = by_post * (clamped.up(u[k]) + 1) * clamped.slope(g[k]);
        u[k] = by_up;
      }
      return;
    }
    std::vector<float> active(g, g + f);
    activate(config.activation, active.data(), f);
    multiply(active.data(), by, f);  // by up
    multiply(by, u, f);
    activate_backward(config.activation, g, by, f);
    std::ranges::copy(active, u);
  });
}

}  // namespace embscope
