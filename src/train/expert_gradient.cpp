#include "train/expert_gradient.h"

#include "forward/experts.h"
#include "forward/norm.h"
#include "kernels/vector.h"

namespace embscope {
namespace {

Tensor product(const PackedLinear& w, const Tensor& x) {
  Tensor y = Tensor::uninitialised({x.rows(), w.weight.out()});
  gemm(x.data(), x.columns(), x.rows(), {{product_of(w, y.data(), y.columns())}});
  return y;
}

// dy W, added to dx.
void add_back(const Linear& w, const Tensor& dy, Tensor& dx) {
  const Packed packed = pack_backward(w.weight);
  Tensor part = Tensor::uninitialised({dy.rows(), packed.out()});
  gemm(dy.data(), dy.columns(), dy.rows(), {{Product{&packed, nullptr, part.data(), packed.out()}}});
  add(dx.data(), part.data(), dx.size(), dx.data());
}

float dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return static_cast<float>(sum);
}

// One of each in turn, as the matrix of both has its outputs.
Tensor in_turn(const Tensor& gate, const Tensor& up) {
  Tensor both = Tensor::uninitialised({gate.rows(), 2 * gate.columns()});
  for_rows(both, [&](std::int64_t i) {
    float* to = both.row(i).data();
    for (std::size_t k = 0; k < gate.row(i).size(); ++k) *to++ = gate.row(i)[k], *to++ = up.row(i)[k];
  });
  return both;
}

/// One expert over its rows: what it gives, and then its input's gradient.
class ExpertPass {
 public:
  ExpertPass(const Config& config, const Expert& weights, const PackedExpert& packed, Tensor input)
      : config_(config), weights_(weights), hidden_(expert_hidden(packed, input)) {
    ExpertHidden post{hidden_.gate.clone(), hidden_.up.clone()};
    glu(config, post);
    given_ = product(packed.down, post.gate);
  }

  const Tensor& given() const { return given_; }

  Tensor backward(const Tensor& by_given) {
    Tensor d({by_given.rows(), weights_.down.weight.in}), dx({by_given.rows(), weights_.gate.weight.in});
    add_back(weights_.down, by_given, d);
    glu_backward(config_, hidden_.gate, hidden_.up, d);
    if (weights_.up.weight.empty()) {
      add_back(weights_.gate, in_turn(d, hidden_.up), dx);
    } else {
      add_back(weights_.gate, d, dx), add_back(weights_.up, hidden_.up, dx);
    }
    return dx;
  }

 private:
  const Config& config_;
  const Expert& weights_;
  ExpertHidden hidden_;
  Tensor given_;
};

void add_shared(const Config& config, const ExpertWeights& w, const PackedExperts& packed, const Tensor& input,
                const Tensor& d, Tensor& dx) {
  ExpertPass shared(config, w.shared, packed.shared, input.clone());
  Tensor by_given = d.clone();
  if (!w.shared_gate.weight.empty()) {
    Tensor gate = product(packed.shared_gate, input);
    for_rows(by_given, [&](std::int64_t i) {
      float& g = *gate.row(i).data();
      const float s = sigmoid(g);
      g = dot(d.row(i), shared.given().row(i)) * s * (1 - s);
      scale(by_given.row(i).data(), s, config.width);
    });
    add_back(w.shared_gate, gate, dx);
  }
  const Tensor by_input = shared.backward(by_given);
  add(dx.data(), by_input.data(), dx.size(), dx.data());
}

}  // namespace

ExpertGradients experts_backward(const Model& model, int block, const ExpertActivations& run, const Tensor& d) {
  const Config& config = model.config();
  const Experts& e = config.experts;
  const ExpertWeights& w = model.weights().blocks[static_cast<std::size_t>(block)].experts;
  const PackedExperts packed = std::move(pack_block(model, static_cast<std::size_t>(block)).experts);
  const std::int64_t t = d.rows(), width = config.width;
  ExpertGradients g{Tensor({t, width}),    Tensor({t, e.count}),          Tensor({t, e.count}), Tensor({t, e.chosen}),
                    Tensor({t, e.chosen}), Tensor({t, e.chosen * width}), Tensor({t, width})};
  for_rows(g.out, [&](std::int64_t i) {
    for (std::int64_t j = 0; j < e.chosen; ++j) std::ranges::copy(d.row(i), g.out.row(i).data() + j * width);
  });
  const auto rows = routed(e, run.chosen);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].empty()) continue;
    Tensor input = gather(run.input, rows[i]), by_given = gather(d, rows[i]);
    auto weigh = [&](Tensor& x) {
      for (std::size_t r = 0; r < rows[i].size(); ++r)
        scale(x.row(static_cast<std::int64_t>(r)).data(),
              run.weights.row(rows[i][r].row)[static_cast<std::size_t>(rows[i][r].rank)], width);
    };
    if (e.of_input) weigh(input);
    ExpertPass expert(config, w.each[i], packed.each[i], std::move(input));
    if (!e.of_input) weigh(by_given);
    Tensor by_input = expert.backward(by_given);
    for (std::size_t r = 0; r < rows[i].size(); ++r) {  // what is weighed answers to its weight
      const auto [row, rank] = rows[i][r];
      const auto own = static_cast<std::int64_t>(r);
      g.weights.row(row)[static_cast<std::size_t>(rank)] =
          e.of_input ? dot(by_input.row(own), run.input.row(row)) : dot(d.row(row), expert.given().row(own));
    }
    if (e.of_input) weigh(by_input);
    for (std::size_t r = 0; r < rows[i].size(); ++r) {
      float* to = g.input.row(rows[i][r].row).data();
      add(to, by_input.row(static_cast<std::int64_t>(r)).data(), width, to);
    }
  }
  for_rows(g.probabilities, [&](std::int64_t i) {
    const float *p = run.probabilities.row(i).data(), *chosen = run.chosen.row(i).data();
    float* dp = g.probabilities.row(i).data();
    std::vector<float> dw(g.weights.row(i).begin(), g.weights.row(i).end());
    if (!packed.scales.empty()) scale_chosen(e, packed.scales.data(), chosen, dw.data());
    weigh_experts_backward(e, p, chosen, dw.data(), dp);
    std::ranges::copy(g.probabilities.row(i), g.logits.row(i).begin());
    router_probabilities_backward(e, p, g.logits.row(i).data());
  });
  add_back(w.router, g.logits, g.router_input);
  if (e.shared_width > 0) add_shared(config, w, packed, run.input, d, g.input);
  return g;
}

}  // namespace embscope
