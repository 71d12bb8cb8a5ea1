#include "train/network.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/threads.h"
#include "forward/activation.h"
#include "forward/norm.h"
#include "kernels/vector.h"
#include "train/weight_gradient.h"

namespace embscope {
namespace {

constexpr std::int64_t chunk_rows = 126;  // nine tiles of the matrix product
// Logits of as many positions at a time as fit in 64 MiB: with 50,257 tokens those of a whole batch would be gigabytes.
constexpr std::int64_t most_logits = std::int64_t{1} << 24;

// The places of dropout in a step; a part of each mask's key.
enum class Place : std::uint64_t { embedding, pattern, attention, mlp };

Dropout dropout_at(const Network::Step& step, Place place, std::size_t block) {
  const std::uint64_t site = static_cast<std::uint64_t>(place) + 4 * static_cast<std::uint64_t>(block) + 1;
  std::uint64_t key = (step.key + site) * 0x9e3779b97f4a7c15;
  key = (key ^ (key >> 29)) * 0xbf58476d1ce4e5b9;
  return {step.rate, key ^ (key >> 32)};
}

std::int64_t logit_group(std::int64_t vocab) {
  return std::max<std::int64_t>(1, most_logits / vocab / chunk_rows) * chunk_rows;
}

void shape_as(Tensor& t, const Shape& shape) {
  if (t.empty() || t.shape() != shape) t = Tensor::uninitialised(shape);
}

// Conv1D [in, out] as panels of outputs: rows already have outputs side by side.
void pack_outputs(const float* w, std::int64_t in, std::int64_t out, Packed& packed) {
  if (packed.empty()) packed = Packed(out, in, [](std::int64_t, float*) {});
  packed.refill([&](std::int64_t p, float* panel) {
    const std::int64_t first = p * panel_width;
    copy_panel(w + first, out, in, std::min(panel_width, out - first), panel);
  });
}

// [outputs, inputs] as panels of outputs: the transpose of the above.
void pack_rows(const float* w, std::int64_t out, std::int64_t in, Packed& packed) {
  if (packed.empty()) packed = Packed(out, in, [](std::int64_t, float*) {});
  packed.refill([&](std::int64_t p, float* panel) {
    const std::int64_t first = p * panel_width;
    pack_panel(w + first * in, in, std::min(panel_width, out - first), in, panel);
  });
}

void linear(const Tensor& x, const Packed& w, const float* bias, Tensor& y, std::int64_t begin, std::int64_t end) {
  gemm_here(x.data() + begin * x.columns(), x.columns(), end - begin,
            {{Product{&w, bias, y.data() + begin * y.columns(), y.columns()}}});
}

}  // namespace

Network::Network(const Config& config) : config_(config), packed_(static_cast<std::size_t>(config.blocks)) {
  refuse_untrainable(config);
}

template <class F>
void Network::for_chunks(F&& body) const {
  parallel_for(rows_ * length_, chunk_rows, [&](std::int64_t begin, std::int64_t end) { body(Chunk{begin, end}); });
}

void Network::pack(const Parts<const float>& w) {
  const std::int64_t d = config_.width, f = config_.mlp_width;
  for (std::size_t l = 0; l < packed_.size(); ++l) {
    const BlockParts& from = w.blocks[l];
    PackedMaps& b = packed_[l];
    pack_outputs(from.q.weight, d, 3 * d, b.qkv), pack_rows(from.q.weight, d, 3 * d, b.qkv_back);
    pack_outputs(from.o.weight, d, d, b.o), pack_rows(from.o.weight, d, d, b.o_back);
    pack_outputs(from.up.weight, d, f, b.up), pack_rows(from.up.weight, d, f, b.up_back);
    pack_outputs(from.down.weight, f, d, b.down), pack_rows(from.down.weight, f, d, b.down_back);
  }
  pack_rows(w.wte, config_.vocab, d, unembed_);
  pack_outputs(w.wte, config_.vocab, d, unembed_back_);
}

void Network::reserve(const Batch& batch, bool gradients) {
  rows_ = batch.rows, length_ = batch.length;
  const std::int64_t n = rows_ * length_, d = config_.width, f = config_.mlp_width;
  const std::int64_t chunks = (n + chunk_rows - 1) / chunk_rows;
  auto norm = [&](Normed& kept) { shape_as(kept.mean, {n}), shape_as(kept.scale, {n}); };
  kept_.resize(packed_.size());
  for (Kept& b : kept_) {
    for (Tensor* t : {&b.x, &b.ln1, &b.z, &b.mid, &b.ln2}) shape_as(*t, {n, d});
    shape_as(b.qkv, {n, 3 * d}), shape_as(b.pre, {n, f}), shape_as(b.post, {n, f});
    norm(b.norm1), norm(b.norm2);
  }
  for (Tensor* t : {&last_, &last_normed_, &out_}) shape_as(*t, {n, d});
  norm(norm_final_);
  shape_as(logits_, {std::min(n, logit_group(config_.vocab)), config_.vocab});
  losses_.resize(static_cast<std::size_t>(n));
  if (!gradients) return;
  for (Tensor* t : {&dx_, &dmlp_, &dattn_, &dz_, &dnormed_}) shape_as(*t, {n, d});
  shape_as(dpre_, {n, f}), shape_as(dqkv_, {n, 3 * d});
  for (Tensor* t : {&shares1_, &shares2_, &shares_final_}) shape_as(*t, {chunks, 2 * d});
}

Tensor& Network::stream(std::size_t l) { return l < kept_.size() ? kept_[l].x : last_; }

// The forward pass. Each function is named for what a block does with the residual stream.

void Network::embed(const Parts<const float>& w, const Batch& batch, const Step& step, Chunk rows) {
  const std::int64_t d = config_.width;
  Tensor& x = stream(0);
  const Dropout drop = dropout_at(step, Place::embedding, 0);
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    const float* token = w.wte + batch.inputs[static_cast<std::size_t>(i)] * d;
    add(token, w.wpe + i % length_ * d, d, x.row(i).data());
    dropout(x.row(i).data(), d, drop, static_cast<std::uint64_t>(i * d));
  }
}

