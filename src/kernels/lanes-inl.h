// Rows of a file, turned over: what all types of weights need to become vectors with one output a lane. For files that
// are compiled for every instruction set: hence the guard, which is Highway's idiom.
#if defined(EMBSCOPE_KERNELS_LANES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBSCOPE_KERNELS_LANES_INL_H
#undef EMBSCOPE_KERNELS_LANES_INL_H
#else
#define EMBSCOPE_KERNELS_LANES_INL_H
#endif

#include <cstdint>
#include <utility>

#include "hwy/highway.h"

#undef INLINED
#define INLINED HWY_ATTR __attribute__((always_inline))  // of lambdas, whose vectors are to stay in registers

// Elsewhere, blocks are decoded value by value.
#undef EMBSCOPE_BLOCKS_IN_LANES
#define EMBSCOPE_BLOCKS_IN_LANES (HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM)

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

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

// The 8 words of the 32 bytes at `offset`: fewer shuffles than twice 16 bytes where two rows' fit in one vector.
struct TwiceWords {
  VU w[8];
};
HWY_INLINE TwiceWords twice_words(const Byte* const* rows, std::int64_t offset) {
  TwiceWords all;
#if HWY_TARGET <= HWY_AVX3
  const hn::FixedTag<std::uint8_t, 32> d;
  const auto two = [&](int i) INLINED {
    const auto lower = hn::LoadU(d, rows[i] + offset), upper = hn::LoadU(d, rows[i + 4] + offset);
    return as_words(hn::Combine(hn::FixedTag<std::uint8_t, 64>(), upper, lower));
  };
  const Words low = turned(two(0), two(1), two(2), two(3)), high = turned(two(8), two(9), two(10), two(11));
  unrolled<4>([&](auto i) INLINED {
    all.w[i] = VU{_mm512_shuffle_i32x4(low.w[i].raw, high.w[i].raw, 0x88)};
    all.w[4 + i] = VU{_mm512_shuffle_i32x4(low.w[i].raw, high.w[i].raw, 0xdd)};
  });
#else
  const Words low = words(rows, offset), high = words(rows, offset + 16);
  unrolled<4>([&](auto i) INLINED { all.w[i] = low.w[i], all.w[4 + i] = high.w[i]; });
#endif
  return all;
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

HWY_INLINE VU subtract(VU a, VU b) { return as_words(hn::Sub(hn::BitCast(B(), a), hn::BitCast(B(), b))); }
HWY_INLINE VU subtract_bytes(VU a, std::uint8_t b) { return subtract(a, word(0x01010101u * b)); }
HWY_INLINE VU low_nibbles(VU w) { return hn::And(w, word(0x0f0f0f0f)); }
HWY_INLINE VU high_nibbles(VU w) { return hn::And(hn::ShiftRight<4>(w), word(0x0f0f0f0f)); }
HWY_INLINE VU nibbles(VU w, int upper) { return upper == 0 ? low_nibbles(w) : high_nibbles(w); }
HWY_INLINE VU two_bits(VU w, int shift) { return hn::And(hn::ShiftRightSame(w, shift), word(0x03030303)); }
HWY_INLINE VU one_bit(VU w, int shift) { return hn::And(hn::ShiftRightSame(w, shift), word(0x01010101)); }
// Bits 0 to 3 of each lane as the lowest bits of its four bytes.
HWY_INLINE VU spread(VU bits) {
  const VU four = hn::And(bits, word(15));
  const VU spread =
      hn::Or(hn::Or(four, hn::ShiftLeft<7>(four)), hn::Or(hn::ShiftLeft<14>(four), hn::ShiftLeft<21>(four)));
  return hn::And(spread, word(0x01010101));
}

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

// Of types of 256 values a block (blocks-inl.h): those without pieces that only some sub-blocks need.
struct TurnedAtOnce {
  static constexpr bool has_offset = false;
  static constexpr int stretch = 8, pieces = 0;
  static constexpr int at(int, int) { return 0; }
};

#endif  // EMBSCOPE_BLOCKS_IN_LANES

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#endif
