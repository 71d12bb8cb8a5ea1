#include "kernels/stored.h"

#include "base/file.h"
#include "base/threads.h"
#include "kernels/vector.h"

namespace embscope {

void Stored::decode(std::int64_t i, std::int64_t k, std::int64_t n, float* values) const {
  decode_values(row(i) + offset(k), view.dtype, n, values);
  if (scales.empty()) return;
  const float* factors = scales_of(i);
  for (std::int64_t j = 0; j < n; ++j) values[j] *= factors[(first_column + k + j) / scale_columns];
}

void Stored::refuse_unless_finite() const {
  if (known_finite_) return;
  const std::int64_t rows = by_inputs ? in : out, block = block_size(view.dtype);
  const std::int64_t columns = ((by_inputs ? out : in) + block - 1) / block * block;
  std::atomic<bool> finite = true;
  parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> values(static_cast<std::size_t>(columns));
    for (std::int64_t i = begin; i < end && finite; ++i) {
      decode(i, 0, columns, values.data());
      if (!all_finite(values.data(), columns)) finite = false;
    }
  });
  check_mapping(view.data);
  if (!finite)
    throw Error(Code::format, file,
                name + " holds NaN or infinite values: the file is damaged or its training diverged");
  known_finite_ = true;
}

}  // namespace embscope
