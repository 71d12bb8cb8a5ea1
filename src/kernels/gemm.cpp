#include "kernels/gemm.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/threads.h"
#include "embscope/threads.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
//
#include "hwy/highway.h"
#include "kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Lanes>;

// Rows held in registers: two accumulators each, beside two weights and one broadcast value.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr std::int64_t tile_rows = 14;  // 32 vector registers
#else
constexpr std::int64_t tile_rows = 6;  // 16
#endif

// Fixed sizes that keep a block of x (336 x 384 floats, 504 KiB) and a slice of a panel (48 KiB) in the second-level cache.
constexpr std::int64_t block_rows = 336, block_depth = 384;

// x is packed in chunks of 16 values of k, each [rows][16]: a copy without transposing, and every broadcast of the inner
// loop is a constant distance from one pointer.
constexpr std::int64_t chunk = 16;

constexpr std::int64_t packed_size(std::int64_t rows, std::int64_t depth) {
  return rows * ((depth + chunk - 1) / chunk * chunk);
}

// `by_columns`: x is packed as [depth][rows] instead, as it comes from a matrix that is stored with its rows as columns.
template <int rows, bool by_columns>
void tile(const float* HWY_RESTRICT x, const float* HWY_RESTRICT panel, std::int64_t depth, float* HWY_RESTRICT y,
          std::int64_t y_stride, bool accumulate) {
  constexpr std::int64_t row_step = by_columns ? 1 : chunk, k_step = by_columns ? rows : 1;
  const Lanes d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < panel_width; c += 2 * lanes) {
    Vec a[rows], b[rows];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      a[r] = accumulate ? hn::LoadU(d, y + r * y_stride + c) : hn::Zero(d);
      b[r] = accumulate ? hn::LoadU(d, y + r * y_stride + c + lanes) : hn::Zero(d);
    }
    const float* w = panel + c;
    for (std::int64_t k0 = 0; k0 < depth; k0 += chunk) {
      const float* xk = x + k0 * rows;
      for (const float* end = xk + std::min(chunk, depth - k0) * k_step; xk < end; xk += k_step, w += panel_width) {
        const Vec w0 = hn::LoadU(d, w), w1 = hn::LoadU(d, w + lanes);
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) {
          const Vec v = hn::Set(d, xk[r * row_step]);
          a[r] = hn::MulAdd(v, w0, a[r]);
          b[r] = hn::MulAdd(v, w1, b[r]);
        }
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      hn::StoreU(a[r], d, y + r * y_stride + c);
      hn::StoreU(b[r], d, y + r * y_stride + c + lanes);
    }
  }
}

using Tile = void (*)(const float*, const float*, std::int64_t, float*, std::int64_t, bool);

template <bool by_columns>
Tile tile_of(std::int64_t rows) {
  static constexpr Tile tiles[] = {
    nullptr,
    tile<1, by_columns>,
    tile<2, by_columns>,
    tile<3, by_columns>,
    tile<4, by_columns>,
    tile<5, by_columns>,
    tile<6, by_columns>,
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
    tile<7, by_columns>,
    tile<8, by_columns>,
    tile<9, by_columns>,
    tile<10, by_columns>,
    tile<11, by_columns>,
    tile<12, by_columns>,
    tile<13, by_columns>,
    tile<14, by_columns>
#endif
  };
  return tiles[rows];
}

// x [rows, depth] -> groups of tile_rows, each [depth / 16][rows of the group][16].
void pack_rows(const float* x, std::int64_t x_stride, std::int64_t rows, std::int64_t depth, float* packed) {
  const std::int64_t whole = depth / chunk * chunk;
  for (std::int64_t first = 0; first < rows; first += tile_rows) {
    const std::int64_t count = std::min(tile_rows, rows - first);
    for (std::int64_t r = 0; r < count; ++r) {
      const float* from = x + (first + r) * x_stride;
      float* to = packed + packed_size(first, depth) + r * chunk;
      for (std::int64_t k = 0; k < whole; k += chunk) std::memcpy(to + k * count, from + k, chunk * sizeof(float));
      std::memcpy(to + whole * count, from + whole, static_cast<std::size_t>(depth - whole) * sizeof(float));
    }
  }
}

// The same rows from a matrix that holds them as columns, x [depth, rows]: groups of tile_rows, each [depth][rows of the group].
void pack_columns(const float* x, std::int64_t x_stride, std::int64_t rows, std::int64_t depth, float* packed) {
  for (std::int64_t first = 0; first < rows; first += tile_rows) {
    const std::int64_t count = std::min(tile_rows, rows - first);
    const float* from = x + first;
    float* to = packed + packed_size(first, depth);
    if (count == tile_rows) {  // a copy of constant size
      for (std::int64_t k = 0; k < depth; ++k) std::memcpy(to + k * tile_rows, from + k * x_stride, tile_rows * sizeof(float));
    } else {
      for (std::int64_t k = 0; k < depth; ++k) std::copy_n(from + k * x_stride, count, to + k * count);
    }
  }
}

