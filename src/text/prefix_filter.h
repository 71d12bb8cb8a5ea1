// PrefixFilter: whether a text may be the beginning of a token, and a token, byte by byte. What it denies is certain;
// what it affirms may be wrong (Bloom 1970), so that its caller looks it up. Thread rule: immutable once filled.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/hash.h"

namespace embscope {

class PrefixFilter {
 public:
  /// For tokens of that many bytes together.
  explicit PrefixFilter(std::size_t bytes) : slots_(std::clamp<std::size_t>(bytes, 8, 1u << 28)) {}

  void add(std::string_view token) {
    Walk walk;
    for (const char c : token) {
      walk.step(c);
      mark(walk, begins);
    }
    mark(walk, whole);
  }

  /// A text that grows; it is empty at first.
  class Walk {
   public:
    void step(char c) { hash_ = ((hash_ ^ hash_ >> 29) + static_cast<unsigned char>(c) + 1) * hashing::odd; }

   private:
    friend class PrefixFilter;
    std::uint64_t hash_ = 0;
  };
  bool may_begin(const Walk& walk) const { return (slot(walk) & begins) != 0; }
  bool may_be_whole(const Walk& walk) const { return (slot(walk) & whole) != 0; }

 private:
  static constexpr unsigned begins = 1, whole = 2;
  std::size_t place(const Walk& walk) const { return hashing::place(walk.hash_, 4 * slots_.size()); }
  unsigned slot(const Walk& walk) const {
    const std::size_t at = place(walk);
    return slots_[at / 4] >> at % 4 * 2;
  }
  void mark(const Walk& walk, unsigned what) {
    const std::size_t at = place(walk);
    slots_[at / 4] = static_cast<std::uint8_t>(slots_[at / 4] | what << at % 4 * 2);
  }

  std::vector<std::uint8_t> slots_;  // of two bits, four in each
};

}  // namespace embscope
