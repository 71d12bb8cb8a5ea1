// The operations of edits, each described once: changes.cpp has a row for it.
#pragma once

#include "embscope/forward/edit.h"
#include "forward/cursor.h"
#include "kernels/vector.h"

namespace embscope {

/// The vector of an edit: as many values as it meets, or one for all of them.
struct EditVector {
  const float* values;
  bool broadcast;
  float operator[](std::int64_t i) const { return values[broadcast ? 0 : i]; }
};

struct Operation {
  Change change;
  ChangeInfo info;
  bool vector = false;                                 ///< its text ends with a vector
  bool overwrites = false;                             ///< nothing of x is left
  bool needs_length = false;                           ///< of the vector: zeros have no direction
  void (*read)(Cursor& cursor, Edit& edit) = nullptr;  ///< what its text has before the vector, or in its place
  std::string (*problem)(const Edit& edit) = nullptr;  ///< why these numbers make no sense, or nothing
  /// x [n] at a position.
  void (*apply)(const Edit& edit, float* x, EditVector v, std::int64_t n, std::int64_t position);
};

const Operation& operation(Change change);
/// By its name, or null.
const Operation* find_operation(std::string_view name);

}  // namespace embscope
