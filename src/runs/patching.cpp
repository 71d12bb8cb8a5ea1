#include "embscope/runs/patching.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "embscope/train/gradient.h"
#include "embscope/vocabulary/words.h"
#include "forward/by_site.h"

namespace embscope {
namespace {

// One run of the corrupt text: a vector of the clean run put in its place; a head at all positions.
struct Variant {
  Point point;
  int block, position, head;
};

constexpr std::int64_t most_tokens = 16384;  // of a batch: what its activations may take

void check(const Transformer& transformer, const PatchRequest& r) {
  if (r.clean.size() != r.corrupt.size()) {
    throw Error(
        Code::shape, "patch",
        fmt::format("the clean text has {} tokens, the corrupt one {}: choose texts of the same length, word for word",
                    r.clean.size(), r.corrupt.size()));
  }
  if (r.clean == r.corrupt) throw Error(Code::usage, "patch", "the texts are the same: there is nothing to restore");
  for (Point point : r.points) {
    const bool vector = in_block(point) && point != Point::scores && point != Point::pattern;
    if (!vector)
      throw Error(Code::usage, "patch",
                  fmt::format("site {} holds no vector of a position in every block", name(point)));
    parse_site(fmt::format("blocks.0.{}", name(point)), transformer.config());  // the model has it
  }
}

std::vector<Variant> variants_of(const Config& config, const PatchRequest& r) {
  std::vector<Variant> list;
  for (Point point : r.points) {
    for (int l = 0; l < static_cast<int>(config.blocks); ++l) {
      for (int t = 0; t < static_cast<int>(r.corrupt.size()); ++t) list.push_back({point, l, t, -1});
    }
  }
  for (int l = 0; l < static_cast<int>(config.blocks) && r.heads; ++l) {
    for (int h = 0; h < static_cast<int>(config.heads); ++h) list.push_back({Point::z, l, -1, h});
  }
  return list;
}

// The clean run's values at every patched site: [point][block] -> [T, ...].
class Clean {
 public:
  Clean(const Transformer& transformer, const PatchRequest& r) {
    Request request;
    request.rows = {r.clean};
    request.tokens = {r.target, r.against};
    for (Point point : r.points) add(request, point, transformer.config());
    if (r.heads) add(request, Point::z, transformer.config());
    Result result = transformer.run(request);
    logits_ = std::move(result.rows[0].logits);
    values_ = {std::move(request.capture), std::move(result.rows[0].captured)};
  }

  const std::vector<Site>& sites() const { return values_.sites(); }
  double difference() const { return static_cast<double>(logits_.data()[0]) - static_cast<double>(logits_.data()[1]); }

  std::vector<float> at(const Site& site, int position) const {
    const std::span<const float> values = values_.at(site, position);
    return {values.begin(), values.end()};
  }

 private:
  static void add(Request& request, Point point, const Config& config) {
    for (int l = 0; l < static_cast<int>(config.blocks); ++l) request.capture.push_back({point, l});
  }