void Network::norm(const float* gain, const float* bias, const Tensor& x, Normed& kept, Tensor& y, Chunk rows) const {
  const std::int64_t d = config_.width;
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    const NormRow row = norm_row(config_.norm, config_.epsilon, gain, bias, x.row(i).data(), d, y.row(i).data());
    kept.mean.data()[i] = row.shift, kept.scale.data()[i] = row.scale;
  }
}

void Network::read(std::size_t l, const BlockParts& w, Chunk rows) {
  Kept& b = kept_[l];
  norm(w.ln1.gain, w.ln1.bias, b.x, b.norm1, b.ln1, rows);
  linear(b.ln1, packed_[l].qkv, w.q.bias, b.qkv, rows.begin, rows.end);
}

HeadPass Network::head_pass(std::size_t l, std::int64_t task, const Step& step) const {
  const std::int64_t row = task / config_.heads, head = task % config_.heads, d = config_.width;
  const float* q = kept_[l].qkv.row(row * length_).data() + head * config_.head_width;
  const auto first = static_cast<std::uint64_t>(task * length_ * length_);
  const HeadShape shape = head_shape(config_, head, static_cast<int>(l), nullptr);
  return {length_, shape, q, q + d, q + 2 * d, 3 * d, 3 * d, 3 * d, dropout_at(step, Place::pattern, l), first};
}

void Network::attend(std::size_t l, const Step& step) {
  parallel_for(rows_ * config_.heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t row = task / config_.heads, head = task % config_.heads;
      attend_forward(head_pass(l, task, step), kept_[l].z.row(row * length_).data() + head * config_.head_width,
                     config_.width);
    }
  });
}

void Network::write(std::size_t l, const BlockParts& w, const Step& step, Chunk rows) {
  Kept& b = kept_[l];
  Tensor& next = stream(l + 1);
  const std::int64_t d = config_.width, begin = rows.begin, count = rows.end - rows.begin;
  auto add_out = [&](const Tensor& x, Place place, Tensor& sum) {
    dropout(out_.row(begin).data(), count * d, dropout_at(step, place, l), static_cast<std::uint64_t>(begin * d));
    add(x.row(begin).data(), out_.row(begin).data(), count * d, sum.row(begin).data());
  };
  linear(b.z, packed_[l].o, w.o.bias, out_, begin, rows.end);
  add_out(b.x, Place::attention, b.mid);
  norm(w.ln2.gain, w.ln2.bias, b.mid, b.norm2, b.ln2, rows);
  linear(b.ln2, packed_[l].up, w.up.bias, b.pre, begin, rows.end);
  activate(config_.activation, b.pre.row(begin).data(), count * config_.mlp_width, b.post.row(begin).data());
  linear(b.post, packed_[l].down, w.down.bias, out_, begin, rows.end);
  add_out(b.mid, Place::mlp, next);
}

void Network::forward(const Parts<const float>& w, const Batch& batch, const Step& step) {
  for_chunks([&](Chunk rows) {
    embed(w, batch, step, rows);
    read(0, w.blocks[0], rows);
  });
  for (std::size_t l = 0; l < kept_.size(); ++l) {
    attend(l, step);
    for_chunks([&](Chunk rows) {
      write(l, w.blocks[l], step, rows);
      if (l + 1 < kept_.size())
        read(l + 1, w.blocks[l + 1], rows);
      else
        norm(w.ln_final.gain, w.ln_final.bias, last_, norm_final_, last_normed_, rows);
    });
  }
}

