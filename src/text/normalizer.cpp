#include "text/normalizer.h"

#include <utf8proc.h>

#include "text/piece_normalizer.h"
#include "text/precompiled_map.h"
#include "text/reference_unicode.h"
#include "text/unicode.h"
#include "text/unicode_form.h"

namespace embscope {
namespace {

using Kind = NormalizerStep::Kind;

UnicodeForm form_of(Kind kind) {
  switch (kind) {
    case Kind::nfd: return UnicodeForm::nfd;
    case Kind::nfkc: return UnicodeForm::nfkc;
    case Kind::nfkd: return UnicodeForm::nfkd;
    default: return UnicodeForm::nfc;
  }
}

bool is_pieces(Kind kind) { return kind == Kind::pieces || kind == Kind::pieces_in_gguf; }

bool is_form(Kind kind) { return kind == Kind::nfc || kind == Kind::nfd || kind == Kind::nfkc || kind == Kind::nfkd; }

std::string utf8_of(std::int32_t code) {
  utf8proc_uint8_t bytes[4];
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(utf8proc_encode_char(code, bytes))};
}

// Each character becomes write(code), or is unchanged if that gives nothing.
template <class Write>
void map_characters(AlignedText& text, Write write) {
  TextRewriter rewriter(text);
  for (std::size_t at = 0; at < text.bytes.size();) {
    const CodePoint c = code_point(text.bytes, at);
    const std::size_t end = at + static_cast<std::size_t>(c.length);
    const std::optional<std::string> with = c.value < 0 ? std::nullopt : write(c.value);
    with ? rewriter.replace(at, end, *with) : rewriter.keep(at, end);
    at = end;
  }
  text = rewriter.take();
}

std::optional<std::string> lower(std::int32_t code) {
  if (code == 0x130) return "i\u0307";  // the only character of Unicode that becomes two
  const std::int32_t low = reference_unicode::lower(code);
  return low == code ? std::nullopt : std::optional(utf8_of(low));
}

std::optional<std::string> without_accent(std::int32_t code) {
  return reference_unicode::is_mark(code) ? std::optional<std::string>("") : std::nullopt;
}

// The characters that SentencePiece's rules for machine translation remove, and those that become a space.
std::optional<std::string> nmt(std::int32_t code) {
  const auto within = [code](std::int32_t first, std::int32_t last) { return code >= first && code <= last; };
  if (within(0x01, 0x08) || code == 0x0b || within(0x0e, 0x1f) || code == 0x7f || code == 0x8f || code == 0x9f)
    return "";
  if (code == 0x09 || code == 0x0a || code == 0x0c || code == 0x0d || code == 0x1680 || within(0x200b, 0x200f) ||
      code == 0x2028 || code == 0x2029 || code == 0x2581 || code == 0xfeff || code == 0xfffd)
    return " ";
  return std::nullopt;
}

std::optional<std::string> without_nonspacing(std::int32_t code) {
  return reference_unicode::is_nonspacing(code) ? std::optional<std::string>("") : std::nullopt;
}

std::optional<std::string> cleaned(std::int32_t code) {
  if (code == '\t' || code == '\n' || code == '\r') return " ";
  if (code == 0xfffd || reference_unicode::is_control(code)) return "";
  return char_class(code) == CharClass::space ? std::optional<std::string>(" ") : std::nullopt;
}

// BERT's blocks of Chinese characters.
bool is_ideograph(std::int32_t code) {
  const auto within = [code](std::int32_t first, std::int32_t last) { return code >= first && code <= last; };
  return within(0x4e00, 0x9fff) || within(0x3400, 0x4dbf) || within(0x20000, 0x2a6df) || within(0x2a700, 0x2b81f) ||
         within(0x2b920, 0x2ceaf) || within(0xf900, 0xfaff) || within(0x2f800, 0x2fa1f);
}

void put_blanks_around_ideographs(AlignedText& text) {
  TextRewriter rewriter(text);
  for (std::size_t at = 0; at < text.bytes.size();) {
    const CodePoint c = code_point(text.bytes, at);
    const std::size_t end = at + static_cast<std::size_t>(c.length);
    const bool apart = is_ideograph(c.value);
    if (apart) rewriter.replace(at, at, " ");
    rewriter.keep(at, end);
    if (apart) rewriter.replace(end, end, " ");
    at = end;
  }
  text = rewriter.take();
}

void strip(AlignedText& text, bool left, bool right) {
  std::size_t begin = 0, end = 0, at = 0;
  bool any = false;
  while (at < text.bytes.size()) {
    const CodePoint c = code_point(text.bytes, at);
    const std::size_t next = at + static_cast<std::size_t>(c.length);
    if (char_class(c.value) != CharClass::space) {
      if (!any) begin = at;
      any = true;
      end = next;
    }
    at = next;
  }
  if (!any) begin = left ? at : 0, end = left ? at : 0;
  if (!left) begin = 0;
  if (!right) end = at;
  TextRewriter rewriter(text);
  rewriter.replace(0, begin, "");
  rewriter.keep(begin, std::max(begin, end));
  text = rewriter.take();
}

// Whether the first of `end` bytes and the last character of them are at different places of the source.
bool are_several(const AlignedText& text, std::size_t end) {
  std::size_t last = 0;
  for (std::size_t at = 0; at < end; at += static_cast<std::size_t>(code_point(text.bytes, at).length)) last = at;
  return text.at[last] != text.at[0];
}

void replace(AlignedText& text, const Pattern& pattern, std::string_view with) {
  TextRewriter rewriter(text);
  std::size_t kept = 0;
  bool opens = true;
  pattern.find_all(text.bytes, [&](std::size_t begin, std::size_t end) {
    rewriter.keep(kept, begin);
    rewriter.replace(begin, end, with);
    kept = end;
    if (begin == 0 && !with.empty() && are_several(text, end)) opens = false;
  });
  rewriter.keep(kept, text.bytes.size());
  text = rewriter.take();
  text.opens = text.opens && opens;
}

void prepend(AlignedText& text, std::string_view with) {
  if (text.bytes.empty()) return;
  TextRewriter rewriter(text);
  rewriter.replace(0, 0, with);
  rewriter.keep(0, text.bytes.size());
  text = rewriter.take();
}

}  // namespace

