// Readers of GGUF metadata, one an architecture of llama.cpp, and what several of them share. Each fills a Config and
// the Names.
#pragma once

#include <functional>

#include "model/families.h"

namespace embscope::gguf {

/// Width, blocks, heads, MLP, context, vocabulary, epsilon. Config::norm says which epsilon.
void read_sizes(const Metadata& meta, Config& config);

/// The same without heads and MLP of which the file may have other ones for each block.
void read_model_sizes(const Metadata& meta, Config& config);

/// The rotation of all or of the first values of a head.
void read_turned(const Metadata& meta, Config& config);

/// RMSNorm, a gated MLP, rotation.
void read_like_llama(const Metadata& meta, Config& config);

/// LayerNorm with biases, rotation.
void read_like_starcoder2(const Metadata& meta, Config& config, Names& names);

/// The window of the blocks that the file says (sliding_window_pattern), or else `windowed`.
void read_window(const Metadata& meta, Config& config, const std::function<bool(std::int64_t)>& windowed);

/// Caps of scores and logits.
void read_caps(const Metadata& meta, Config& config);

/// The halves of whole heads lie interleaved: a part that turns would be another one then.
void use_interleaved(const Metadata& meta, const Config& config, Names& names);

/// Neighbouring values turn.
void use_pairs(Config& config);

/// Norms of queries and keys, without biases.
void norm_queries_keys(Config& config, Names& names, QkNorm kind);

void llama(const Metadata&, Config&, Names&);
void mistral3(const Metadata&, Config&, Names&);
void gpt2(const Metadata&, Config&, Names&);
void qwen(const Metadata&, Config&, Names&);
void qwen2(const Metadata&, Config&, Names&);
void qwen3(const Metadata&, Config&, Names&);
void gemma(const Metadata&, Config&, Names&);
void gemma2(const Metadata&, Config&, Names&);
void gemma4(const Metadata&, Config&, Names&);
void gemma3(const Metadata&, Config&, Names&);
void phi2(const Metadata&, Config&, Names&);
void phi3(const Metadata&, Config&, Names&);
void olmo(const Metadata&, Config&, Names&);
void olmo2(const Metadata&, Config&, Names&);
void olmoe(const Metadata&, Config&, Names&);
void qwen2moe(const Metadata&, Config&, Names&);
void qwen3moe(const Metadata&, Config&, Names&);
void gpt_oss(const Metadata&, Config&, Names&);
void starcoder(const Metadata&, Config&, Names&);
void starcoder2(const Metadata&, Config&, Names&);
void gptneox(const Metadata&, Config&, Names&);
void falcon(const Metadata&, Config&, Names&);
void bloom(const Metadata&, Config&, Names&);
void mpt(const Metadata&, Config&, Names&);
void stablelm(const Metadata&, Config&, Names&);
void command_r(const Metadata&, Config&, Names&);
void cohere2(const Metadata&, Config&, Names&);
void granite(const Metadata&, Config&, Names&);
void granitemoe(const Metadata&, Config&, Names&);
void nemotron(const Metadata&, Config&, Names&);
void smollm3(const Metadata&, Config&, Names&);
void arcee(const Metadata&, Config&, Names&);
void deepseek(const Metadata&, Config&, Names&);
void deepseek2(const Metadata&, Config&, Names&);
void dots1(const Metadata&, Config&, Names&);
void glm4(const Metadata&, Config&, Names&);
void chatglm(const Metadata&, Config&, Names&);
void glm4moe(const Metadata&, Config&, Names&);
void ernie4_5(const Metadata&, Config&, Names&);
void ernie4_5_moe(const Metadata&, Config&, Names&);
void exaone(const Metadata&, Config&, Names&);
void exaone4(const Metadata&, Config&, Names&);
void hunyuan_dense(const Metadata&, Config&, Names&);
void hunyuan_moe(const Metadata&, Config&, Names&);
void seed_oss(const Metadata&, Config&, Names&);
void internlm2(const Metadata&, Config&, Names&);
void minicpm(const Metadata&, Config&, Names&);
void minicpm3(const Metadata&, Config&, Names&);
void dbrx(const Metadata&, Config&, Names&);
void llama4(const Metadata&, Config&, Names&);
void minimax_m2(const Metadata&, Config&, Names&);
void orion(const Metadata&, Config&, Names&);
void xverse(const Metadata&, Config&, Names&);
void baichuan(const Metadata&, Config&, Names&);
void refact(const Metadata&, Config&, Names&);
void apertus(const Metadata&, Config&, Names&);
void phimoe(const Metadata&, Config&, Names&);
void bailingmoe(const Metadata&, Config&, Names&);
void codeshell(const Metadata&, Config&, Names&);
void plm(const Metadata&, Config&, Names&);
void qwen2vl(const Metadata&, Config&, Names&);
void qwen3vl(const Metadata&, Config&, Names&);
void qwen3vlmoe(const Metadata&, Config&, Names&);
void bailingmoe2(const Metadata&, Config&, Names&);
void exaone_moe(const Metadata&, Config&, Names&);
void mellum(const Metadata&, Config&, Names&);
void hy_v3(const Metadata&, Config&, Names&);
void granite_swa(const Metadata&, Config&, Names&);
void jais(const Metadata&, Config&, Names&);
void jais2(const Metadata&, Config&, Names&);
void plamo(const Metadata&, Config&, Names&);
void pangu_embedded(const Metadata&, Config&, Names&);

/// Norms after the branches alone.
void use_norms_after(Config& config, Names& names);

/// Blocks with windows turn by an unscaled rotation of their own.
void turn_windows(Config& config, double theta);

/// Where some blocks have windows, the others have no positions.
void turn_windows_alone(Config& config);

}  // namespace embscope::gguf
