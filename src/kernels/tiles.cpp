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

bool has_blocks(const Stored& w) { return block_size(w.view.dtype) > 1; }

template <std::size_t n>
bool is_one_of(const DType (&types)[n], DType dtype) {
  return std::ranges::find(types, dtype) != std::end(types);
}

// Rows [first, first + count) of a stored matrix from input k on, and the last one again where `count` ends before
// `most`.
template <std::int64_t most>
struct RowPointers {
  const Byte* at[most];
  const float* scales[most];
  const Stored& w;
  std::int64_t k;
  RowPointers(const Stored& stored, std::int64_t first, std::int64_t count, std::int64_t from) : w(stored), k(from) {
    const std::int64_t row_bytes = w.view.row_bytes(), offset = w.offset(k);
    for (std::int64_t r = 0; r < most; ++r) {
      const std::int64_t i = first + std::min(r, count - 1);
      at[r] = reinterpret_cast<const Byte*>(w.view.data + w.stored_row(i) * row_bytes + offset);
      if (!w.scales.empty()) scales[r] = w.scales_of(i);
    }
  }
  template <std::int64_t count>
  Rows rows(std::int64_t from, bool ahead) const {
    const Byte* next = at[from] + most * w.view.row_bytes() + (count - 1) * w.offset(k);
    return {at + from,
            w.scales.empty() ? nullptr : scales + from,
            w.scale_columns,
            w.first_column + k,
            ahead ? next : nullptr,
            count};
  }
};

struct ToPanel {
  float* to;
  HWY_INLINE void put(std::int64_t k, int group, VF values) { hn::StoreU(values, F(), to + k * width + group * lanes); }
};

void tile(const Stored& w, std::int64_t first, std::int64_t count, std::int64_t k, std::int64_t depth, bool ahead,
          float* panel) {
  const RowPointers<width> pointers(w, first, count, k);
  for (std::int64_t r = 0; r < width; r += 2 * lanes) {
    ToPanel sink{panel + r};
    const Rows rows = pointers.rows<2 * lanes>(r, ahead);
    const auto decode = is_one_of(dear_types_in_lanes, w.view.dtype) ? for_dear_blocks<2, ToPanel>
                        : has_blocks(w)                              ? for_blocks<2, ToPanel>
                                                                     : for_lines<2, ToPanel>;
    decode(w.view.dtype, rows, depth, sink);
  }
}

// An accumulator for each row of x and each vector of outputs.
template <int rows, int groups>
struct Dots {
  const float* x;
  std::int64_t x_stride;
  VF sum[rows][groups];
  HWY_INLINE void put(std::int64_t k, int group, VF values) {
    unrolled<rows>(
        [&](auto r) INLINED { sum[r][group] = hn::MulAdd(hn::Set(F(), x[r * x_stride + k]), values, sum[r][group]); });
  }
};

// body(rows of w, sink) for every `groups` vectors of outputs.
template <int rows, int groups, class Body>
void dots_by(const Inputs& x, const Stored& w, std::int64_t first, std::int64_t count, bool ahead, float* y,
             std::int64_t y_stride, Body&& body) {
  constexpr std::int64_t most = groups * lanes;
  HWY_ALIGN float sums[most];
  for (std::int64_t j = 0; j < count; j += most) {
    const std::int64_t now = std::min(most, count - j);
    const RowPointers<most> pointers(w, first + j, now, 0);
    Dots<rows, groups> sink;
    sink.x = x.at, sink.x_stride = x.stride;
    for (auto& row : sink.sum) std::fill_n(row, groups, hn::Zero(F()));
    body(pointers.template rows<most>(0, ahead), sink);
    for (int r = 0; r < rows; ++r) {
      for (int g = 0; g < groups; ++g) hn::Store(sink.sum[r][g], F(), sums + g * lanes);
      std::copy_n(sums, now, y + r * y_stride + j);
    }
  }
}

constexpr std::int64_t dot_outputs = 4 * lanes;

// Chains enough that no addition waits for the one before: of one row's, four. A line of floats is so many vectors that
// they would not stay in registers: two chains, beside which the machine goes on to the next line.
template <int rows>
void dots_of(const Inputs& x, const Stored& w, std::int64_t first, std::int64_t count, bool ahead, float* y,
             std::int64_t y_stride) {
  const DType dtype = w.view.dtype;
  const auto lines = [&](const Rows& of, auto& sink) { for_lines<2>(dtype, of, w.in, sink); };
  const auto blocks = [&](const Rows& of, auto& sink) { for_blocks<rows == 1 ? 4 : 2>(dtype, of, w.in, sink); };
  has_blocks(w) ? dots_by<rows, rows == 1 ? 4 : 2>(x, w, first, count, ahead, y, y_stride, blocks)
                : dots_by<rows, 2>(x, w, first, count, ahead, y, y_stride, lines);
}

// All rows of x use the weights of some outputs while these are in the cache.
void dots(Inputs x, const Stored& w, std::int64_t first, std::int64_t count, float* y, std::int64_t y_stride) {
  for (std::int64_t j = 0; j < count; j += dot_outputs) {
    const std::int64_t now = std::min(dot_outputs, count - j);
    for (std::int64_t r = 0, left = x.rows; left > 0; r = x.rows - left) {
      const Inputs rest{x.at + r * x.stride, x.stride, left};
      const auto some = left >= 4 ? dots_of<4> : left >= 2 ? dots_of<2> : dots_of<1>;
      some(rest, w, first + j, now, r == 0, y + r * y_stride + j, y_stride);
      left -= left >= 4 ? 4 : left >= 2 ? 2 : 1;
    }
  }
}

// The types that are decoded in lanes, where the values of a line have one factor.
bool has_dots_of(const Stored& w) {
  const bool one_factor = w.scales.empty() || w.scale_columns % 64 == 0 || w.scale_columns >= w.view.columns();
  return one_factor && is_one_of(types_in_lanes, w.view.dtype);
}
bool has_tiles_of(const Stored& w) { return has_dots_of(w) || is_one_of(dear_types_in_lanes, w.view.dtype); }

#else

void tile(const Stored&, std::int64_t, std::int64_t, std::int64_t, std::int64_t, bool, float*) {}
void dots(Inputs, const Stored&, std::int64_t, std::int64_t, float*, std::int64_t) {}
bool has_dots_of(const Stored&) { return false; }
bool has_tiles_of(const Stored&) { return false; }

#endif

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embscope {
HWY_EXPORT(tile);
HWY_EXPORT(dots);
HWY_EXPORT(has_dots_of);
HWY_EXPORT(has_tiles_of);

bool has_tiles(const Stored& w) { return HWY_DYNAMIC_DISPATCH(has_tiles_of)(w); }
bool has_dots(const Stored& w) { return HWY_DYNAMIC_DISPATCH(has_dots_of)(w); }

void decode_tile(const Stored& w, std::int64_t first, std::int64_t count, std::int64_t k, std::int64_t depth,
                 bool ahead, float* panel) {
  HWY_DYNAMIC_DISPATCH(tile)(w, first, count, k, depth, ahead, panel);
}

void dot_rows(Inputs x, const Stored& w, std::int64_t first, std::int64_t count, float* y, std::int64_t y_stride) {
  HWY_DYNAMIC_DISPATCH(dots)(x, w, first, count, y, y_stride);
}

}  // namespace embscope
#endif
