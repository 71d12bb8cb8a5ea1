// What readers of mixtures of experts share.
#pragma once

#include "model/families.h"

namespace embscope {

/// How many experts, and how many of them a position chooses, under the names that versions and families have for it.
void read_counts(const Keys& keys, Config& config, std::initializer_list<std::string_view> count,
                 const char* chosen = "num_experts_per_tok");

/// Experts in the blocks that `has` says.
void use_experts(
    Config& config, const Keys& keys, const std::function<bool(std::int64_t)>& has = [](std::int64_t) { return true; });

/// block_sparse_moe and w1, w3, w2: what Mixtral began with; transformers 5 may write its own.
void name_as_mixtral(Names& names);

/// DeepSeek's router and similar ones: a correction that chooses, groups, shared experts side by side in one, the first
/// blocks dense.
struct DeepseekDefaults {
  bool normalised;
  double scale;
  std::int64_t groups = 1, groups_chosen = 1, dense = 0;
};
void read_deepseek_experts(const Keys& keys, Config& config, Names& names, const DeepseekDefaults& defaults);

/// Qwen's blocks without experts: those of mlp_only_layers (`dense` where the configuration does not say it), and all
/// but every decoder_sparse_step-th.
void read_sparse_blocks(const Keys& keys, Config& config, std::vector<double> dense = {});

/// A Llama's attention, DeepSeek's experts with sigmoids. `norms`: of queries and keys, where the configuration does
/// not say it.
void read_glm4_moe_of(const Keys& keys, Config& config, Names& names, const LlamaDefaults& defaults, bool norms,
                      const DeepseekDefaults& experts);

/// How many blocks after the last one predict further tokens.
void read_predicting_blocks(const Keys& keys, Names& names);

/// Sigmoids of the router's logits, and the correction.
void use_sigmoids(Config& config, Names& names);

/// A key that must hold what the family has. Throws Error{unsupported}.
std::string_view scoring(const Keys& keys, std::string_view expected, const char* key = "scoring_func");

}  // namespace embscope
