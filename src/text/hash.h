// Hashes for open-addressing tables, in which a value that is not at its own place is in one of the next.
#pragma once

#include "text/eight_bytes.h"

namespace embscope::hashing {

constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;  // 2^64 / the golden ratio (Knuth 6.4)

/// The same as `hash` of at most eight bytes, which are loaded already.
constexpr std::uint64_t hash_few(std::uint64_t bytes, std::size_t size) { return (size * odd ^ bytes) * odd; }

/// Any bytes in 64 bits, of which the highest are the best.
inline std::uint64_t hash(std::string_view bytes) {
  std::uint64_t h = bytes.size() * odd;
  for (; bytes.size() > 8; bytes.remove_prefix(8)) {
    h = (h ^ eight_bytes::load(bytes.data())) * odd;
    h ^= h >> 32;
  }
  return (h ^ eight_bytes::load_few(bytes)) * odd;
}

/// A place among `count` < 2^32 by the highest bits.
constexpr std::size_t place(std::uint64_t hash, std::size_t count) { return (hash >> 32) * count >> 32; }

constexpr std::size_t next(std::size_t place, std::size_t count) { return place + 1 < count ? place + 1 : 0; }

}  // namespace embscope::hashing
