#include "kernels/tiles.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tiles.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
//
#include "hwy/highway.h"
#include "kernels/blocks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {

#if EMBSCOPE_BLOCKS_IN_LANES

constexpr std::int64_t width = 32;  // of a panel

// Rows [first, first + count) of a stored matrix from input k on, and the last one again where `count` ends before
// `most`.
template <std::int64_t most>
struct RowPointers {
  const Byte* at[most];
  std::int64_t offset, row_bytes;
  RowPointers(const Stored& w, std::int64_t first, std::int64_t count, std::int64_t k)
      : offset(w.offset(k)), row_bytes(w.view.row_bytes()) {
    for (std::int64_t r = 0; r < most; ++r)
      at[r] = reinterpret_cast<const Byte*>(w.row(first + std::min(r, count - 1)) + w.offset(k));
  }
  template <std::int64_t count>
  Rows rows(std::int64_t from, bool ahead) const {
    return {at + from, ahead ? at[from] + most * row_bytes + (count - 1) * offset : nullptr, count};
  }
};

struct ToPanel {
  float* to;
  HWY_INLINE void put(std::int64_t k, int group, VF values) { hn::StoreU(values, F(), to + k * width + group * lanes); }
};

bool tile(const Stored& w, std::int64_t first, std::int64_t count, std::int64_t k, std::int64_t depth, bool ahead,
          float* panel) {
  const RowPointers<width> pointers(w, first, count, k);
  for (std::int64_t r = 0; r < width; r += 2 * lanes) {
    ToPanel sink{panel + r};
    if (!for_values<2>(w.view.dtype, pointers.rows<2 * lanes>(r, ahead), depth, sink)) return false;
  }
  return true;
}

// One row of x: an accumulator for each vector of outputs, four of them, so that no addition waits for the one before.
constexpr int groups = 4;

struct Dot {
  const float* x;
  VF sum[groups];
  HWY_INLINE void put(std::int64_t k, int group, VF values) {
    sum[group] = hn::MulAdd(hn::Set(F(), x[k]), values, sum[group]);
  }
};

void dots(const float* x, const Stored& w, std::int64_t first, std::int64_t count, float* y) {
  constexpr std::int64_t most = groups * lanes;
  HWY_ALIGN float sums[most];
  for (std::int64_t j = 0; j < count; j += most) {
    const std::int64_t now = std::min(most, count - j);
    const RowPointers<most> pointers(w, first + j, now, 0);
    Dot sink{x, {hn::Zero(F()), hn::Zero(F()), hn::Zero(F()), hn::Zero(F())}};
    for_values<groups>(w.view.dtype, pointers.template rows<most>(0, true), w.in, sink);
    for (int g = 0; g < groups; ++g) hn::Store(sink.sum[g], F(), sums + g * lanes);
    std::copy_n(sums, now, y + j);
  }
}

// The types that `for_values` knows.
bool has(DType dtype) {
  struct {
    HWY_INLINE void put(std::int64_t, int, VF) {}
  } nothing;
  return for_values<1>(dtype, {}, 0, nothing);
}

#else

bool tile(const Stored&, std::int64_t, std::int64_t, std::int64_t, std::int64_t, bool, float*) { return false; }
void dots(const float*, const Stored&, std::int64_t, std::int64_t, float*) {}
bool has(DType) { return false; }

#endif

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embscope {
HWY_EXPORT(tile);
HWY_EXPORT(dots);
HWY_EXPORT(has);

bool has_tiles(DType dtype) { return HWY_DYNAMIC_DISPATCH(has)(dtype); }

bool decode_tile(const Stored& w, std::int64_t first, std::int64_t count, std::int64_t k, std::int64_t depth,
                 bool ahead, float* panel) {
  return HWY_DYNAMIC_DISPATCH(tile)(w, first, count, k, depth, ahead, panel);
}

void dot_rows(const float* x, const Stored& w, std::int64_t first, std::int64_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(dots)(x, w, first, count, y);
}

}  // namespace embscope
#endif
