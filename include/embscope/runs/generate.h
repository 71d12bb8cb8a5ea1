// Generate: text that the model continues, token by token.
// Thread rule: pure functions over a Transformer.
//
// Each token is chosen in this order, as transformers' own generation does: the repetition penalty changes the logits;
// at temperature 0 the likeliest is taken, otherwise logits are divided by the temperature; the k likeliest stay (top
// k), with those that are as likely as the last of them; of these the fewest that hold the share p (top p); of these
// all that have at least min p times the probability of the likeliest; one of them is drawn.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/runs/predict.h"

namespace embscope {

/// All that may be asked of a text; Sampling (predict.h) is its beginning.
struct GenerateRequest : Sampling {
  double min_p = 0;               ///< 0: all
  double repetition_penalty = 1;  ///< logits of the tokens in the text are divided by it, or multiplied where below 0
  std::vector<std::string> stop;  ///< texts at which it ends; what is returned ends before them
  /// What happens when the context is full: false: it ends, and says so; true: the later half of the text goes on as a
  /// text of its own, behind what the tokenizer puts in front (edits must then have no positions).
  bool shift = false;
};

/// Throws Error{range, usage} for what is not one.
void check(const GenerateRequest& request);

struct Candidate {
  TokenId id = 0;
  double probability = 0;
};

/// Those among which one is drawn, the likeliest first, with the probabilities of the draw. `text`: the tokens so far.
/// Throws as `check` does, Error{range} for a temperature of 0.
std::vector<Candidate> candidates(std::span<const float> logits, std::span<const TokenId> text,
                                  const GenerateRequest& request);

enum class Ended { end_of_text, stop_word, tokens, context, cancelled };
std::string_view name(Ended ended);  ///< "end of text", "stop word", "tokens", "context", "cancelled"

struct Generated {
  std::string text;          ///< the new bytes
  std::vector<TokenId> ids;  ///< all that were chosen, those of a stop word too
  Ended ended = Ended::tokens;
};

/// Continues a text with a key-value cache; ends at any of the model's end tokens (chat.h). Tokens that may begin a
/// stop word are told when it is known that they do not. Throws as `check` and Transformer::run do.
Generated continue_text(const Transformer& transformer, std::string_view text, const GenerateRequest& request,
                        const OnToken& on_token = {});

/// What has been run already, and may be gone on with: of a conversation, all but the newest message.
struct GenerationState {
  Cache cache;
  std::vector<TokenId> ids;  ///< of the cache's positions
};

/// The same from token ids. Where `running` holds the beginning of `ids` (and was run with these edits, without
/// positions), only the rest is computed; it is left with what was run.
Generated continue_tokens(const Transformer& transformer, std::span<const TokenId> ids, const GenerateRequest& request,
                          const OnToken& on_token = {}, GenerationState* running = nullptr);

}  // namespace embscope
