// The merges of a specification as a table of ids.
#pragma once

#include "text/bpe.h"
#include "text/vocabulary.h"

namespace embscope {

/// Throws Error{format} for a merge that names a token which is not in the vocabulary.
MergeTable read_merges(const TokenizerSpec& spec, const Vocabulary& vocabulary);

}  // namespace embscope
