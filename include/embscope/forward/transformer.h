// Transformer: a Model made ready to run. Weights are packed on first use and then shared by every run.
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

/// What a hook sees of a site: the values of every row of the batch, in the engine's own memory.
struct SiteValues {
  Site site;
  struct Row {
    float* values;  ///< writable in place; [T, ...] (scores and pattern: [H, T, S] for T queries and S keys)
    Shape shape;
    std::int64_t first_position;  ///< of the T positions computed in this pass (0 unless a prefix was cached or shared)
  };
  std::vector<Row> rows;
};

/// Functions called while the model runs. Each listed site fires exactly once a forward pass.
class Hooks {
 public:
  using Read = std::function<void(const SiteValues&)>;
  using Write = std::function<void(SiteValues&)>;
  using Handle = std::uint64_t;

  Handle read(Site site, Read function);    ///< called after every edit and overwriting hook of that site
  Handle write(Site site, Write function);  ///< called after the edits, in order of registration
  void remove(Handle handle);               ///< removes exactly that one; a handle already removed does nothing
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

/// Keys and values of the positions a sequence has already run through, so that the next token costs one position.
/// Copyable; belongs to one Transformer.
class Cache {
 public:
  std::int64_t positions() const { return positions_; }

 private:
  friend class Pass;
  std::vector<std::vector<float>> keys_, values_;  // per block [positions, KV*K]
  std::int64_t positions_ = 0;
};

struct Request {
  std::vector<std::vector<TokenId>> rows;  ///< token ids; rows may differ in length
  std::vector<Site> capture;
  std::vector<Edit> edits;  ///< several at one site apply in this order
  LogitsAt logits = LogitsAt::last;
  std::vector<TokenId> tokens;  ///< logits of these only, in this order; empty: of the whole vocabulary
  const Hooks* hooks = nullptr;
  Cache* cache = nullptr;  ///< one row only: continues after its positions, and appends
  bool share = true;       ///< compute what the rows have in common once (bit-identical either way)
  Progress progress;       ///< asked before each block whether to go on
};

/// What one row gave. Captured values are those after edits and hooks.
struct RowResult {
  std::vector<Tensor> captured;  ///< in the order of Request::capture; [T, ...], scores and pattern [H, T, T]
  Tensor logits;                 ///< [V] for last, [T, V] for all, empty for none; Request::tokens in place of V
};

/// What the engine did, in token-layers (one position through one block).
struct Cost {
  double asked = 0, computed = 0;  ///< every position of every row through every block; what was needed of it
  std::int64_t logit_rows = 0;
  Cost& operator+=(const Cost& more);
};

/// What a request will take.
struct Estimate {
  Cost cost;           ///< exact, but for the rows of logits
  double bytes = 0;    ///< of captured values and logits, exact
  double seconds = 0;  ///< judged by the first tokens; that attention grows with the square of the text is left out
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

  /// What `run` would compute and hold. `seconds` are measured on a few tokens when `timed` says so, and 0 otherwise.
  /// Throws as `run` does.
  Estimate estimate(const Request& request, bool timed) const;

  /// Bytes of the keys and values of so many positions in a Cache (fp32).
  double cache_bytes(std::int64_t positions) const;
  /// Throws Error{range} where a Cache of so many positions is more than this process may have; `run` asks so for its
  /// own.
  void expect_cache(std::int64_t positions) const;

  /// Of all runs so far, whoever asked; what `unembed` computed counts among the rows of logits.
  Cost spent() const;

  /// Final norm and unembedding of residual vectors [N, D] -> logits [N, V]: the logit lens. The same arithmetic as the
  /// run's own: the lens of the last resid_post equals the logits, bit for bit.
  Tensor unembed(const Tensor& residual) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace embscope
