// The memory that a run holds beside the model's file, and runs of as many rows at once as it is meant to be.
#pragma once

#include "embscope/forward/transformer.h"

namespace embscope {

/// Bytes that `Transformer::run` holds at most for this request: what a block works on, for every vector that is
/// computed, captured values and logits. Throws as `run` does.
double run_bytes(const Transformer& transformer, const Request& request);

/// Whether the memory that the process may use is too small for the model's file beside what runs hold: then every pass
/// reads the file.
bool larger_than_memory(const Model& model);

/// What the rows of a batch may hold: 64 MB, and a tenth of the model's file.
double row_bytes_allowed(const Model& model);

/// `run`, of a few rows at a time where all at once would hold more than `allowed` (0: row_bytes_allowed): the same
/// bits. Precondition: no hooks, no cache.
Result run_in_batches(const Transformer& transformer, const Request& request, double allowed = 0);

}  // namespace embscope
