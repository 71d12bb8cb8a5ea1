// Blocks of a file's rows -> vectors of fp32 with one output a lane, for files that are compiled for every instruction
// set: hence the guard, which is Highway's idiom.
//
// 16 bytes of each row are turned over as words of 32 bits, which is four (BF16: two) values for the shuffles of one;
// then all arithmetic goes on in lanes. The integers of four neighbouring k are brought to one word of four signed
// bytes (`codes`); a byte becomes a float by one shuffle, to the top of its lane, and one conversion, so as 2^24 times
// itself, which the scale takes back. Every scale times its integer is exact in fp32, so that a fused multiply-add
// rounds as ggml's multiplication and addition do: the values have the bits of `decode_values`.
#if defined(EMBSCOPE_KERNELS_BLOCKS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBSCOPE_KERNELS_BLOCKS_INL_H
#undef EMBSCOPE_KERNELS_BLOCKS_INL_H
#else
#define EMBSCOPE_KERNELS_BLOCKS_INL_H
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "embscope/tensor/tensor.h"
#include "hwy/highway.h"

#undef INLINED
#define INLINED HWY_ATTR __attribute__((always_inline))  // of lambdas, whose vectors are to stay in registers

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Elsewhere, blocks are decoded value by value.
#undef EMBSCOPE_BLOCKS_IN_LANES
#define EMBSCOPE_BLOCKS_IN_LANES (HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM)

#if EMBSCOPE_BLOCKS_IN_LANES

using Byte = std::uint8_t;
using F = hn::CappedTag<float, 16>;
using U = hn::RebindToUnsigned<F>;
using I = hn::RebindToSigned<F>;
using B = hn::Repartition<std::uint8_t, F>;
using H = hn::Repartition<std::uint16_t, F>;
using VF = hn::Vec<F>;
using VU = hn::Vec<U>;

constexpr int lanes = static_cast<int>(hn::MaxLanes(F()));

/// Rows of one tile from input `from` on: pointers to their bytes and to the factors of their values (null: there are
/// none), and where as many rows of the next tile lie (null: it is not known to be next).
struct Rows {
  const Byte* const* at;
  const float* const* scales;
  std::int64_t scale_columns, from;
  const Byte* next;
  std::int64_t tile_rows;

  Rows group(int g) const {
    return {at + g * lanes, scales == nullptr ? nullptr : scales + g * lanes, scale_columns, from, next, tile_rows};
  }
  float scale(std::int64_t row, std::int64_t k) const {
    return scales == nullptr ? 1 : scales[row][(from + k) / scale_columns];
  }
  // While values [k, k + count) of these rows are worked on, the same share of the next tile is read, in the order in
  // which it lies.
  HWY_INLINE void prefetch_next(std::int64_t k, std::int64_t count, std::int64_t bytes, std::int64_t block) const {
    if (next == nullptr) return;
    const Byte* begin = next + k * tile_rows * bytes / block;
    for (std::int64_t i = 0; i < count * tile_rows * bytes / block; i += 64) __builtin_prefetch(begin + i, 0, 2);
  }
};

HWY_INLINE VU word(std::uint32_t value) { return hn::Set(U(), value); }
HWY_INLINE VF as_float(VU v) { return hn::BitCast(F(), v); }
template <class V>
HWY_INLINE VU as_words(V v) {
  return hn::BitCast(U(), v);
}

// body(0) .. body(n - 1), each with its number as a constant.
template <int n, class Body>
HWY_INLINE void unrolled(Body&& body) {
  [&]<int... i>(std::integer_sequence<int, i...>)
      INLINED { (body(std::integral_constant<int, i>()), ...); }(std::make_integer_sequence<int, n>());
}

// 16 bytes of every fourth row, a row to each 128 bits; `step` rows between two lanes.
HWY_INLINE VU load_fourths(const Byte* const* rows, std::int64_t offset, int step) {
  const hn::FixedTag<std::uint8_t, 16> d;
  const auto piece = [&](int i) INLINED { return hn::LoadU(d, rows[4 * i * step] + offset); };
#if HWY_TARGET <= HWY_AVX3
  const hn::FixedTag<std::uint8_t, 32> two;
  return as_words(hn::Combine(hn::FixedTag<std::uint8_t, 64>(), hn::Combine(two, piece(3), piece(2)),
                              hn::Combine(two, piece(1), piece(0))));
#elif HWY_TARGET == HWY_AVX2
  return as_words(hn::Combine(hn::FixedTag<std::uint8_t, 32>(), piece(1), piece(0)));
#else
  return as_words(piece(0));
#endif
}

struct Words {
  VU w[4];
};

HWY_INLINE Words turned(VU r0, VU r1, VU r2, VU r3) {
  const U d;
  const VU low02 = hn::InterleaveLower(d, r0, r2), low13 = hn::InterleaveLower(d, r1, r3);
  const VU high02 = hn::InterleaveUpper(d, r0, r2), high13 = hn::InterleaveUpper(d, r1, r3);
  return {{hn::InterleaveLower(d, low02, low13), hn::InterleaveUpper(d, low02, low13),
           hn::InterleaveLower(d, high02, high13), hn::InterleaveUpper(d, high02, high13)}};
}

