#include "embscope/runs/attribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/threads.h"
#include "embscope/runs/predict.h"
#include "forward/request.h"
#include "kernels/dot.h"
#include "runs/watch.h"

namespace embscope {
namespace {

struct Part {
  const char* name;
  double block, head, value;
};

// What the head makes of a product with a row of the unembedding: a scale, and the part that a cap leaves of it. Along
// the way from no vector to the whole one a capped logit grows as far as the logit itself says, so that the parts sum
// to it.
double head_factor(const Config& c, double logit) {
  if (c.logit_cap == 0) return static_cast<double>(c.logit_scale);
  const double cap = static_cast<double>(c.logit_cap), raw = cap * std::atanh(logit / cap);
  return raw == 0 ? static_cast<double>(c.logit_scale) : static_cast<double>(c.logit_scale) * logit / raw;
}

struct Row {
  TokenId token;
  double factor;
};

// The row of the unembedding minus that of the other token, [D], scaled as in the logits.
std::vector<double> unembedding(const Model& model, Row target, std::optional<Row> against) {
  std::vector<float> row(static_cast<std::size_t>(model.config().width));
  model.weights().unembed.row(target.token, row.data());
  std::vector<double> u(row.begin(), row.end());
  for (double& x : u) x *= target.factor;
  if (!against) return u;
  model.weights().unembed.row(against->token, row.data());
  for (std::size_t d = 0; d < u.size(); ++d) u[d] -= against->factor * static_cast<double>(row[d]);
  return u;
}

std::vector<double> through_norm(const Config& config, const Norm& norm, const std::vector<double>& u, double scale) {
  const Tensor gain = norm.gain.empty() ? Tensor() : norm.gain.values();
  std::vector<double> w(u.size());
  for (std::size_t d = 0; d < w.size(); ++d)
    w[d] = u[d] * (gain.empty() ? 1 : static_cast<double>(gain.values()[d])) / scale;
  if (config.norm == NormKind::rms) return w;
  const double mean = std::accumulate(w.begin(), w.end(), 0.0) / static_cast<double>(w.size());
  for (double& x : w) x -= mean;
  return w;
}

// The direction w of the residual stream with u . (gain * (x - mean(x)) / scale) = w . x: taking the mean from w once
// is taking it from every x.
std::vector<double> direction(const Model& model, const std::vector<double>& u, double scale) {
  return model.config().final_norm ? through_norm(model.config(), model.weights().ln_final, u, scale) : u;
}

// The input of the first block if it is not a sum of rows.
bool normed_embedding(const Config& config) { return config.embedding_norm; }

// The embedding as a part: the row of wte, or what the first block reads, where the embedding is normed.
Site embedding_site(const Config& config) {
  return normed_embedding(config) ? Site{Point::resid_pre, 0} : Site{Point::wte, -1};
}

std::vector<Site> watched_sites(const Config& config) {
  std::vector<Site> sites = {embedding_site(config)};
  if (config.position == PositionKind::learned) sites.push_back({Point::wpe, -1});
  for (int b = 0; b < static_cast<int>(config.blocks); ++b) {
    sites.push_back({Point::z, b});
    if (config.norm_after) sites.push_back({Point::ln1_post_scale, b});
    sites.push_back({Point::mlp_out, b});
    if (config.per_layer.width > 0) sites.push_back({Point::per_layer_out, b});
  }
  if (config.final_norm) sites.push_back({Point::ln_final_scale, -1});
  return sites;
}

// By what attention gave before its norm and its scale: the direction that meets what it adds.
std::vector<double> before_norm(const Config& config, const BlockWeights& weights, std::vector<double> w,
                                const Tensor* scale) {
  for (double& x : w) x *= static_cast<double>(config.residual_scale);
  return scale == nullptr ? w : through_norm(config, weights.ln1_post, w, static_cast<double>(scale->values()[0]));
}

// What becomes of a part on its way: the scales of the residual stream behind block b and the blocks after it.
std::vector<double> scales_onward(const Config& config) {
  std::vector<double> scales(config.layers.size() + 1, 1);
  for (std::size_t b = config.layers.size(); b-- > 0;)
    scales[b] = scales[b + 1] * static_cast<double>(config.layers[b].out_scale);
  return scales;
}

// w . (z_h W_O) for every head, as (W_O^T w) . z: one walk over W_O for all of them.
std::vector<Part> block_parts(const Config& config, const BlockWeights& weights, int block,
                              const std::vector<double>& w, const std::vector<double>& by_attention,
                              std::span<const float> z, std::span<const float> mlp) {
  std::vector<double> pulled(z.size());
  weights.o.weight.combine(by_attention.data(), pulled.data());
  std::vector<Part> parts;
  const auto width = z.size() / static_cast<std::size_t>(config.heads);
  for (std::size_t h = 0; h < static_cast<std::size_t>(config.heads); ++h) {
    double value = 0;
    for (std::size_t i = h * width; i < (h + 1) * width; ++i) value += pulled[i] * static_cast<double>(z[i]);
    parts.push_back({"head", static_cast<double>(block), static_cast<double>(h), value});
  }
  if (!weights.o.bias.empty())
    parts.push_back(
        {"attn_bias", static_cast<double>(block), NAN, dot(by_attention, weights.o.bias.values().values())});
  if (!weights.ln1_post.bias.empty())
    parts.push_back({"attn_norm_bias", static_cast<double>(block), NAN,
                     static_cast<double>(config.residual_scale) * dot(w, weights.ln1_post.bias.values().values())});
  parts.push_back({"mlp", static_cast<double>(block), NAN, dot(w, mlp)});
  return parts;
}

std::vector<Part> parts_of(const Model& model, const BySite& values, const std::vector<double>& u,
                           const std::vector<double>& w) {
  const Config& config = model.config();
  const std::vector<double> onward = scales_onward(config);
  const bool learned = config.position == PositionKind::learned, normed = normed_embedding(config);
  const double scale = onward[0] * (normed ? 1 : static_cast<double>(config.embedding_scale));
  std::vector<Part> parts = {
      {normed ? "embedding" : "wte", NAN, NAN, scale * dot(w, values.at(embedding_site(config), 0))}};
  if (learned) parts.push_back({"wpe", NAN, NAN, onward[0] * dot(w, values.at({Point::wpe, -1}, 0))});
  const auto& blocks = model.weights().blocks;
  std::vector<std::vector<Part>> by_block(blocks.size());
  parallel_for(static_cast<std::int64_t>(blocks.size()), 1, [&](std::int64_t b, std::int64_t) {
    const auto i = static_cast<std::size_t>(b);
    const int block = static_cast<int>(b);
    std::vector<double> here = w;
    for (double& x : here) x *= onward[i];
    const auto by_attention =
        before_norm(config, blocks[i], here, config.norm_after ? &values.at(Point::ln1_post_scale, block) : nullptr);
    by_block[i] = block_parts(config, blocks[i], block, here, by_attention, values.at({Point::z, block}, 0),
                              values.at({Point::mlp_out, block}, 0));
    if (config.per_layer.width > 0)
      by_block[i].push_back(
          {"per_layer", static_cast<double>(block), NAN, dot(here, values.at({Point::per_layer_out, block}, 0))});
  });
  for (const auto& list : by_block) parts.insert(parts.end(), list.begin(), list.end());
  const Vector& bias = model.weights().ln_final.bias;
  if (!bias.empty()) parts.push_back({"ln_final_bias", NAN, NAN, dot(u, bias.values().values())});
  return parts;
}

Table table_of(std::span<const Part> parts) {
  std::vector<std::string> name;
  std::vector<double> block, head, value;
  for (const Part& p : parts)
    name.push_back(p.name), block.push_back(p.block), head.push_back(p.head), value.push_back(p.value);
  Table table("what each part adds to the logit");
  return std::move(table.add("part", name).add("block", block, whole).add("head", head, whole).add("value", value, 4));
}

}  // namespace

AttributionResult attribute(const Transformer& transformer, const AttributionRequest& r, const Progress& progress) {
  const Model& model = transformer.model();
  if (model.config().norm_sums)
    throw Error(
        Code::unsupported, "attribute",
        "the sums of this model's residual stream are normed, so that a logit is not a sum of parts: attribute by "
        "gradient");
  AttributionResult result;
  result.position = position_in(r.ids.size(), r.position, "attribute");
  if (r.target) token_in(model.config(), *r.target, "attribute");
  if (r.against) token_in(model.config(), *r.against, "attribute");
  // later positions cannot change it
  const std::span<const TokenId> ids(r.ids.data(), static_cast<std::size_t>(result.position) + 1);
  const auto sites = watched_sites(model.config());
  const Watched run = watch(transformer, ids, sites, result.position, result.position + 1, progress);
  const auto logits = run.logits.values();
  result.target = r.target.value_or(top(logits, 1)[0]);
  result.against = r.against;
  if (result.against == result.target)
    throw Error(Code::usage, "attribute",
                fmt::format("{} against itself: choose two tokens", model.label(result.target)));
  result.logit = static_cast<double>(logits[static_cast<std::size_t>(result.target)]);
  if (r.against) result.logit -= static_cast<double>(logits[static_cast<std::size_t>(*r.against)]);
  const bool normed = model.config().final_norm;
  result.scale = normed ? static_cast<double>(run.values.at({Point::ln_final_scale, -1}, 0)[0]) : 1;

  auto row = [&](TokenId id) {
    return Row{id, head_factor(model.config(), static_cast<double>(logits[static_cast<std::size_t>(id)]))};
  };
  const Row target = row(result.target);
  const std::optional<Row> against = r.against ? std::optional(row(*r.against)) : std::nullopt;
  const auto u = unembedding(model, target, against);
  auto parts = parts_of(model, run.values, u, direction(model, u, result.scale));
  if (const Vector& bias = model.weights().unembed_bias; !bias.empty()) {
    const Tensor all = bias.values();
    auto of = [&](const Row& one) {
      return one.factor * static_cast<double>(all.values()[static_cast<std::size_t>(one.token)]);
    };
    parts.push_back({"unembed_bias", NAN, NAN, of(target) - (against ? of(*against) : 0)});
  }
  for (const Part& part : parts) result.sum += part.value;
  if (r.sorted)
    std::ranges::stable_sort(parts, [](const Part& a, const Part& b) { return std::abs(a.value) > std::abs(b.value); });
  result.parts = table_of(parts);
  return result;
}

}  // namespace embscope
