#include "kernels/eigen.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/threads.h"
#include "embscope/base/error.h"
#include "kernels/dot.h"

namespace embscope {
namespace {

constexpr std::int64_t worth_sharing = 1024;  // rows or columns below which threads would wait longer than work

// sqrt(a^2 + b^2) without overflow: the C library's has other last bits on each system.
double hypotenuse(double a, double b) {
  const double longer = std::max(std::abs(a), std::abs(b)), shorter = std::min(std::abs(a), std::abs(b));
  const double ratio = longer > 0 ? shorter / longer : 0;
  return longer * std::sqrt(1 + ratio * ratio);
}

void add_scaled(double factor, const double* x, double* y, std::int64_t n) {
  for (std::int64_t k = 0; k < n; ++k) y[k] += factor * x[k];
}

struct Tridiagonal {
  std::vector<double> diagonal, beside;  // beside[i] couples i and i + 1
};

// Householder: a becomes tridiagonal; row j of `a` keeps the reflector of step j beyond the diagonal, scale[j] its 2 /
// |v|^2.
Tridiagonal tridiagonalise(Matrix64& a, std::vector<double>& scale) {
  const std::int64_t n = a.rows;
  Tridiagonal t{std::vector<double>(static_cast<std::size_t>(n)), std::vector<double>(static_cast<std::size_t>(n))};
  scale.assign(static_cast<std::size_t>(n), 0);
  std::vector<double> p(static_cast<std::size_t>(n));
  for (std::int64_t j = 0; j < n; ++j) {
    const auto at = static_cast<std::size_t>(j);
    t.diagonal[at] = a.row(j)[j];
    const std::int64_t first = j + 1, m = n - first;
    if (m == 0) break;
    double* v = a.row(j) + first;  // a symmetric matrix: the row is the column
    const double length = std::sqrt(dot(v, v, m));
    t.beside[at] = m == 1 ? v[0] : v[0] > 0 ? -length : length;
    if (m == 1 || length == 0) continue;
    v[0] -= t.beside[at];
    scale[at] = 2 / dot(v, v, m);
    parallel_for(m, worth_sharing, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        p[static_cast<std::size_t>(i)] = scale[at] * dot(a.row(first + i) + first, v, m);
    });
    add_scaled(-scale[at] / 2 * dot(p.data(), v, m), v, p.data(), m);
    parallel_for(m, worth_sharing, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        add_scaled(-v[i], p.data(), a.row(first + i) + first, m);
        add_scaled(-p[static_cast<std::size_t>(i)], v, a.row(first + i) + first, m);
      }
    });
  }
  return t;
}

void rotate(double* x, double* y, double c, double s, std::int64_t n) {
  for (std::int64_t k = 0; k < n; ++k) {
    const double a = x[k], b = y[k];
    x[k] = c * a - s * b;
    y[k] = s * a + c * b;
  }
}

struct Rotation {
  std::int64_t row;  // of rows `row` and `row + 1`
  double c, s;
};

// Implicit QL on the tridiagonal; the rotations of a sweep are applied to the rows of `vectors` together, columns in
// parallel.
void diagonalise(Tridiagonal& t, Matrix64& vectors) {
  auto &d = t.diagonal, &e = t.beside;
  const auto n = static_cast<std::int64_t>(d.size());
  double largest = 0;  // what is lost in its rounding couples nothing: zero eigenvalues, many of them, need this
  for (std::size_t i = 0; i < d.size(); ++i) largest = std::max(largest, std::abs(d[i]) + std::abs(e[i]));
  std::vector<Rotation> sweep;
  for (std::int64_t l = 0; l < n; ++l) {
    for (int round = 0;; ++round) {
      std::int64_t m = l;
      const auto U = [](std::int64_t i) { return static_cast<std::size_t>(i); };
      while (m + 1 < n && std::abs(e[U(m)]) > 1e-16 * largest) ++m;
      if (m == l) break;
      if (round == 100) throw Error(Code::range, "eigenvalues", "no convergence: the matrix holds NaN or infinity");
      double g = (d[U(l + 1)] - d[U(l)]) / (2 * e[U(l)]), r = hypotenuse(g, 1.0);
      g = d[U(m)] - d[U(l)] + e[U(l)] / (g + std::copysign(r, g));
      double s = 1, c = 1, p = 0;
      sweep.clear();
      std::int64_t i = m - 1;
      for (; i >= l; --i) {
        double f = s * e[U(i)];
        const double b = c * e[U(i)];
        e[U(i + 1)] = r = hypotenuse(f, g);
        if (r == 0) {
          d[U(i + 1)] -= p;
          e[U(m)] = 0;
          break;
        }
        s = f / r, c = g / r;
        g = d[U(i + 1)] - p;
        r = (d[U(i)] - g) * s + 2 * c * b;
        d[U(i + 1)] = g + (p = s * r);
        g = c * r - b;
        sweep.push_back({i, c, s});
      }
      if (r != 0 || i < l) {
        d[U(l)] -= p;
        e[U(l)] = g;
        e[U(m)] = 0;
      }
      parallel_for(vectors.columns, worth_sharing, [&](std::int64_t begin, std::int64_t end) {
        for (const Rotation& q : sweep)
          rotate(vectors.row(q.row) + begin, vectors.row(q.row + 1) + begin, q.c, q.s, end - begin);
      });
    }
  }
}

// The product of the reflections Q, transposed, where a = Q T Q^T.
Matrix64 reflections(const Matrix64& a, const std::vector<double>& scale) {
  const std::int64_t n = a.rows;
  Matrix64 q(n, n);
  for (std::int64_t i = 0; i < n; ++i) q.row(i)[i] = 1;
  for (std::int64_t j = n - 1; j-- > 0;) {
    if (scale[static_cast<std::size_t>(j)] == 0) continue;
    const std::int64_t first = j + 1, m = n - first;
    const double* v = a.row(j) + first;
    parallel_for(m, worth_sharing, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        double* row = q.row(first + i) + first;
        add_scaled(-scale[static_cast<std::size_t>(j)] * dot(row, v, m), v, row, m);
      }
    });
  }
  return q;
}

