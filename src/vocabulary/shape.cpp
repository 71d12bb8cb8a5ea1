#include "vocabulary/shape.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/threads.h"
#include "kernels/dot.h"
#include "kernels/gemm.h"
#include "vocabulary/units.h"

namespace embscope {
namespace {

constexpr std::int64_t chunk = 1024;  // rows summed together, then the sums in order

double norm_of(std::span<const float> row) {
  double sums[4] = {};
  for (std::size_t k = 0; k < row.size(); ++k) sums[k % 4] += static_cast<double>(row[k]) * static_cast<double>(row[k]);
  return std::sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

using Sums = std::vector<std::vector<double>>;  // [kind][dimension]

// Sums over rows of `terms(row, norm, kind by kind)`, chunk by chunk.
template <class F>
Sums sum_rows(const Tensor& vectors, std::size_t kinds, F&& terms) {
  const auto width = static_cast<std::size_t>(vectors.columns());
  std::vector<Sums> parts(static_cast<std::size_t>((vectors.rows() + chunk - 1) / chunk));
  parallel_for(vectors.rows(), chunk, [&](std::int64_t begin, std::int64_t end) {
    Sums own(kinds, std::vector<double>(width));
    for (std::int64_t i = begin; i < end; ++i) terms(vectors.row(i), own);
    parts[static_cast<std::size_t>(begin / chunk)] = std::move(own);
  });
  Sums total(kinds, std::vector<double>(width));
  for (const Sums& part : parts) {
    for (std::size_t kind = 0; kind < kinds; ++kind) {
      for (std::size_t k = 0; k < width; ++k) total[kind][k] += part[kind][k];
    }
  }
  return total;
}

double square(double x) { return x * x; }

// What each dimension adds to the mean cosine of pairs, from the sums of unit vectors and of their squares.
std::vector<double> cosine_parts(const std::vector<double>& sum, const std::vector<double>& squares, double n) {
  std::vector<double> parts;
  for (std::size_t k = 0; k < sum.size(); ++k) parts.push_back((square(sum[k]) - squares[k]) / (n * (n - 1)));
  return parts;
}

double total(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

// Unit vectors of x - mean, where that has a direction.
double centred_mean_cosine(const Tensor& vectors, const std::vector<double>& mean) {
  std::vector<double> counted(static_cast<std::size_t>((vectors.rows() + chunk - 1) / chunk));
  const Sums sums = sum_rows(vectors, 2, [&](std::span<const float> row, Sums& own) {
    double length = 0;
    for (std::size_t k = 0; k < row.size(); ++k) length += square(static_cast<double>(row[k]) - mean[k]);
    length = std::sqrt(length);
    if (length == 0) return;
    for (std::size_t k = 0; k < row.size(); ++k) {
      const double u = (static_cast<double>(row[k]) - mean[k]) / length;
      own[0][k] += u;
      own[1][k] += u * u;
    }
  });
  const double n = std::round(total(sums[1]));  // each unit vector adds 1
  return n < 2 ? std::nan("") : as_cosine(total(cosine_parts(sums[0], sums[1], n)));
}

}  // namespace

Directed::Directed(const Tensor& all) : all_(&all) {
  for (std::int64_t i = 0; i < all.rows(); ++i) {
    if (std::ranges::any_of(all.row(i), [](float x) { return x != 0; })) rows_.push_back(i);
  }
  const auto count = static_cast<std::int64_t>(rows_.size());
  if (count < 2)
    throw Error(Code::range, "geometry",
                fmt::format("{} of {} vectors are not zero: at least 2 are needed", count, all.rows()));
  if (count == all.rows()) return;
  copy_ = Tensor::uninitialised({count, all.columns()});
  for (std::int64_t i = 0; i < count; ++i)
    std::ranges::copy(all.row(rows_[static_cast<std::size_t>(i)]), copy_.row(i).begin());
}

Shape64 shape_of(const Tensor& vectors) {
  Shape64 s;
  const double n = s.count = static_cast<double>(vectors.rows());
  std::vector<double> lengths(static_cast<std::size_t>(vectors.rows()));
  parallel_for(vectors.rows(), chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) lengths[static_cast<std::size_t>(i)] = norm_of(vectors.row(i));
  });
  const Sums sums = sum_rows(vectors, 4, [&](std::span<const float> row, Sums& own) {
    const double length = norm_of(row);
    for (std::size_t k = 0; k < row.size(); ++k) {
      const double x = static_cast<double>(row[k]), u = x / length;
      own[0][k] += x, own[1][k] += x * x, own[2][k] += u, own[3][k] += u * u;
    }
  });
  Dimensions& d = s.dimensions;
  for (std::size_t k = 0; k < sums[0].size(); ++k) {
    d.mean.push_back(sums[0][k] / n);
    d.deviation.push_back(std::sqrt(std::max(0.0, sums[1][k] / n - square(d.mean[k]))));
    s.mean_length += square(d.mean[k]);
  }
  d.cosine_part = cosine_parts(sums[2], sums[3], n);
  s.mean_cosine = as_cosine(total(d.cosine_part));
  s.mean_share = s.mean_length / (total(sums[1]) / n);
  s.mean_length = std::sqrt(s.mean_length);
  s.mean_norm = total(lengths) / n;
  for (double x : lengths) s.norm_deviation += square(x - s.mean_norm) / n;
  s.norm_deviation = std::sqrt(s.norm_deviation);
  s.shortest = *std::ranges::min_element(lengths), s.longest = *std::ranges::max_element(lengths);
  s.centred_cosine = centred_mean_cosine(vectors, d.mean);
  return s;
}

Eigen principal_axes(const Tensor& vectors, const std::vector<double>& mean) {
  Matrix64 covariance = moments(vectors.data(), vectors.columns(), mean.data(), vectors.data(), vectors.columns(),
                                mean.data(), vectors.rows());
  for (double& x : covariance.values) x /= static_cast<double>(vectors.rows() - 1);
  Eigen eigen = symmetric_eigen(std::move(covariance));
  for (double& x : eigen.values) x = std::max(0.0, x);
  return eigen;
}

double effective_rank(const std::vector<double>& eigenvalues) {
  double sum = 0, entropy = 0;
  for (double x : eigenvalues) sum += std::sqrt(x);
  if (sum == 0) return 0;
  for (double x : eigenvalues) {
    const double p = std::sqrt(x) / sum;
    if (p > 0) entropy -= p * std::log(p);
  }
  return std::exp(entropy);
}

double participation_ratio(const std::vector<double>& eigenvalues) {
  double squares = 0;
  for (double x : eigenvalues) squares += x * x;
  return squares > 0 ? square(total(eigenvalues)) / squares : 0;
}

double isoscore(const std::vector<double>& eigenvalues) {
  const auto n = static_cast<double>(eigenvalues.size());
  double length = 0, defect = 0;
  for (double x : eigenvalues) length += x * x;
  if (length == 0 || n < 2) return std::nan("");
  for (double x : eigenvalues) defect += square(std::sqrt(n) * x / std::sqrt(length) - 1);
  defect = std::sqrt(defect / (2 * (n - std::sqrt(n))));
  const double used = square(n - square(defect) * (n - std::sqrt(n))) / square(n);
  return (n * used - 1) / (n - 1);
}

namespace {

// Sums of exp(x) and exp(-x) for each column, each as its largest exponent and the sum relative to that.
struct LogSums {
  explicit LogSums(std::int64_t width = 0)
      : most(static_cast<std::size_t>(2 * width), -INFINITY), sum(static_cast<std::size_t>(2 * width)) {}
  std::vector<double> most, sum;

