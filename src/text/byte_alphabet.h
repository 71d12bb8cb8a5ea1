// GPT-2's alphabet: every byte as a printable character (openai/gpt-2, encoder.py, bytes_to_unicode).
#pragma once

#include <string>
#include <string_view>

namespace embscope {

/// Appends the bytes that `text`, written in the alphabet, stands for; false where a character is none of it.
bool append_bytes_of_alphabet(std::string_view text, std::string& bytes);

/// One byte as its character, in UTF-8.
std::string_view alphabet_character(unsigned char byte);

}  // namespace embscope
