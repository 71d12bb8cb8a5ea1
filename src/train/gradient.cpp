#include "embscope/gradient.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "forward/activation.h"
#include "forward/norm.h"
#include "forward/request.h"
#include "forward/rotary.h"
#include "forward/weights.h"
#include "train/attention.h"

namespace embscope {
namespace {

using Key = std::pair<int, Point>;  // of a site: block, point

/// What a run held at the sites that were captured.
class Activations {
 public:
  Activations(std::vector<Site> sites, std::vector<Tensor> values) : values_(std::move(values)) {
    for (std::size_t i = 0; i < sites.size(); ++i) index_[{sites[i].block, sites[i].point}] = i;
  }
  const Tensor& at(Point point, int block) const { return values_[index_.at({block, point})]; }

 private:
  std::vector<Tensor> values_;
  std::map<Key, std::size_t> index_;
};

/// One walk from the logits down, in the reverse order of forward/pass. d is the gradient by what its name says; x_ that by the
/// residual stream, [T, D].
class Backward {
 public:
  Backward(const Model& model, const Activations& activations, const GradientRequest& request, std::int64_t positions)
      : model_(model), config_(model.config()), run_(activations), request_(request), positions_(positions) {
    if (config_.position == PositionKind::rotary) rotary_ = rotary(config_, positions);
  }

  void head(TokenId target, std::optional<TokenId> against);  ///< logits, final norm
  void block(int l);
  void embedding();
  std::vector<Tensor> take();  ///< in the order of the sites

 private:
  void mlp(int l);
  void attention(int l);
  void attend(int l, const Tensor& dz, Tensor& dq, Tensor& dk, Tensor& dv);
  void rotate_back(Tensor& d, std::int64_t heads) const;
  void norm(const Norm& w, Point scale, Point normalized, int l, Tensor& d);  ///< adds to x_
  Tensor through(std::initializer_list<std::pair<const Matrix*, const Tensor*>> maps) const;  ///< sum of dy W
  bool wanted(Point point, int l) const { return std::ranges::find(request_.sites, Site{point, l}) != request_.sites.end(); }
  void keep(Point point, int l, const Tensor& d);

