#include "kernels/gemm.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "base/file.h"
#include "base/threads.h"
#include "embscope/base/threads.h"
#include "kernels/tiles.h"

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

// Fixed sizes that keep a block of x (336 x 384 floats, 504 KiB) and a slice of a panel (48 KiB) in the second-level
// cache.
constexpr std::int64_t block_rows = 336, block_depth = 384;

// x is packed in chunks of 16 values of k, each [rows][16]: a copy without transposing, and every broadcast of the
// inner loop is a constant distance from one pointer.
constexpr std::int64_t chunk = 16;

constexpr std::int64_t packed_size(std::int64_t rows, std::int64_t depth) {
  return rows * ((depth + chunk - 1) / chunk * chunk);
}

// 32 outputs for some k, those of one k side by side, `stride` floats from one k to the next.
struct Panel {
  const float* at;
  std::int64_t stride = panel_width;
};

// What a tile does on the way where the outputs of one k are far from those of the next: the machine sees no stream in
// them, and few of them stay in the cache where they are a power of two apart. It reads the 32 outputs beside its own
// into the cache, for its share of every 16 values of k, and the first one lays its panel side by side for the others.
struct OnTheWay {
  const float* beside = nullptr;
  std::int64_t stride = 0, first = 0, last = 0;
  float* copy = nullptr;
};

