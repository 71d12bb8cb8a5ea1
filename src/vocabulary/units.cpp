#include "vocabulary/units.h"

#include <algorithm>
#include <cmath>

#include "base/threads.h"
#include "vocabulary/shape.h"

namespace embscope {

Tensor unit_vectors(const Tensor& vectors, const std::vector<double>* mean) {
  Tensor unit = mean != nullptr ? centred(vectors, *mean) : vectors.clone();
  parallel_for(unit.rows(), 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      double square = 0;
      for (float x : unit.row(i)) square += static_cast<double>(x) * static_cast<double>(x);
      if (square == 0) continue;
      const auto factor = static_cast<float>(1 / std::sqrt(square));
      for (float& x : unit.row(i)) x *= factor;
    }
  });
  return unit;
}

Packed packed_rows(const Tensor& vectors, std::span<const std::int64_t> rows) {
  const std::int64_t width = vectors.columns();
  return {static_cast<std::int64_t>(rows.size()), width, [&](std::int64_t p, float* panel) {
            const auto first = static_cast<std::size_t>(p * panel_width);
            const std::size_t count = std::min<std::size_t>(panel_width, rows.size() - first);
            Tensor gathered = Tensor::uninitialised({static_cast<std::int64_t>(count), width});
            for (std::size_t i = 0; i < count; ++i)
              std::ranges::copy(vectors.row(rows[first + i]), gathered.row(static_cast<std::int64_t>(i)).begin());
            pack_panel(gathered.data(), width, static_cast<std::int64_t>(count), width, panel);
          }};
}

void cosines_with(const Tensor& units, std::int64_t first, std::int64_t count, const Packed& columns, float* cosines) {
  gemm_serial(units.row(first).data(), units.columns(), count, columns.panel(0), units.columns() * panel_width,
              units.columns(), cosines, columns.out(), columns.out(), false);
}

}  // namespace embscope
