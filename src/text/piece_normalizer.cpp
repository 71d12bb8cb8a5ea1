#include "text/piece_normalizer.h"

#include "text/unicode.h"

namespace embscope {
namespace {

constexpr std::string_view mark = "▁";  // SentencePiece's space

// The vocabulary has spaces in place of marks, so a mark of the text itself becomes one too.
std::string with_spaces(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const bool is_mark = text.substr(at, mark.size()) == mark;
    out += is_mark ? ' ' : text[at];
    at += is_mark ? mark.size() : 1;
  }
  return out;
}

void write_with_spaces(TextRewriter& rewriter, std::string_view text) {
  std::size_t at = 0;
  for (std::size_t next = text.find(mark); next != std::string_view::npos; next = text.find(mark, at)) {
    rewriter.keep(at, next);
    at = next + mark.size();
    rewriter.replace(next, at, " ");
  }
  rewriter.keep(at, text.size());
}

void remove_last_spaces(AlignedText& text) {
  const std::size_t last = text.bytes.find_last_not_of(' ');
  text.bytes.resize(last == std::string::npos ? 0 : last + 1);
  text.at.resize(text.bytes.size() + 1);
}

void add_last_space(AlignedText& text) {
  text.bytes += ' ';
  text.at.push_back(text.at.back());
}

}  // namespace

PieceNormalizer::PieceNormalizer(const NormalizerStep& step, const std::string& where)
    : map_(step.content.empty() ? nullptr : std::make_unique<const PrecompiledMap>(step.content, where)),
      in_gguf_(step.kind == NormalizerStep::Kind::pieces_in_gguf),
      single_spaces_(step.single_spaces),
      space_before_(step.space_before),
      space_behind_(step.space_behind) {
  for (const std::string_view text : step.kept) kept_.add({}, text);
}

bool PieceNormalizer::leaves(std::string_view text) const {
  const bool only_marks = map_ == nullptr && !single_spaces_ && !space_before_ && !space_behind_ && !in_gguf_;
  return only_marks && text.find(mark) == std::string_view::npos;
}

// llama.cpp keeps what a kept text begins with too, and may so end within a character, of which it makes U+FFFD then.
PieceNormalizer::Entry PieceNormalizer::first(std::string_view text) const {
  const AddedTokens::Prefix kept = kept_.longest_prefix(text);
  if (const std::size_t length = in_gguf_ ? kept.part : kept.token) return {length, text.substr(0, length)};
  if (const auto entry = map_ == nullptr ? std::nullopt : map_->longest(text)) return *entry;
  const CodePoint character = code_point(text, 0);
  const auto length = static_cast<std::size_t>(character.length);
  return {length, in_gguf_ && character.value < 0 ? "\ufffd" : text.substr(0, length)};
}

void PieceNormalizer::apply(AlignedText& text, bool within) const {
  TextRewriter rewriter(text);
  if (in_gguf_) {
    write_as_llama_cpp(rewriter, text.bytes, within);
    text = rewriter.take();
    return;
  }
  const bool any = write_as_the_library(rewriter, text.bytes, within);
  text = rewriter.take();
  if (single_spaces_) remove_last_spaces(text);
  if (any && space_behind_ && !within) add_last_space(text);
}

// A space is removed that follows one; the text begins as if it followed one. False for a text of such spaces alone.
bool PieceNormalizer::write_as_the_library(TextRewriter& rewriter, std::string_view text, bool within) const {
  std::size_t at = 0;
  for (; single_spaces_ && at < text.size(); at += first(text.substr(at)).length)
    if (first(text.substr(at)).with != " ") break;
  rewriter.replace(0, at, "");
  if (at == text.size()) return false;
  if (space_before_ && !within) rewriter.replace(at, at, " ");
  if (map_ == nullptr && !single_spaces_) return write_with_spaces(rewriter, text), true;
  bool behind_space = single_spaces_;
  while (at < text.size()) {
    Entry entry = first(text.substr(at));
    while (behind_space && entry.with.starts_with(' ')) entry.with.remove_prefix(1);
    if (!entry.with.empty()) behind_space = single_spaces_ && entry.with.ends_with(' ');
    rewriter.replace(at, at + entry.length, with_spaces(entry.with));
    at += entry.length;
  }
  return true;
}

// Several spaces are one before the text that follows them; without that rule the first text has an added one.
void PieceNormalizer::write_as_llama_cpp(TextRewriter& rewriter, std::string_view text, bool within) const {
  bool in_text = false, added = within;
  for (std::size_t at = 0; at < text.size();) {
    const Entry entry = first(text.substr(at));
    std::string with;
    for (const char c : entry.with) {
      const bool begins = c != ' ' && !in_text;
      if (begins && ((space_before_ && !added) || (single_spaces_ && !(within && rewriter.size() == 0)))) with += ' ';
      added = added || begins;
      in_text = c != ' ';
      if (in_text || !single_spaces_) with += c;
    }
    rewriter.replace(at, at + entry.length, with_spaces(with));
    at += entry.length;
  }
}

}  // namespace embscope
