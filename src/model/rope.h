// Rotary frequencies as configurations describe them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/keys.h"

namespace embscope {

struct Rope {
  std::vector<double> frequencies;  ///< of each pair of dimensions that turns
  double scale = 1;                 ///< of cosines and sines (YaRN's attention factor)
  std::optional<std::int64_t> longest;  ///< of a text for which they hold, where that is less than the context
};

struct RopeDefaults {
  double theta = 10000;
  double partial = 1;           ///< the part of a head that turns where the configuration does not say it
  bool partial_allowed = false;  ///< whether this family knows another part than the whole
};

/// theta^(-2i/width) for i in 0..width/2 (Su et al. 2021).
std::vector<double> rope_frequencies(double theta, std::int64_t width);

/// rope_theta, rope_scaling and rope_parameters of config.json, as transformers 5 resolves them (modeling_rope_utils.py).
/// `context`: max_position_embeddings. Throws Error{unsupported} for kinds that are not known.
Rope read_rope(const Keys& keys, std::int64_t head_width, std::int64_t context, const RopeDefaults& defaults = {});

/// The factor on q.k where both were turned by such cosines and sines.
float scale_of(const Rope& rope, std::int64_t head_width);

/// rope.* of GGUF, as llama.cpp reads them.
Rope read_rope(const Meta& meta, std::int64_t width, std::int64_t context);

}  // namespace embscope
