// Edit: an intervention as data: where (site, rows of the batch, positions, heads) and what to do.
// Thread rule: a value.
//
// Several edits at one site are applied in the given order, each to the result of the one before. Two edits of exactly
// the same place, of which the second would overwrite the first, are refused.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/base/error.h"
#include "embscope/forward/site.h"
#include "embscope/model/named_token.h"
#include "embscope/text/prompt.h"

namespace embscope {

class Transformer;

/// What an edit does with x, the vector at its place.
enum class Change {
  set,          ///< x := vector
  add,          ///< x := x + amount * vector
  scale,        ///< x := amount * x
  mix,          ///< x := amount * x + (1 - amount) * vector   (amount 1 leaves x as it is, bit for bit; 0 is `vector`)
  zero,         ///< x := 0
  project_out,  ///< x := x - (x.u) u, with u = vector / |vector|
  rotate,       ///< x rotated by `amount` degrees towards `vector`, not beyond it, with the same length
  clamp,        ///< x[d] limited to low..high, for the listed dimensions
  noise,  ///< x := x + amount * standard normal values drawn from (seed, position): the same in every row of a batch
};

/// An operation as clients name and describe it. A new one is an enumerator above and a row in forward/changes.cpp.
struct ChangeInfo {
  std::string_view name;     ///< "rotate"
  std::string_view form;     ///< in the text form: "rotate DEGREES V"
  std::string_view meaning;  ///< what x becomes: "x rotated by `amount` degrees towards vector"
};

std::span<const ChangeInfo> changes();       ///< in the order of Change
Change change_named(std::string_view name);  ///< throws Error{not_found} with the nearest names
bool takes_vector(Change change);            ///< whether it uses Edit::vector

struct Edit {
  Site site;
  Change change = Change::set;
  std::vector<int> rows;       ///< rows of the batch; empty: all
  std::vector<int> positions;  ///< token positions; negative counts from the end of the row; empty: all
  std::vector<int> heads;      ///< for sites with heads; empty: all
  std::vector<float>
      vector;  ///< of the length of the values at the site (D, K with listed heads or H*K, ...); one value is broadcast
  float amount = 1;
  std::vector<int> dimensions;  ///< for clamp; empty: all
  float low = 0, high = 0;      ///< of clamp
  std::uint64_t seed = 1;       ///< for noise
};

/// Whether an expression may read files of this machine. With `refused`, file(...) is refused when it is parsed, before
/// anything is opened, so a request cannot find out whether a file exists.
enum class Files { refused, allowed };

/// Thrown for an expression that names a file if files are refused.
class FilesRefused : public Error {
 public:
  FilesRefused()
      : Error(Code::unsupported, "file(...)",
              "files of this machine are not read for a request: use the command line") {}
};

/// How an expression is read, and what is reported about it.
struct Reading {
  Files files = Files::refused;
  std::vector<NamedToken>* tokens = nullptr;  ///< if not null: receives the tokens that its vectors name, in order
};

/// The text form, "SITE[@POSITIONS][/HEADS] ACTION", for one text; the syntax is the same on the command line, in JSON
/// and in Python.
///
///   POSITIONS   3 | -1 | 2..5 | ' Germany' (the token that stands for it in the text) | ' cat'[2] (its second
///               occurrence; [-1] its last) | #ID (where that token stands; #ID[2]), separated by commas; none: all
///   HEADS       0,5
///   ACTION      one of changes() in its form: set V, mix P V, zero, ... (DIMENSIONS: 12,13 or *)
///   V           terms joined by + and -; a term is N, a factor, or N * factor
///   factor      ' word' (its row of wte: word_named) | #ID (a token's row of wte) | mean(V, V, ...) | (V)
///               | run('another text') or run('another text'@POSITION): what that text has at the same site, at the
///                 same position or the one named
///               | file('x.npy', ROW) or file('x.safetensors', 'name', ROW): a row of a file
///
/// e.g. "wte@' Germany' mix 0.25 ' France'", "blocks.4.resid_post@-1 add 2 * (' love' - ' hate')", "blocks.2.z@3/0,5
/// zero", "blocks.*.attn_out@-1 set run('The capital of France is')". A pattern of sites gives edits for each. Throws
/// Error{usage} naming the character, FilesRefused, and what parse_sites, position_of and a run throw.
std::vector<Edit> parse_edit(std::string_view text, const Transformer& transformer, const Prompt& prompt,
                             const Reading& reading = {});

/// The same in two parts that are parsed separately: SITE[@POSITIONS][/HEADS], and ACTION.
std::vector<Edit> parse_edit(std::string_view at, std::string_view action, const Transformer& transformer,
                             const Prompt& prompt, const Reading& reading = {});

/// The same as JSON: {"at": "wte@3", "do": "mix 0.25 ' France'"}, a text form in quotes, or a list of either.
std::vector<Edit> parse_edits_json(std::string_view json, const Transformer& transformer, const Prompt& prompt,
                                   const Reading& reading = {});

/// A vector expression (V above), evaluated for a site and position. One value stands for a vector with this value in
/// every dimension.
std::vector<float> parse_vector(std::string_view text, const Transformer& transformer, const Site& site, int position,
                                const Reading& reading = {});

/// The same as a vector [D] without a text: for wte and the last position, with one value repeated.
std::vector<float> parse_vector(std::string_view text, const Transformer& transformer, const Reading& reading = {});

}  // namespace embscope
