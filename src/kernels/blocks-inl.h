// Blocks of a file's rows -> vectors of fp32 with one output a lane, for files that are compiled for every instruction
// set: hence the guard, which is Highway's idiom. `lanes-inl.h` turns the rows over, `codebooks-inl.h` has the types
// whose values are rows of a codebook.
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
#include <cstdint>
#include <iterator>

#include "embscope/tensor/tensor.h"
#include "hwy/highway.h"
#include "kernels/codebooks-inl.h"
#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if EMBSCOPE_BLOCKS_IN_LANES

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
  return hn::ShiftLeft<4>(spread(hn::ShiftRightSame(high, 16 * upper + 4 * i)));
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

// ---- Types of 256 values a block, in eight sub-blocks of 32. What all of them need (scales, single bits) are the
// words of the pieces of 16 bytes at `shared`. What a stretch of sub-blocks needs, `pieces` of 32 bytes at `at(piece,
// stretch)`, is turned over when its turn comes, so that the machine has arithmetic to do beside the shuffles.
// `codes<i>` are word i of sub-block s, of which there are two kinds that take turns, `half` 0 and 1, so that the
// shifts are constants.

// What all sub-blocks of a block need.
template <class Type>
struct Shared {
  static constexpr int pieces = static_cast<int>(std::size(Type::shared));
  VU words[4 * pieces];
  VF scale[Type::scales], offset[Type::scales];
};
// What the sub-blocks of a stretch need.
template <class Type>
struct Own {
  VU words[8 * std::max(1, Type::pieces)];
};

// Four scales out of one word of signed bytes, 2^48 of them taken back: 2^24 of their own and 2^24 of the codes.
HWY_INLINE void four_scales(VU codes, VF factor, VF* to) {
  unrolled<4>([&](auto j) INLINED { to[j] = hn::Mul(factor, byte_of<j.value>(codes)); });
}

struct Q4K {
  static constexpr std::int64_t bytes = 144;
  static constexpr int shared[] = {0};
  static constexpr int stretch = 2, pieces = 1;
  static constexpr int at(int, int stretch) { return 16 + 32 * stretch; }
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
  static HWY_INLINE VU codes(const VU*, const VU* own, int) {
    return nibbles(own[i], half);
  }
};

struct Q5K {
  static constexpr std::int64_t bytes = 176;
  static constexpr int shared[] = {0, 16, 32};
  static constexpr int stretch = 2, pieces = 1;
  static constexpr int at(int, int stretch) { return 48 + 32 * stretch; }
  static constexpr bool has_offset = true;
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF* offset) { Q4K::head(w, scale, offset); }
  template <int i, int half>
  static HWY_INLINE VU codes(const VU* w, const VU* own, int s) {
    return hn::Or(nibbles(own[i], half), hn::ShiftLeft<4>(one_bit(w[4 + i], s)));
  }
};

struct Q6K {
  static constexpr std::int64_t bytes = 210;
  static constexpr int shared[] = {192, 194};
  static constexpr int stretch = 4, pieces = 3;
  static constexpr int at(int piece, int stretch) { return piece < 2 ? 64 * stretch + 32 * piece : 128 + 32 * stretch; }
  static constexpr bool has_offset = false;
  static constexpr int scales = 16;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = hn::Mul(upper_half_of(w[7]), hn::Set(F(), 0x1p-48f));
    unrolled<4>([&](auto i) INLINED { four_scales(w[i], d, scale + 4 * i); });
  }
  template <int i, int half>
  static HWY_INLINE VU codes(const VU*, const VU* own, int s) {
    const int quarter = s % 4;
    const VU upper = hn::ShiftLeft<4>(two_bits(own[16 + i], 2 * quarter));
    return subtract_bytes(hn::Or(nibbles(own[8 * half + i], quarter / 2), upper), 32);
  }
};

struct Q2K {
  static constexpr std::int64_t bytes = 84;
  static constexpr int shared[] = {0, 68};
  static constexpr int stretch = 4, pieces = 1;
  static constexpr int at(int, int stretch) { return 16 + 32 * stretch; }
  static constexpr bool has_offset = true;
  static constexpr int scales = 16;
  static HWY_INLINE void head(const VU* w, VF* scale, VF* offset) {
    const VF d = hn::Mul(half_of(w[7]), hn::Set(F(), 0x1p-48f)),
             least = hn::Mul(upper_half_of(w[7]), hn::Set(F(), -0x1p-24f));
    unrolled<4>([&](auto i) INLINED {
      four_scales(low_nibbles(w[i]), d, scale + 4 * i);
      four_scales(high_nibbles(w[i]), least, offset + 4 * i);
    });
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU*, const VU* own, int s) {
    return two_bits(own[i], s % 4 * 2);
  }
};

