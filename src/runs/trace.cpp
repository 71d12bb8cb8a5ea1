#include "embscope/runs/trace.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "embscope/runs/predict.h"
#include "embscope/vocabulary/similarity.h"
#include "forward/request.h"
#include "runs/watch.h"

namespace embscope {
namespace {

constexpr Point measured[] = {Point::ln1, Point::attn_out, Point::ln2, Point::mlp_out};

double length(std::span<const float> x) {
  double sum = 0;
  for (float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum);
}

double cosine_or_zero(std::span<const float> a, std::span<const float> b) {
  return length(a) == 0 || length(b) == 0 ? 0 : cosine(a, b);
}

// wte and, of every block, what there is of these: parallel branches have no resid_mid, norms after the branches no ln1
// and ln2.
std::vector<Site> watched(const Config& config) {
  std::vector<Site> list = {{Point::wte, -1}};
  const std::vector<SiteInfo> all = sites(config);
  for (Point point : {Point::resid_pre, Point::ln1, Point::attn_out, Point::resid_mid, Point::ln2, Point::mlp_out,
                      Point::resid_post}) {
    if (std::ranges::find(all, point, &SiteInfo::point) == all.end()) continue;
    for (int b = 0; b < static_cast<int>(config.blocks); ++b) list.push_back({point, b});
  }
  return list;
}

}  // namespace

TraceResult trace(const Transformer& transformer, const TraceRequest& r, const Progress& progress) {
  if (r.top < 1 || r.top > 1000)
    throw Error(Code::range, "trace", fmt::format("{} tokens per block: choose 1 to 1000", r.top));
  const Config& config = transformer.config();
  std::vector<TokenId> ids = r.ids;
  TraceResult result;
  result.position = position_in(ids.size(), r.position, "trace");
  ids.resize(static_cast<std::size_t>(result.position) + 1);  // later positions have no effect
  const Watched run = watch(transformer, ids, watched(config), result.position, result.position + 1, progress);
  auto at = [&](Point point, std::int64_t block) {  // empty if the model has no such site
    const Site site{point, static_cast<int>(block)};
    return run.values.has(site) ? run.values.at(site, 0) : std::span<const float>();
  };
  result.own = ids.back();
  result.predicted = top(run.logits.values(), 1)[0];
  const Tensor own = transformer.model().embedding(result.own);
  Tensor predicted = Tensor::uninitialised({config.width});
  transformer.model().weights().unembed.row(result.predicted, predicted.data());

  Tensor residuals = Tensor::uninitialised({config.blocks + 1, config.width});
  std::ranges::copy(at(Point::wte, -1), residuals.row(0).begin());
  for (std::int64_t b = 0; b < config.blocks; ++b)
    std::ranges::copy(at(Point::resid_post, b), residuals.row(b + 1).begin());
  const Tensor logits = transformer.unembed(residuals);

  std::vector<double> block, total, cosine_own, cosine_predicted, rank_own, rank_predicted, lens_block, lens_rank,
      lens_probability;
  std::vector<std::string> tops, lens_token;
  std::vector<std::vector<double>> lengths(4), cosines(4);
  for (std::int64_t i = 0; i <= config.blocks; ++i) {
    const std::span<const float> residual = residuals.row(i), lens = logits.row(i);
    block.push_back(static_cast<double>(i - 1));
    for (std::size_t c = 0; c < 4; ++c) {
      const std::span<const float> change = at(measured[c], i - 1);
      const bool by_mlp = measured[c] == Point::ln2 || measured[c] == Point::mlp_out;
      const std::span<const float> met = at(by_mlp && !config.parallel ? Point::resid_mid : Point::resid_pre, i - 1);
      lengths[c].push_back(change.empty() ? NAN : length(change));
      cosines[c].push_back(change.empty() ? NAN : cosine_or_zero(change, met));
    }
    total.push_back(length(residual));
    cosine_own.push_back(cosine_or_zero(residual, own.values()));
    cosine_predicted.push_back(cosine_or_zero(residual, predicted.values()));
    rank_own.push_back(static_cast<double>(rank_of(lens, result.own)));
    rank_predicted.push_back(static_cast<double>(rank_of(lens, result.predicted)));
    const auto p = softmax(lens);
    std::string list;
    int rank = 0;
    for (TokenId id : top(lens, r.top)) {
      const std::string label = transformer.model().label(id);
      list += (rank == 0 ? "" : " ") + label;
      lens_block.push_back(static_cast<double>(i - 1));
      lens_rank.push_back(++rank);
      lens_token.push_back(label);
      lens_probability.push_back(p[static_cast<std::size_t>(id)]);
    }
    tops.push_back(list);
  }
  result.life = Table("a vector's life");
  result.life.add("block", block, whole);
  for (std::size_t c = 0; c < 4; ++c) {
    result.life.add("length_" + std::string(name(measured[c])), lengths[c], 2)
        .add("cosine_" + std::string(name(measured[c])), cosines[c], 3);
  }
  result.life.add("length", total, 2).add("cosine_own", cosine_own, 3).add("cosine_predicted", cosine_predicted, 3);
  result.life.add("rank_own", rank_own, whole).add("rank_predicted", rank_predicted, whole).add("top", tops);
  result.lens = Table("logit lens");
  result.lens.add("block", lens_block, whole)
      .add("rank", lens_rank, whole)
      .add("token", lens_token)
      .add("probability", lens_probability, 5);
  return result;
}

}  // namespace embscope