  const Model& model_;
  const Config& config_;
  const Activations& run_;
  const GradientRequest& request_;
  std::int64_t positions_;
  Rotary rotary_;
  Tensor x_;
  std::map<Key, Tensor> kept_;
};

void Backward::keep(Point point, int l, const Tensor& d) {
  if (wanted(point, l)) kept_[{l, point}] = d.clone();
}

std::vector<Tensor> Backward::take() {
  std::vector<Tensor> gradients;
  for (const Site& site : request_.sites) {
    const Tensor& like = run_.at(site.point, site.block);
    const auto kept = kept_.find({site.block, site.point});
    if (kept == kept_.end()) throw Error(Code::unsupported, site.name(), "the backward pass does not come by this site");
    const auto values = kept->second.values();
    gradients.push_back(Tensor::of(like.shape(), {values.data(), values.size()}));
  }
  return gradients;
}

Tensor Backward::through(std::initializer_list<std::pair<const Matrix*, const Tensor*>> maps) const {
  Tensor sum;
  for (const auto& [w, dy] : maps) {
    const Packed packed = pack_backward(*w);
    Tensor part = Tensor::uninitialised({positions_, w->in});
    gemm(dy->data(), dy->columns(), positions_, {{Product{&packed, nullptr, part.data(), w->in}}});
    if (sum.empty())
      sum = std::move(part);
    else
      add(sum.data(), part.data(), sum.size(), sum.data());
  }
  return sum;
}

// y = h gain + bias with h = (x - mean) / s, s = sqrt(mean((x - mean)^2) + epsilon). With g the gradient by h, that by s is
// -sum(g h) / s, and through both x gets (g - mean(g) - h mean(g h)) / s; RMSNorm has no mean to take.
void Backward::norm(const Norm& w, Point scale_point, Point normalized, int l, Tensor& d) {
  const Tensor gain = w.gain.values();
  for_rows(d, [&](std::int64_t i) { multiply(d.row(i).data(), gain.data(), d.columns()); });
  keep(normalized, l, d);
  const Tensor &h = run_.at(normalized, l), &scales = run_.at(scale_point, l);
  const double width = static_cast<double>(d.columns()), centred = config_.norm == NormKind::layer ? 1 : 0;
  Tensor by_scale({positions_, 1});
  for_rows(d, [&](std::int64_t i) {
    const std::span<const float> g = d.row(i), normed = h.row(i);
    const std::span<float> x = x_.row(i);
    const double s = static_cast<double>(scales.data()[i]);
    double sum = 0, product = 0;
    for (std::size_t k = 0; k < g.size(); ++k) sum += static_cast<double>(g[k]), product += static_cast<double>(g[k]) * static_cast<double>(normed[k]);
    by_scale.data()[i] = static_cast<float>(-product / s);
    for (std::size_t k = 0; k < g.size(); ++k)
      x[k] += static_cast<float>((static_cast<double>(g[k]) - centred * sum / width - static_cast<double>(normed[k]) * product / width) / s);
  });
  keep(scale_point, l, by_scale);
}

void Backward::head(TokenId target, std::optional<TokenId> against) {
  const std::int64_t last = positions_ - 1;
  if (wanted(Point::logits, -1)) {
    Tensor d({positions_, config_.vocab});
    d.row(last)[static_cast<std::size_t>(target)] = 1;
    if (against) d.row(last)[static_cast<std::size_t>(*against)] = -1;
    keep(Point::logits, -1, d);
  }
  Tensor d({positions_, config_.width});
  const Matrix& unembed = model_.weights().unembed;
  unembed.row(target, d.row(last).data());
  if (against) {
    std::vector<float> other(static_cast<std::size_t>(config_.width));
    unembed.row(*against, other.data());
    for (std::size_t k = 0; k < other.size(); ++k) d.row(last)[k] -= other[k];
  }
  keep(Point::ln_final, -1, d);
  x_ = Tensor({positions_, config_.width});
  norm(model_.weights().ln_final, Point::ln_final_scale, Point::ln_final_normalized, -1, d);
}

void Backward::block(int l) {
  keep(Point::resid_post, l, x_), keep(Point::mlp_out, l, x_);
  mlp(l);
  keep(Point::resid_mid, l, x_), keep(Point::attn_out, l, x_);
  attention(l);
  keep(Point::resid_pre, l, x_);
}

void Backward::mlp(int l) {
  const BlockWeights& w = model_.weights().blocks[static_cast<std::size_t>(l)];
  Tensor d = through({{&w.down, &x_}});
  keep(Point::mlp_post, l, d);
  const Tensor& pre = run_.at(Point::mlp_pre, l);
  const std::int64_t f = d.columns();
  Tensor up;
  if (config_.gated_mlp) {  // post = f(pre) up
    up = pre.clone();
    const Tensor& factor = run_.at(Point::mlp_up, l);
    for_rows(d, [&](std::int64_t i) {
      activate(config_.activation, up.row(i).data(), f);
      multiply(up.row(i).data(), d.row(i).data(), f);
      multiply(d.row(i).data(), factor.row(i).data(), f);
    });
    keep(Point::mlp_up, l, up);
  }
  for_rows(d, [&](std::int64_t i) { activate_backward(config_.activation, pre.row(i).data(), d.row(i).data(), f); });
  keep(Point::mlp_pre, l, d);
  d = config_.gated_mlp ? through({{&w.gate, &d}, {&w.up, &up}}) : through({{&w.up, &d}});
  keep(Point::ln2, l, d);
  norm(w.ln2, Point::ln2_scale, Point::ln2_normalized, l, d);
}

void Backward::attention(int l) {
  const BlockWeights& w = model_.weights().blocks[static_cast<std::size_t>(l)];
  const Tensor dz = through({{&w.o, &x_}});
  keep(Point::z, l, dz);
  Tensor dq({positions_, w.q.out}), dk({positions_, w.k.out}), dv({positions_, w.v.out});
  attend(l, dz, dq, dk, dv);
  if (config_.position == PositionKind::rotary) {
    keep(Point::rot_q, l, dq), keep(Point::rot_k, l, dk);
    rotate_back(dq, config_.heads), rotate_back(dk, config_.kv_heads);
  }
  keep(Point::q, l, dq), keep(Point::k, l, dk), keep(Point::v, l, dv);
  Tensor d = through({{&w.q, &dq}, {&w.k, &dk}, {&w.v, &dv}});
  keep(Point::ln1, l, d);
  norm(w.ln1, Point::ln1_scale, Point::ln1_normalized, l, d);
}

// Each head of keys and values is one thread's, which adds up those of the queries that share it in order.
void Backward::attend(int l, const Tensor& dz, Tensor& dq, Tensor& dk, Tensor& dv) {
  const bool turned = config_.position == PositionKind::rotary, maps = wanted(Point::pattern, l) || wanted(Point::scores, l);
  const Tensor &q = run_.at(turned ? Point::rot_q : Point::q, l), &k = run_.at(turned ? Point::rot_k : Point::k, l);
  const Tensor& v = run_.at(Point::v, l);
  const std::int64_t t = positions_, width = config_.head_width, group = config_.heads / config_.kv_heads;
  Tensor pattern, scores;
  if (maps) pattern = Tensor({config_.heads, t, t}), scores = Tensor({config_.heads, t, t});
  parallel_for(config_.kv_heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t h = begin * group; h < end * group; ++h) {
      const std::int64_t at = h * width, kv = h / group * width;
      const HeadPass pass{t, width, q.data() + at, k.data() + kv, v.data() + kv, dq.columns(), dk.columns(), config_.attn_scale, {}, 0};
      HeadGradients d{dq.data() + at, dk.data() + kv, dv.data() + kv, h % group != 0};
      if (maps) d.pattern = pattern.data() + h * t * t, d.scores = scores.data() + h * t * t;
      attend_backward(pass, dz.data() + at, dz.columns(), d);
    }
  });
  if (maps) keep(Point::pattern, l, pattern), keep(Point::scores, l, scores);
}