struct Q3K {
  static constexpr std::int64_t bytes = 110;
  static constexpr int shared[] = {0, 16, 94};
  static constexpr int stretch = 4, pieces = 1;
  static constexpr int at(int, int stretch) { return 32 + 32 * stretch; }
  static constexpr bool has_offset = false;
  static constexpr int scales = 16;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = hn::Mul(upper_half_of(w[11]), hn::Set(F(), 0x1p-48f));
    VU s[3];  // two bytes further on than the words of the last piece
    unrolled<3>([&](auto i) INLINED { s[i] = hn::Or(hn::ShiftRight<16>(w[8 + i]), hn::ShiftLeft<16>(w[9 + i])); });
    unrolled<4>([&](auto i) INLINED {
      const VU codes = hn::Or(nibbles(s[i % 2], i / 2), hn::ShiftLeft<4>(two_bits(s[2], 2 * i)));
      four_scales(subtract_bytes(codes, 32), d, scale + 4 * i);
    });
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, const VU* own, int s) {
    const VU third = hn::ShiftLeft<2>(one_bit(w[i], s));
    return subtract_bytes(hn::Or(two_bits(own[i], s % 4 * 2), third), 4);
  }
};

struct Tq2_0 {
  static constexpr std::int64_t bytes = 66;
  static constexpr int shared[] = {50};
  static constexpr int stretch = 4, pieces = 1;
  static constexpr int at(int, int stretch) { return 32 * stretch; }
  static constexpr bool has_offset = false;
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = hn::Mul(upper_half_of(w[3]), hn::Set(F(), unshifted));
    for (int s = 0; s < scales; ++s) scale[s] = d;
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU*, const VU* own, int s) {
    return subtract_bytes(two_bits(own[i], s % 4 * 2), 1);
  }
};

// Five values of -1, 0, 1 in a byte, as a fraction of 256 in base three: multiplied by a power of three, its next digit
// is a third of it.
HWY_INLINE VU ternary(VU bytes, int power) {
  const auto digits = [&](VU of) INLINED {
    const auto fraction =
        hn::And(hn::Mul(hn::BitCast(H(), of), hn::Set(H(), static_cast<std::uint16_t>(power))), hn::Set(H(), 255));
    return as_words(hn::ShiftRight<8>(hn::Mul(fraction, hn::Set(H(), 3))));
  };
  const VU even = hn::And(bytes, word(0x00ff00ff)), odd = hn::And(hn::ShiftRight<8>(bytes), word(0x00ff00ff));
  return subtract_bytes(hn::Or(digits(even), hn::ShiftLeft<8>(digits(odd))), 1);
}

// 160 values in 32 bytes, 80 in 16, 16 in 4: each time the first digits of all bytes, then the second ones.
struct Tq1_0 : TurnedAtOnce {
  static constexpr std::int64_t bytes = 54;
  static constexpr int shared[] = {0, 16, 32, 38};
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    std::fill_n(scale, scales, hn::Mul(upper_half_of(w[15]), hn::Set(F(), unshifted)));
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, const VU*, int s) {
    constexpr int powers[] = {1, 3, 9, 27, 81};
    if (s < 5) return ternary(w[i], powers[s]);
    if (s < 7 || i < 4) return ternary(w[8 + i % 4], powers[2 * (s - 5) + i / 4]);
    return ternary(hn::Or(hn::ShiftRight<16>(w[14]), hn::ShiftLeft<16>(w[15])), powers[i - 4]);  // the last four bytes
  }
};

struct Iq4Xs {
  static constexpr std::int64_t bytes = 136;
  static constexpr int shared[] = {0};
  static constexpr int stretch = 2, pieces = 1;
  static constexpr int at(int, int stretch) { return 8 + 32 * stretch; }
  static constexpr bool has_offset = false;
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = hn::Mul(half_of(w[0]), hn::Set(F(), unshifted));
    for (int s = 0; s < scales; ++s) {
      const VU high = hn::And(hn::ShiftRightSame(w[0], 16 + 2 * s), word(3)),
               low = hn::And(hn::ShiftRightSame(w[1], 4 * s), word(15));
      const auto q = hn::Sub(hn::BitCast(I(), hn::Or(low, hn::ShiftLeft<4>(high))), hn::Set(I(), 32));
      scale[s] = hn::Mul(d, hn::ConvertTo(F(), q));
    }
  }
  template <int i, int half>
  static HWY_INLINE VU codes(const VU*, const VU* own, int) {
    return look_up(iq4_codes, nibbles(own[4 * half + i % 4], i / 4));
  }
};

