// Pass: one run of the forward pass over a plan. Reads like the paper: embed, L blocks, final norm, unembedding.
//
// pass.cpp has the embedding and the block, pass_attention.cpp and pass_mlp.cpp its two branches, pass_per_layer.cpp
// the third of models with per-layer embeddings, pass_output.cpp what follows the last block; what is due at a site is
// in probe.h.
#pragma once

#include <map>
#include <vector>

#include "embscope/forward/transformer.h"
#include "forward/attention.h"
#include "forward/cache_writer.h"
#include "forward/plan.h"
#include "forward/probe.h"
#include "forward/rotary.h"
#include "forward/weights.h"

namespace embscope {

class Pass {
 public:
  Pass(const Model& model, const PackedWeights& weights, const Plan& plan, const Request& request);

  Result run();
  /// The same from a block on, of one row without edits: `residual` [T, D] is what the row had at its resid_pre.
  /// Precondition: nothing before that is asked for.
  Result run_from(int block, const Tensor& residual);

 private:
  struct NormSites {
    Point scale, normalized;
  };

  // The steps. One that reaches a site returns whether to go on: false if nothing further on is watched. N is
  // the number of slots of the stage; D, H, KV, K, F, V as in the design.
  void blocks_from(int block);  ///< and what follows the last one
  void make_rotary();
  bool embed();                      ///< x := wte + wpe                                            [N, D]
  bool block(const PackedBlock& w);  ///< x := x + attention(ln1(x)); x := x + mlp(ln2(x))
  bool norm(const PackedNorm& w, NormSites sites, Point result);                   ///< x_ -> normed_
  bool finish_branch(const PackedNorm& w, NormSites sites, Point out, Tensor& y);  ///< as it is added to x_
  bool norm_branch(const PackedNorm& w, NormSites sites, Tensor& y);
  bool add_attention(const PackedBlock& w);  ///< to x_, unless branches are parallel
  void add_mlp();                            ///< to x_, and then attention if they are
  bool add_per_layer(const PackedBlock& w);
  void per_layer_vectors(const PackedBlock& w);  ///< of this block -> per_layer_ [N, P]
  bool finish_block(const PackedBlock& w);
  void output();  ///< final norm and logits where they are asked for
  bool final_norm();

  bool attention(const PackedBlock& w);            ///< what it reads [N, D] -> attn_out_ [N, D]
  void queries_keys_values(const PackedBlock& w);  ///< of what attention reads
  void latents(const PackedBlock& w);              ///< the same by way of latents
  bool see_queries_keys_values();
  bool norm_values();
  bool norm_queries_keys(const PackedBlock& w);
  bool turn_queries_keys();  ///< rotary positions
  bool attend();             ///< q, k, v -> z
  /// Of a row, all that its queries from position `query` on can read.
  KeysValues keys_values(const Slots& read, int row, std::int64_t query) const;
  void attend_rows(const Slots& read);
  /// z of the query heads that share a key-value head, for `count` queries from slot on; `shared`: what it holds, or
  /// null.
  void attend_group(std::int64_t kv_head, const KeysValues& kv, const HeadPanels* shared, std::int64_t slot,
                    std::int64_t count);
  bool attend_with_maps();  ///< the same when scores or pattern are watched
  HeadShape head_shape(std::int64_t h) const { return embscope::head_shape(config_, h, l_, sinks_); }

  bool mlp(const PackedBlock& w);  ///< or experts, or both: what it reads [N, D] -> mlp_out_ [N, D]
  bool dense(const PackedBlock& w);
  bool beside(const PackedBlock& w);  ///< experts beside the MLP
  bool mlp_rows(const PackedBlock& w, std::int64_t first, std::int64_t count);
  bool route(const PackedExperts& w, const Tensor& read);    ///< -> chosen_, expert_weights_
  bool experts(const PackedExperts& w, const Tensor& read);  ///< -> mlp_out_, by those that each position chose
  bool add_shared(const PackedExperts& w);                   ///< to mlp_out_

  struct LogitRows {
    std::vector<int> normed, unembedded;  ///< slots that need the final norm; of these, those that need logits
  };
  LogitRows logit_rows() const;
  void hand_out(Tensor logits, const std::vector<int>& of_slots);

  const Layer& layer() const { return config_.layers[static_cast<std::size_t>(l_)]; }
  int keys_of() const { return layer().keys_of < 0 ? l_ : layer().keys_of; }
  const Tensor& read() const { return config_.norm_before ? normed_ : x_; }  ///< what the branches read
  struct Map {
    const PackedLinear& w;
    Tensor& y;
  };
  static void linear(const Tensor& x, std::initializer_list<Map> maps);  ///< for each: y := x w^T + bias

  // Sites of the block at work, and those outside the blocks.
  Site site(Point point) const { return {point, in_block(point) ? l_ : -1}; }
  bool at(Point point, Tensor& values);  ///< all that is due there; whether to go on
  void enter(int stage, Tensor& values);
  std::int64_t position_of(std::int64_t slot) const {
    return probe_.slots().owners[static_cast<std::size_t>(slot)].position;
  }
  bool watched(Point point) const { return plan_.at(point, l_) != nullptr; }

  const Config& config_;
  const Model& model_;
  const PackedWeights& weights_;
  const Plan& plan_;
  const Request& request_;
  Result result_;
  Probe probe_;
  CacheWriter cache_;
  int l_ = 0;                     ///< the block at work
  const float* sinks_ = nullptr;  ///< its sinks
  Tensor x_, normed_, scale_, latent_, q_, k_, v_, z_, attn_out_, gate_, up_, mlp_out_;
  Tensor router_, chosen_, expert_weights_, expert_out_;
  Tensor embedding_, per_layer_;  ///< where there are per-layer embeddings: [N, D], and of the block at work [N, P]
  struct KeysAndValues {
    Tensor keys, values;
  };
  std::map<int, KeysAndValues> read_later_;  ///< by the blocks whose keys and values others read too
  std::vector<Rotary> rotary_;
};

/// A buffer of N rows, kept from one block to the next.
inline void shape_as(Tensor& t, std::int64_t rows, std::int64_t columns) {
  if (t.empty() || t.shape() != Shape{rows, columns}) t = Tensor::uninitialised({rows, columns});
}

/// Of an MLP in which nobody looks at anything.
inline constexpr std::int64_t mlp_rows_at_once = 512;

/// A buffer gets the memory of one whose values have been used.
inline void reuse(Tensor& t, Tensor& used, bool is_used = true) {
  if (is_used) t = std::move(used), used = Tensor();
}

void add_to(Tensor& x, const Tensor& y);

/// Throws Error{format}: a row of a matrix holds NaN.
[[noreturn]] void refuse_row(const Model& model, const char* matrix, std::int64_t row);

}  // namespace embscope
