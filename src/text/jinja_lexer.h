// The parts of a template: text between tags, and the words of each tag (jinja2/lexer.py, with trim_blocks and
// lstrip_blocks as transformers sets them).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace embscope::jinja {

struct Token {
  enum class Kind { text, begin_output, end_output, begin_block, end_block, name, string, integer, real, op, end };
  Kind kind = Kind::end;
  std::string text;
  int line = 0;
};

/// Throws Error{format} with the line.
std::vector<Token> tokens_of(std::string_view source);

}  // namespace embscope::jinja
