// Prediction: the next tokens, and text generated from them.
// Thread rule: pure functions over a Transformer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

/// Softmax in double over logits [V].
std::vector<double> softmax(std::span<const float> logits);

/// The k most likely ids, best first; equal logits in order of id.
std::vector<TokenId> top(std::span<const float> logits, int k);

/// The rank of a token among all, 1 for the most likely; equal logits in order of id, as in `top`.
std::int64_t rank_of(std::span<const float> logits, TokenId id);

struct PredictRequest {
  std::vector<TokenId> ids;      ///< the text's tokens (make_prompt)
  int k = 10;                    ///< number of most likely tokens
  std::vector<Edit> edits;       ///< applied in this order
  std::vector<TokenId> targets;  ///< further tokens to list
};

struct TokenProbability {
  TokenId id = 0;
  double probability = 0;
  std::int64_t rank = 0;  ///< among all tokens, 1 for the most likely
};

struct Prediction {
  Table next;                             ///< the most likely next tokens: columns rank, token, id, logit, probability
  std::vector<TokenProbability> targets;  ///< in the order of the request
};

/// Throws Error{range} for k below 1 or targets outside the vocabulary; what Transformer::run throws.
Prediction predict(const Transformer& transformer, const PredictRequest& request, const Progress& progress = {});

/// The k most likely next tokens after a text.
Table predict(const Transformer& transformer, std::string_view text, int k);

struct Sampling {
  int tokens = 40;         ///< largest number of new tokens
  double temperature = 0;  ///< 0: greedy
  int top_k = 0;           ///< 0: all
  double top_p = 1;
  std::uint64_t seed = 1;
  /// Edits with positions count in the text and apply there; those without apply at every position, including new
  /// tokens.
  std::vector<Edit> edits;
};

/// Called with each new token: its id, its bytes, its probability. Return false to stop.
using OnToken = std::function<bool(TokenId id, std::string_view bytes, double probability)>;

/// Continues a text with a key-value cache; ends at eos. Returns the new bytes.
std::string generate(const Transformer& transformer, std::string_view text, const Sampling& sampling,
                     const OnToken& on_token = {});

}  // namespace embscope
