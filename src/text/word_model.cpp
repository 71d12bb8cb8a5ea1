#include "text/word_model.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "text/merge_reader.h"
#include "text/unicode.h"

namespace embscope {
namespace {

using Algorithm = TokenizerSpec::Algorithm;

std::vector<double> checked_scores(const TokenizerSpec& spec) {
  if (spec.algorithm != Algorithm::scores && spec.algorithm != Algorithm::unigram) return {};
  if (spec.scores.size() != spec.tokens.size())
    refuse(spec, fmt::format("{} scores for {} tokens", spec.scores.size(), spec.tokens.size()));
  for (std::size_t id = 0; id < spec.scores.size(); ++id) {
    if (!std::isfinite(spec.scores[id]))
      refuse(spec, fmt::format("token {} ('{}') has the score {}", id, visible(spec.tokens[id].substr(0, 60)),
                               spec.scores[id]));
  }
  return spec.scores;
}

}  // namespace

WordModel::WordModel(const TokenizerSpec& spec, const Vocabulary& vocabulary)
    : vocabulary_(vocabulary),
      merges_(spec.algorithm == Algorithm::merges ? read_merges(spec, vocabulary) : MergeTable()),
      scores_(checked_scores(spec)),
      algorithm_(spec.algorithm),
      byte_level_(spec.byte_level),
      byte_fallback_(spec.byte_fallback),
      fuse_unk_(spec.fuse_unk),
      ignore_merges_(spec.ignore_merges),
      unk_(spec.unk.value_or(Vocabulary::none)),
      continuing_(spec.continuing),
      longest_word_(spec.longest_word) {
  if (algorithm_ == Algorithm::unigram) unigram_ = std::make_unique<const Unigram>(vocabulary_, scores_, unk_, spec);
}

bool WordModel::is_local() const {
  if (algorithm_ == Algorithm::words || algorithm_ == Algorithm::longest) return false;
  if (algorithm_ == Algorithm::unigram || ignore_merges_) return false;
  if (byte_level_ || unk_ == Vocabulary::none || !fuse_unk_) return true;
  for (unsigned byte = 0; byte < 256; ++byte) {  // otherwise neighbours without tokens may become one
    const char c = static_cast<char>(byte);
    const bool ascii = byte < 0x80 && vocabulary_.find_in_model(std::string_view(&c, 1)) != Vocabulary::none;
    if (!ascii && (!byte_fallback_ || vocabulary_.of_byte(static_cast<unsigned char>(byte)) == Vocabulary::none))
      return false;
  }
  return true;
}

bool WordModel::has_bytes(std::string_view text) const {
  return byte_fallback_ && std::ranges::all_of(text, [&](char c) {
           return vocabulary_.of_byte(static_cast<unsigned char>(c)) != Vocabulary::none;
         });
}

std::span<const WordModel::Piece> WordModel::split(std::string_view word, const WordPlace& place, Work& work) const {
  work.pieces.clear();
  const bool may_be_whole = ignore_merges_ || algorithm_ == Algorithm::words;
  const TokenId whole = may_be_whole ? vocabulary_.find_in_model(word) : Vocabulary::none;
  if (whole != Vocabulary::none)
    work.pieces.push_back({whole, static_cast<std::uint32_t>(word.size())});
  else if (algorithm_ == Algorithm::words)
    write_unknown(word, place.of(0), work);
  else if (algorithm_ == Algorithm::longest)
    split_longest(word, place, work);
  else if (algorithm_ == Algorithm::unigram)
    write_symbols(unigram_->best(word), word, place, work);
  else if (algorithm_ == Algorithm::scores)
    write_symbols(merge_by_score(vocabulary_, scores_, word, byte_level_), word, place, work);
  else
    byte_level_ ? split_bytes(word, place, work) : split_characters(word, place, work);
  return work.pieces;
}

// A word is unknown as a whole if any of it is.
void WordModel::split_longest(std::string_view word, const WordPlace& place, Work& work) const {
  std::vector<std::size_t> ends;  // of characters
  for (std::size_t at = 0; at < word.size(); ends.push_back(at))
    at += static_cast<std::size_t>(code_point(word, at).length);
  if (ends.size() > longest_word_) return write_unknown(word, place.of(0), work);
  std::string wanted;
  for (std::size_t begin = 0; begin < word.size();) {
    TokenId id = Vocabulary::none;
    auto end = ends.rbegin();
    for (; id == Vocabulary::none && end != ends.rend() && *end > begin; ++end) {
      wanted = begin == 0 ? "" : continuing_;
      wanted += word.substr(begin, *end - begin);
      id = vocabulary_.find_in_model(std::string_view(wanted));
      if (id != Vocabulary::none) break;
    }
    if (id == Vocabulary::none) {
      work.pieces.clear();
      return write_unknown(word, place.of(0), work);
    }
    work.pieces.push_back({id, static_cast<std::uint32_t>(*end - begin)});
    begin = *end;
  }
}

void WordModel::split_bytes(std::string_view word, const WordPlace& place, Work& work) const {
  work.symbols.resize(word.size());
  bool known = true;
  for (std::size_t i = 0; i < word.size(); ++i) {
    work.symbols[i] = vocabulary_.of_byte(static_cast<unsigned char>(word[i]));
    known = known && work.symbols[i] != Vocabulary::none;
  }
  if (!known) return split_characters(word, place, work);
  const std::size_t count = merge_pairs(merges_, work.symbols, word);
  for (std::size_t i = 0; i < count; ++i)
    work.pieces.push_back({work.symbols[i], static_cast<std::uint32_t>(vocabulary_.length(work.symbols[i]))});
}

// A character of a byte-level tokenizer is a byte. A character without a token is not merged.
void WordModel::split_characters(std::string_view word, const WordPlace& place, Work& work) const {
  work.symbols.clear();
  work.unknown.clear();
  bool fuses = false;
  for (std::size_t at = 0; at < word.size();) {
    const auto length = byte_level_ ? std::size_t{1} : static_cast<std::size_t>(code_point(word, at).length);
    const std::string_view character = word.substr(at, length);
    const TokenId id = vocabulary_.find_in_model(character);
    if (id != Vocabulary::none) {
      work.symbols.push_back(id);
    } else if (!byte_level_ && has_bytes(character)) {
      for (const char byte : character) work.symbols.push_back(vocabulary_.of_byte(static_cast<unsigned char>(byte)));
    } else if (unk_ == Vocabulary::none) {
      refuse_byte(character, place.of(at));
    } else if (fuses && fuse_unk_) {
      work.unknown.back() += static_cast<std::uint32_t>(length);
    } else {
      work.symbols.push_back(unk_);
      work.unknown.push_back(static_cast<std::uint32_t>(length));
    }
    fuses = !work.unknown.empty() && work.symbols.back() == unk_;
    at += length;
  }
  const std::size_t count = merge_pairs(merges_, work.symbols);
  auto unknown = work.unknown.begin();
  for (std::size_t i = 0; i < count; ++i) {
    const TokenId id = work.symbols[i];
    const bool stands_in = id == unk_ && unknown != work.unknown.end();
    work.pieces.push_back({id, stands_in ? *unknown++ : static_cast<std::uint32_t>(vocabulary_.length(id))});
  }
}

void WordModel::write_symbols(std::span<const ScoredSymbol> symbols, std::string_view word, const WordPlace& place,
                              Work& work) const {
  std::size_t at = 0;
  bool fuses = false;
  for (const ScoredSymbol& symbol : symbols) {
    const bool unknown = symbol.id == Vocabulary::none;
    if (!unknown)
      work.pieces.push_back({symbol.id, symbol.length});
    else if (fuses && fuse_unk_ && !has_bytes(word.substr(at, symbol.length)))
      work.pieces.back().length += symbol.length;
    else
      write_unknown(word.substr(at, symbol.length), place.of(at), work);
    fuses = unknown && work.pieces.back().id == unk_;
    at += symbol.length;
  }
}

void WordModel::write_unknown(std::string_view text, std::uint64_t begin, Work& work) const {
  if (has_bytes(text)) {
    for (const char byte : text) work.pieces.push_back({vocabulary_.of_byte(static_cast<unsigned char>(byte)), 1});
  } else if (unk_ != Vocabulary::none) {
    work.pieces.push_back({unk_, static_cast<std::uint32_t>(text.size())});
  } else {
    refuse_byte(text, begin);
  }
}

void WordModel::refuse_byte(std::string_view text, std::uint64_t begin) const {
  const auto byte = static_cast<unsigned char>(text[0]);
  const std::string what = text.size() == 1 || byte_level_ ? fmt::format("the byte 0x{:02X} at {}", byte, begin)
                                                           : fmt::format("'{}' at byte {}", visible(text), begin);
  throw Error(Code::unsupported, "tokenizer", fmt::format("the vocabulary has no token for {}", what));
}

}  // namespace embscope
