// Slots: which positions of which rows of a batch are one and the same computation, stage by stage.
//
// A slot is a vector that is computed once; a row of the batch is a path of slots. At the embedding, a position depends
// on its token and its own edits; attention then makes it depend on everything before it in the row; and an edit makes
// it depend on that edit. So slots split at three places only, and not before: where an edit fires, at the position
// that it touches; where attention reads a position that has split, for the positions after it; and never elsewhere.
// Seventeen mixtures of the fourth word share the first three; a patch of mlp_out at block 7 shares everything up to
// there.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "embscope/forward/transformer.h"

namespace embscope {

struct Slots {
  struct Owner {
    int row;
    std::int64_t position;
  };
  struct Own {
    int first_slot, count;
  };

  std::vector<std::vector<int>> path;  ///< [row][position - first position] -> slot, -1 where it is not needed
  std::vector<Owner> owners;           ///< slot -> the first (row, position) that it stands for
  std::vector<Own> own;                ///< [row] slots of which it is the first; after attention, its last positions

  std::int64_t size() const { return static_cast<std::int64_t>(owners.size()); }
};

/// The slots of one stage of a pass, and those that its edits meet.
struct Stage {
  struct Touched {
    int slot;
    std::vector<std::size_t> edits;
  };  ///< indices into Request::edits, in the order given
  std::shared_ptr<const Slots> slots;
  std::vector<Touched> touched;
};

/// The stages of a pass: the embedding (wte, wpe); in every block what attention reads (resid_pre to
/// pattern), what it gives (no site of its own), what follows it (z to mlp_post) and what the MLP gives (mlp_out,
/// resid_post); and the end (ln_final, logits).
enum class Step { read, attended, after, out };
inline constexpr int steps_per_block = 4;
inline constexpr int embedding_stage = 0;
constexpr int stage_of(std::int64_t block, Step step) {
  return 1 + static_cast<int>(block) * steps_per_block + static_cast<int>(step);
}
constexpr int final_stage(std::int64_t blocks) { return stage_of(blocks, Step::read); }
int stage_of(const Site& site, std::int64_t blocks);

/// All stages; consecutive ones share one Slots where nothing splits between them. `first` is the position of each
/// row's first token. Without `share` every position of every row has its own slots. With `last_only`, after the last
/// block's attention only the last position of each row is kept.
std::vector<Stage> stages_of(const Request& request, std::int64_t first, std::int64_t blocks, bool share,
                             bool last_only);

}  // namespace embscope