// Words 0 to 3 of the 16 bytes at `offset` of each row: lane l of w[i] is word i of row l * step.
HWY_INLINE Words words(const Byte* const* rows, std::int64_t offset, int step = 1) {
  return turned(load_fourths(rows, offset, step), load_fourths(rows + step, offset, step),
                load_fourths(rows + 2 * step, offset, step), load_fourths(rows + 3 * step, offset, step));
}

// The 16 words of the 64 bytes at `offset`. A row's line is read as a whole before the next row's: rows whose distance
// is a power of two would push one another out of the first-level cache.
struct Line {
  Words part[4];
};
HWY_INLINE Line line(const Byte* const* rows, std::int64_t offset, int step = 1) {
  VU r[4][4];  // of each quarter of the line, every fourth row
#if HWY_TARGET <= HWY_AVX3
  const auto whole = [&](int row) INLINED { return hn::LoadU(B(), rows[row * step] + offset); };
  unrolled<4>([&](auto i) INLINED {
    const auto lower = [](auto a, auto b) INLINED { return hn::ConcatLowerLower(B(), b, a); };
    const auto upper = [](auto a, auto b) INLINED { return hn::ConcatUpperUpper(B(), b, a); };
    const auto quarters = [&](auto a, auto b, VU& even, VU& odd) INLINED {  // of rows i and i + 4, and of i + 8, i + 12
      even = VU{_mm512_shuffle_i32x4(a.raw, b.raw, 0x88)}, odd = VU{_mm512_shuffle_i32x4(a.raw, b.raw, 0xdd)};
    };
    const auto w0 = whole(i), w4 = whole(i + 4), w8 = whole(i + 8), w12 = whole(i + 12);
    quarters(lower(w0, w4), lower(w8, w12), r[0][i], r[1][i]);
    quarters(upper(w0, w4), upper(w8, w12), r[2][i], r[3][i]);
  });
#else
  unrolled<4>([&](auto i) INLINED {
    unrolled<4>([&](auto part) INLINED { r[part][i] = load_fourths(rows + i * step, offset + 16 * part, step); });
  });
#endif
  Line turned_over;
  unrolled<4>([&](auto part)
                  INLINED { turned_over.part[part] = turned(r[part][0], r[part][1], r[part][2], r[part][3]); });
  return turned_over;
}

HWY_INLINE void put_line(const Byte* const* rows, std::int64_t offset, VU* to) {
  const Line whole = line(rows, offset);
  unrolled<16>([&](auto i) INLINED { to[i] = whole.part[i / 4].w[i % 4]; });
}

// The half-precision number in the low 16 bits of each lane (compare `half` of tensor/bytes.h).
HWY_INLINE VF half_of(VU h) {
  const VU magnitude = hn::ShiftLeft<13>(hn::And(h, word(0x7fff))), sign = hn::ShiftLeft<16>(hn::And(h, word(0x8000)));
  const VU scaled = as_words(hn::Mul(as_float(magnitude), hn::Set(F(), 0x1p112f)));
  const auto special = hn::Gt(hn::BitCast(I(), magnitude), hn::Set(I(), 0x0f7fffff));
  return as_float(hn::Or(hn::Or(scaled, sign), as_words(hn::IfThenElseZero(special, hn::Set(I(), 0x7f800000)))));
}
HWY_INLINE VF upper_half_of(VU h) { return half_of(hn::ShiftRight<16>(h)); }

alignas(16) inline constexpr std::uint8_t to_top[4][16] = {
    {128, 128, 128, 0, 128, 128, 128, 4, 128, 128, 128, 8, 128, 128, 128, 12},
    {128, 128, 128, 1, 128, 128, 128, 5, 128, 128, 128, 9, 128, 128, 128, 13},
    {128, 128, 128, 2, 128, 128, 128, 6, 128, 128, 128, 10, 128, 128, 128, 14},
    {128, 128, 128, 3, 128, 128, 128, 7, 128, 128, 128, 11, 128, 128, 128, 15}};
constexpr float unshifted = 0x1p-24f;

// Signed byte j of each lane, times 2^24.
template <int j>
HWY_INLINE VF byte_of(VU codes) {
  const auto top = hn::TableLookupBytesOr0(hn::BitCast(B(), codes), hn::LoadDup128(B(), to_top[j]));
  return hn::ConvertTo(F(), hn::BitCast(I(), top));
}

// A table of 16 bytes at the four bytes of each lane, all below 16.
HWY_INLINE VU look_up(const std::int8_t* table, VU indices) {
  const auto values = hn::LoadDup128(B(), reinterpret_cast<const std::uint8_t*>(table));
  return as_words(hn::TableLookupBytes(values, hn::BitCast(B(), indices)));
}

HWY_INLINE VU subtract_bytes(VU a, std::uint8_t b) { return as_words(hn::Sub(hn::BitCast(B(), a), hn::Set(B(), b))); }
HWY_INLINE VU low_nibbles(VU w) { return hn::And(w, word(0x0f0f0f0f)); }
HWY_INLINE VU high_nibbles(VU w) { return hn::And(hn::ShiftRight<4>(w), word(0x0f0f0f0f)); }
HWY_INLINE VU nibbles(VU w, int upper) { return upper == 0 ? low_nibbles(w) : high_nibbles(w); }
HWY_INLINE VU two_bits(VU w, int shift) { return hn::And(hn::ShiftRightSame(w, shift), word(0x03030303)); }
HWY_INLINE VU one_bit(VU w, int shift) { return hn::And(hn::ShiftRightSame(w, shift), word(0x01010101)); }

