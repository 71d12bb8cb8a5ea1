// The families' readers of config.json, and what several of them share.
#pragma once

#include "model/family.h"
#include "model/rope.h"

namespace embscope {

// One line a family: what fills its Config and its Names.
void read_gpt_bigcode(const Keys&, Config&, Names&);
void read_gpt_neo(const Keys&, Config&, Names&);
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
void read_mpt(const Keys&, Config&, Names&);
void read_stablelm(const Keys&, Config&, Names&);
void read_starcoder2(const Keys&, Config&, Names&);
void read_cohere(const Keys&, Config&, Names&);
void read_cohere2(const Keys&, Config&, Names&);
void read_nemotron(const Keys&, Config&, Names&);

/// Gemma 3's: blocks with windows turn by a frequency of their own (rope_local_base_freq, or rope_parameters by kinds
/// of blocks).
void read_two_ropes(const Keys& keys, Config& config, const LlamaDefaults& defaults);

/// GPT-Neo's attention_layers: "global" or "local" for each block; of attention_types where that is not there.
std::vector<std::string> attention_kinds(const Keys& keys, std::int64_t blocks);

}  // namespace embscope
