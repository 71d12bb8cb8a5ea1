#include "kernels/pairs.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/threads.h"
#include "kernels/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pairs.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace embscope {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, 16>;
using Doubles = hn::CappedTag<double, 8>;

// bound(i) gives the lanes from i on.
template <class Bound>
std::int64_t find(const float* HWY_RESTRICT x, std::int64_t n, std::int32_t* HWY_RESTRICT found, const Bound& bound) {
  const Lanes d;
  const hn::RebindToSigned<Lanes> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t count = 0, i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto high = hn::Ge(hn::LoadU(d, x + i), bound(d, i));
    if (HWY_LIKELY(hn::AllFalse(d, high))) continue;
    const auto index = hn::Iota(di, static_cast<std::int32_t>(i));
    count += static_cast<std::int64_t>(hn::CompressBlendedStore(index, hn::RebindMask(di, high), di, found + count));
  }
  for (; i < n; ++i) {
    if (x[i] >= bound(i)) found[count++] = static_cast<std::int32_t>(i);
  }
  return count;
}

struct EachBound {
  const float* bounds;
  hn::Vec<Lanes> operator()(Lanes d, std::int64_t i) const { return hn::LoadU(d, bounds + i); }
  float operator()(std::int64_t i) const { return bounds[i]; }
};
struct OneBound {
  float bound;
  hn::Vec<Lanes> operator()(Lanes d, std::int64_t) const { return hn::Set(d, bound); }
  float operator()(std::int64_t) const { return bound; }
};

std::int64_t find_each(const float* x, const float* bounds, std::int64_t n, std::int32_t* found) {
  return find(x, n, found, EachBound{bounds});
}
std::int64_t find_one(const float* x, float bound, std::int64_t n, std::int32_t* found) {
  return find(x, n, found, OneBound{bound});
}

// f(a, b) summed over 16 stripes, whatever the instruction set.
template <class F>
double sum_in_double(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, std::int64_t n, const F& f) {
  constexpr std::int64_t stripes = 16;
  const Doubles d;
  const hn::Rebind<float, Doubles> df;
  constexpr auto lanes = static_cast<std::int64_t>(hn::MaxLanes(d));
  constexpr std::int64_t vectors = stripes / lanes;
  hn::Vec<Doubles> sums[vectors];
  for (auto& sum : sums) sum = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + stripes <= n; i += stripes) {
    for (std::int64_t v = 0; v < vectors; ++v) {
      sums[v] = f(hn::PromoteTo(d, hn::LoadU(df, a + i + v * lanes)),
                  hn::PromoteTo(d, hn::LoadU(df, b + i + v * lanes)), sums[v]);
    }
  }
  HWY_ALIGN double each[stripes];
  HWY_ALIGN float tail[2][stripes] = {};
  std::copy(a + i, a + n, tail[0]);
  std::copy(b + i, b + n, tail[1]);
  for (std::int64_t v = 0; v < vectors; ++v) {
    sums[v] = f(hn::PromoteTo(d, hn::Load(df, tail[0] + v * lanes)),
                hn::PromoteTo(d, hn::Load(df, tail[1] + v * lanes)), sums[v]);
    hn::Store(sums[v], d, each + v * lanes);
  }
  double total = 0;
  for (double part : each) total += part;
  return total;
}

double product(const float* a, const float* b, std::int64_t n) {
  return sum_in_double(a, b, n, [](auto x, auto y, auto sum) { return hn::MulAdd(x, y, sum); });
}
double square_distance(const float* a, const float* b, std::int64_t n) {
  return sum_in_double(a, b, n, [](auto x, auto y, auto sum) {
    const auto off = hn::Sub(x, y);
    return hn::MulAdd(off, off, sum);
  });
}