template <class T>
void reorder(const std::vector<std::size_t>& order, std::vector<T>& values) {
  std::vector<T> out;
  out.reserve(order.size());
  for (std::size_t i : order) out.push_back(values[i]);
  values = std::move(out);
}

std::vector<std::size_t> largest_first(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return values[x] > values[y]; });
  return order;
}

Matrix64 rows_in(const std::vector<std::size_t>& order, const Matrix64& m) {
  Matrix64 out(m.rows, m.columns);
  for (std::size_t i = 0; i < order.size(); ++i)
    std::copy_n(m.row(static_cast<std::int64_t>(order[i])), m.columns, out.row(static_cast<std::int64_t>(i)));
  return out;
}

// Makes rows p and q of `b` orthogonal by one rotation, which `v` shares. Returns |cosine| between them before.
double orthogonalise(Matrix64& b, Matrix64& v, std::int64_t p, std::int64_t q) {
  double *x = b.row(p), *y = b.row(q);
  const double xx = dot(x, x, b.columns), yy = dot(y, y, b.columns), xy = dot(x, y, b.columns);
  if (xx == 0 || yy == 0) return 0;
  const double cosine = std::abs(xy) / std::sqrt(xx * yy);
  if (cosine < 1e-15) return cosine;
  const double zeta = (yy - xx) / (2 * xy);
  const double tangent = std::copysign(1.0, zeta) / (std::abs(zeta) + hypotenuse(1.0, zeta));
  const double c = 1 / hypotenuse(1.0, tangent), s = c * tangent;
  rotate(x, y, c, s, b.columns);
  rotate(v.row(p), v.row(q), c, s, v.columns);
  return cosine;
}

// A round-robin tournament: in each of n - 1 (or n) rounds every row meets one other, so that the pairs of a round are
// independent.
double jacobi_sweep(Matrix64& b, Matrix64& v) {
  const std::int64_t n = b.rows + b.rows % 2;
  double worst = 0;
  for (std::int64_t round = 0; round + 1 < n; ++round) {
    std::vector<double> cosines(static_cast<std::size_t>(n / 2));
    parallel_for(n / 2, 72, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t p = i == 0 ? n - 1 : (round + i) % (n - 1), q = (round + n - 1 - i) % (n - 1);
        if (p >= b.rows || q >= b.rows) continue;
        cosines[static_cast<std::size_t>(i)] = orthogonalise(b, v, std::min(p, q), std::max(p, q));
      }
    });
    worst = std::max(worst, *std::ranges::max_element(cosines));
  }
  return worst;
}

// Rows of length zero become unit vectors at right angles to all others.
void complete(Matrix64& rows, const std::vector<bool>& is_set) {
  std::int64_t axis = 0;
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    if (is_set[static_cast<std::size_t>(i)]) continue;
    for (double length = 0; length < 0.5 / std::sqrt(static_cast<double>(rows.columns)); ++axis) {
      double* row = rows.row(i);
      std::fill_n(row, rows.columns, 0.0);
      row[axis] = 1;
      for (int twice = 0; twice < 2; ++twice) {
        for (std::int64_t j = 0; j < rows.rows; ++j) {
          if (j != i && (is_set[static_cast<std::size_t>(j)] || j < i))
            add_scaled(-dot(row, rows.row(j), rows.columns), rows.row(j), row, rows.columns);
        }
      }
      length = std::sqrt(dot(row, row, rows.columns));
      for (std::int64_t k = 0; k < rows.columns; ++k) row[k] /= length > 0 ? length : 1;
    }
  }
}

}  // namespace

Eigen symmetric_eigen(Matrix64 a) {
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < i; ++j) a.row(j)[i] = a.row(i)[j];
  }
  std::vector<double> scale;
  Tridiagonal t = tridiagonalise(a, scale);
  Matrix64 vectors = reflections(a, scale);
  diagonalise(t, vectors);
  const auto order = largest_first(t.diagonal);
  reorder(order, t.diagonal);
  return {std::move(t.diagonal), rows_in(order, vectors)};
}

Svd svd(const Matrix64& m) {
  if (m.rows < m.columns) {
    Svd turned = svd(transpose(m));
    std::swap(turned.left, turned.right);
    return turned;
  }
  const Matrix64 across = transpose(m);                      // [k, n]: its rows are the columns that rotate
  Matrix64 v = symmetric_eigen(product(across, m)).vectors;  // [k, k]
  Matrix64 b = product(v, across);                           // [k, n]: nearly orthogonal already
  for (int sweep = 0; sweep < 30 && jacobi_sweep(b, v) > 1e-14; ++sweep) {}
  Svd out;
  for (std::int64_t i = 0; i < b.rows; ++i) out.values.push_back(std::sqrt(dot(b.row(i), b.row(i), b.columns)));
  const auto order = largest_first(out.values);
  reorder(order, out.values);
  out.left = rows_in(order, b);
  out.right = rows_in(order, v);
  std::vector<bool> is_set;
  for (std::int64_t i = 0; i < b.rows; ++i) {
    const double value = out.values[static_cast<std::size_t>(i)];
    is_set.push_back(value > 1e-300 && value > 1e-14 * out.values[0]);
    if (is_set.back()) {
      for (std::int64_t k = 0; k < b.columns; ++k) out.left.row(i)[k] /= value;
    }
  }
  complete(out.left, is_set);
  return out;
}

}  // namespace embscope