struct Normalizer::Step {
  NormalizerStep what;
  Pattern pattern;
  std::unique_ptr<const PrecompiledMap> map;
  std::unique_ptr<const PieceNormalizer> pieces;
};

Normalizer::Normalizer(const std::vector<NormalizerStep>& steps, const std::string& where) {
  for (const NormalizerStep& step : steps) {
    auto map = step.kind == Kind::precompiled ? std::make_unique<const PrecompiledMap>(step.content, where) : nullptr;
    auto pieces = is_pieces(step.kind) ? std::make_unique<const PieceNormalizer>(step, where) : nullptr;
    steps_.push_back({step, Pattern(step.pattern, where), std::move(map), std::move(pieces)});
  }
}
Normalizer::~Normalizer() = default;
Normalizer::Normalizer(Normalizer&&) noexcept = default;

bool Normalizer::leaves(std::string_view text) const {
  for (const Step& step : steps_) {
    const bool plain = step.what.kind == Kind::replace && !step.what.pattern.regex;
    if (plain && text.find(step.what.pattern.text) == std::string_view::npos) continue;
    if (step.pieces != nullptr && step.pieces->leaves(text)) continue;
    if (!is_form(step.what.kind) || !is_in_form(text, form_of(step.what.kind))) return false;
  }
  return true;
}

bool Normalizer::leaves_tokens() const { return steps_.size() == 1 && steps_[0].pieces != nullptr; }

bool Normalizer::removes_first_spaces() const { return leaves_tokens() && steps_[0].pieces->single_spaces(); }

void Normalizer::apply(AlignedText& text, bool within) const {
  for (const auto& [step, pattern, map, pieces] : steps_) {
    switch (step.kind) {
      case Kind::prepend:
        if (!within) prepend(text, step.content);
        break;
      case Kind::replace: replace(text, pattern, step.content); break;
      case Kind::strip: strip(text, step.left, step.right); break;
      case Kind::lowercase: map_characters(text, lower); break;
      case Kind::strip_accents: map_characters(text, without_accent); break;
      case Kind::nmt: map_characters(text, nmt); break;
      case Kind::clean: map_characters(text, cleaned); break;
      case Kind::ideographs: put_blanks_around_ideographs(text); break;
      case Kind::strip_nonspacing: map_characters(text, without_nonspacing); break;
      case Kind::precompiled: map->apply(text); break;
      case Kind::pieces:
      case Kind::pieces_in_gguf: pieces->apply(text, within); break;
      default: to_form(text, form_of(step.kind));
    }
  }
}

std::string Normalizer::apply(std::string_view text) const {
  AlignedText aligned = AlignedText::of(text, 0);
  apply(aligned);
  return aligned.bytes;
}

}  // namespace embscope
