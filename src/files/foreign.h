// What people hand over by mistake.
#pragma once

#include <string>
#include <string_view>

namespace embscope {

/// What a file is by its first bytes, and what to do with it: "this is ...: ..."; empty for what may be text or is not
/// known.
std::string foreign_format(std::string_view bytes);

/// A first line as files of word vectors have it: "N D", or a word and numbers.
bool begins_like_word_vectors(std::string_view bytes);

}  // namespace embscope
