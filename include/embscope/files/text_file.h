// Text files in UTF-8, with or without a byte-order mark, with lines that end in \n or, from Windows, in \r\n. Thread
// rule: pure functions.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace embscope {

/// The whole text, with \n at the end of its lines and without the mark. Throws Error{not_found, io}, and Error{format}
/// for UTF-16, recognised by its byte-order mark.
std::string read_text(const std::filesystem::path& path);

/// The lines of a file without their ends, including empty lines.
std::vector<std::string> read_lines(const std::filesystem::path& path);

/// The lines of a text.
std::vector<std::string> text_lines(std::string_view text);

}  // namespace embscope
