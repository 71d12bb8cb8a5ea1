// Eight bytes of text in one 64-bit word: ASCII is classified eight characters at a time.
// The first byte is the lowest one. Masks have 0x80 in every selected byte, zero elsewhere.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace embscope::eight_bytes {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t all(std::uint64_t byte) { return byte * 0x0101010101010101; }

inline std::uint64_t load(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, 8);
  return word;
}

/// The bytes from `at`; after the end of the text 0x80, which ends every run of ASCII.
inline std::uint64_t load(std::string_view text, std::size_t at) {
  if (at + 8 <= text.size()) [[likely]]
    return load(text.data() + at);
  std::uint64_t word = all(0x80);
  if (at < text.size()) std::memcpy(&word, text.data() + at, text.size() - at);
  return word;
}

/// At most eight bytes as they are, and zeros behind them.
inline std::uint64_t load_few(std::string_view bytes) {
  const std::size_t size = bytes.size();
  if (size >= 4) {
    std::uint32_t front, back;
    std::memcpy(&front, bytes.data(), 4);
    std::memcpy(&back, bytes.data() + size - 4, 4);
    return front | static_cast<std::uint64_t>(back) << 8 * (size - 4);
  }
  if (size == 0) return 0;
  const auto at = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(bytes[i])} << 8 * i; };
  return at(0) | at(size / 2) | at(size - 1);
}

/// Bytes from `least` to `most`, both ASCII.
constexpr std::uint64_t between(std::uint64_t word, unsigned char least, unsigned char most) {
  const std::uint64_t low = word & all(0x7f);  // adding cannot carry into the next byte
  return (low + all(0x80u - least)) & ~(low + all(0x7fu - most)) & ~word & all(0x80);
}

/// Bytes equal to one of ASCII.
constexpr std::uint64_t equal(std::uint64_t word, unsigned char byte) {
  const std::uint64_t other = word ^ all(byte);
  return ~(((other & all(0x7f)) + all(0x7f)) | other) & all(0x80);
}

/// A mask with one bit a byte, in the lowest eight.
constexpr std::uint64_t bits(std::uint64_t mask) { return mask * 0x0002040810204081 >> 56; }

constexpr std::uint64_t letters(std::uint64_t word) { return between(word | all(0x20), 'a', 'z'); }
constexpr std::uint64_t digits(std::uint64_t word) { return between(word, '0', '9'); }
constexpr std::uint64_t spaces(std::uint64_t word) { return between(word, '\t', '\r') | between(word, ' ', ' '); }

/// [n]: the mask that keeps the first n bytes of sixteen, in two words.
struct Sixteen {
  std::uint64_t low, high;
};
inline constexpr std::array<Sixteen, 16> first_of_sixteen = [] {
  std::array<Sixteen, 16> masks{};
  for (int n = 1; n < 16; ++n) {
    masks[static_cast<std::size_t>(n)] = {n < 8 ? (std::uint64_t{1} << 8 * n) - 1 : ~std::uint64_t{0},
                                          n <= 8 ? 0 : (std::uint64_t{1} << 8 * (n - 8)) - 1};
  }
  return masks;
}();

/// The index of the first byte of a mask that is not zero.
constexpr std::size_t first(std::uint64_t mask) { return static_cast<std::size_t>(std::countr_zero(mask)) / 8; }

}  // namespace embscope::eight_bytes