double Network::loss(const Parts<const float>& w, const Batch& batch) {
  reserve(batch, false);
  forward(w, batch, {});
  return head(w, batch, {}, nullptr);
}

Tensor Network::logits(const Parts<const float>& w, std::span<const TokenId> ids) {
  const Batch batch{ids, ids, 1, static_cast<std::int64_t>(ids.size())};
  reserve(batch, false);
  forward(w, batch, {});
  Tensor result = Tensor::uninitialised({batch.length, config_.vocab});
  linear(last_normed_, unembed_, nullptr, result, 0, batch.length);
  return result;
}

// Logits, loss and, backward, the gradients by the logits (in their place) and by ln_final. `first`: of the group of
// rows.
void Network::head_rows(const Batch& batch, const Step& step, Chunk rows, std::int64_t first, bool backward) {
  const std::int64_t d = config_.width, v = config_.vocab, count = rows.end - rows.begin;
  float* logits = logits_.row(rows.begin - first).data();
  gemm_here(last_normed_.row(rows.begin).data(), d, count, {{Product{&unembed_, nullptr, logits, v}}});
  const float factor = step.factor / static_cast<float>(rows_ * length_);
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    const auto at = static_cast<std::size_t>(i);
    losses_[at] = cross_entropy(logits + (i - rows.begin) * v, v, batch.targets[at], factor);
  }
  if (backward) gemm_here(logits, v, count, {{Product{&unembed_back_, nullptr, dnormed_.row(rows.begin).data(), d}}});
}

double Network::head(const Parts<const float>& w, const Batch& batch, const Step& step, const Parts<float>* g) {
  const std::int64_t n = rows_ * length_, d = config_.width, group = logit_group(config_.vocab);
  for (std::int64_t first = 0; first < n; first += group) {
    const std::int64_t count = std::min(group, n - first);
    parallel_for(count, chunk_rows, [&](std::int64_t begin, std::int64_t end) {
      const Chunk rows{first + begin, first + end};
      head_rows(batch, step, rows, first, g != nullptr);
      if (g == nullptr) return;
      std::fill_n(dx_.row(rows.begin).data(), (rows.end - rows.begin) * d, 0.0f);
      float* share = norm_share(shares_final_, rows);
      for (std::int64_t i = rows.begin; i < rows.end; ++i) {
        layer_norm_backward(last_.row(i).data(), norm_final_.mean.data()[i], norm_final_.scale.data()[i],
                            w.ln_final.gain, dnormed_.row(i).data(), d, dx_.row(i).data(), share, share + d);
      }
    });
    if (g != nullptr)
      weight_gradients({{logits_.data(), config_.vocab, config_.vocab, last_normed_.row(first).data(), d, d, count,
                         g->wte, nullptr, step.add || first > 0}});
  }
  double total = 0;
  for (double loss : losses_) total += loss;
  return total / static_cast<double>(n);
}

// The backward pass, in the reverse order.

float* Network::norm_share(Tensor& shares, Chunk rows) const {
  const std::span<float> share = shares.row(rows.begin / chunk_rows);
  std::ranges::fill(share, 0.0f);
  return share.data();
}

void Network::add_norm_gradients(const Tensor& shares, float* dgain, float* dbias, bool add) const {
  const std::int64_t d = config_.width;
  sum_rows(shares.data(), 2 * d, shares.rows(), d, dgain, add);
  sum_rows(shares.data() + d, 2 * d, shares.rows(), d, dbias, add);
}

void Network::write_backward(std::size_t l, const BlockParts& w, const Step& step, Chunk rows) {
  Kept& b = kept_[l];
  const std::int64_t d = config_.width, begin = rows.begin, count = rows.end - rows.begin;
  auto through_dropout = [&](Place place, Tensor& out) {
    std::copy_n(dx_.row(begin).data(), count * d, out.row(begin).data());
    dropout(out.row(begin).data(), count * d, dropout_at(step, place, l), static_cast<std::uint64_t>(begin * d));
  };
  through_dropout(Place::mlp, dmlp_);
  linear(dmlp_, packed_[l].down_back, nullptr, dpre_, begin, rows.end);
  activate_backward(config_.activation, b.pre.row(begin).data(), dpre_.row(begin).data(), count * config_.mlp_width);
  linear(dpre_, packed_[l].up_back, nullptr, dnormed_, begin, rows.end);
  float* share = norm_share(shares2_, rows);
  for (std::int64_t i = begin; i < rows.end; ++i) {
    layer_norm_backward(b.mid.row(i).data(), b.norm2.mean.data()[i], b.norm2.scale.data()[i], w.ln2.gain,
                        dnormed_.row(i).data(), d, dx_.row(i).data(), share, share + d);
  }
  through_dropout(Place::attention, dattn_);
  linear(dattn_, packed_[l].o_back, nullptr, dz_, begin, rows.end);
}