// All the groups of packed rows against one panel. A panel of fewer than 32 columns goes through a buffer.
template <bool by_columns = false>
void multiply(const float* packed, std::int64_t rows, const float* panel, std::int64_t depth, float* y,
              std::int64_t y_stride, std::int64_t columns, bool accumulate) {
  HWY_ALIGN float buffer[tile_rows * panel_width];
  for (std::int64_t first = 0; first < rows; first += tile_rows) {
    const std::int64_t count = std::min(tile_rows, rows - first);
    float* out = y + first * y_stride;
    const float* x = packed + packed_size(first, depth);
    if (columns == panel_width) {
      tile_of<by_columns>(count)(x, panel, depth, out, y_stride, accumulate);
      continue;
    }
    const auto bytes = static_cast<std::size_t>(columns) * sizeof(float);
    if (accumulate) {
      std::memset(buffer, 0, sizeof(buffer));
      for (std::int64_t r = 0; r < count; ++r) std::memcpy(buffer + r * panel_width, out + r * y_stride, bytes);
    }
    tile_of<by_columns>(count)(x, panel, depth, buffer, panel_width, accumulate);
    for (std::int64_t r = 0; r < count; ++r) std::memcpy(out + r * y_stride, buffer + r * panel_width, bytes);
  }
}

void add_bias(const Product& product, std::int64_t first, std::int64_t last, float* y, std::int64_t rows) {
  const std::int64_t begin = first * panel_width, end = std::min(last * panel_width, product.w->out());
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = begin; j < end; ++j) y[i * product.y_stride + j] += product.bias[j];
  }
}

// Panels [begin, end) of all the products, counted one product after the other, for all rows: blocks of rows, then of
// depth, so that x is packed once for all these panels.
void gemm_panels(const float* x, std::int64_t x_stride, std::int64_t rows, std::span<const Product> products,
                 std::int64_t begin, std::int64_t end) {
  const std::int64_t in = products[0].w->in(), most_depth = std::min(block_depth, in);
  thread_local std::vector<float> packed;
  const auto size = static_cast<std::size_t>(packed_size(std::min(rows, block_rows), most_depth));
  if (packed.size() < size) packed.resize(size);
  // body(product, first panel, last panel) for what of this range lies in each product
  auto for_products = [&](auto&& body) {
    std::int64_t before = 0;
    for (const Product& product : products) {
      const std::int64_t panels = product.w->panels();
      const std::int64_t first = std::max<std::int64_t>(begin - before, 0), last = std::min(end - before, panels);
      if (first < last) body(product, first, last);
      before += panels;
    }
  };
  for (std::int64_t r = 0; r < rows; r += block_rows) {
    const std::int64_t count = std::min(block_rows, rows - r);
    for (std::int64_t k = 0; k < in; k += block_depth) {
      const std::int64_t depth = std::min(block_depth, in - k);
      pack_rows(x + r * x_stride + k, x_stride, count, depth, packed.data());
      for_products([&](const Product& product, std::int64_t first, std::int64_t last) {
        for (std::int64_t p = first; p < last; ++p) {
          multiply(packed.data(), count, product.w->panel(p) + k * panel_width, depth,
                   product.y + r * product.y_stride + p * panel_width, product.y_stride,
                   std::min(panel_width, product.w->out() - p * panel_width), k > 0);
        }
      });
    }
    for_products([&](const Product& product, std::int64_t first, std::int64_t last) {
      if (product.bias != nullptr) add_bias(product, first, last, product.y + r * product.y_stride, count);
    });
  }
}

void gemm_on_this_thread(const float* x, std::int64_t x_stride, std::int64_t rows, const float* panels,
                         std::int64_t panel_stride, std::int64_t depth, float* y, std::int64_t y_stride,
                         std::int64_t columns, bool accumulate) {
  thread_local std::vector<float> packed;
  packed.resize(static_cast<std::size_t>(packed_size(tile_rows, depth)));
  for (std::int64_t r = 0; r < rows; r += tile_rows) {
    const std::int64_t count = std::min(tile_rows, rows - r);
    pack_rows(x + r * x_stride, x_stride, count, depth, packed.data());
    for (std::int64_t c = 0; c < columns; c += panel_width) {
      multiply(packed.data(), count, panels + c / panel_width * panel_stride, depth, y + r * y_stride + c, y_stride,
               std::min(panel_width, columns - c), accumulate);
    }
  }
}

