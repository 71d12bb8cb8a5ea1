// Mix: the article's experiment. The vector of one word is mixed with that of another, step by step.
// Thread rule: pure functions over a Transformer.
#pragma once

#include <string>
#include <vector>

#include "embscope/forward/transformer.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct MixRequest {
  std::string text, replace;         ///< `replace` is a position of `text` (position_of): " Germany", " cat[2]", "4"
  std::vector<std::string> with;     ///< tokens mixed in (token_named): the mean of their vectors at the site
  std::vector<std::string> targets;  ///< tokens whose probabilities are computed
  std::string vector;                ///< instead of `with`: an expression (edit.h)
  Files files = Files::refused;      ///< whether the expression may read files
  int steps = 17;                    ///< p = 0, 1/(steps-1), ..., 1
  std::string site = "wte";          ///< any site with a vector for each position
  std::vector<Edit> edits = {};      ///< applied in every run of the sweep, before the mixture
};

/// The vector that is mixed in at the site: the mean over `with` of the text's vector there with that word in it, or
/// the expression. Throws as `mix` does.
std::vector<float> mix_vector(const Transformer& transformer, const MixRequest& request);

/// One mixture as an edit: p * the vector there + (1 - p) * other.
Edit mix_edit(const Site& site, int position, std::vector<float> other, double p);

struct MixResult {
  int position = 0;                  ///< position of the replaced token
  bool untouched_equals_p1 = false;  ///< the logits at p = 1 equal those of the run without the mixture, bit for bit
  std::vector<double> crossings;     ///< p at which the first two targets are equally likely, interpolated
  std::string replaced, mixed_in;    ///< for titles: the token at the position; the tokens mixed in, or the expression
  Table sweep;                       ///< columns p, one per target, top (most likely token), top_probability
  Cost cost;
};

/// At the position: p * source + (1 - p) * distractor. Throws what position_of throws, Error{usage} if the site has no
/// vector; Error{cancelled}.
MixResult mix(const Transformer& transformer, const MixRequest& request, const Progress& progress = {});

/// A mixture that is computed many times with different p: the vector, and the keys and values of all positions before
/// the word, are computed once. Thread rule: immutable once made; belongs to its Transformer.
class MixedAt {
 public:
  /// `steps` and `targets` are not used. Throws as mix.
  MixedAt(const Transformer& transformer, const MixRequest& request);

  int position() const { return position_; }
  /// The next token's logits [V] at p, bit for bit those of the mixture in `mix`.
  Tensor logits(double p) const;
  double bytes() const;  ///< memory of the cached values

 private:
  const Transformer& transformer_;
  std::vector<TokenId> rest_;  // from the first position that is not cached
  int position_;
  Site site_;
  std::vector<float> other_;
  std::vector<Edit> edits_;  // applied at the word and after it
  Cache before_;
};

struct LayeredMix {
  Table cells;      ///< columns block, p, one per target, top: the sweep of every block's resid_pre
  Table crossings;  ///< columns block, p (of the first crossing, not-a-number where there is none)
  std::string replaced, mixed_in;
  Cost cost;
};

/// The same mixture replaces the vector at resid_pre of each block in turn: up to which block does the word decide the
/// answer? `site` is not used. Throws as mix.
LayeredMix mix_every_block(const Transformer& transformer, const MixRequest& request);

}  // namespace embscope