void Network::attend_backward(std::size_t l, const Step& step) {
  parallel_for(rows_ * config_.heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t row = task / config_.heads, at = task % config_.heads * config_.head_width, d = config_.width;
      float* dq = dqkv_.row(row * length_).data() + at;
      embscope::attend_backward(head_pass(l, task, step), dz_.row(row * length_).data() + at, d,
                                {dq, dq + d, dq + 2 * d});
    }
  });
}

void Network::read_backward(std::size_t l, const BlockParts& w, Chunk rows) {
  const Kept& b = kept_[l];
  const std::int64_t d = config_.width;
  linear(dqkv_, packed_[l].qkv_back, nullptr, dnormed_, rows.begin, rows.end);
  float* share = norm_share(shares1_, rows);
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    layer_norm_backward(b.x.row(i).data(), b.norm1.mean.data()[i], b.norm1.scale.data()[i], w.ln1.gain,
                        dnormed_.row(i).data(), d, dx_.row(i).data(), share, share + d);
  }
}

// From the gradient of what the block wrote (write_backward's) to that of what it read, and what the block below wrote:
// a chunk of positions stays with its thread from one block to the next.
void Network::block_backward(std::size_t l, const Parts<const float>& w, const Step& step, const BlockGradients& g) {
  const Kept& b = kept_[l];
  const std::int64_t n = rows_ * length_, d = config_.width, f = config_.mlp_width;
  attend_backward(l, step);
  weight_gradients({{b.post.data(), f, f, dmlp_.data(), d, d, n, g.down.weight, g.down.bias, step.add},
                    {b.ln2.data(), d, d, dpre_.data(), f, f, n, g.up.weight, g.up.bias, step.add},
                    {b.z.data(), d, d, dattn_.data(), d, d, n, g.o.weight, g.o.bias, step.add},
                    {b.ln1.data(), d, d, dqkv_.data(), 3 * d, 3 * d, n, g.q.weight, g.q.bias, step.add}});
  add_norm_gradients(shares2_, g.ln2.gain, g.ln2.bias, step.add);
  for_chunks([&](Chunk rows) {
    read_backward(l, w.blocks[l], rows);
    if (l > 0) write_backward(l - 1, w.blocks[l - 1], step, rows);
  });
  add_norm_gradients(shares1_, g.ln1.gain, g.ln1.bias, step.add);
}

// Each thread has its own columns, and adds the rows in order.
void Network::embed_backward(const Batch& batch, const Step& step, const Parts<float>& g) {
  const std::int64_t n = rows_ * length_, d = config_.width;
  const Dropout drop = dropout_at(step, Place::embedding, 0);
  for_chunks([&](Chunk rows) {
    dropout(dx_.row(rows.begin).data(), (rows.end - rows.begin) * d, drop, static_cast<std::uint64_t>(rows.begin * d));
  });
  if (!step.add) std::fill_n(g.wpe, config_.context * d, 0.0f);
  parallel_for(d, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = 0; i < n; ++i) {
      const float* from = dx_.row(i).data() + begin;
      for (float* to : {g.wte + batch.inputs[static_cast<std::size_t>(i)] * d + begin, g.wpe + i % length_ * d + begin})
        add(to, from, end - begin, to);
    }
  });
}

double Network::backward(const Parts<const float>& w, const Batch& batch, const Step& step, const Parts<float>& g) {
  reserve(batch, true);
  forward(w, batch, step);
  const double loss = head(w, batch, step, &g);
  add_norm_gradients(shares_final_, g.ln_final.gain, g.ln_final.bias, step.add);
  for_chunks([&](Chunk rows) { write_backward(kept_.size() - 1, w.blocks.back(), step, rows); });
  for (std::size_t l = kept_.size(); l-- > 0;) block_backward(l, w, step, g.blocks[l]);
  embed_backward(batch, step, g);
  return loss;
}

std::string Network::first_bad_site() const {
  auto bad = [](const Tensor& t) { return !all_finite(t.data(), t.size()); };
  for (std::size_t l = 0; l < kept_.size(); ++l) {
    const Kept& b = kept_[l];
    for (const auto& [name, t] : {std::pair{"resid_pre", &b.x},
                                  {"ln1", &b.ln1},
                                  {"q, k or v", &b.qkv},
                                  {"z", &b.z},
                                  {"resid_mid", &b.mid},
                                  {"ln2", &b.ln2},
                                  {"mlp_pre", &b.pre},
                                  {"mlp_post", &b.post}}) {
      if (bad(*t)) return fmt::format("blocks.{}.{}", l, name);
    }
  }
  return bad(last_) ? fmt::format("blocks.{}.resid_post", kept_.size() - 1) : bad(last_normed_) ? "ln_final" : "";
}

}  // namespace embscope
