// Mix: the article's experiment. The vector of one word is mixed with that of another, step by step.
// Thread rule: pure functions over a Transformer.
#pragma once

#include <string>
#include <vector>

#include "embscope/table.h"
#include "embscope/transformer.h"

namespace embscope {

struct MixRequest {
  std::string text, replace, with;   ///< `replace` must occur in `text` as a token (its final token is replaced)
  std::vector<std::string> targets;  ///< probabilities asked for, by their final token
  int steps = 17;                    ///< p = 0, 1/(steps-1), ..., 1
  std::string site = "wte";          ///< wte or resid_pre of a block (mixed with what the other word has there)
};

struct MixResult {
  int position = 0;                  ///< of the replaced token
  bool untouched_equals_p1 = false;  ///< the logits at p = 1 equal the untouched run's, bit for bit
  std::vector<double> crossings;     ///< p at which the first two targets are equally likely, interpolated
  Table sweep;                       ///< columns p, one per target, top (likeliest token), top_probability
  Cost cost;
};

/// At the position: p * source + (1 - p) * distractor. Throws Error{not_found} when the word is absent from the text,
/// Error{usage} when it occurs twice.
MixResult mix(const Transformer& transformer, const MixRequest& request);

}  // namespace embscope
