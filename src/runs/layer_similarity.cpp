// Two runs, layer against layer.
#include <cmath>

#include <fmt/format.h>

#include "embscope/runs/layers.h"
#include "kernels/dot.h"
#include "kernels/moments.h"
#include "runs/site_vectors.h"
#include "vocabulary/shape.h"

namespace embscope {
namespace {

// The centred Gram matrix [n, n] of unit size: CKA is then a plain product of two of them.
Matrix64 gram_of(const Tensor& vectors) {
  const Tensor x = centred(vectors, mean_of(vectors));
  const std::int64_t n = x.rows();
  Tensor turned = Tensor::uninitialised({x.columns(), n});
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < x.columns(); ++k)
      turned.row(k)[static_cast<std::size_t>(i)] = x.row(i)[static_cast<std::size_t>(k)];
  }
  Matrix64 gram = moments(turned.data(), n, nullptr, turned.data(), n, nullptr, turned.rows());
  const double size = std::sqrt(squares(gram));
  for (double& v : gram.values) v /= size > 0 ? size : 1;
  return gram;
}

SiteVectors layers_of(const Transformer& transformer, std::span<const std::vector<TokenId>> rows,
                      std::int64_t positions) {
  return site_vectors(transformer, rows, layer_sites(transformer.config()), {positions});
}

// The vectors of a layer are let go as soon as its matrix is there.
std::vector<Matrix64> grams_of(SiteVectors vectors) {
  std::vector<Matrix64> out;
  for (Tensor& of_site : vectors.sites) out.push_back(gram_of(of_site)), of_site = Tensor();
  return out;
}

}  // namespace

Table layer_similarity(const Transformer& a, std::span<const std::vector<TokenId>> rows_a, const Transformer& b,
                       std::span<const std::vector<TokenId>> rows_b, std::int64_t positions, const Progress& progress) {
  const std::int64_t count_a = count_of(rows_a, {positions}), count_b = count_of(rows_b, {positions});
  if (count_a != count_b || count_a < 3)
    throw Error(Code::usage, "compare",
                fmt::format("the text has {} and {} tokens: the same number, at least 3, is needed", count_a, count_b));
  const auto grams_a = grams_of(layers_of(a, rows_a, positions));
  report(progress, 0.4, "layers of the first model");
  const SiteVectors layers_b = layers_of(b, rows_b, positions);
  report(progress, 0.6, "layers of the second model");
  std::vector<std::vector<double>> similarity(grams_a.size());
  for (const Tensor& layer : layers_b.sites) {  // whose matrices together may be larger than the model
    const Matrix64 gram = gram_of(layer);
    for (std::size_t i = 0; i < grams_a.size(); ++i) similarity[i].push_back(dot(grams_a[i].values, gram.values));
  }
  std::vector<double> first, second, cka;
  for (std::size_t i = 0; i < grams_a.size(); ++i) {
    for (std::size_t j = 0; j < layers_b.sites.size(); ++j) {
      first.push_back(static_cast<double>(i)), second.push_back(static_cast<double>(j));
      cka.push_back(similarity[i][j]);
    }
  }
  report(progress, 1, "compared");
  Table table("linear CKA of layers");
  return std::move(table.add("a", first, whole).add("b", second, whole).add("cka", cka, 4));
}

}  // namespace embscope
