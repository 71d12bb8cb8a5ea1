// Files of other formats, given by mistake.
#pragma once

#include <string>
#include <string_view>

namespace embscope {

/// The format of a file by its first bytes, and what to do with it: "this is ...: ..."; empty if it may be text or is
/// unknown.
std::string foreign_format(std::string_view bytes);

/// A first line as files of word vectors have it: "N D", or a word and numbers.
bool begins_like_word_vectors(std::string_view bytes);

}  // namespace embscope
