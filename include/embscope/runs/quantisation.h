// Quantisation: how far the matrices of a model are from those of a reference of the same model, most often of the file
// that it was quantised from. Thread rule: a pure function.
#pragma once

#include "embscope/base/progress.h"
#include "embscope/model/model.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct QuantisationError {
  /// In the order of the pass: columns tensor ("blocks.0.q"), shape, type, reference (its type), error (the length of
  /// the difference over that of the reference), largest (the largest difference of one weight), worst_row and
  /// row_error (that row's own error).
  Table tensors;
  /// The rows of all tensors that are farthest off, worst first: columns tensor, row, error, type.
  Table rows;
  /// How the differences of single weights lie, by type: columns type, from, to (in sizes of a weight: the root mean
  /// square of its row in the reference), share.
  Table differences;
  double worst = 0;  ///< the largest error of a tensor
};

/// Matrices are compared by what they are in the model, whatever names and order their files have. `worst_rows`: how
/// many. Throws Error{shape} for models that are not of one shape, Error{format} for weights that are not finite,
/// Error{range} for fewer than one row, Error{cancelled}.
QuantisationError quantisation_error(const Model& model, const Model& reference, int worst_rows = 20,
                                     const Progress& progress = {});

}  // namespace embscope
