// Transformer: a Model that is ready to run. Weights are packed on first use and then shared by every run.
// Thread rule: `run` is const and may be called from any number of threads at once. A Hooks object belongs to one
// thread.
//
// Numbers: fp32. A row of a batch gives the same bits as that row alone, with any number of threads, captured or not.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/edit.h"
#include "embscope/forward/site.h"
#include "embscope/model/model.h"

namespace embscope {

/// The values of a site that a hook gets: those of every row of the batch, in the engine's own memory.
struct SiteValues {
  Site site;
  struct Row {
    float* values;  ///< writable in place; [T, ...] (scores and pattern: [H, T, S] for T queries and S keys)
    Shape shape;
    std::int64_t first_position;  ///< the first of the T positions computed in this pass (0 unless a prefix was cached
                                  ///< or shared)
  };
  std::vector<Row> rows;
};

/// Functions called while the model runs. Each listed site is called exactly once per forward pass.
class Hooks {
 public:
  using Read = std::function<void(const SiteValues&)>;
  using Write = std::function<void(SiteValues&)>;
  using Handle = std::uint64_t;

  Handle read(Site site, Read function);    ///< called after every edit and overwriting hook of that site
  Handle write(Site site, Write function);  ///< called after the edits, in order of registration
  void remove(Handle handle);               ///< removes only this function; a removed handle has no effect
  std::vector<std::pair<Handle, Site>> active() const;
  bool empty() const { return hooks_.empty(); }

 private:
  friend class Plan;
  struct Hook {
    Handle handle;
    Site site;
    Read read;
    Write write;
  };
  std::list<Hook> hooks_;
  Handle next_ = 1;
};

enum class LogitsAt { none, last, all };

/// Keys and values of the positions of a sequence that have already been computed, so that the next token needs only
/// one position. A block with a window keeps those that its window can still read. Copyable; belongs to one
/// Transformer.
class Cache {
 public:
  std::int64_t positions() const { return positions_; }
  double bytes() const;  ///< of the keys and values that it keeps

 private:
  friend class CacheWriter;
  /// [rows, KV*K] of each block: position p is row p, or p modulo the number that a window keeps.
  std::vector<std::vector<float>> keys_, values_;
  std::int64_t positions_ = 0;
};

struct Request {
  std::vector<std::vector<TokenId>> rows;  ///< token ids; rows may differ in length
  std::vector<Site> capture;
  std::vector<Edit> edits;  ///< several at one site are applied in this order
  LogitsAt logits = LogitsAt::last;
  std::vector<TokenId>
      tokens;  ///< compute the logits of only these tokens, in this order; empty: of the whole vocabulary
  const Hooks* hooks = nullptr;
  Cache* cache = nullptr;  ///< for one row: continues after the cached positions, and appends to them
  bool share = true;       ///< compute what the rows share only once (bit-identical either way)
  Progress progress;       ///< called before each block; it can cancel the run
};

/// The result of one row. Captured values are those after edits and hooks.
struct RowResult {
  std::vector<Tensor> captured;  ///< in the order of Request::capture; [T, ...], scores and pattern [H, T, T]
  Tensor logits;                 ///< [V] for last, [T, V] for all, empty for none; Request::tokens in place of V
};

/// The amount of work, in token-layers (one position in one block).
struct Cost {
  double asked = 0, computed = 0;  ///< every position of every row in every block; the part that was computed
  std::int64_t logit_rows = 0;
  Cost& operator+=(const Cost& more);
};

/// The estimated cost of a request.
struct Estimate {
  Cost cost;           ///< exact, except for the rows of logits
  double bytes = 0;    ///< of captured values and logits, exact
  double seconds = 0;  ///< estimated from the first tokens; the quadratic growth of attention is not included
};

struct Result {
  std::vector<RowResult> rows;
  Cost cost;
};

class Transformer {
 public:
  explicit Transformer(std::shared_ptr<const Model> model);
  ~Transformer();
  Transformer(Transformer&&) noexcept;

  const Model& model() const;
  const Config& config() const { return model().config(); }

  /// One forward pass. Throws Error{usage} for an empty row, Error{range} for ids or positions out of range and for
  /// texts longer than the context, Error{shape} for vectors that do not fit, Error{format} when the weights hold NaN
  /// or infinity, Error{cancelled}.
  Result run(const Request& request) const;

  /// What `run` would compute and return. `seconds` is measured on a few tokens if `timed`, and 0 otherwise. Throws as
  /// `run` does.
  Estimate estimate(const Request& request, bool timed) const;

  /// Bytes of a Cache of this many positions (fp32).
  double cache_bytes(std::int64_t positions) const;
  /// Throws Error{range} where a Cache of this many positions needs more memory than this process may use; `run` checks
  /// its own.
  void expect_cache(std::int64_t positions) const;

  /// The cost of all runs so far, on all threads; the rows of `unembed` count as rows of logits.
  Cost spent() const;

  /// Final norm and unembedding of residual vectors [N, D] -> logits [N, V]: the logit lens. The same arithmetic as the
  /// run's own: the lens of the last resid_post equals the logits, bit for bit.
  Tensor unembed(const Tensor& residual) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace embscope
