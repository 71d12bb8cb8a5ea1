// The measures of geometry for vectors in context, layer by layer.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "embscope/runs/layers.h"
#include "embscope/vocabulary/geometry.h"
#include "runs/site_vectors.h"
#include "vocabulary/pairs_of.h"
#include "vocabulary/shape.h"
#include "vocabulary/units.h"

namespace embscope {
namespace {

// Mean cosine of the occurrences of one token, over tokens that occur at least twice; NaN if none does.
double self_similarity(const Tensor& vectors, const std::vector<TokenId>& tokens) {
  std::map<TokenId, std::vector<std::int64_t>> places;
  for (std::size_t i = 0; i < tokens.size(); ++i) places[tokens[i]].push_back(static_cast<std::int64_t>(i));
  double sum = 0, words = 0;
  for (const auto& [id, rows] : places) {
    std::vector<double> units(static_cast<std::size_t>(vectors.columns()));
    double n = 0;
    for (std::int64_t i : rows) {
      double square = 0;
      for (float x : vectors.row(i)) square += static_cast<double>(x) * static_cast<double>(x);
      if (square == 0) continue;
      for (std::size_t k = 0; k < units.size(); ++k)
        units[k] += static_cast<double>(vectors.row(i)[k]) / std::sqrt(square);
      ++n;
    }
    if (n < 2) continue;
    double square = 0;
    for (double u : units) square += u * u;
    sum += as_cosine((square - n) / (n * (n - 1))), ++words;
  }
  return words > 0 ? sum / words : std::nan("");
}

}  // namespace

Table layer_geometry(const Transformer& transformer, std::span<const std::vector<TokenId>> rows,
                     const LayerOptions& options, const Progress& progress) {
  std::vector<Site> sites = layer_sites(transformer.config());
  sites.push_back({Point::ln_final, -1});
  const TextPositions positions{options.positions, options.skip_first ? 1 : 0};
  if (const std::int64_t count = count_of(rows, positions); count < 2)
    throw Error(Code::usage, "geometry", fmt::format("{} positions of text: at least 2 are needed", count));
  const SiteVectors collected = site_vectors(transformer, rows, sites, positions, progress);
  std::vector<std::string> names;
  std::vector<double> layer, vectors, columns[10];
  for (std::size_t s = 0; s < sites.size(); ++s) {
    report(progress, static_cast<double>(s) / static_cast<double>(sites.size()), "measuring the layers");
    const Directed kept(collected.sites[s]);
    const Shape64 shape = shape_of(kept.vectors());
    const auto values = principal_axes(kept.vectors(), shape.dimensions.mean).values;
    const auto& part = shape.dimensions.cosine_part;
    const auto most = std::ranges::max_element(part) - part.begin();
    layer.push_back(static_cast<double>(s)), names.push_back(sites[s].name());
    vectors.push_back(static_cast<double>(kept.vectors().rows()));
    const double measured[] = {shape.mean_cosine,         pair_cosines(kept.vectors(), false, 2).positive_share,
                               shape.centred_cosine,      self_similarity(collected.sites[s], collected.tokens),
                               shape.mean_norm,           shape.mean_share,
                               effective_rank(values),    isoscore(values),
                               static_cast<double>(most), part[static_cast<std::size_t>(most)] / shape.mean_cosine};
    for (std::size_t c = 0; c < std::size(measured); ++c) columns[c].push_back(measured[c]);
  }
  report(progress, 1, "measuring the layers");
  Table table("vectors in context, layer by layer");
  table.add("layer", layer, whole).add("site", names).add("vectors", vectors, whole);
  table.add("mean_cosine", columns[0], 4).add("positive_share", columns[1], 4).add("centred_cosine", columns[2], 4);
  table.add("self_similarity", columns[3], 4).add("mean_norm", columns[4], 3).add("mean_share", columns[5], 4);
  table.add("effective_rank", columns[6], 2).add("isoscore", columns[7], 4);
  return std::move(table.add("top_dimension", columns[8], whole).add("cosine_share", columns[9], 4));
}

}  // namespace embscope
