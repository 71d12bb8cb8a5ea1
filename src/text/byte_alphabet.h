// GPT-2's alphabet: every byte as a printable character (openai/gpt-2, encoder.py, bytes_to_unicode).
#pragma once

#include <string>
#include <string_view>

namespace embscope {

/// Writes the bytes of `text`, which is written in the alphabet; they are at most as many as `text` has. Returns their
/// end; null if a character is not in the alphabet.
char* write_bytes_of_alphabet(std::string_view text, char* out);

/// The character of a byte, as UTF-8.
std::string byte_in_alphabet(unsigned char byte);

}  // namespace embscope
