// Slots: which positions of which rows of a batch are one and the same computation.
//
// Position t of a row depends on the tokens 0..t and on the edits that touched them. Rows that agree on both up to t need
// position t only once. A slot is such a computation; a row of the batch is a path of slots. Edits of a deeper stage split
// slots there and not before, so that a patch at block 7 shares blocks 0 to 6 with every other row.
#pragma once

#include <cstdint>
#include <vector>

#include "embscope/transformer.h"

namespace embscope {

struct Slots {
  struct Owner {
    int row;
    std::int64_t position;
  };
  std::vector<std::vector<int>> path;  ///< [row][position - first position] -> slot
  std::vector<Owner> owners;           ///< slot -> the first (row, position) that it computes
  /// Slots that a row owns are consecutive and end with its last position; others lie in earlier rows.
  struct Own {
    int first_slot, count;
  };
  std::vector<Own> own;  ///< [row]

  std::int64_t size() const { return static_cast<std::int64_t>(owners.size()); }
};

/// Stages: 0 the embedding, 1..L the blocks, L + 1 everything after them.
int stage_of(const Site& site, std::int64_t blocks);

/// Whether an edit meets this position of this row, of `length` positions.
bool touches(const Edit& edit, int row, std::int64_t position, std::int64_t length);

/// The slots of every stage; consecutive stages share one object where no edit comes between them.
/// `first` is the position of each row's first token.
std::vector<std::shared_ptr<const Slots>> slots_by_stage(const Request& request, std::int64_t first,
                                                         std::int64_t blocks, bool share);

}  // namespace embscope