// Values k to k + 3 of group g: scale * code, of signed bytes.
template <class Sink>
HWY_INLINE void put_codes(Sink& sink, std::int64_t k, int g, VU codes, VF scale) {
  unrolled<4>([&](auto j) INLINED { sink.put(k + j.value, g, hn::Mul(scale, byte_of<j.value>(codes))); });
}

// Scales of bytes below 128 that become floats where they stand in their lane: byte j is 2^8j times itself.
struct Places {
  VF of[4];
};
HWY_INLINE Places places(VF scale) {
  const auto times = [&](float factor) INLINED { return hn::Mul(scale, hn::Set(F(), factor)); };
  return {{times(0x1p24f), times(0x1p16f), times(0x1p8f), scale}};
}

// Values k to k + 3 of group g: scale * code + offset, of bytes below 128.
template <class Sink>
HWY_INLINE void put_codes(Sink& sink, std::int64_t k, int g, VU codes, const Places& scale, VF offset) {
  unrolled<4>([&](auto j) INLINED {
    const VU byte = hn::And(codes, word(0xffu << (8 * j.value)));
    sink.put(k + j.value, g, hn::MulAdd(scale.of[j.value], hn::ConvertTo(F(), hn::BitCast(I(), byte)), offset));
  });
}

// ---- Types of 32 values a block: `head` gives what a block needs for all its values, `codes` those of word i of the
// low or the high nibbles.
struct Head {
  VF scale, offset;
  VU high;
};

struct Q4_0 {
  static constexpr std::int64_t bytes = 18, at = 2;
  static constexpr bool has_offset = false;
  static HWY_INLINE Head head(const Byte* const* rows, std::int64_t b) {
    return {hn::Mul(half_of(words(rows, b).w[0]), hn::Set(F(), unshifted)), hn::Zero(F()), hn::Zero(U())};
  }
  static HWY_INLINE VU codes(VU w, const Head&, int upper, int) { return subtract_bytes(nibbles(w, upper), 8); }
};

struct Q4_1 {
  static constexpr std::int64_t bytes = 20, at = 4;
  static constexpr bool has_offset = true;
  static HWY_INLINE Head head(const Byte* const* rows, std::int64_t b) {
    const VU w = words(rows, b).w[0];
    return {hn::Mul(half_of(w), hn::Set(F(), unshifted)), upper_half_of(w), hn::Zero(U())};
  }
  static HWY_INLINE VU codes(VU w, const Head&, int upper, int) { return nibbles(w, upper); }
};

// Bits 4 i to 4 i + 3 of the upper or the lower half of `high`, as the fifth bits of four bytes.
HWY_INLINE VU fifth_bits(VU high, int upper, int i) {
  const VU four = hn::And(hn::ShiftRightSame(high, 16 * upper + 4 * i), word(15));
  const VU spread =
      hn::Or(hn::Or(four, hn::ShiftLeft<7>(four)), hn::Or(hn::ShiftLeft<14>(four), hn::ShiftLeft<21>(four)));
  return hn::ShiftLeft<4>(hn::And(spread, word(0x01010101)));
}

struct Q5_0 {
  static constexpr std::int64_t bytes = 22, at = 6;
  static constexpr bool has_offset = false;
  static HWY_INLINE Head head(const Byte* const* rows, std::int64_t b) {
    const Words w = words(rows, b);
    return {hn::Mul(half_of(w.w[0]), hn::Set(F(), unshifted)), hn::Zero(F()),
            hn::Or(hn::ShiftRight<16>(w.w[0]), hn::ShiftLeft<16>(w.w[1]))};
  }
  static HWY_INLINE VU codes(VU w, const Head& h, int upper, int i) {
    return subtract_bytes(hn::Or(nibbles(w, upper), fifth_bits(h.high, upper, i)), 16);
  }
};

struct Q5_1 {
  static constexpr std::int64_t bytes = 24, at = 8;
  static constexpr bool has_offset = true;
  static HWY_INLINE Head head(const Byte* const* rows, std::int64_t b) {
    const Words w = words(rows, b);
    return {hn::Mul(half_of(w.w[0]), hn::Set(F(), unshifted)), upper_half_of(w.w[0]), w.w[1]};
  }
  static HWY_INLINE VU codes(VU w, const Head& h, int upper, int i) {
    return hn::Or(nibbles(w, upper), fifth_bits(h.high, upper, i));
  }
};

