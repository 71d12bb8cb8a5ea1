// The one sum of products in double that everything outside the matrix product takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace embscope {

/// sum of a[i] * b[i] for i < n, in double. Eight partial sums, of indices that are equal modulo 8 (the compiler makes
/// vectors of them), are added in their order: the same bits on every machine.
template <class A, class B>
double dot(const A& a, const B& b, std::int64_t n) {
  constexpr std::int64_t stripes = 8;
  double sums[stripes] = {};
  std::int64_t i = 0;
  const auto product = [&](std::int64_t k) {
    return static_cast<double>(a[static_cast<std::size_t>(k)]) * static_cast<double>(b[static_cast<std::size_t>(k)]);
  };
  for (; i + stripes <= n; i += stripes)
    for (std::int64_t s = 0; s < stripes; ++s) sums[s] += product(i + s);
  for (std::int64_t s = 0; i < n; ++i, ++s) sums[s] += product(i);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

/// Of whole vectors; `b` may be empty, a bias that is not there.
template <class A, class B>
double dot(const A& a, const B& b) {
  return dot(a, b, std::ssize(b));
}

}  // namespace embscope
