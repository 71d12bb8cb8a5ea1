// The families' readers of config.json, and what several of them share.
#pragma once

#include "model/family.h"
#include "model/rope.h"

namespace embscope {

// One line a family: what fills its Config and its Names.
void read_openai_gpt(const Keys&, Config&, Names&);
void read_gpt_bigcode(const Keys&, Config&, Names&);
void read_gpt_neo(const Keys&, Config&, Names&);
void read_gemma4(const Keys&, Config&, Names&);
void read_gemma4_unified(const Keys&, Config&, Names&);
void read_opt(const Keys&, Config&, Names&);
void read_mistral(const Keys&, Config&, Names&);
void read_qwen2(const Keys&, Config&, Names&);
void read_qwen3(const Keys&, Config&, Names&);
void read_smollm3(const Keys&, Config&, Names&);
void read_granite(const Keys&, Config&, Names&);
void read_olmo(const Keys&, Config&, Names&);
void read_olmo2(const Keys&, Config&, Names&);
void read_phi3(const Keys&, Config&, Names&);
void read_arcee(const Keys&, Config&, Names&);
void read_helium(const Keys&, Config&, Names&);
void read_glm(const Keys&, Config&, Names&);
void read_glm4(const Keys&, Config&, Names&);
void read_gemma(const Keys&, Config&, Names&);
void read_gemma2(const Keys&, Config&, Names&);
void read_gemma3(const Keys&, Config&, Names&);
void read_gpt_neox(const Keys&, Config&, Names&);
void read_gptj(const Keys&, Config&, Names&);
void read_phi(const Keys&, Config&, Names&);
void read_bloom(const Keys&, Config&, Names&);
void read_falcon(const Keys&, Config&, Names&);
void read_refined_web(const Keys&, Config&, Names&);
void read_mpt(const Keys&, Config&, Names&);
void read_stablelm(const Keys&, Config&, Names&);
void read_starcoder2(const Keys&, Config&, Names&);
void read_cohere(const Keys&, Config&, Names&);
void read_cohere2(const Keys&, Config&, Names&);
void read_nemotron(const Keys&, Config&, Names&);
void read_mixtral(const Keys&, Config&, Names&);
void read_qwen2_moe(const Keys&, Config&, Names&);
void read_qwen3_moe(const Keys&, Config&, Names&);
void read_olmoe(const Keys&, Config&, Names&);
void read_gpt_oss(const Keys&, Config&, Names&);
void read_granitemoe(const Keys&, Config&, Names&);
void read_granitemoeshared(const Keys&, Config&, Names&);
void read_deepseek_v2(const Keys&, Config&, Names&);
void read_deepseek_v3(const Keys&, Config&, Names&);
void read_dots1(const Keys&, Config&, Names&);
void read_glm4_moe(const Keys&, Config&, Names&);
void read_ernie4_5(const Keys&, Config&, Names&);
void read_ernie4_5_moe(const Keys&, Config&, Names&);
void read_minimax_m2(const Keys&, Config&, Names&);
void read_olmo3(const Keys&, Config&, Names&);
void read_exaone4(const Keys&, Config&, Names&);
void read_hunyuan_dense(const Keys&, Config&, Names&);
void read_seed_oss(const Keys&, Config&, Names&);
void read_cwm(const Keys&, Config&, Names&);
void read_ministral(const Keys&, Config&, Names&);
void read_ministral3(const Keys&, Config&, Names&);
void read_llama4(const Keys&, Config&, Names&);
void read_codegen(const Keys&, Config&, Names&);
void read_xglm(const Keys&, Config&, Names&);
void read_apertus(const Keys&, Config&, Names&);
void read_phimoe(const Keys&, Config&, Names&);
void read_internlm2(const Keys&, Config&, Names&);
void read_internlm3(const Keys&, Config&, Names&);
void read_exaone(const Keys&, Config&, Names&);
void read_minicpm(const Keys&, Config&, Names&);
void read_minicpm3(const Keys&, Config&, Names&);
void read_jais2(const Keys&, Config&, Names&);
void read_hyperclovax(const Keys&, Config&, Names&);
void read_nanochat(const Keys&, Config&, Names&);
void read_vaultgemma(const Keys&, Config&, Names&);
void read_dbrx(const Keys&, Config&, Names&);
void read_hunyuan_moe(const Keys&, Config&, Names&);
void read_exaone_moe(const Keys&, Config&, Names&);
void read_glm4_moe_lite(const Keys&, Config&, Names&);
void read_flex_olmo(const Keys&, Config&, Names&);
void read_youtu(const Keys&, Config&, Names&);
void read_solar_open(const Keys&, Config&, Names&);

void read_baichuan(const Keys&, Config&, Names&);
void read_qwen(const Keys&, Config&, Names&);
void read_chatglm(const Keys&, Config&, Names&);
void read_orion(const Keys&, Config&, Names&);
void read_internlm(const Keys&, Config&, Names&);
void read_xverse(const Keys&, Config&, Names&);
void read_stablelm_epoch(const Keys&, Config&, Names&);
void read_deepseek(const Keys&, Config&, Names&);
void read_bailing_moe(const Keys&, Config&, Names&);
void read_bailing_moe_v2(const Keys&, Config&, Names&);
void read_iquestcoder(const Keys&, Config&, Names&);
void read_persimmon(const Keys&, Config&, Names&);
void read_biogpt(const Keys&, Config&, Names&);
void read_ctrl(const Keys&, Config&, Names&);
void read_granite_swa(const Keys&, Config&, Names&);
void read_granitemoe_swa(const Keys&, Config&, Names&);
void read_mellum(const Keys&, Config&, Names&);
void read_flint(const Keys&, Config&, Names&);
void read_hy_v3(const Keys&, Config&, Names&);
void read_sarvam_moe(const Keys&, Config&, Names&);
void read_sarvam_mla(const Keys&, Config&, Names&);

/// OLMo 2's without its rotation: norms after the branches, and of queries and keys over the whole width.
void read_olmo2_keys(const Keys& keys, Config& config, Names& names);

/// EXAONE 4's rotation and windows: blocks without a window, where there are some, have no positions.
void read_exaone_windows(const Keys& keys, Config& config);

/// no_rope_layers (1: with a rotation), or none in every no_rope_layer_interval-th block.
void read_turned_blocks(const Keys& keys, Config& config, std::int64_t otherwise);

/// The slopes of ALiBi as BLOOM and Falcon, and as MPT have them for head counts that are not powers of two.
std::vector<double> bloom_slopes(std::int64_t heads);
std::vector<double> mpt_slopes(std::int64_t heads, double most);
inline constexpr std::int64_t alibi_context = 1 << 20;  ///< it goes as far as one likes

/// attention_bias, of queries, keys and values and of what attention gives.
void read_attention_bias(const Keys& keys, Names& names, bool otherwise = false);

/// attention_bias and mlp_bias.
void read_biases(const Keys& keys, Names& names);

/// Norms of queries and keys, by the names that nearly all families give them.
void use_qk_norms(Config& config, Names& names, QkNorm kind);

/// sliding_window, `otherwise` where the configuration does not say it; 0: none. `used`: whether it counts.
std::int64_t window_of(const Keys& keys, std::optional<std::int64_t> otherwise, bool used = true);

/// Falcon's, with grouped keys and values and two norms where it is the `newer` one.
void read_falcon_of(const Keys& keys, Config& config, Names& names, bool newer);

/// Latent attention. YaRN's mscale goes into the scale of the scores, squared.
void read_latents(const Keys& keys, Config& config, Names& names, const LlamaDefaults& defaults);

/// Granite's multipliers of the embedding, the branches, scores and logits.
void read_multipliers(const Keys& keys, Config& config);

/// Gemma 3's: blocks with windows turn by a frequency of their own (rope_local_base_freq, or rope_parameters by kinds
/// of blocks).
void read_two_ropes(const Keys& keys, Config& config, const LlamaDefaults& defaults);

/// GPT-Neo's attention_layers: "global" or "local" for each block; of attention_types where that is not there.
std::vector<std::string> attention_kinds(const Keys& keys, std::int64_t blocks);

}  // namespace embscope