// A rotation's gradient is turned back by the same angle.
void Backward::rotate_back(Tensor& d, std::int64_t heads) const {
  const std::int64_t half = config_.head_width / 2;
  for_rows(d, [&](std::int64_t t) {
    std::vector<float> back(rotary_.sines.row(t).begin(), rotary_.sines.row(t).end());
    for (float& s : back) s = -s;
    for (std::int64_t h = 0; h < heads; ++h)
      rotate_halves(d.row(t).data() + h * config_.head_width, rotary_.cosines.row(t).data(), back.data(), half);
  });
}

void Backward::embedding() { keep(Point::wte, -1, x_), keep(Point::wpe, -1, x_); }

bool below_blocks(Point point) { return point == Point::wte || point == Point::wpe; }

// The lowest block that the walk comes to; the number of blocks when it ends at the final norm.
int lowest_block(const GradientRequest& r, const Config& config) {
  int lowest = static_cast<int>(config.blocks);
  for (const Site& site : r.sites) lowest = std::min(lowest, below_blocks(site.point) ? 0 : site.block < 0 ? lowest : site.block);
  return lowest;
}

// What the walk reads of the run, and what was asked for.
std::vector<Site> captured_sites(const GradientRequest& r, const Config& config, int lowest) {
  const bool turned = config.position == PositionKind::rotary;
  std::vector<Point> needed = {Point::ln1_scale, Point::ln1_normalized, turned ? Point::rot_q : Point::q,
                               turned ? Point::rot_k : Point::k, Point::v, Point::ln2_scale, Point::ln2_normalized, Point::mlp_pre};
  if (config.gated_mlp) needed.push_back(Point::mlp_up);
  std::vector<Site> sites = r.sites;
  auto need = [&](Site site) {
    if (std::ranges::find(sites, site) == sites.end()) sites.push_back(site);
  };
  for (int l = lowest; l < static_cast<int>(config.blocks); ++l) {
    for (Point point : needed) need({point, l});
  }
  need({Point::ln_final_scale, -1}), need({Point::ln_final_normalized, -1});
  return sites;
}

// The logit itself, into the result; returns what the run held.
Activations run_forward(const Transformer& transformer, const GradientRequest& r, GradientResult& result, const Progress& progress) {
  Request request;
  request.progress = progress;
  request.rows = {{r.ids.begin(), r.ids.begin() + result.position + 1}};
  request.capture = captured_sites(r, transformer.config(), lowest_block(r, transformer.config()));
  RowResult row = std::move(transformer.run(request).rows[0]);
  const auto logits = row.logits.values();
  result.target = r.target.value_or(static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin()));
  result.against = r.against;
  if (result.against == result.target)
    throw Error(Code::usage, "gradient", fmt::format("{} against itself: choose two tokens", transformer.model().label(result.target)));
  result.logit = static_cast<double>(logits[static_cast<std::size_t>(result.target)]);
  if (r.against) result.logit -= static_cast<double>(logits[static_cast<std::size_t>(*r.against)]);
  return {std::move(request.capture), std::move(row.captured)};
}

}  // namespace

GradientResult gradient(const Transformer& transformer, const GradientRequest& r, const Progress& progress) {
  GradientResult result;
  result.position = position_in(r.ids.size(), r.position, "gradient");
  for (const auto& id : {r.target, r.against}) {
    if (id) token_in(transformer.config(), *id, "gradient");
  }
  constexpr double forward = 0.3;  // its share, roughly
  const Activations run = run_forward(transformer, r, result, part_of(progress, 0, forward));
  Backward backward(transformer.model(), run, r, result.position + 1);
  backward.head(result.target, result.against);
  const int blocks = static_cast<int>(transformer.config().blocks), lowest = lowest_block(r, transformer.config());
  for (int l = blocks; l-- > lowest;) {
    report(progress, forward + (1 - forward) * (blocks - l) / (blocks + 1), "block by block, backward");
    backward.block(l);
  }
  backward.embedding();
  result.gradients = backward.take();
  for (const Site& site : r.sites) result.activations.push_back(run.at(site.point, site.block).clone());
  return result;
}

}  // namespace embscope
