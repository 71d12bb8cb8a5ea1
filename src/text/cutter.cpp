#include "text/cutter.h"

#include <algorithm>

#include "text/byte_alphabet.h"
#include "text/reference_unicode.h"
#include "text/unicode.h"

namespace embscope {
namespace {

using Behavior = CutStep::Behavior;

// What a step found in a part: its matches and the text between them, which together are the whole part.
struct Piece {
  Part part;
  bool match;
};

class Pieces {
 public:
  explicit Pieces(std::size_t size) : size_(size) {}
  void match(std::size_t begin, std::size_t end) {
    if (begin > last_) pieces_.push_back({{last_, begin}, false});
    pieces_.push_back({{begin, end}, true});
    last_ = end;
  }
  std::vector<Piece> finish() {
    if (last_ < size_) pieces_.push_back({{last_, size_}, false});
    return std::move(pieces_);
  }

 private:
  std::size_t size_, last_ = 0;
  std::vector<Piece> pieces_;
};

template <class Is>
std::vector<Piece> characters(std::string_view text, Is is) {
  Pieces pieces(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    const std::size_t end = at + static_cast<std::size_t>(c.length);
    if (is(c.value)) pieces.match(at, end);
    at = end;
  }
  return pieces.finish();
}

// 0: white space, 1: \w, 2: others
int word_class(std::int32_t code) { return char_class(code) == CharClass::space ? 0 : is_word(code) ? 1 : 2; }

std::vector<Piece> words_of(std::string_view text) {
  Pieces pieces(text.size());
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    const int kind = word_class(code_point(text, begin).value);
    do end += static_cast<std::size_t>(code_point(text, end).length);
    while (end < text.size() && word_class(code_point(text, end).value) == kind);
    if (kind != 0) pieces.match(begin, end);
  }
  return pieces.finish();
}

bool is_punctuation(std::int32_t code) { return code >= 0 && reference_unicode::is_punctuation(code); }

// Joins neighbours according to the behavior. Merged with the next is merged with the previous, read from the right.
void join(std::vector<Piece>& pieces, Behavior behavior) {
  if (behavior == Behavior::merged_with_next) std::reverse(pieces.begin(), pieces.end());
  std::vector<Piece> out;
  bool before = false;
  for (const Piece& piece : pieces) {
    const bool joins = behavior == Behavior::contiguous ? piece.match == before : piece.match && !before;
    before = piece.match;
    if (!joins || out.empty()) {
      out.push_back(piece);
    } else {
      out.back().part.begin = std::min(out.back().part.begin, piece.part.begin);
      out.back().part.end = std::max(out.back().part.end, piece.part.end);
    }
  }
  if (behavior == Behavior::merged_with_next) std::reverse(out.begin(), out.end());
  pieces = std::move(out);
}

std::vector<Piece> of_length(std::string_view text, std::size_t characters) {
  Pieces pieces(text.size());
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    for (std::size_t i = 0; i < characters && end < text.size(); ++i)
      end += static_cast<std::size_t>(code_point(text, end).length);
    pieces.match(begin, end);
  }
  return pieces.finish();
}

std::vector<Piece> found(const CutStep& step, const Pattern& pattern, std::string_view text) {
  switch (step.kind) {
    case CutStep::Kind::digits:
      return characters(text, [](std::int32_t c) { return char_class(c) == CharClass::number; });
    case CutStep::Kind::punctuation: return characters(text, is_punctuation);
    case CutStep::Kind::whitespace:
      return characters(text, [](std::int32_t c) { return char_class(c) == CharClass::space; });
    case CutStep::Kind::words: return words_of(text);
    case CutStep::Kind::fixed_length: return of_length(text, step.length);
    default: break;
  }
  Pieces pieces(text.size());
  pattern.find_all(text, [&](std::size_t begin, std::size_t end) { pieces.match(begin, end); });
  return pieces.finish();
}

void split(const CutStep& step, const Pattern& pattern, std::string_view text, std::size_t offset,
           std::vector<Part>& out) {
  std::vector<Piece> pieces = found(step, pattern, text);
  if (step.invert)
    for (Piece& piece : pieces) piece.match = !piece.match;
  const bool removes = step.behavior == Behavior::removed;
  if (!removes && step.behavior != Behavior::isolated) join(pieces, step.behavior);
  for (const Piece& piece : pieces) {
    if ((removes && piece.match) || piece.part.begin == piece.part.end) continue;
    out.push_back({offset + piece.part.begin, offset + piece.part.end});
  }
}

