// Rotary frequencies as configurations describe them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "embscope/model/model.h"
#include "model/keys.h"

namespace embscope {

struct ReadRope {
  Rope rope;
  std::optional<std::int64_t> longest;  ///< of a text for which it holds, where that is less than the context
};

struct RopeDefaults {
  double theta = 10000;
  double partial = 1;            ///< the part of a head that turns where the configuration does not say it
  bool partial_allowed = false;  ///< whether this family knows another part than the whole
  std::string_view partial_key = "partial_rotary_factor";
  bool alpha = false;     ///< whether "dynamic" may say alpha (Hunyuan)
  bool mscale = false;    ///< whether longrope says its factor of cosines and sines as short_mscale (Phi-3.5-MoE)
  bool growth = false;    ///< whether llama_4_scaling_beta may stand there (Ministral 3)
  bool sections = false;  ///< whether positions may have parts, of images (mrope): the same for a text
};

/// theta^(-2i/width) for i in 0..width/2 (Su et al. 2021).
std::vector<double> rope_frequencies(double theta, std::int64_t width);

/// rope_theta, rope_scaling and rope_parameters of config.json, as transformers 5 resolves them
/// (modeling_rope_utils.py). `context`: max_position_embeddings. Throws Error{unsupported} for kinds that are not
/// known.
ReadRope read_rope(const Keys& keys, std::int64_t head_width, std::int64_t context, const RopeDefaults& defaults = {});

/// What YaRN's mscale_all_dim makes of the scale of scores, once (DeepSeek); 1 without it.
double yarn_mscale(const Keys& keys);

/// The same of one object { rope_type, rope_theta, factor, ... }, or of none.
ReadRope read_rope_object(const std::optional<Keys>& object, std::int64_t head_width, std::int64_t context,
                          const RopeDefaults& defaults, const Keys& keys);

/// rope.* of GGUF, as llama.cpp reads them. `truncate`: YaRN's ramp begins and ends at whole pairs.
ReadRope read_rope(const Metadata& meta, std::int64_t width, std::int64_t context, bool truncate = true);

}  // namespace embscope
