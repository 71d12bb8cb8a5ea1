// The types of one to three bits of ggml (IQ1_S to IQ3_S) in lanes, as types of 256 values (see blocks-inl.h): word i
// of sub-block s is fetched from the codebook lane by lane, and its bytes get their signs. For files that are compiled
// for every instruction set: hence the guard, which is Highway's idiom.
#if defined(EMBSCOPE_KERNELS_CODEBOOKS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef EMBSCOPE_KERNELS_CODEBOOKS_INL_H
#undef EMBSCOPE_KERNELS_CODEBOOKS_INL_H
#else
#define EMBSCOPE_KERNELS_CODEBOOKS_INL_H
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/codebooks.h"
#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if EMBSCOPE_BLOCKS_IN_LANES

// `count` bits of each lane from bit `at` on.
template <int count>
HWY_INLINE VU bits(VU w, int at) {
  return hn::And(hn::ShiftRightSame(w, at), word((1u << count) - 1));
}

// The word of the codebook at the index in each lane.
template <class Codebook>
HWY_INLINE VU fetch(const Codebook& codebook, VU index) {
  return hn::GatherIndex(U(), codebook.data(), hn::BitCast(I(), index));
}
// Of rows of two words: `part` 0 or 1 of the row at the index.
template <class Codebook>
HWY_INLINE VU fetch(const Codebook& codebook, VU index, std::uint32_t part) {
  return fetch(codebook, hn::Or(hn::ShiftLeft<1>(index), word(part)));
}

// Seven signs and an eighth that makes their number even.
HWY_INLINE VU even_signs(VU w, int at) {
  const VU seven = bits<7>(w, at);
  VU parity = hn::Xor(seven, hn::ShiftRight<4>(seven));
  parity = hn::Xor(parity, hn::ShiftRight<2>(parity));
  parity = hn::Xor(parity, hn::ShiftRight<1>(parity));
  return hn::Or(seven, hn::ShiftLeft<7>(hn::And(parity, word(1))));
}

// Byte j of each lane is negative where bit at + j of `signs` is set.
HWY_INLINE VU with_signs(VU bytes, VU signs, int at) {
  const VU negative = subtract(hn::Zero(U()), spread(hn::ShiftRightSame(signs, at)));
  return subtract(hn::Xor(bytes, negative), negative);
}

// d * (2 n + 1), which is exact.
HWY_INLINE VF odd_multiple(VF d, VU n) {
  return hn::Mul(d, hn::ConvertTo(F(), hn::BitCast(I(), hn::Or(hn::ShiftLeft<1>(n), word(1)))));
}

// What the half-precision number of each lane is for codes of bytes that become floats at the top of their lane.
HWY_INLINE VF unit(VU half, float factor) { return hn::Mul(half_of(half), hn::Set(F(), factor * unshifted)); }

struct Iq2Xxs : TurnedAtOnce {
  static constexpr std::int64_t bytes = 66;
  static constexpr int shared[] = {2, 18, 34, 50, 0};
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = unit(w[16], 0.125f);
    for (int s = 0; s < scales; ++s) scale[s] = odd_multiple(d, hn::ShiftRight<28>(w[2 * s + 1]));
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, const VU*, int s) {
    const VU index = bits<8>(w[2 * s], 8 * (i / 2)), signs = even_signs(w[2 * s + 1], 7 * (i / 2));
    return with_signs(fetch(iq2_xxs_codebook, index, i % 2), signs, 4 * (i % 2));
  }
};

// Scales of 16 values, four bits each, in the last two of 20 words, and d behind them.
HWY_INLINE void iq2_scales(const VU* w, VF* scale) {
  const VF d = unit(w[20], 0.125f);
  for (int i = 0; i < 16; ++i) scale[i] = odd_multiple(d, bits<4>(w[18 + i / 8], i % 8 * 4));
}

struct Iq2Xs : TurnedAtOnce {
  static constexpr std::int64_t bytes = 74;
  static constexpr int shared[] = {2, 18, 34, 50, 58, 0};
  static constexpr int scales = 16;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) { iq2_scales(w, scale); }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, const VU*, int s) {
    const VU q = w[2 * s + i / 4];
    constexpr int at = i / 2 % 2 * 16;
    return with_signs(fetch(iq2_xs_codebook, bits<9>(q, at), i % 2), even_signs(q, at + 9), 4 * (i % 2));
  }
};