// `by_columns`: x is packed as [depth][rows] instead, as it comes from a matrix that is stored with its rows as
// columns. `copies`: see OnTheWay.
template <int rows, bool by_columns, bool copies = false>
void tile(const float* HWY_RESTRICT x, const Panel& panel, std::int64_t depth, float* HWY_RESTRICT y,
          std::int64_t y_stride, bool accumulate, const OnTheWay& way) {
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
    const float* HWY_RESTRICT w = panel.at + c;
    [[maybe_unused]] float* HWY_RESTRICT copy = copies ? way.copy + c : nullptr;
    for (std::int64_t k0 = 0; k0 < depth; k0 += chunk) {
      const float* xk = x + k0 * rows;
      for (std::int64_t k = k0 + way.first; k < std::min(k0 + way.last, depth); ++k) {
        const float* beside = way.beside + k * way.stride + c;  // at any place in a cache line
        for (std::int64_t i = 0; i < 2 * lanes; i += 16) __builtin_prefetch(beside + i, 0, 2);
        __builtin_prefetch(beside + 2 * lanes - 1, 0, 2);
      }
      for (const float* end = xk + std::min(chunk, depth - k0) * k_step; xk < end; xk += k_step, w += panel.stride) {
        const Vec w0 = hn::LoadU(d, w), w1 = hn::LoadU(d, w + lanes);
        if constexpr (copies) {
          hn::StoreU(w0, d, copy);
          hn::StoreU(w1, d, copy + lanes);
          copy += panel_width;
        }
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

using Tile = void (*)(const float*, const Panel&, std::int64_t, float*, std::int64_t, bool, const OnTheWay&);

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

// The same rows from a matrix that holds them as columns, x [depth, rows]: groups of tile_rows, each [depth][rows of
// the group].
void pack_columns(const float* x, std::int64_t x_stride, std::int64_t rows, std::int64_t depth, float* packed) {
  for (std::int64_t first = 0; first < rows; first += tile_rows) {
    const std::int64_t count = std::min(tile_rows, rows - first);
    const float* from = x + first;
    float* to = packed + packed_size(first, depth);
    if (count == tile_rows) {  // a copy of constant size
      for (std::int64_t k = 0; k < depth; ++k)
        std::memcpy(to + k * tile_rows, from + k * x_stride, tile_rows * sizeof(float));
    } else {
      for (std::int64_t k = 0; k < depth; ++k) std::copy_n(from + k * x_stride, count, to + k * count);
    }
  }
}

// x as it was packed, `depth` values of k, of which a product begins with value `k`, a multiple of `chunk`.
struct PackedRows {
  const float* at;
  std::int64_t rows, depth, k = 0;
  const float* group(std::int64_t first, std::int64_t count) const {
    return at + packed_size(first, depth) + k * count;
  }
};

// All the groups of packed rows against one panel. A panel of fewer than 32 columns goes through a buffer.
template <bool by_columns = false>
void multiply(const PackedRows& packed, const Panel& panel, std::int64_t depth, float* y, std::int64_t y_stride,
              std::int64_t columns, bool accumulate) {
  HWY_ALIGN float buffer[tile_rows * panel_width];
  for (std::int64_t first = 0; first < packed.rows; first += tile_rows) {
    const std::int64_t count = std::min(tile_rows, packed.rows - first);
    float* out = y + first * y_stride;
    const float* x = packed.group(first, count);
    if (columns == panel_width) {
      tile_of<by_columns>(count)(x, panel, depth, out, y_stride, accumulate, {});
      continue;
    }
    const auto bytes = static_cast<std::size_t>(columns) * sizeof(float);
    if (accumulate) {
      std::memset(buffer, 0, sizeof(buffer));
      for (std::int64_t r = 0; r < count; ++r) std::memcpy(buffer + r * panel_width, out + r * y_stride, bytes);
    }
    tile_of<by_columns>(count)(x, panel, depth, buffer, panel_width, accumulate, {});
    for (std::int64_t r = 0; r < count; ++r) std::memcpy(out + r * y_stride, buffer + r * panel_width, bytes);
  }
}

// The same for a whole panel of a matrix that has outputs side by side in long rows. `copy`: room for it.
void multiply_where_it_lies(const PackedRows& packed, const Panel& panel, std::int64_t depth, float* y,
                            std::int64_t y_stride, bool accumulate, float* copy) {
  const std::int64_t groups = (packed.rows + tile_rows - 1) / tile_rows;
  OnTheWay way{panel.at + panel_width, panel.stride, 0, 0, copy};
  const Panel copied{copy};
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t first = g * tile_rows, count = std::min(tile_rows, packed.rows - first);
    way.first = g * chunk / groups, way.last = (g + 1) * chunk / groups;
    const Tile now = g > 0 || groups == 1 ? tile_of<false>(count) : tile<tile_rows, false, true>;
    now(packed.group(first, count), g > 0 ? copied : panel, depth, y + first * y_stride, y_stride, accumulate, way);
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

void decode_rows_to(const Stored& w, std::int64_t first, std::int64_t count, std::int64_t k, std::int64_t depth,
                    bool ahead, float* panel) {
  if (has_tiles(w)) return decode_tile(w, first, count, k, depth, ahead, panel);
  thread_local std::vector<float> values;
  values.resize(static_cast<std::size_t>(panel_width * depth));
  for (std::int64_t j = 0; j < count; ++j) w.decode(first + j, k, depth, values.data() + j * depth);
  pack_panel_lanes(values.data(), depth, count, depth, panel);
}

// Panels that are decoded together: of a matrix stored by inputs, those that one block reaches over.
std::int64_t together(const Stored& w) {
  return w.by_inputs ? std::max<std::int64_t>(1, block_size(w.view.dtype) / panel_width) : 1;
}

// Panels from p on of a matrix stored by inputs, `depth` * 32 floats apart.
void decode_columns_to(const Stored& w, std::int64_t p, std::int64_t panels, std::int64_t k, std::int64_t depth,
                       float* to) {
  const std::int64_t first = p * panel_width, block = block_size(w.view.dtype),
                     count = std::min(panels * panel_width, w.out - first);
  std::vector<float> values(static_cast<std::size_t>((count + block - 1) / block * block));
  for (std::int64_t i = 0; i < depth; ++i) {
    w.decode(k + i, first, static_cast<std::int64_t>(values.size()), values.data());
    for (std::int64_t c = 0; c < count; c += panel_width)
      std::copy_n(values.data() + c, std::min(panel_width, count - c), to + (c * depth + i * panel_width));
  }
}

// A row of floats that has the outputs of one input side by side serves where it lies.
bool serves_as_panels(const Stored& w) {
  return w.by_inputs && w.order.empty() && w.view.dtype == DType::f32 &&
         reinterpret_cast<std::uintptr_t>(w.view.data) % alignof(float) == 0;
}

// `count` panels from p on, for `depth` values of k. Decoded ones lie in `scratch`; `ahead` as in decode_tile.
template <class Body>
void for_panels(const Packed& w, std::int64_t p, std::int64_t count, std::int64_t k, std::int64_t depth, bool ahead,
                std::vector<float>& scratch, Body&& body) {
  const Stored* stored = w.stored();
  if (stored == nullptr) {
    for (std::int64_t i = p; i < p + count; ++i) body(i, Panel{w.panel(i) + k * panel_width});
    return;
  }
  const std::int64_t step = together(*stored), size = depth * panel_width;
  if (scratch.size() < static_cast<std::size_t>(step * size)) scratch.resize(static_cast<std::size_t>(step * size));
  if (serves_as_panels(*stored)) {
    const std::int64_t stride = stored->view.columns();
    const float* rows = reinterpret_cast<const float*>(stored->row(k)) + stored->first_column;
    const std::int64_t whole =
        std::min(p + count, w.out() / panel_width);  // a last one that is not full would read past its row
    for (std::int64_t i = p; i < whole; ++i) body(i, Panel{rows + i * panel_width, stride});
    count -= std::max<std::int64_t>(whole - p, 0), p = std::max(p, whole);
  }
  for (std::int64_t i = p, next = 0; i < p + count; i = next) {
    const std::int64_t begin = i / step * step;  // where a block begins
    next = std::min(begin + step, p + count);
    stored->by_inputs ? decode_columns_to(*stored, begin, next - begin, k, depth, scratch.data())
                      : decode_rows_to(*stored, i * panel_width, std::min(panel_width, w.out() - i * panel_width), k,
                                       depth, ahead, scratch.data());
    for (std::int64_t j = i; j < next; ++j) body(j, Panel{scratch.data() + (j - begin) * size});
  }
}

void add_bias(const Product& product, std::int64_t first, std::int64_t last, float* y, std::int64_t rows) {
  const std::int64_t begin = first * panel_width, end = std::min(last * panel_width, product.w->out());
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = begin; j < end; ++j) y[i * product.y_stride + j] += product.bias[j];
  }
}

// One whose weight is NaN or infinite is not finite itself, whatever x: it is enough to look at the products.
bool finite(const Product& product, std::int64_t first, std::int64_t last, const float* y, std::int64_t rows) {
  const std::int64_t begin = first * panel_width, end = std::min(last * panel_width, product.w->out());
  const Lanes d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Vec sums = hn::Zero(d);
  float sum = 0;
  for (std::int64_t i = 0; i < rows; ++i, y += product.y_stride) {
    std::int64_t j = begin;
    for (; j + lanes <= end; j += lanes) sums = hn::MulAdd(hn::Zero(d), hn::LoadU(d, y + j), sums);
    for (; j < end; ++j) sum += 0 * y[j];
  }
  return sum + hn::GetLane(hn::SumOfLanes(d, sums)) == 0;
}

// Whether so many rows of x are multiplied without a panel in between.
bool dots(const Packed& w, std::int64_t rows) {
  constexpr std::int64_t few = 4;
  if (w.stored() == nullptr || rows > few) return false;
  return w.stored()->by_inputs ? rows == 1 && serves_as_panels(*w.stored()) : has_dots(*w.stored());
}

// y[j] = sum_k x[k] * w[k][j] for rows of floats `stride` apart, eight at a time, each read from end to end: the way
// memory is fastest. Whole panels.
void add_rows(const float* HWY_RESTRICT x, const float* HWY_RESTRICT w, std::int64_t stride, std::int64_t depth,
              std::int64_t columns, float* HWY_RESTRICT y) {
  constexpr std::int64_t most = 8;
  const Lanes d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::fill_n(y, columns, 0.0f);
  for (std::int64_t k = 0; k < depth; k += most) {
    const float* rows = w + k * stride;
    const std::int64_t count = std::min(most, depth - k);
    for (std::int64_t c = 0; c < columns; c += lanes) {
      Vec sum = hn::LoadU(d, y + c);
      const auto add = [&](std::int64_t i) HWY_ATTR {
        sum = hn::MulAdd(hn::Set(d, x[k + i]), hn::LoadU(d, rows + i * stride + c), sum);
      };
      if (count == most) {
#pragma GCC unroll 8
        for (std::int64_t i = 0; i < most; ++i) add(i);
      } else {
        for (std::int64_t i = 0; i < count; ++i) add(i);
      }
      hn::StoreU(sum, d, y + c);
    }
  }
}

// The same for outputs from `first` on that fill no panel, by way of a copy.
void add_last_rows(const float* x, const Stored& w, std::int64_t first, float* y) {
  const std::int64_t columns = w.out - first;
  const auto* from = reinterpret_cast<const float*>(w.row(0) + w.offset(first));
  std::vector<float> panel(static_cast<std::size_t>(w.in * panel_width));
  for (std::int64_t k = 0; k < w.in; ++k)
    std::copy_n(from + k * w.view.columns(), columns, panel.data() + k * panel_width);
  HWY_ALIGN float sums[panel_width];
  add_rows(x, panel.data(), panel_width, w.in, panel_width, sums);
  std::copy_n(sums, columns, y);
}

void dot_panels(const Inputs& x, const Product& product, std::int64_t first, std::int64_t last) {
  const Stored& w = *product.w->stored();
  const std::int64_t begin = first * panel_width, end = std::min(last * panel_width, w.out);
  if (!w.by_inputs) return dot_rows(x, w, begin, end - begin, product.y + begin, product.y_stride);
  const std::int64_t whole = end / panel_width * panel_width;
  if (begin < whole)
    add_rows(x.at, reinterpret_cast<const float*>(w.row(0) + w.offset(begin)), w.view.columns(), w.in, whole - begin,
             product.y + begin);
  if (whole < end) add_last_rows(x.at, w, whole, product.y + whole);
}

// Values of k that are packed at once: whole blocks of every type, and fewer of long rows, of which few stay in the
// cache.
std::int64_t depth_for(std::span<const Product> products) {
  for (const Product& product : products) {
    const Stored* w = product.w->stored();
    if (w != nullptr && (block_size(w->view.dtype) > chunk || serves_as_panels(*w))) return 256;
  }
  return block_depth;
}

// body(product, first panel, last panel) for what of [begin, end), counted one product after the other, lies in each.
template <class Body>
void for_products(std::span<const Product> products, std::int64_t begin, std::int64_t end, Body&& body) {
  std::int64_t before = 0;
  for (const Product& product : products) {
    const std::int64_t panels = product.w->panels();
    const std::int64_t first = std::max<std::int64_t>(begin - before, 0), last = std::min(end - before, panels);
    if (first < last) body(product, first, last);
    before += panels;
  }
}

// Panels [first, last) of one product for packed rows from input `k` on. What has to be decoded is gone through in the
// order in which it lies in the file where the rows are few; panels in memory are read for a part of the depth, so that
// rows use them while they are in the cache. False when an output of stored weights is complete and not finite.
bool multiply_panels(const PackedRows& rows, const Product& product, std::int64_t first, std::int64_t last,
                     std::int64_t k, std::int64_t deepest, float* y) {
  thread_local std::vector<float> scratch;
  const Stored* stored = product.w->stored();
  const bool in_order = stored != nullptr && !stored->by_inputs && rows.depth > deepest;
  const std::int64_t step = in_order ? 1 : last - first;
  bool all = true;
  for (std::int64_t p = first; p < last; p += step) {
    for (std::int64_t i = 0; i < rows.depth; i += deepest) {
      const std::int64_t depth = std::min(deepest, rows.depth - i);
      const bool complete = stored != nullptr && k + i + depth == product.w->in();
      for_panels(*product.w, p, step, k + i, depth, in_order, scratch, [&](std::int64_t at, const Panel& panel) {
        const PackedRows part{rows.at, rows.rows, rows.depth, i};
        if (panel.stride == panel_width)
          multiply(part, panel, depth, y + at * panel_width, product.y_stride,
                   std::min(panel_width, product.w->out() - at * panel_width), k + i > 0);
        else
          multiply_where_it_lies(part, panel, depth, y + at * panel_width, product.y_stride, k + i > 0, scratch.data());
        if (complete && !finite(product, at, at + 1, y, rows.rows)) all = false;
      });
    }
  }
  return all;
}

// Panels [begin, end) of all the products for all rows: blocks of rows, then of depth, so that x is packed once for all
// these panels, or all of x at once where that stays in the cache. False when an output of stored weights is not
// finite.
bool gemm_panels(const float* x, std::int64_t x_stride, std::int64_t rows, std::span<const Product> products,
                 std::int64_t begin, std::int64_t end) {
  const std::int64_t in = products[0].w->in(), deepest = depth_for(products);
  const std::int64_t at_once = rows * in <= block_rows * block_depth ? in : std::min(deepest, in);
  thread_local std::vector<float> packed;
  const auto size = static_cast<std::size_t>(packed_size(std::min(rows, block_rows), at_once));
  if (packed.size() < size) packed.resize(size);
  const auto by_dots = [&](const Product& product) { return dots(*product.w, rows); };
  bool all = true;
  for (std::int64_t r = 0; r < rows; r += block_rows) {
    const std::int64_t count = std::min(block_rows, rows - r);
    for (std::int64_t k = 0; k < in; k += at_once) {
      const std::int64_t depth = std::min(at_once, in - k);
      pack_rows(x + r * x_stride + k, x_stride, count, depth, packed.data());
      for_products(products, begin, end, [&](const Product& product, std::int64_t first, std::int64_t last) {
        if (by_dots(product)) return;
        float* y = product.y + r * product.y_stride;
        if (!multiply_panels({packed.data(), count, depth}, product, first, last, k, deepest, y)) all = false;
      });
    }
    for_products(products, begin, end, [&](const Product& product, std::int64_t first, std::int64_t last) {
      if (by_dots(product)) {
        dot_panels({x, x_stride, rows}, product, first, last);
        if (!finite(product, first, last, product.y, rows)) all = false;
      }
      if (product.bias != nullptr) add_bias(product, first, last, product.y + r * product.y_stride, count);
    });
  }
  return all;
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
      multiply({packed.data(), count, depth}, {panels + c / panel_width * panel_stride}, depth, y + r * y_stride + c,
               y_stride, std::min(panel_width, columns - c), accumulate);
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
    multiply<true>({packed.data(), rows, depth}, {panels + c / panel_width * panel_stride}, depth, y + c, y_stride,
                   std::min(panel_width, columns - c), accumulate);
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
    for (std::int64_t k = 0; k < depth; ++k)
      std::memcpy(panel + k * panel_width, rows + k * stride, panel_width * sizeof(float));
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

namespace {

std::int64_t panels_of(std::span<const Product> products) {
  std::int64_t panels = 0;
  for (const Product& product : products) panels += product.w->panels();
  return panels;
}

// Weights of a file that are not what they should be show in the product.
void check(std::span<const Product> products, bool finite) {
  for (const Product& product : products) {
    const Stored* stored = product.w->stored();
    if (stored == nullptr) continue;
    check_mapping(stored->view.data);
    if (!finite) stored->refuse_unless_finite();
  }
}

}  // namespace

void gemm(const float* x, std::int64_t x_stride, std::int64_t rows, std::span<const Product> products) {
  if (rows == 0) return;
  const std::int64_t panels = panels_of(products), share = (panels + threads() - 1) / threads();
  std::atomic<bool> finite = true;
  parallel_for(panels, share, [&](std::int64_t begin, std::int64_t end) {
    if (!HWY_DYNAMIC_DISPATCH(gemm_panels)(x, x_stride, rows, products, begin, end)) finite = false;
  });
  check(products, finite);
}

void gemm_blocked(const float* x, std::int64_t x_stride, std::int64_t rows, const Packed& w, std::int64_t first,
                  std::int64_t panels, float* y, std::int64_t y_stride) {
  const Product product{&w, nullptr, y - first * panel_width, y_stride};
  HWY_DYNAMIC_DISPATCH(gemm_panels)(x, x_stride, rows, {&product, 1}, first, first + panels);
}

void gemm_here(const float* x, std::int64_t x_stride, std::int64_t rows, std::span<const Product> products) {
  check(products, HWY_DYNAMIC_DISPATCH(gemm_panels)(x, x_stride, rows, products, 0, panels_of(products)));
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