alignas(16) inline constexpr std::int8_t iq4_codes[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                          1,    13,   25,  38,  53,  69,  89,  113};
alignas(16) inline constexpr std::int8_t fp4_codes[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

struct Iq4Nl {
  static constexpr std::int64_t bytes = 18, at = 2;
  static constexpr bool has_offset = false;
  static HWY_INLINE Head head(const Byte* const* rows, std::int64_t b) { return Q4_0::head(rows, b); }
  static HWY_INLINE VU codes(VU w, const Head&, int upper, int) { return look_up(iq4_codes, nibbles(w, upper)); }
};

template <class Type, int groups, class Sink>
Sink blocks_of_32(Rows rows, std::int64_t depth, Sink sink) {
  for (std::int64_t k = 0, at = 0; k < depth; k += 32, at += Type::bytes) {
    Head head[groups];
    Places place[groups];
    Words q[groups];
    unrolled<groups>([&](auto g) INLINED {
      const Rows own = rows.group(g);
      head[g] = Type::head(own.at, at);
      if constexpr (Type::has_offset) place[g] = places(head[g].scale);
      q[g] = words(own.at, at + Type::at);
    });
    for (int upper = 0; upper < 2; ++upper) {
      unrolled<4>([&](auto i) INLINED {
        rows.prefetch_next(k + 16 * upper + 4 * i, 4, Type::bytes, 32);
        unrolled<groups>([&](auto g) INLINED {
          const VU codes = Type::codes(q[g].w[i], head[g], upper, i);
          if constexpr (Type::has_offset)
            put_codes(sink, k + 16 * upper + 4 * i, g, codes, place[g], head[g].offset);
          else
            put_codes(sink, k + 16 * upper + 4 * i, g, codes, head[g].scale);
        });
      });
    }
  }
  return sink;
}

template <int groups, class Sink>
Sink blocks_of_q8_0(Rows rows, std::int64_t depth, Sink sink) {
  for (std::int64_t k = 0, at = 0; k < depth; k += 32, at += 34) {
    VF scale[groups];
    unrolled<groups>([&](auto g) INLINED {
      const Rows own = rows.group(g);
      scale[g] = hn::Mul(half_of(words(own.at, at).w[0]), hn::Set(F(), unshifted));
    });
    for (int part = 0; part < 2; ++part) {
      Words q[groups];
      unrolled<groups>([&](auto g) INLINED { q[g] = words(rows.group(g).at, at + 2 + 16 * part); });
      unrolled<4>([&](auto i) INLINED {
        rows.prefetch_next(k + 16 * part + 4 * i, 4, 34, 32);
        unrolled<groups>([&](auto g) INLINED { put_codes(sink, k + 16 * part + 4 * i, g, q[g].w[i], scale[g]); });
      });
    }
  }
  return sink;
}

// ---- Types of 256 values a block. A block's pieces of 16 bytes are turned over first, then its scales are worked out,
// and all that is left, its eight sub-blocks of 32 values, is arithmetic in lanes. `codes<i>` are word i of sub-block
// s, of which there are two kinds that take turns, `half` 0 and 1, so that the shifts are constants.

template <int n, int first = 0>
constexpr std::array<int, n> pieces_from() {
  std::array<int, n> at;
  for (int i = 0; i < n; ++i) at[static_cast<std::size_t>(i)] = first + 16 * i;
  return at;
}
// The same and one more, which ends with the block.
template <int n, int first = 0>
constexpr std::array<int, n + 1> pieces_and(int last) {
  std::array<int, n + 1> at;
  for (int i = 0; i < n; ++i) at[static_cast<std::size_t>(i)] = first + 16 * i;
  at[n] = last;
  return at;
}

// Four scales out of one word of signed bytes, 2^48 of them taken back: 2^24 of their own and 2^24 of the codes.
HWY_INLINE void four_scales(VU codes, VF factor, VF* to) {
  unrolled<4>([&](auto j) INLINED { to[j] = hn::Mul(factor, byte_of<j.value>(codes)); });
}

struct Q4K {
  static constexpr std::int64_t bytes = 144;
  static constexpr auto pieces = pieces_from<9>();
  static constexpr bool has_offset = true;
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF* offset) {
    const VF d = hn::Mul(half_of(w[0]), hn::Set(F(), 0x1p-48f)),
             least = hn::Mul(upper_half_of(w[0]), hn::Set(F(), -0x1p-24f));
    const VU six = word(0x3f3f3f3f);
    const auto fifth = [&](VU low, VU high) INLINED { return hn::Or(low, hn::ShiftLeft<4>(two_bits(high, 6))); };
    four_scales(hn::And(w[1], six), d, scale);
    four_scales(fifth(low_nibbles(w[3]), w[1]), d, scale + 4);
    four_scales(hn::And(w[2], six), least, offset);
    four_scales(fifth(high_nibbles(w[3]), w[2]), least, offset + 4);
  }
  template <int i, int half>
  static HWY_INLINE VU codes(const VU* w, int s) {
    return nibbles(w[4 + s / 2 * 8 + i], half);
  }
};

struct Q5K {
  static constexpr std::int64_t bytes = 176;
  static constexpr auto pieces = pieces_from<11>();
  static constexpr bool has_offset = true;
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF* offset) { Q4K::head(w, scale, offset); }
  template <int i, int half>
  static HWY_INLINE VU codes(const VU* w, int s) {
    return hn::Or(nibbles(w[12 + s / 2 * 8 + i], half), hn::ShiftLeft<4>(one_bit(w[4 + i], s)));
  }
};