  Tensor logits_;
  BySite values_;
};

void add_edits(Request& request, const Variant& v, int row, const Clean& clean) {
  Edit edit;
  edit.site = {v.point, v.block};
  edit.rows = {row};
  if (v.head >= 0) edit.heads = {v.head};
  const int first = v.position < 0 ? 0 : v.position;
  const int last =
      v.position < 0 ? static_cast<int>(request.rows[static_cast<std::size_t>(row)].size()) - 1 : v.position;
  for (int t = first; t <= last; ++t) {
    edit.positions = {t};
    edit.vector = clean.at(edit.site, t);
    request.edits.push_back(edit);
  }
}

// For each variant the share of the work before it, and 1 at the end: the work of a patch is what it can change, the
// later positions in the later blocks.
std::vector<double> shares(const std::vector<Variant>& variants, std::int64_t blocks, std::size_t positions) {
  std::vector<double> before = {0};
  for (const Variant& v : variants) {
    const auto above = static_cast<double>(blocks - v.block);
    before.push_back(before.back() + above * (static_cast<double>(positions) - std::max(v.position, 0)));
  }
  for (double& share : before) share /= before.back();
  return before;
}

// target minus against for every variant, batch by batch; `seen` gets the results so far.
std::vector<double> differences(const Transformer& transformer, const PatchRequest& r,
                                const std::vector<Variant>& variants, const Clean& clean, Cost& cost,
                                const Progress& progress, const std::function<void(const std::vector<double>&)>& seen) {
  std::vector<double> found;
  const std::vector<double> before = shares(variants, transformer.config().blocks, r.corrupt.size());
  const std::int64_t most_rows = r.seen ? 64 : most_tokens;  // small batches, so that a watcher sees progress
  const auto tokens = static_cast<std::int64_t>(r.corrupt.size());
  const auto batch = static_cast<std::size_t>(std::clamp<std::int64_t>(most_tokens / tokens, 1, most_rows));
  for (std::size_t first = 0; first < variants.size(); first += batch) {
    const std::size_t count = std::min(batch, variants.size() - first);
    Request request;
    request.rows.assign(count, r.corrupt);
    request.tokens = {r.target, r.against};
    request.progress = part_of(progress, before[first], before[first + count]);
    for (std::size_t i = 0; i < count; ++i) add_edits(request, variants[first + i], static_cast<int>(i), clean);
    const Result result = transformer.run(request);
    for (const RowResult& row : result.rows) {
      found.push_back(static_cast<double>(row.logits.data()[0]) - static_cast<double>(row.logits.data()[1]));
    }
    cost += result.cost;
    seen(found);
  }
  report(progress, 1, "patching");
  return found;
}

// What the patch would add to the difference, to first order.
double first_order(const Variant& v, const Clean& clean, const GradientResult& g, std::size_t site,
                   const Config& config) {
  const Tensor &x = g.activations[site], &d = g.gradients[site];
  const std::int64_t positions = x.shape()[0], width = x.size() / positions;
  const std::int64_t begin = v.head < 0 ? 0 : v.head * config.value_width,
                     end = v.head < 0 ? width : begin + config.value_width;
  double sum = 0;
  for (std::int64_t t = v.position < 0 ? 0 : v.position; t < (v.position < 0 ? positions : v.position + 1); ++t) {
    const std::vector<float> vector = clean.at({v.point, v.block}, static_cast<int>(t));
    for (std::int64_t k = begin; k < end; ++k) {
      const double step =
          static_cast<double>(vector[static_cast<std::size_t>(k)]) - static_cast<double>(x.data()[t * width + k]);
      sum += step * static_cast<double>(d.data()[t * width + k]);
    }
  }
  return sum;
}

double corrupt_difference(const Transformer& transformer, const PatchRequest& r) {
  Request request;
  request.rows = {r.corrupt};
  request.tokens = {r.target, r.against};
  const Tensor logits = std::move(transformer.run(request).rows[0].logits);
  return static_cast<double>(logits.data()[0]) - static_cast<double>(logits.data()[1]);
}

void refuse_same_answer(const PatchResult& result) {
  if (std::abs(result.clean - result.corrupt) < 1e-6) {
    throw Error(Code::range, "patch",
                fmt::format("both texts give the same difference, {:.4f}: there is nothing to restore", result.clean));
  }
}

Table grid_table(const Model& model, const PatchRequest& r, const std::vector<Variant>& variants,
                 const std::vector<double>& difference, const PatchResult& result) {
  std::vector<std::string> site, token;
  std::vector<double> block, position, value, restored;
  for (std::size_t i = 0; i < variants.size() && variants[i].head < 0; ++i) {
    const Variant& v = variants[i];
    site.emplace_back(name(v.point));
    token.push_back(model.label(r.corrupt[static_cast<std::size_t>(v.position)]));
    block.push_back(v.block), position.push_back(v.position), value.push_back(difference[i]);
    restored.push_back((difference[i] - result.corrupt) / (result.clean - result.corrupt));
  }
  Table table("patches of one vector");
  table.add("site", site).add("block", block, whole).add("position", position, whole).add("token", token);
  return std::move(table.add("difference", value, 4).add("restored", restored, 4));
}

Table head_table(const std::vector<Variant>& variants, const std::vector<double>& difference,
                 const PatchResult& result) {
  std::vector<double> block, head, value, restored;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    if (variants[i].head < 0) continue;
    block.push_back(variants[i].block), head.push_back(variants[i].head), value.push_back(difference[i]);
    restored.push_back((difference[i] - result.corrupt) / (result.clean - result.corrupt));
  }
  Table table("patches of one head, at all positions");
  return std::move(table.add("block", block, whole)
                       .add("head", head, whole)
                       .add("difference", value, 4)
                       .add("restored", restored, 4));
}

// The grid's patches, then those of heads, each beside its estimate.
Table joined(const PatchResult& real, const PatchResult& estimate) {
  std::vector<std::string> site = real.grid.column("site").texts();
  std::vector<double> block, head(site.size(), NAN), position, restored, estimated;
  auto append = [](std::vector<double>& to, const Table& from, const char* name) {
    to.insert(to.end(), from.column(name).numbers().begin(), from.column(name).numbers().end());
  };
  append(position, real.grid, "position"), append(head, real.heads, "head");
  position.resize(head.size(), NAN), site.resize(head.size(), "a head's z");
  for (const Table* part : {&real.grid, &real.heads})
    append(block, *part, "block"), append(restored, *part, "restored");
  for (const Table* part : {&estimate.grid, &estimate.heads}) append(estimated, *part, "restored");
  Table table("real and estimated patches");
  table.add("site", site).add("block", block, whole).add("head", head, whole).add("position", position, whole);
  return std::move(table.add("restored", restored, 4).add("estimated", estimated, 4));
}

}  // namespace