// The bins of a stretch are found in vectors and then counted one by one, in two histograms by turns: an increment need
// not wait for the one before it.
double count(const float* HWY_RESTRICT x, std::int64_t n, std::int64_t bins, std::int64_t* HWY_RESTRICT counts,
             std::int64_t& positive) {
  const Doubles d;
  const hn::Rebind<float, Doubles> df;
  const hn::Rebind<std::int32_t, Doubles> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  constexpr std::int64_t stretch = 512;
  HWY_ALIGN std::int32_t bin[stretch];
  const auto one = hn::Set(d, 1.0), low = hn::Set(d, -1.0), scale = hn::Set(d, static_cast<double>(bins) / 2);
  const auto last = hn::Set(di, static_cast<std::int32_t>(bins - 1));
  // 16 stripes of the sum, whatever the instruction set
  constexpr std::int64_t stripes = 16;
  HWY_ALIGN double sums[stripes] = {};
  const auto none = hn::Zero(df);
  for (std::int64_t first = 0; first < n; first += stretch) {
    const std::int64_t size = std::min(stretch, n - first), whole = size / stripes * stripes;
    for (std::int64_t i = 0; i < whole; i += stripes) {
      for (std::int64_t s = 0; s < stripes; s += lanes) {
        const auto narrow = hn::LoadU(df, x + first + i + s);
        positive += static_cast<std::int64_t>(hn::CountTrue(df, hn::Gt(narrow, none)));
        const auto c = hn::Min(hn::Max(hn::PromoteTo(d, narrow), low), one);
        hn::Store(hn::Add(hn::Load(d, sums + s), c), d, sums + s);
        hn::StoreU(hn::Min(hn::DemoteTo(di, hn::Mul(hn::Add(c, one), scale)), last), di, bin + i + s);
      }
    }
    for (std::int64_t i = whole; i < size; ++i) {
      const double c = std::clamp(static_cast<double>(x[first + i]), -1.0, 1.0);
      positive += c > 0;
      sums[i - whole] += c;
      bin[i] = std::min(static_cast<std::int32_t>(bins - 1),
                        static_cast<std::int32_t>((c + 1) * (static_cast<double>(bins) / 2)));
    }
    std::int64_t* odd = counts + bins;
    std::int64_t i = 0;
    for (; i + 2 <= size; i += 2) ++counts[bin[i]], ++odd[bin[i + 1]];
    if (i < size) ++counts[bin[i]];
  }
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

}  // namespace HWY_NAMESPACE
}  // namespace embscope
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace embscope {
HWY_EXPORT(find_each);
HWY_EXPORT(find_one);
HWY_EXPORT(count);
HWY_EXPORT(product);
HWY_EXPORT(square_distance);

std::int64_t find_at_least(const float* x, const float* bounds, std::int64_t n, std::int32_t* found) {
  return HWY_DYNAMIC_DISPATCH(find_each)(x, bounds, n, found);
}

std::int64_t find_at_least(const float* x, float bound, std::int64_t n, std::int32_t* found) {
  return HWY_DYNAMIC_DISPATCH(find_one)(x, bound, n, found);
}

double count_cosines(const float* x, std::int64_t n, std::int64_t bins, std::int64_t* counts, std::int64_t& positive) {
  return HWY_DYNAMIC_DISPATCH(count)(x, n, bins, counts, positive);
}

double product_in_double(const float* a, const float* b, std::int64_t n) {
  return HWY_DYNAMIC_DISPATCH(product)(a, b, n);
}

double square_distance_in_double(const float* a, const float* b, std::int64_t n) {
  return HWY_DYNAMIC_DISPATCH(square_distance)(a, b, n);
}

namespace {

// One block of rows against the columns of a strip.
void tiles_of_rows(std::int64_t first_row, std::int64_t rows, std::int64_t first_column, std::int64_t columns,
                   std::int64_t width, const RowSource& source, const Packed& strip,
                   const std::function<void(const PairTile&)>& body) {
  thread_local std::vector<float> x, values;
  x.resize(static_cast<std::size_t>(rows * width));
  values.resize(static_cast<std::size_t>(pair_rows * pair_columns));
  source(first_row, rows, x.data());
  for (std::int64_t j = 0; j < columns; j += pair_columns) {
    const std::int64_t count = std::min(pair_columns, columns - j);
    if (first_column + j + count <= first_row) continue;  // below the diagonal
    gemm_blocked(x.data(), width, rows, strip, j / panel_width, (count + panel_width - 1) / panel_width, values.data(),
                 pair_columns);
    body({first_row, rows, first_column + j, count, values.data(), pair_columns});
  }
}

}  // namespace

Packed packed_rows(std::int64_t first, std::int64_t count, std::int64_t width, const RowSource& rows) {
  return Packed(count, width, [&](std::int64_t p, float* panel) {
    std::vector<float> few(static_cast<std::size_t>(panel_width * width));
    const std::int64_t held = std::min(panel_width, count - p * panel_width);
    rows(first + p * panel_width, held, few.data());
    pack_panel(few.data(), width, held, width, panel);
  });
}

void for_pairs(std::int64_t count, std::int64_t width, const RowSource& rows,
               const std::function<void(const PairTile&)>& body, const Progress& progress, std::string_view what) {
  constexpr std::int64_t strip = 4 * pair_columns;  // columns that a block of rows meets at one reading
  for (std::int64_t j = 0; j < count; j += strip) {
    const std::int64_t columns = std::min(strip, count - j);
    const Packed packed = packed_rows(j, columns, width, rows);
    const std::int64_t blocks = (j + columns + pair_rows - 1) / pair_rows;
    run_chunks(blocks, [&](std::int64_t b) {
      tiles_of_rows(b * pair_rows, std::min(pair_rows, count - b * pair_rows), j, columns, width, rows, packed, body);
    });
    const double done = static_cast<double>(j + columns) / static_cast<double>(count);
    report(progress, done * done, what);
  }
}

}  // namespace embscope
#endif