  void add(const Tensor& y) {
    const auto signed_value = [&](std::int64_t i, std::size_t k) {
      const double x = static_cast<double>(y.row(i)[k / 2]);
      return k % 2 == 0 ? x : -x;
    };
    for (std::int64_t i = 0; i < y.rows(); ++i) {
      for (std::size_t k = 0; k < sum.size(); ++k) most[k] = std::max(most[k], signed_value(i, k));
    }
    for (std::int64_t i = 0; i < y.rows(); ++i) {
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += std::exp(signed_value(i, k) - most[k]);
    }
  }
};

// log Z for each axis and its opposite.
std::vector<double> log_partition(const std::vector<LogSums>& parts) {
  std::vector<double> out;
  for (std::size_t k = 0; k < parts[0].sum.size(); ++k) {
    double most = -INFINITY, sum = 0;
    for (const LogSums& part : parts) most = std::max(most, part.most[k]);
    for (const LogSums& part : parts) sum += part.sum[k] * std::exp(part.most[k] - most);
    out.push_back(most + std::log(sum));
  }
  return out;
}

}  // namespace

double partition_isotropy(const Tensor& vectors) {
  const std::int64_t width = vectors.columns();
  const Eigen eigen =
      symmetric_eigen(moments(vectors.data(), width, nullptr, vectors.data(), width, nullptr, vectors.rows()));
  Tensor axes = Tensor::uninitialised({width, width});
  std::ranges::transform(eigen.vectors.values, axes.data(), [](double x) { return static_cast<float>(x); });
  const Packed packed(width, width, [&](std::int64_t p, float* panel) {
    pack_panel(axes.row(p * panel_width).data(), width, std::min(panel_width, width - p * panel_width), width, panel);
  });
  std::vector<LogSums> parts(static_cast<std::size_t>((vectors.rows() + chunk - 1) / chunk));
  parallel_for(vectors.rows(), chunk, [&](std::int64_t begin, std::int64_t end) {
    Tensor y = Tensor::uninitialised({end - begin, width});
    gemm_serial(vectors.row(begin).data(), width, end - begin, packed.panel(0), width * panel_width, width, y.data(),
                width, width, false);
    LogSums own(width);
    own.add(y);
    parts[static_cast<std::size_t>(begin / chunk)] = std::move(own);
  });
  const auto z = log_partition(parts);
  return std::exp(*std::ranges::min_element(z) - *std::ranges::max_element(z));
}

Tensor centred(const Tensor& vectors, const std::vector<double>& mean) {
  Tensor out = Tensor::uninitialised(vectors.shape());
  parallel_for(vectors.rows(), chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::size_t k = 0; k < mean.size(); ++k)
        out.row(i)[k] = static_cast<float>(static_cast<double>(vectors.row(i)[k]) - mean[k]);
    }
  });
  return out;
}

std::vector<double> mean_of(const Tensor& vectors) {
  std::vector<double> mean(static_cast<std::size_t>(vectors.columns()));
  for (std::int64_t i = 0; i < vectors.rows(); ++i) {
    for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += static_cast<double>(vectors.row(i)[k]);
  }
  for (double& x : mean) x /= static_cast<double>(vectors.rows());
  return mean;
}

double squares(const Matrix64& m) { return dot(m.values, m.values); }

}  // namespace embscope
