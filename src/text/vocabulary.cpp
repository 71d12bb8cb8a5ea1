#include "text/vocabulary.h"

#include <algorithm>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "text/token_alphabet.h"

namespace embscope {
void refuse(const TokenizerSpec& spec, const std::string& message) {
  throw Error(Code::format, spec.where.empty() ? "tokenizer" : spec.where, message);
}

Vocabulary::Vocabulary(const TokenizerSpec& spec) {
  constexpr std::size_t most = 1u << 26;
  if (spec.tokens.empty()) refuse(spec, "the vocabulary is empty");
  if (spec.tokens.size() > most) refuse(spec, fmt::format("{} tokens: at most {} are read", spec.tokens.size(), most));
  read_kinds(spec);
  of_byte_.fill(none);
  read_bytes(spec);
  fill_table(spec);
  read_byte_tokens(spec);
}

void Vocabulary::read_byte_tokens(const TokenizerSpec& spec) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (spec.byte_level) of_byte_[byte] = find_in_model(std::string_view(&c, 1));
  }
}

void Vocabulary::read_kinds(const TokenizerSpec& spec) {
  kinds_.resize(spec.tokens.size());
  for (const auto& added : spec.added) {
    if (!has(added.id))
      refuse(spec, fmt::format("added token id {}: the vocabulary has ids 0..{}", added.id, size() - 1));
    kinds_[static_cast<std::size_t>(added.id)] = {added.special ? Kind::special : Kind::added, added.in_model};
  }
  for (const auto* around : {&spec.prefix, &spec.suffix}) {
    for (TokenId id : *around)
      if (!has(id)) refuse(spec, fmt::format("the post-processor's id {} is not in the vocabulary", id));
  }
  for (const auto& [id, what] : {std::pair{spec.unk, "unknown-character"}, std::pair{spec.bos, "beginning-of-text"},
                                 std::pair{spec.eos, "end-of-text"}}) {
    if (id && !has(*id)) refuse(spec, fmt::format("the {} id {} is not in the vocabulary", what, *id));
  }
}

void Vocabulary::read_bytes(const TokenizerSpec& spec) {
  std::size_t total = 0;
  for (std::string_view token : spec.tokens) total += token.size();
  if (total > INT32_MAX) refuse(spec, "the vocabulary's texts exceed 2 GiB");
  arena_.resize(total);
  starts_.reserve(spec.tokens.size() + 1);
  starts_.push_back(0);
  char* at = arena_.data();
  const TokenAlphabet alphabet(spec);
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    const std::string_view token = spec.tokens[id];
    const auto byte = alphabet.byte_of(token);
    char* end = nullptr;
    if (byte && of_byte_[*byte] == none) {
      of_byte_[*byte] = static_cast<TokenId>(id);
      end = at;
      *end++ = static_cast<char>(*byte);
    } else if (kinds_[id].in_model && !byte) {
      end = alphabet.write(token, at);
    }
    kinds_[id].in_model = end != nullptr && !byte;
    at = end != nullptr ? end : alphabet.write_added(token, at);
    starts_.push_back(static_cast<std::uint32_t>(at - arena_.data()));
  }
  arena_.resize(starts_.back());
}

void Vocabulary::fill_table(const TokenizerSpec& spec) {
  slots_.resize(spec.tokens.size() / 2 * 3 + 2);
  std::array<Wanted, 16> block;
  for (TokenId first = 0; first < size(); first += static_cast<TokenId>(block.size())) {
    const auto count = std::min(block.size(), static_cast<std::size_t>(size() - first));
    for (std::size_t i = 0; i < count; ++i) block[i] = ask(bytes(first + static_cast<TokenId>(i)));
    for (std::size_t i = 0; i < count; ++i) {
      const TokenId id = first + static_cast<TokenId>(i);
      if (in_model(id) || kind(id) != Kind::ordinary) insert(spec, id, block[i]);
    }
  }
}

void Vocabulary::insert(const TokenizerSpec& spec, TokenId id, const Wanted& token) {
  if (token.bytes.empty()) return;  // a hole in the ids
  Slot& slot = slots_[place(token)];
  if (slot.id == none) {
    slot = {token.key, id, static_cast<std::uint32_t>(token.bytes.size()), in_model(id)};
  } else if (kind(id) == Kind::ordinary && kind(slot.id) == Kind::ordinary) {
    refuse(spec, fmt::format("tokens {} and {} are the same: '{}'", slot.id, id, visible(token.bytes)));
  } else if (in_model(id) && slot.in_model == 0) {
    slot.id = id, slot.in_model = 1;  // plain text never gives an added token: the model's own is found
  }
}

std::size_t Vocabulary::place(const Wanted& wanted) const {
  const std::size_t length = wanted.bytes.size();
  for (std::size_t place = wanted.home;; place = hashing::next(place, slots_.size())) {
    const Slot& slot = slots_[place];
    if (slot.id == none) return place;
    if (slot.key == wanted.key && slot.length == length && (length <= 8 || bytes(slot.id) == wanted.bytes))
      return place;
  }
}

TokenId Vocabulary::find(std::string_view wanted, TokenId guess) const {
  return is(guess, wanted) ? guess : find(wanted);
}

}  // namespace embscope