struct Q6K {
  static constexpr std::int64_t bytes = 210;
  static constexpr auto pieces = pieces_and<13>(194);
  static constexpr bool has_offset = false;
  static constexpr int scales = 16;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = hn::Mul(upper_half_of(w[55]), hn::Set(F(), 0x1p-48f));
    unrolled<4>([&](auto i) INLINED { four_scales(w[48 + i], d, scale + 4 * i); });
  }
  template <int i, int half>
  static HWY_INLINE VU codes(const VU* w, int s) {
    const int part = s / 4, quarter = s % 4;
    const VU upper = hn::ShiftLeft<4>(two_bits(w[32 + 8 * part + i], 2 * quarter));
    return subtract_bytes(hn::Or(nibbles(w[16 * part + 8 * half + i], quarter / 2), upper), 32);
  }
};

struct Q2K {
  static constexpr std::int64_t bytes = 84;
  static constexpr auto pieces = pieces_and<5>(68);
  static constexpr bool has_offset = true;
  static constexpr int scales = 16;
  static HWY_INLINE void head(const VU* w, VF* scale, VF* offset) {
    const VF d = hn::Mul(half_of(w[23]), hn::Set(F(), 0x1p-48f)),
             least = hn::Mul(upper_half_of(w[23]), hn::Set(F(), -0x1p-24f));
    unrolled<4>([&](auto i) INLINED {
      four_scales(low_nibbles(w[i]), d, scale + 4 * i);
      four_scales(high_nibbles(w[i]), least, offset + 4 * i);
    });
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, int s) {
    return two_bits(w[4 + s / 4 * 8 + i], s % 4 * 2);
  }
};

struct Q3K {
  static constexpr std::int64_t bytes = 110;
  static constexpr auto pieces = pieces_and<6>(94);
  static constexpr bool has_offset = false;
  static constexpr int scales = 16;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = hn::Mul(upper_half_of(w[27]), hn::Set(F(), 0x1p-48f));
    VU s[3];  // two bytes further on than the words of the last piece
    unrolled<3>([&](auto i) INLINED { s[i] = hn::Or(hn::ShiftRight<16>(w[24 + i]), hn::ShiftLeft<16>(w[25 + i])); });
    unrolled<4>([&](auto i) INLINED {
      const VU codes = hn::Or(nibbles(s[i % 2], i / 2), hn::ShiftLeft<4>(two_bits(s[2], 2 * i)));
      four_scales(subtract_bytes(codes, 32), d, scale + 4 * i);
    });
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, int s) {
    const VU third = hn::ShiftLeft<2>(one_bit(w[i], s));
    return subtract_bytes(hn::Or(two_bits(w[8 + s / 4 * 8 + i], s % 4 * 2), third), 4);
  }
};

struct Tq2_0 {
  static constexpr std::int64_t bytes = 66;
  static constexpr auto pieces = pieces_and<4>(50);
  static constexpr bool has_offset = false;
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = hn::Mul(upper_half_of(w[19]), hn::Set(F(), unshifted));
    for (int s = 0; s < scales; ++s) scale[s] = d;
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, int s) {
    return subtract_bytes(two_bits(w[s / 4 * 8 + i], s % 4 * 2), 1);
  }
};

struct Iq4Xs {
  static constexpr std::int64_t bytes = 136;
  static constexpr auto pieces = pieces_and<8, 8>(0);
  static constexpr bool has_offset = false;
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = hn::Mul(half_of(w[32]), hn::Set(F(), unshifted));
    for (int s = 0; s < scales; ++s) {
      const VU high = hn::And(hn::ShiftRightSame(w[32], 16 + 2 * s), word(3)),
               low = hn::And(hn::ShiftRightSame(w[33], 4 * s), word(15));
      const auto q = hn::Sub(hn::BitCast(I(), hn::Or(low, hn::ShiftLeft<4>(high))), hn::Set(I(), 32));
      scale[s] = hn::Mul(d, hn::ConvertTo(F(), q));
    }
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, int s) {
    return look_up(iq4_codes, nibbles(w[4 * s + i % 4], i / 4));
  }
};

template <class Type, int groups, class Sink>
Sink blocks_of_256(Rows rows, std::int64_t depth, Sink sink) {
  constexpr int finer = Type::scales / 8;  // scales of one sub-block
  constexpr int pieces = static_cast<int>(Type::pieces.size());
  for (std::int64_t k = 0, at = 0; k < depth; k += 256, at += Type::bytes) {
    VU w[groups][4 * pieces];
    VF scale[groups][Type::scales], offset[groups][Type::scales];
    for (int g = 0; g < groups; ++g) {
      for (int piece = 0; piece < pieces; ++piece) {
        const Words turned = words(rows.group(g).at, at + Type::pieces[static_cast<std::size_t>(piece)]);
        unrolled<4>([&](auto i) INLINED { w[g][4 * piece + i] = turned.w[i]; });
      }
      Type::head(w[g], scale[g], offset[g]);
    }
    for (int pair = 0; pair < 8; pair += 2) {
      unrolled<2>([&](auto half) INLINED {
        const int s = pair + half;
        unrolled<finer>([&](auto part) INLINED {
          const int own = finer * s + part;
          constexpr int words_of = 8 / finer;
          Places place[groups];
          if constexpr (Type::has_offset) unrolled<groups>([&](auto g) INLINED { place[g] = places(scale[g][own]); });
          unrolled<words_of>([&](auto word_of) INLINED {
            constexpr int i = part.value * words_of + word_of.value;
            rows.prefetch_next(k + 32 * s + 4 * i, 4, Type::bytes, 256);
            unrolled<groups>([&](auto g) INLINED {
              const VU codes = Type::template codes<i, half.value>(w[g], s);
              if constexpr (Type::has_offset)
                put_codes(sink, k + 32 * s + 4 * i, g, codes, place[g], offset[g][own]);
              else
                put_codes(sink, k + 32 * s + 4 * i, g, codes, scale[g][own]);
            });
          });
        });
      });
    }
  }
  return sink;
}