// Sub-blocks s and s + 1 of the blocks from value k on.
template <class Type, int groups, class Sink>
HWY_INLINE void two_of_256(const Rows& rows, std::int64_t k, int s, const Shared<Type>* shared, const Own<Type>* own,
                           Sink& sink) {
  constexpr int finer = Type::scales / 8, words_of = 8 / finer;  // scales of one sub-block, words of one scale
  unrolled<2>([&](auto half) INLINED {
    unrolled<finer>([&](auto part) INLINED {
      const int scale = finer * (s + half) + part;
      Places place[groups];
      if constexpr (Type::has_offset)
        unrolled<groups>([&](auto g) INLINED { place[g] = places(shared[g].scale[scale]); });
      unrolled<words_of>([&](auto word_of) INLINED {
        constexpr int i = part.value * words_of + word_of.value;
        const std::int64_t at = k + 32 * (s + half) + 4 * i;
        rows.prefetch_next(at, 4, Type::bytes, 256);
        unrolled<groups>([&](auto g) INLINED {
          const VU codes = Type::template codes<i, half.value>(shared[g].words, own[g].words, s + half);
          if constexpr (Type::has_offset)
            put_codes(sink, at, g, codes, place[g], shared[g].offset[scale]);
          else
            put_codes(sink, at, g, codes, shared[g].scale[scale]);
        });
      });
    });
  });
}

template <class Type, int groups, class Sink>
Sink blocks_of_256(Rows rows, std::int64_t depth, Sink sink) {
  for (std::int64_t k = 0, at = 0; k < depth; k += 256, at += Type::bytes) {
    Shared<Type> shared[groups];
    unrolled<groups>([&](auto g) INLINED {
      unrolled<Shared<Type>::pieces>([&](auto piece) INLINED {
        const Words four = words(rows.group(g).at, at + Type::shared[piece]);
        unrolled<4>([&](auto i) INLINED { shared[g].words[4 * piece + i] = four.w[i]; });
      });
      Type::head(shared[g].words, shared[g].scale, shared[g].offset);
    });
    for (int stretch = 0; stretch < 8 / Type::stretch; ++stretch) {
      Own<Type> own[groups];
      unrolled<groups>([&](auto g) INLINED {
        unrolled<Type::pieces>([&](auto piece) INLINED {
          const TwiceWords eight = twice_words(rows.group(g).at, at + Type::at(piece, stretch));
          unrolled<8>([&](auto i) INLINED { own[g].words[8 * piece + i] = eight.w[i]; });
        });
      });
      for (int s = 0; s < Type::stretch; s += 2)
        two_of_256<Type, groups>(rows, k, Type::stretch * stretch + s, shared, own, sink);
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

/// The types that `for_lines` and `for_blocks` know, and those that only `for_dear_blocks` does.
inline constexpr DType types_in_lanes[] = {DType::f32,    DType::f16,   DType::bf16,  DType::f8_e4m3, DType::f8_e5m2,
                                           DType::q8_0,   DType::q4_0,  DType::q4_1,  DType::q5_0,    DType::q5_1,
                                           DType::iq4_nl, DType::mxfp4, DType::nvfp4, DType::q2_k,    DType::q3_k,
                                           DType::q4_k,   DType::q5_k,  DType::q6_k,  DType::iq4_xs,  DType::tq2_0};
inline constexpr DType dear_types_in_lanes[] = {DType::iq1_s, DType::iq1_m,   DType::iq2_xxs, DType::iq2_xs,
                                                DType::iq2_s, DType::iq3_xxs, DType::iq3_s,   DType::tq1_0};

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

/// The same of the types whose decoding takes so long that keeping the values in registers gains little: they are
/// compiled for tiles alone.
template <int groups, class Sink>
void for_dear_blocks(DType dtype, Rows rows, std::int64_t depth, Sink& sink) {
  switch (dtype) {
    case DType::tq1_0: sink = blocks_of_256<Tq1_0, groups>(rows, depth, sink); break;
    case DType::iq1_s: sink = blocks_of_256<Iq1S, groups>(rows, depth, sink); break;
    case DType::iq1_m: sink = blocks_of_256<Iq1M, groups>(rows, depth, sink); break;
    case DType::iq2_xxs: sink = blocks_of_256<Iq2Xxs, groups>(rows, depth, sink); break;
    case DType::iq2_xs: sink = blocks_of_256<Iq2Xs, groups>(rows, depth, sink); break;
    case DType::iq2_s: sink = blocks_of_256<Iq2S, groups>(rows, depth, sink); break;
    case DType::iq3_xxs: sink = blocks_of_256<Iq3Xxs, groups>(rows, depth, sink); break;
    case DType::iq3_s: sink = blocks_of_256<Iq3S, groups>(rows, depth, sink); break;
    default: break;
  }
}

#endif  // EMBSCOPE_BLOCKS_IN_LANES

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#endif