void gemm_columns(const float* x, std::int64_t x_stride, std::int64_t rows, const float* panels,
                  std::int64_t panel_stride, std::int64_t depth, float* y, std::int64_t y_stride, std::int64_t columns,
                  bool accumulate) {
  thread_local std::vector<float> packed;
  packed.resize(static_cast<std::size_t>(packed_size(rows, depth)));
  pack_columns(x, x_stride, rows, depth, packed.data());
  for (std::int64_t c = 0; c < columns; c += panel_width) {
    multiply<true>(packed.data(), rows, panels + c / panel_width * panel_stride, depth, y + c, y_stride,
                   std::min(panel_width, columns - c), accumulate);
  }
}

// In blocks of k, so that what is written again for the next rows is still in the first-level cache.
void pack_panel_lanes(const float* rows, std::int64_t stride, std::int64_t count, std::int64_t in, float* panel) {
  constexpr std::int64_t block = 64;
  const std::int64_t fours = count / 4 * 4;
  for (std::int64_t begin = 0; begin < in; begin += block) {
    const std::int64_t end = std::min(in, begin + block), whole = begin + (end - begin) / 4 * 4;
    transpose(rows + begin, stride, fours, whole - begin, panel + begin * panel_width, panel_width);
    for (std::int64_t j = 0; j < count; ++j) {
      for (std::int64_t k = j < fours ? whole : begin; k < end; ++k) panel[k * panel_width + j] = rows[j * stride + k];
    }
    for (std::int64_t k = begin; count < panel_width && k < end; ++k)
      std::fill(panel + k * panel_width + count, panel + (k + 1) * panel_width, 0.0f);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embscope {
HWY_EXPORT(gemm_panels);
HWY_EXPORT(gemm_on_this_thread);
HWY_EXPORT(gemm_columns);
HWY_EXPORT(pack_panel_lanes);

void pack_panel(const float* rows, std::int64_t stride, std::int64_t count, std::int64_t in, float* panel) {
  HWY_DYNAMIC_DISPATCH(pack_panel_lanes)(rows, stride, count, in, panel);
}

void copy_panel(const float* rows, std::int64_t stride, std::int64_t depth, std::int64_t columns, float* panel) {
  if (columns == panel_width) {  // a copy of constant size
    for (std::int64_t k = 0; k < depth; ++k) std::memcpy(panel + k * panel_width, rows + k * stride, panel_width * sizeof(float));
    return;
  }
  for (std::int64_t k = 0; k < depth; ++k, panel += panel_width) {
    std::copy_n(rows + k * stride, columns, panel);
    std::fill(panel + columns, panel + panel_width, 0.0f);
  }
}

Packed::Packed(std::int64_t out, std::int64_t in, const std::function<void(std::int64_t, float*)>& fill)
    : out_(out), in_(in), panels_(Tensor::uninitialised({(out + panel_width - 1) / panel_width, in, panel_width})) {
  refill(fill);
}

void Packed::refill(const std::function<void(std::int64_t, float*)>& fill) {
  parallel_for(panels(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) fill(p, panels_.data() + p * in_ * panel_width);
  });
}

void gemm(const float* x, std::int64_t x_stride, std::int64_t rows, std::span<const Product> products) {
  if (rows == 0) return;
  std::int64_t panels = 0;
  for (const Product& product : products) panels += product.w->panels();
  const std::int64_t share = (panels + threads() - 1) / threads();
  parallel_for(panels, share, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gemm_panels)(x, x_stride, rows, products, begin, end);
  });
}

void gemm_blocked(const float* x, std::int64_t x_stride, std::int64_t rows, const Packed& w, std::int64_t first,
                  std::int64_t panels, float* y, std::int64_t y_stride) {
  const Product product{&w, nullptr, y - first * panel_width, y_stride};
  HWY_DYNAMIC_DISPATCH(gemm_panels)(x, x_stride, rows, {&product, 1}, first, first + panels);
}

void gemm_here(const float* x, std::int64_t x_stride, std::int64_t rows, std::span<const Product> products) {
  std::int64_t panels = 0;
  for (const Product& product : products) panels += product.w->panels();
  HWY_DYNAMIC_DISPATCH(gemm_panels)(x, x_stride, rows, products, 0, panels);
}

void gemm_transposed(const float* x, std::int64_t x_stride, std::int64_t rows, const float* panels,
                     std::int64_t panel_stride, std::int64_t depth, float* y, std::int64_t y_stride,
                     std::int64_t columns, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(gemm_columns)
  (x, x_stride, rows, panels, panel_stride, depth, y, y_stride, columns, accumulate);
}

void gemm_serial(const float* x, std::int64_t x_stride, std::int64_t rows, const float* panels,
                 std::int64_t panel_stride, std::int64_t depth, float* y, std::int64_t y_stride, std::int64_t columns,
                 bool accumulate) {
  HWY_DYNAMIC_DISPATCH(gemm_on_this_thread)
  (x, x_stride, rows, panels, panel_stride, depth, y, y_stride, columns, accumulate);
}

}  // namespace embscope
#endif
