// Site: a point of the forward pass at which a vector can be read or changed.
// Thread rule: a value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "embscope/model/model.h"

namespace embscope {

/// In the order of a forward pass (resid_pre to resid_post once in every block).
enum class Point : std::uint8_t {
  wte,
  wpe,
  resid_pre,
  ln1_scale,
  ln1_normalized,
  ln1,
  q,
  k,
  v,
  normed_q,
  normed_k,
  normed_v,
  rot_q,
  rot_k,
  scores,
  pattern,
  z,
  ln1_post_scale,
  ln1_post_normalized,
  attn_out,
  resid_mid,
  ln2_scale,
  ln2_normalized,
  ln2,
  router_logits,
  router_probabilities,
  router_chosen,
  router_weights,
  mlp_pre,
  mlp_up,
  mlp_post,
  experts_out,
  experts_shared,
  ln2_post_scale,
  ln2_post_normalized,
  mlp_out,
  per_layer_in,
  per_layer_gate,
  per_layer_post_scale,
  per_layer_post_normalized,
  per_layer_out,
  resid_post,
  ln_final_scale,
  ln_final_normalized,
  ln_final,
  logits,
};
inline constexpr int point_count = static_cast<int>(Point::logits) + 1;

bool in_block(Point point);  ///< whether every block has this point
bool is_attention_map(
    Point point);  ///< scores and pattern: a value for each query and key, not a vector for each position
std::string_view name(Point point);  ///< "resid_pre", "ln1.normalized", ...

struct Site {
  Point point = Point::wte;
  int block = -1;            ///< -1 for sites outside the blocks
  std::string name() const;  ///< "blocks.3.resid_pre", "wte"
  bool operator==(const Site&) const = default;
};

bool has_site(const Config& config, const Site& site);  ///< whether the model has the site: blocks may differ

/// A site as `embscope info` prints it.
struct SiteInfo {
  std::string name, shape, transformer_lens, hugging_face, gguf;
  Point point;
};

/// All points of this model, one line each ("blocks.L.q", "T H K", ...), in the order of a forward pass.
std::vector<SiteInfo> sites(const Config& config);

/// Accepts Embscope's own names and the aliases of TransformerLens, Hugging Face and llama.cpp.
/// Throws Error{not_found} with the nearest names, or with the reason why this model lacks the site (rot_q without
/// rotary positions).
Site parse_site(std::string_view text, const Config& config);

/// The same for a pattern: "blocks.*.resid_post", "blocks.2-5.z", or a bare point name ("resid_post": every block).
std::vector<Site> parse_sites(std::string_view text, const Config& config);

}  // namespace embscope