PatchResult patch(const Transformer& transformer, const PatchRequest& r, const Progress& progress) {
  check(transformer, r);
  const Clean clean(transformer, r);
  PatchResult result;
  result.clean = clean.difference();
  result.corrupt = corrupt_difference(transformer, r);
  refuse_same_answer(result);
  const auto variants = variants_of(transformer.config(), r);
  const auto so_far = [&](const std::vector<double>& found) {
    if (!r.seen) return;
    const std::vector<Variant> done(variants.begin(), variants.begin() + static_cast<std::ptrdiff_t>(found.size()));
    r.seen({result.clean, result.corrupt, grid_table(transformer.model(), r, done, found, result),
            head_table(done, found, result), result.cost});
  };
  const auto difference = differences(transformer, r, variants, clean, result.cost, progress, so_far);
  result.grid = grid_table(transformer.model(), r, variants, difference, result);
  result.heads = head_table(variants, difference, result);
  return result;
}

PatchResult patch_approximately(const Transformer& transformer, const PatchRequest& r, const Progress& progress) {
  check(transformer, r);
  const Clean clean(transformer, r);
  GradientRequest request;
  request.ids = r.corrupt, request.target = r.target, request.against = r.against, request.sites = clean.sites();
  const GradientResult g = gradient(transformer, request, progress);
  PatchResult result;
  result.clean = clean.difference();
  result.corrupt = g.logit;
  refuse_same_answer(result);
  const auto variants = variants_of(transformer.config(), r);
  std::vector<double> difference;
  for (const Variant& v : variants) {
    const auto site =
        static_cast<std::size_t>(std::ranges::find(request.sites, Site{v.point, v.block}) - request.sites.begin());
    difference.push_back(result.corrupt + first_order(v, clean, g, site, transformer.config()));
  }
  result.grid = grid_table(transformer.model(), r, variants, difference, result);
  result.heads = head_table(variants, difference, result);
  return result;
}

PatchAgreement agreement(const PatchResult& real, const PatchResult& estimate) {
  PatchAgreement result{joined(real, estimate), Table("how the estimate agrees")};
  const auto& site = result.patches.column("site").texts();
  const auto &restored = result.patches.column("restored").numbers(),
             &estimated = result.patches.column("estimated").numbers();
  std::vector<std::string> names;
  std::vector<double> counts, correlations, errors;
  for (std::size_t i = 0; i < site.size(); ++i) {
    const bool known = std::ranges::find(names, site[i]) != names.end();
    if (known) continue;
    std::vector<double> a, b;
    double error = 0;
    for (std::size_t j = i; j < site.size(); ++j) {
      if (site[j] != site[i]) continue;
      a.push_back(restored[j]), b.push_back(estimated[j]);
      error = std::max(error, std::abs(restored[j] - estimated[j]));
    }
    names.push_back(site[i]), counts.push_back(static_cast<double>(a.size())), correlations.push_back(pearson(a, b)),
        errors.push_back(error);
  }
  result.sites.add("site", names)
      .add("patches", counts)
      .add("correlation", correlations, 4)
      .add("largest error", errors, 4);
  return result;
}

}  // namespace embscope
