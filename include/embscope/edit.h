// Edit: an intervention as data: where (site, rows of the batch, positions, heads) and what.
// Thread rule: a value.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/site.h"

namespace embscope {

/// What an edit does with x, the vector that it finds at its place.
enum class Change {
  set,          ///< x := vector
  add,          ///< x := x + amount * vector
  scale,        ///< x := amount * x
  mix,          ///< x := amount * x + (1 - amount) * vector   (amount 1 leaves x as it is, bit for bit; 0 is `vector`)
  zero,         ///< x := 0
  project_out,  ///< x := x - (x.u) u, with u = vector / |vector|
};

struct Edit {
  Site site;
  Change change = Change::set;
  std::vector<int> rows;       ///< rows of the batch; empty: all
  std::vector<int> positions;  ///< token positions; negative counts from the end of the row; empty: all
  std::vector<int> heads;      ///< for sites with heads; empty: all
  std::vector<float> vector;   ///< as long as what it meets (D, K with heads listed or H*K, ...); one value is broadcast
  float amount = 1;
};

/// "SITE[@POSITIONS][/HEADS] ACTION": e.g. "wte@3 set 0", "blocks.4.resid_post@-1 scale 2", "blocks.2.z@3/0,5 zero",
/// "wte@3 mix 0.25 ' France'", "resid_mid@-1 add 4 ' love'" (quoted words are rows of wte, by their final token).
/// A pattern of sites gives one edit each. Throws Error{usage} naming the character, or what parse_sites throws.
std::vector<Edit> parse_edit(std::string_view text, const Model& model);

}  // namespace embscope