// ---- Four-bit floats.

// Half of 2^(e - 127) for the exponent in the lowest byte of each lane.
HWY_INLINE VF half_power(VU e) {
  const auto small = hn::Gt(hn::Set(I(), 2), hn::BitCast(I(), e));
  const VU normal = hn::ShiftLeft<23>(hn::Sub(e, word(1))),
           tiny = hn::ShiftLeft<21>(hn::Add(e, word(1)));  // 2^21 << e for e = 0, 1
  return as_float(hn::IfThenElse(hn::RebindMask(U(), small), tiny, normal));
}

// Its scales may be so small that 2^24 cannot be taken back from them: each value is shifted down instead.
template <int groups, class Sink>
Sink blocks_of_mxfp4(Rows rows, std::int64_t depth, Sink sink) {
  for (std::int64_t k = 0, at = 0; k < depth; k += 32, at += 17) {
    rows.prefetch_next(k, 32, 17, 32);
    unrolled<groups>([&](auto g) INLINED {
      const Rows own = rows.group(g);
      const VF scale = half_power(hn::And(words(own.at, at).w[0], word(255)));
      const Words q = words(own.at, at + 1);
      unrolled<8>([&](auto i) INLINED {
        const VU codes = look_up(fp4_codes, nibbles(q.w[i % 4], i / 4));
        unrolled<4>([&](auto j) INLINED {
          const VF value = hn::Mul(byte_of<j.value>(codes), hn::Set(F(), unshifted));
          sink.put(k + 4 * i + j.value, g, hn::Mul(scale, value));
        });
      });
    });
  }
  return sink;
}

// 2^-24 times half of the unsigned E4M3 in the lowest byte of each lane; its NaN counts as 0.
HWY_INLINE VF half_e4m3(VU x) {
  const VU bits = hn::And(x, word(0x7f));
  const VF value = hn::Mul(as_float(hn::ShiftLeft<20>(bits)), hn::Set(F(), 0x1p95f));
  const auto nan = hn::Eq(hn::And(x, word(0xff)), word(0x7f));
  return hn::IfThenZeroElse(hn::RebindMask(F(), nan), value);
}

template <int groups, class Sink>
Sink blocks_of_nvfp4(Rows rows, std::int64_t depth, Sink sink) {
  for (std::int64_t k = 0, at = 0; k < depth; k += 64, at += 36) {
    rows.prefetch_next(k, 64, 36, 64);
    unrolled<groups>([&](auto g) INLINED {
      const Rows own = rows.group(g);
      const VU exponents = words(own.at, at).w[0];
      for (int s = 0; s < 4; ++s) {  // 16 values of 8 bytes
        const VF scale = half_e4m3(hn::ShiftRightSame(exponents, 8 * s));
        const Words q = words(own.at, at + 4 + 16 * (s / 2));
        unrolled<4>([&](auto i) INLINED {
          const VU w = s % 2 == 0 ? q.w[i % 2] : q.w[2 + i % 2];
          put_codes(sink, k + 16 * s + 4 * i, g, look_up(fp4_codes, nibbles(w, i / 2)), scale);
        });
      }
    });
  }
  return sink;
}

// ---- Types without blocks: whole lines of 64 bytes.

// Value by value.
template <int groups, class Sink>
Sink rest_of_rows(Rows rows, DType dtype, std::int64_t bytes, std::int64_t k, std::int64_t depth, Sink sink) {
  HWY_ALIGN float column[lanes];
  for (; k < depth; ++k) {
    unrolled<groups>([&](auto g) INLINED {
      const Rows own = rows.group(g);
      for (int r = 0; r < lanes; ++r) {
        decode_values(reinterpret_cast<const std::byte*>(own.at[r] + k * bytes), dtype, 1, column + r);
        column[r] *= own.scale(r, k);
      }
      sink.put(k, g, hn::Load(F(), column));
    });
  }
  return sink;
}

// Keeps the values of one line, of which not all are wanted.
template <class Type, int groups>
struct KeptLine {
  HWY_ALIGN float values[groups][Type::values][lanes];
  HWY_INLINE void put(std::int64_t i, int g, VF v) { hn::Store(v, F(), values[g][i]); }
};

// Whether all rows begin at the same place of a line of the machine's cache, between two values: then they are read
// line by line of the cache, because what lies across two of its lines is read twice.
template <class Type, int groups>
bool begin_alike(const Rows& rows) {
  const auto place = [&](int r) { return reinterpret_cast<std::uintptr_t>(rows.at[r]) % 64; };
  for (int r = 1; r < groups * lanes; ++r) {
    if (place(r) != place(0)) return false;
  }
  return place(0) % (64 / Type::values) == 0;
}

