// Pass: one run of the forward pass over a plan. Reads like the paper: embed, L blocks, final norm, unembedding.
#pragma once

#include <vector>

#include "embscope/forward/transformer.h"
#include "forward/attention.h"
#include "forward/plan.h"
#include "forward/rotary.h"
#include "forward/weights.h"

namespace embscope {

class Pass {
 public:
  Pass(const Model& model, const PackedWeights& weights, const Plan& plan, const Request& request);

  Result run();

 private:
  // The steps of the pass. N is the number of slots of the stage; D, H, KV, K, F, V as in the design.
  void embed();  ///< x := wte + wpe                                        [N, D]
  void enter(int stage, std::initializer_list<Tensor*> carried);  ///< splits what is carried where slots have split
  void block(int l, const PackedBlock& w);                        ///< x := x + attention(ln1(x)); x := x + mlp(ln2(x))
  void attention(int l, const PackedBlock& w);                    ///< what it reads [N, D] -> out_ [N, D]
  void queries_keys_values(const PackedBlock& w);                 ///< of what attention reads
  void latents(const PackedBlock& w);                             ///< the same by way of latents
  void norm_queries_keys(int l, const PackedBlock& w);
  void grow_queries();
  void mlp(int l, const PackedBlock& w);           ///< what it reads [N, D] -> out_ [N, D]
  void experts(int l, const PackedExperts& w);     ///< the same, by the experts that each position chooses
  void route(int l, const PackedExperts& w);       ///< -> chosen_, weights_of_
  void add_shared(int l, const PackedExperts& w);  ///< to out_
  const Tensor& read() const { return config_.norm_before ? normed_ : x_; }
  void finish_branch(const PackedNorm& w, Point scale, Point normalized, int l);  ///< out_, as it is added to x_
  void finish();  ///< final norm and logits where they are asked for

  void norm(const PackedNorm& w, Point scale, Point normalized, Point result, int l);  ///< x_ -> normed_
  struct Map {
    const Linear& w;
    Tensor& y;
  };
  static void linear(const Tensor& x, std::initializer_list<Map> maps);  ///< for each: y := x w^T + bias
  void clip(Tensor& x) const;
  void rotate(Tensor& x, std::int64_t heads, int l) const;  ///< rotary positions, in place on [N, heads * K]
  void attend_rows(int l, const Slots& read);               ///< q, k, v -> z
  /// z of the query heads that share a key-value head, for `count` queries from slot on; `shared`: what it holds, or
  /// null.
  void attend_group(int l, std::int64_t kv_head, const KeysValues& kv, const HeadPanels* shared, std::int64_t slot,
                    std::int64_t count);
  void attend_with_maps(int l, const Slots& read);  ///< the same when somebody listens to scores or pattern
  HeadShape head_shape(std::int64_t h, int l) const;
  KeysValues keys_values(const Slots& read, int row, int l) const;
  void append_to_cache(int l);
  std::vector<int> logit_slots() const;

  // Sites. `values` is [N, total of the point's shape].
  void fire(Point point, int l, Tensor& values);
  template <class F>
  void for_edits(const Site& site, F&& body) const;  ///< body(edit, slot) for what the site's edits meet, in parallel
  void capture(std::size_t index, const SiteShape& shape, const Tensor& values);
  void call_hooks(const Listener& listener, const Site& site, const SiteShape& shape, Tensor& values) const;
  void fire_maps(Point point, int l, const Slots& read,
                 std::vector<Tensor>& maps);  ///< edits and hooks; per row [H, T, S]
  bool captured(Point point, int l) const;
  void keep_maps(Point point, int l, std::vector<Tensor>& maps);  ///< captures; where somebody did, the maps are gone

  const Config& config_;
  const Model& model_;
  const PackedWeights& weights_;
  const Plan& plan_;
  const Request& request_;
  const Slots* slots_;
  Result result_;
  Tensor x_, normed_, scale_, latent_, q_, k_, v_, z_, out_, attn_out_, gate_, up_;
  Tensor router_, chosen_, expert_weights_, expert_out_;
  const float* sinks_ = nullptr;  ///< of the block at work
  std::vector<Rotary> rotary_;
};

}  // namespace embscope
