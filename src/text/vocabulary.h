// Vocabulary: the bytes of every token, and the token of given bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/text/tokenizer.h"
#include "text/hash.h"

namespace embscope {

class Vocabulary {
 public:
  enum class Kind : std::uint8_t { ordinary, added, special };

  /// Throws Error{format} for an inconsistent specification.
  explicit Vocabulary(const TokenizerSpec& spec);

  TokenId size() const { return static_cast<TokenId>(kinds_.size()); }
  bool has(TokenId id) const { return id >= 0 && id < size(); }

  // Preconditions: has(id).
  Kind kind(TokenId id) const { return kinds_[static_cast<std::size_t>(id)].kind; }
  /// Words may become this token; other tokens are only found as written, or stand for a byte, or cannot occur.
  bool in_model(TokenId id) const { return kinds_[static_cast<std::size_t>(id)].in_model; }
  std::size_t length(TokenId id) const {
    const auto i = static_cast<std::size_t>(id);
    return starts_[i + 1] - starts_[i];
  }
  std::string_view bytes(TokenId id) const {
    return {arena_.data() + starts_[static_cast<std::size_t>(id)], length(id)};
  }

  /// The token with these bytes, an ordinary token before an added one; `none` if there is none.
  TokenId find(std::string_view bytes) const { return find(ask(bytes)); }
  /// The same, faster if the guess is right.
  TokenId find(std::string_view bytes, TokenId guess) const;

  /// Whether words may become this token and it has these bytes; false of what is no id.
  bool is(TokenId id, std::string_view wanted) const { return has(id) && in_model(id) && bytes(id) == wanted; }

  /// The same in two steps: the first prefetches the memory that `find` needs.
  struct Wanted {
    std::string_view bytes;
    std::uint64_t key;
    std::size_t home;  // where the search begins
  };
  Wanted ask(std::string_view bytes) const {
    const bool few = bytes.size() <= 8;
    const std::uint64_t key = few ? eight_bytes::load_few(bytes) : hashing::hash(bytes);
    const std::size_t home = hashing::place(few ? hashing::hash_few(key, bytes.size()) : key, slots_.size());
    __builtin_prefetch(&slots_[home]);
    return {bytes, key, home};
  }
  TokenId find(const Wanted& wanted) const { return slots_[place(wanted)].id; }

  /// The same among the tokens that words may become.
  TokenId find_in_model(std::string_view bytes) const { return find_in_model(ask(bytes)); }
  TokenId find_in_model(const Wanted& wanted) const {
    const Slot& slot = slots_[place(wanted)];
    return slot.in_model != 0 ? slot.id : none;
  }

  /// The token of a single byte (of a byte-level tokenizer, or with byte fallback), or `none`.
  TokenId of_byte(unsigned char byte) const { return of_byte_[byte]; }
  static constexpr TokenId none = -1;

 private:
  // Up to eight bytes are themselves the key; longer tokens have their hash, and their bytes are compared.
  struct Slot {
    std::uint64_t key = 0;
    TokenId id = none;
    std::uint32_t length : 31 = 0, in_model : 1 = 0;
  };
  struct Nature {
    Kind kind = Kind::ordinary;
    bool in_model = true;
  };
  void read_kinds(const TokenizerSpec& spec);
  void read_byte_tokens(const TokenizerSpec& spec);
  void read_bytes(const TokenizerSpec& spec);
  void fill_table(const TokenizerSpec& spec);
  void insert(const TokenizerSpec& spec, TokenId id, const Wanted& token);
  std::size_t place(const Wanted& wanted) const;

  std::vector<Nature> kinds_;          // by id
  std::string arena_;                  // every token's bytes, one after the other
  std::vector<std::uint32_t> starts_;  // [size + 1]
  std::vector<Slot> slots_;            // open addressing
  std::array<TokenId, 256> of_byte_{};
};

/// Throws Error{format} with the tokenizer's file.
[[noreturn]] void refuse(const TokenizerSpec& spec, const std::string& message);

}  // namespace embscope
