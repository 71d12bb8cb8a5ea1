// What mixtures of experts share in GGUF files.
#pragma once

#include "model/families.h"

namespace embscope::gguf {

/// What an architecture takes for granted where the file does not say it.
struct ExpertDefaults {
  bool normalised = false;
  RouterKind router = RouterKind::softmax;
  bool shared = false;  ///< expert_shared_count experts stand side by side, as wide as the others
};

/// Experts in the blocks after the dense ones, which the file counts.
void read_experts(const Metadata& meta, Config& config, Names& names, const ExpertDefaults& defaults);

/// Latent attention (DeepSeek-AI 2024). Keys and values are made of their latent by one matrix, or by two.
void read_latents(const Metadata& meta, Config& config, Names& names);

}  // namespace embscope::gguf