struct Iq2S : TurnedAtOnce {
  static constexpr std::int64_t bytes = 82;
  static constexpr int shared[] = {2, 18, 34, 50, 66, 0};
  static constexpr int scales = 16;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) { iq2_scales(w, scale); }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, const VU*, int s) {
    const VU high = bits<2>(w[16 + s / 4], s % 4 * 8 + i / 2 * 2);
    const VU index = hn::Or(bits<8>(w[s], i / 2 * 8), hn::ShiftLeft<8>(high));
    return with_signs(fetch(iq2_s_codebook, index, i % 2), w[8 + s], 4 * i);
  }
};

struct Iq3Xxs : TurnedAtOnce {
  static constexpr std::int64_t bytes = 98;
  static constexpr int shared[] = {2, 18, 34, 50, 66, 82, 0};
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = unit(w[24], 0.25f);
    for (int s = 0; s < scales; ++s) scale[s] = odd_multiple(d, hn::ShiftRight<28>(w[16 + s]));
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, const VU*, int s) {
    const VU index = bits<8>(w[2 * s + i / 4], i % 4 * 8), signs = even_signs(w[16 + s], 7 * (i / 2));
    return with_signs(fetch(iq3_xxs_codebook, index), signs, 4 * (i % 2));
  }
};

struct Iq3S : TurnedAtOnce {
  static constexpr std::int64_t bytes = 110;
  static constexpr int shared[] = {2, 18, 34, 50, 66, 82, 94, 0};
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = unit(w[28], 1);
    for (int s = 0; s < scales; ++s) scale[s] = odd_multiple(d, bits<4>(w[27], 4 * s));
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, const VU*, int s) {
    const VU high = bits<1>(w[16 + s / 4], s % 4 * 8 + i), signs = w[s < 6 ? 18 + s : 19 + s];  // w[24] is w[23] again
    const VU index = hn::Or(bits<8>(w[2 * s + i / 4], i % 4 * 8), hn::ShiftLeft<8>(high));
    return with_signs(fetch(iq3_s_codebook, index), signs, 4 * i);
  }
};

// Values of IQ1's codebook in eighths, each moved by one of them: down where `bit` of w is set.
template <int i>
HWY_INLINE VU moved(VU index, VU w, int bit) {
  const VU up = subtract(word(0x01010101), hn::ShiftLeft<1>(spread(hn::Sub(hn::Zero(U()), bits<1>(w, bit)))));
  return as_words(hn::Add(hn::BitCast(B(), fetch(iq1_codebook, index, i % 2)), hn::BitCast(B(), up)));
}

struct Iq1S : TurnedAtOnce {
  static constexpr std::int64_t bytes = 50;
  static constexpr int shared[] = {2, 18, 34, 0};
  static constexpr int scales = 8;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const VF d = unit(w[12], 0.125f);
    for (int s = 0; s < scales; ++s) scale[s] = odd_multiple(d, bits<3>(w[8 + s / 2], s % 2 * 16 + 12));
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, const VU*, int s) {
    const VU high = w[8 + s / 2];
    const int at = s % 2 * 16;
    const VU index = hn::Or(bits<8>(w[s], i / 2 * 8), hn::ShiftLeft<8>(bits<3>(high, at + i / 2 * 3)));
    return moved<i>(index, high, at + 15);
  }
};

// The half-precision scale lies in the high nibbles of four half words, whose other bits are the scales of 16 values
// each.
struct Iq1M : TurnedAtOnce {
  static constexpr std::int64_t bytes = 56;
  static constexpr int shared[] = {0, 16, 32, 40};
  static constexpr int scales = 16;
  static HWY_INLINE void head(const VU* w, VF* scale, VF*) {
    const auto high = [&](int i) INLINED { return hn::ShiftLeftSame(bits<4>(w[14 + i / 2], i % 2 * 16 + 12), 4 * i); };
    const VF d = unit(hn::Or(hn::Or(high(0), high(1)), hn::Or(high(2), high(3))), 0.125f);
    for (int i = 0; i < scales; ++i) scale[i] = odd_multiple(d, bits<3>(w[14 + i / 8], i / 4 % 2 * 16 + i % 4 * 3));
  }
  template <int i, int>
  static HWY_INLINE VU codes(const VU* w, const VU*, int s) {
    const VU high = w[8 + s / 2];
    const int at = s % 2 * 16 + i / 2 * 4;
    return moved<i>(hn::Or(bits<8>(w[s], i / 2 * 8), hn::ShiftLeft<8>(bits<3>(high, at))), high, at + 3);
  }
};

#endif  // EMBSCOPE_BLOCKS_IN_LANES

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#endif