// Values [begin, end) of the line at value k, of which others may be outside of the rows: it is one line of the cache,
// which can be read as a whole where a part of it can.
template <class Type, int groups, class Sink>
void part_of_line(const Rows& rows, std::int64_t k, std::int64_t begin, std::int64_t end, Sink& sink) {
  KeptLine<Type, groups> kept;
  Type::template put<groups>(rows, k, k, kept);
  for (std::int64_t i = begin; i < end; ++i) {
    unrolled<groups>([&](auto g) INLINED { sink.put(i, g, hn::Load(F(), kept.values[g][i - k])); });
  }
}

template <class Type, int groups, class Sink>
Sink lines(Rows rows, std::int64_t depth, Sink sink) {
  constexpr std::int64_t values = Type::values;
  const bool alike = depth > 0 && rows.scales == nullptr && begin_alike<Type, groups>(rows);
  std::int64_t k = 0;
  if (alike) {
    k = -static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(rows.at[0]) % 64 * values / 64);
    if (k < 0) part_of_line<Type, groups>(rows, k, 0, std::min(k + values, depth), sink), k += values;
  }
  for (; k + values <= depth; k += values) Type::template put<groups>(rows, k, 0, sink);
  if (!alike) return rest_of_rows<groups>(rows, Type::dtype, 64 / values, k, depth, sink);
  if (k < depth) part_of_line<Type, groups>(rows, k, k, depth, sink);
  return sink;
}

// `put`: the values of the line at value k to the sink, as those from k - first on.
struct F32Line {
  static constexpr DType dtype = DType::f32;
  static constexpr std::int64_t values = 16;
  template <int groups, class Sink>
  static HWY_INLINE void put(const Rows& rows, std::int64_t k, std::int64_t first, Sink& sink) {
    VU w[groups][16];
    unrolled<groups>([&](auto g) INLINED { put_line(rows.group(g).at, 4 * k, w[g]); });
    unrolled<16>([&](auto i) INLINED {
      rows.prefetch_next(k + i, 1, 4, 1);
      unrolled<groups>([&](auto g) INLINED { sink.put(k - first + i, g, as_float(w[g][i])); });
    });
  }
};

struct Bf16Line {
  static constexpr DType dtype = DType::bf16;
  static constexpr std::int64_t values = 32;
  template <int groups, class Sink>
  static HWY_INLINE void put(const Rows& rows, std::int64_t k, std::int64_t first, Sink& sink) {
    VU w[groups][16];
    unrolled<groups>([&](auto g) INLINED { put_line(rows.group(g).at, 2 * k, w[g]); });
    unrolled<16>([&](auto i) INLINED {
      const std::int64_t at = k - first + 2 * i;
      rows.prefetch_next(k + 2 * i, 2, 2, 1);
      unrolled<groups>([&](auto g) INLINED { sink.put(at, g, as_float(hn::ShiftLeft<16>(w[g][i]))); });
      unrolled<groups>([&](auto g) INLINED { sink.put(at + 1, g, as_float(hn::And(w[g][i], word(0xffff0000)))); });
    });
  }
};

// The halves of even and odd rows side by side, so that the machine's own conversion gives lanes in order.
struct F16Line {
  static constexpr DType dtype = DType::f16;
  static constexpr std::int64_t values = 32;
  template <int groups, class Sink>
  static HWY_INLINE void put(const Rows& rows, std::int64_t k, std::int64_t first, Sink& sink) {
    const hn::Half<hn::Repartition<hwy::float16_t, F>> dh;
    unrolled<groups / 2>([&](auto pair) INLINED {
      constexpr int g = 2 * pair.value;
      const Rows own = rows.group(g);
      const Line evens = line(own.at, 2 * k, 2), odds = line(own.at + 1, 2 * k, 2);
      unrolled<4>([&](auto i) INLINED {
        if (g == 0) rows.prefetch_next(k + 8 * i, 8, 2, 1);
        const Words &even = evens.part[i], &odd = odds.part[i];
        unrolled<4>([&](auto j) INLINED {
          const auto to = [&](std::int64_t at, VU upper, VU lower) INLINED {
            const auto halves = hn::OddEven(hn::BitCast(H(), upper), hn::BitCast(H(), lower));
            sink.put(at, g, hn::PromoteTo(F(), hn::BitCast(dh, hn::LowerHalf(hn::Half<H>(), halves))));
            sink.put(at, g + 1, hn::PromoteTo(F(), hn::BitCast(dh, hn::UpperHalf(hn::Half<H>(), halves))));
          };
          to(k - first + 8 * i + 2 * j, hn::ShiftLeft<16>(odd.w[j]), even.w[j]);
          to(k - first + 8 * i + 2 * j + 1, odd.w[j], hn::ShiftRight<16>(even.w[j]));
        });
      });
    });
  }
};