// Each part is rewritten by write(rewriter, part); the text between them is unchanged.
template <class Write>
void rewrite(AlignedText& text, std::vector<Part>& parts, Write write) {
  TextRewriter rewriter(text);
  std::size_t at = 0;
  for (Part& part : parts) {
    rewriter.keep(at, part.begin);
    at = part.end;
    const std::size_t begin = rewriter.size();
    write(rewriter, part);
    part = {begin, rewriter.size()};
  }
  rewriter.keep(at, text.bytes.size());
  text = rewriter.take();
}

void to_alphabet(AlignedText& text, std::vector<Part>& parts) {
  rewrite(text, parts, [&](TextRewriter& rewriter, const Part& part) {
    for (std::size_t i = part.begin; i < part.end; ++i)
      rewriter.replace(i, i + 1, byte_in_alphabet(static_cast<unsigned char>(text.bytes[i])));
  });
}

void from_alphabet(AlignedText& text, std::vector<Part>& parts) {
  rewrite(text, parts, [&](TextRewriter& rewriter, const Part& part) {
    for (std::size_t i = part.begin; i < part.end;) {
      const auto length = static_cast<std::size_t>(code_point(text.bytes, i).length);
      char byte[4];
      const char* end = write_bytes_of_alphabet(std::string_view(text.bytes).substr(i, length), byte);
      rewriter.replace(i, i + length, {byte, end});
      i += length;
    }
  });
}

void replace_all(AlignedText& text, std::vector<Part>& parts, std::string_view what, std::string_view with) {
  rewrite(text, parts, [&](TextRewriter& rewriter, const Part& part) {
    std::size_t at = part.begin;
    const std::string_view here = std::string_view(text.bytes).substr(0, part.end);
    for (std::size_t next = here.find(what, at); next != std::string_view::npos; next = here.find(what, at)) {
      rewriter.keep(at, next);
      rewriter.replace(next, next + what.size(), with);
      at = next + what.size();
    }
    rewriter.keep(at, part.end);
  });
}

// The whole text begins with each part that is made of its first character: a normalizer may have made several.
void put_prefixes(AlignedText& text, std::vector<Part>& parts, const CutStep& step) {
  rewrite(text, parts, [&](TextRewriter& rewriter, const Part& part) {
    const bool there = std::string_view(text.bytes).substr(part.begin, part.end - part.begin).starts_with(step.mark);
    const bool here = !step.first_only || (text.opens && text.at[part.begin] == 0);
    if (here && !there) rewriter.replace(part.begin, part.begin, step.mark);
    rewriter.keep(part.begin, part.end);
  });
}

}  // namespace

Cutter::Cutter(const std::vector<CutStep>& steps, const std::string& where) {
  for (const CutStep& step : steps) steps_.push_back({step, Pattern(step.pattern, where)});
}

std::vector<Part> Cutter::cut(AlignedText& text, bool within) const {
  std::vector<Part> parts = {{0, text.bytes.size()}};
  bool in_alphabet = false;
  for (const auto& [step, pattern] : steps_) {
    switch (step.kind) {
      case CutStep::Kind::byte_level: to_alphabet(text, parts), in_alphabet = true; break;
      case CutStep::Kind::marked_space: replace_all(text, parts, " ", step.mark); break;
      case CutStep::Kind::prefix:
        if (!within) put_prefixes(text, parts, step);
        break;
      default: {
        std::vector<Part> cut;
        for (const Part& part : parts)
          split(step, pattern, std::string_view(text.bytes).substr(part.begin, part.end - part.begin), part.begin, cut);
        parts = std::move(cut);
      }
    }
  }
  if (in_alphabet) from_alphabet(text, parts);
  return parts;
}

void unmark(AlignedText& text, std::vector<Part>& parts, std::string_view mark) {
  if (text.bytes.find(mark) != std::string::npos) replace_all(text, parts, mark, " ");
}

void put_in_front(AlignedText& text, std::string_view what) {
  TextRewriter rewriter(text);
  rewriter.replace(0, 0, what);
  rewriter.keep(0, text.bytes.size());
  text = rewriter.take();
}

}  // namespace embscope