// Floats of eight bits: lane by lane, byte j of a word.
struct E4m3 {
  static constexpr DType dtype = DType::f8_e4m3;
  template <int j>
  static HWY_INLINE VF value(VU w) {
    const VU top = hn::ShiftLeft<24 - 8 * j>(w);  // of OCP, without infinities
    const VU magnitude = hn::And(hn::ShiftRight<4>(top), word(0x07f00000));
    const VU scaled = as_words(hn::Mul(as_float(magnitude), hn::Set(F(), 0x1p120f)));
    const VU nan = hn::IfThenElseZero(hn::Eq(magnitude, word(0x07f00000)), word(0x7fc00000));
    return as_float(hn::Or(hn::Or(scaled, nan), hn::And(top, word(0x80000000))));
  }
};

struct E5m2 {
  static constexpr DType dtype = DType::f8_e5m2;
  template <int j>
  static HWY_INLINE VF value(VU w) {
    return half_of(hn::ShiftLeft<8>(hn::And(hn::ShiftRight<8 * j>(w), word(0xff))));
  }
};

// Precondition: the values of a line have one factor.
template <class Float>
struct F8Line {
  static constexpr DType dtype = Float::dtype;
  static constexpr std::int64_t values = 64;
  template <int groups, class Sink>
  static HWY_INLINE void put(const Rows& rows, std::int64_t k, std::int64_t first, Sink& sink) {
    VU w[groups][16];
    VF scale[groups];
    HWY_ALIGN float factors[lanes];
    unrolled<groups>([&](auto g) INLINED {
      const Rows own = rows.group(g);
      put_line(own.at, k, w[g]);
      for (int r = 0; r < lanes; ++r) factors[r] = own.scale(r, k);
      scale[g] = hn::Load(F(), factors);
    });
    unrolled<16>([&](auto i) INLINED {
      rows.prefetch_next(k + 4 * i, 4, 1, 1);
      unrolled<4>([&](auto j) INLINED {
        unrolled<groups>([&](auto g) INLINED {
          sink.put(k - first + 4 * i + j, g, hn::Mul(Float::template value<j.value>(w[g][i]), scale[g]));
        });
      });
    });
  }
};

/// The types that `for_lines` and `for_blocks` know.
inline constexpr DType types_in_lanes[] = {DType::f32,    DType::f16,   DType::bf16,  DType::f8_e4m3, DType::f8_e5m2,
                                           DType::q8_0,   DType::q4_0,  DType::q4_1,  DType::q5_0,    DType::q5_1,
                                           DType::iq4_nl, DType::mxfp4, DType::nvfp4, DType::q2_k,    DType::q3_k,
                                           DType::q4_k,   DType::q5_k,  DType::q6_k,  DType::iq4_xs,  DType::tq2_0};

/// Gives every value of the rows of `groups` vectors to the sink, sink.put(k, group, values), with k in order for each
/// group. Of the types without blocks.
template <int groups, class Sink>
void for_lines(DType dtype, Rows rows, std::int64_t depth, Sink& sink) {
  switch (dtype) {
    case DType::f32: sink = lines<F32Line, groups>(rows, depth, sink); break;
    case DType::f16: sink = lines<F16Line, groups>(rows, depth, sink); break;
    case DType::bf16: sink = lines<Bf16Line, groups>(rows, depth, sink); break;
    case DType::f8_e4m3: sink = lines<F8Line<E4m3>, groups>(rows, depth, sink); break;
    case DType::f8_e5m2: sink = lines<F8Line<E5m2>, groups>(rows, depth, sink); break;
    default: break;
  }
}

/// The same of the types with blocks.
template <int groups, class Sink>
void for_blocks(DType dtype, Rows rows, std::int64_t depth, Sink& sink) {
  switch (dtype) {
    case DType::q8_0: sink = blocks_of_q8_0<groups>(rows, depth, sink); break;
    case DType::q4_0: sink = blocks_of_32<Q4_0, groups>(rows, depth, sink); break;
    case DType::q4_1: sink = blocks_of_32<Q4_1, groups>(rows, depth, sink); break;
    case DType::q5_0: sink = blocks_of_32<Q5_0, groups>(rows, depth, sink); break;
    case DType::q5_1: sink = blocks_of_32<Q5_1, groups>(rows, depth, sink); break;
    case DType::iq4_nl: sink = blocks_of_32<Iq4Nl, groups>(rows, depth, sink); break;
    case DType::mxfp4: sink = blocks_of_mxfp4<groups>(rows, depth, sink); break;
    case DType::nvfp4: sink = blocks_of_nvfp4<groups>(rows, depth, sink); break;
    case DType::q2_k: sink = blocks_of_256<Q2K, groups>(rows, depth, sink); break;
    case DType::q3_k: sink = blocks_of_256<Q3K, groups>(rows, depth, sink); break;
    case DType::q4_k: sink = blocks_of_256<Q4K, groups>(rows, depth, sink); break;
    case DType::q5_k: sink = blocks_of_256<Q5K, groups>(rows, depth, sink); break;
    case DType::q6_k: sink = blocks_of_256<Q6K, groups>(rows, depth, sink); break;
    case DType::iq4_xs: sink = blocks_of_256<Iq4Xs, groups>(rows, depth, sink); break;
    case DType::tq2_0: sink = blocks_of_256<Tq2_0, groups>(rows, depth, sink); break;
    default: break;
  }
}

#endif  // EMBSCOPE_BLOCKS_IN_LANES

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#endif
