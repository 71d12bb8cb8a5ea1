#include "embscope/runs/patching.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <span>

#include <fmt/format.h>

#include "embscope/train/gradient.h"
#include "embscope/vocabulary/words.h"
#include "forward/replay.h"
#include "forward/site_shape.h"
#include "forward/working_memory.h"

namespace embscope {
namespace {

// One run of the corrupt text: a vector of the clean run put in its place; a head at all positions (-1).
struct Variant {
  Point point;
  int block, position, head;
};

// Changed positions of a batch: what its activations may take, and few enough that a watcher sees progress, unless
// every batch reads the file again. Every batch computes the corrupt text itself once more.
constexpr std::int64_t most_changed = 16384, most_changed_watched = 256;

// What is held of the clean run: beside a batch, and beside a gradient.
double clean_bytes(const Model& model) { return row_bytes_allowed(model) / 8; }

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

double target_minus_against(const RowResult& row) {
  return static_cast<double>(row.logits.data()[0]) - static_cast<double>(row.logits.data()[1]);
}

// The sites that variants patch, each once, in the variants' order.
std::vector<Site> sites_of(const std::vector<Variant>& variants) {
  std::vector<Site> sites;
  for (const Variant& v : variants) {
    const Site site{v.point, v.block};
    if (std::ranges::find(sites, site) == sites.end()) sites.push_back(site);
  }
  return sites;
}

// The clean run's values at the patched sites, [T, ...], of some blocks at a time.
class Clean {
 public:
  Clean(const Transformer& transformer, const PatchRequest& r, std::vector<Site> sites, const Progress& progress = {})
      : transformer_(transformer), run_(transformer, r.clean, std::move(sites), clean_bytes(transformer.model())) {
    const Tensor logits = run_.run({r.target, r.against}, progress);
    difference_ = static_cast<double>(logits.data()[0]) - static_cast<double>(logits.data()[1]);
  }

  double difference() const { return difference_; }

  /// Of one head, or (-1) of all; valid until a site of other blocks is asked for.
  std::span<const float> at(const Site& site, int position, int head) {
    const Tensor& values = run_.at(site);
    const std::int64_t width = values.size() / values.shape()[0];
    const std::span all(values.data() + position * width, static_cast<std::size_t>(width));
    if (head < 0) return all;
    const auto part = static_cast<std::size_t>(site_shape(site, transformer_.config()).width);
    return all.subspan(static_cast<std::size_t>(head) * part, part);
  }

 private:
  const Transformer& transformer_;
  Replay run_;
  double difference_ = 0;
};

void add_edits(Request& request, const Variant& v, int row, int first, Clean& clean) {
  Edit edit;
  edit.site = {v.point, v.block};
  edit.rows = {row};
  if (v.head >= 0) edit.heads = {v.head};
  const int last =
      v.position < 0 ? static_cast<int>(request.rows[static_cast<std::size_t>(row)].size()) - 1 : v.position;
  for (int t = std::max(v.position, first); t <= last; ++t) {
    edit.positions = {t};
    const std::span<const float> vector = clean.at(edit.site, t, v.head);
    edit.vector.assign(vector.begin(), vector.end());
    request.edits.push_back(edit);
  }
}

// Variants [begin, end), and their work in token-layers.
struct Batch {
  std::size_t begin, end;
  double work;
};

// What has to be run. Before the texts differ, both runs have the same vectors, bit for bit: a patch there changes
// nothing and is not run.
class Work {
 public:
  Work(const PatchRequest& r, const Config& config)
      : blocks_(static_cast<int>(config.blocks)),
        positions_(static_cast<int>(r.corrupt.size())),
        first_(static_cast<int>(std::ranges::mismatch(r.clean, r.corrupt).in1 - r.clean.begin())) {}

  int first() const { return first_; }
  bool changes(const Variant& v) const { return v.position < 0 || v.position >= first_; }
  double of_text() const { return static_cast<double>(blocks_) * positions_; }

  std::vector<Batch> batches(const std::vector<Variant>& variants, std::int64_t most) const {
    std::vector<Batch> list;
    std::int64_t changed = 0;
    for (std::size_t i = 0; i < variants.size(); ++i) {
      const std::int64_t more = changes(variants[i]) ? positions_ - std::max(variants[i].position, first_) : 0;
      if (list.empty() || changed + more > most) list.push_back({i, i, of_text()}), changed = 0;
      list.back().end = i + 1, list.back().work += static_cast<double>(more * above(variants[i]));
      changed += more;
    }
    return list;
  }

 private:
  int above(const Variant& v) const { return blocks_ - v.block - (v.point < Point::z ? 0 : 1); }

  int blocks_, positions_, first_;
};

// The corrupt text's difference where the patch changes nothing, otherwise that of its run.
std::vector<double> differences(const Transformer& transformer, const PatchRequest& r,
                                std::span<const Variant> variants, const Work& work, Clean& clean, PatchResult& so_far,
                                const Progress& progress) {
  Request request;
  request.tokens = {r.target, r.against};
  request.progress = progress;
  for (const Variant& v : variants) {
    if (!work.changes(v)) continue;
    request.rows.push_back(r.corrupt);
    add_edits(request, v, static_cast<int>(request.rows.size()) - 1, work.first(), clean);
  }
  Result result;
  if (!request.rows.empty()) result = run_in_batches(transformer, request);
  so_far.cost += result.cost;
  std::vector<double> found;
  auto row = result.rows.begin();
  for (const Variant& v : variants) {
    found.push_back(work.changes(v) ? target_minus_against(*row++) : so_far.corrupt);
  }
  return found;
}

// What the patch would add to the difference, to first order.
double first_order(const Variant& v, Clean& clean, const Tensor& x, const Tensor& d, const Config& config) {
  const std::int64_t positions = x.shape()[0], width = x.size() / positions;
  const std::int64_t of_head = v.head < 0 ? width : width / config.heads, begin = v.head < 0 ? 0 : v.head * of_head,
                     end = begin + of_head;
  double sum = 0;
  for (std::int64_t t = v.position < 0 ? 0 : v.position; t < (v.position < 0 ? positions : v.position + 1); ++t) {
    const std::span<const float> vector = clean.at({v.point, v.block}, static_cast<int>(t), -1);
    for (std::int64_t k = begin; k < end; ++k) {
      const double step =
          static_cast<double>(vector[static_cast<std::size_t>(k)]) - static_cast<double>(x.data()[t * width + k]);
      sum += step * static_cast<double>(d.data()[t * width + k]);
    }
  }
  return sum;
}

double corrupt_difference(const Transformer& transformer, const PatchRequest& r, const Progress& progress) {
  Request request;
  request.rows = {r.corrupt};
  request.tokens = {r.target, r.against};
  request.progress = progress;
  return target_minus_against(transformer.run(request).rows[0]);
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
  const Work work(r, transformer.config());
  const auto variants = variants_of(transformer.config(), r);
  const bool watched = r.seen && !larger_than_memory(transformer.model());
  const auto batches = work.batches(variants, watched ? most_changed_watched : most_changed);
  double total = 2 * work.of_text(), done = 0;
  for (const Batch& batch : batches) total += batch.work;
  const auto next = [&](double amount) { return part_of(progress, done / total, (done + amount) / total); };
  Clean clean(transformer, r, sites_of(variants), next(work.of_text()));
  done += work.of_text();
  PatchResult result;
  result.clean = clean.difference();
  result.corrupt = corrupt_difference(transformer, r, next(work.of_text()));
  done += work.of_text();
  refuse_same_answer(result);
  std::vector<double> found;
  const auto tabulate = [&] {
    const std::vector<Variant> known(variants.begin(), variants.begin() + std::ssize(found));
    result.grid = grid_table(transformer.model(), r, known, found, result);
    result.heads = head_table(known, found, result);
  };
  for (const Batch& batch : batches) {
    const std::span<const Variant> part(variants.data() + batch.begin, batch.end - batch.begin);
    std::ranges::copy(differences(transformer, r, part, work, clean, result, next(batch.work)),
                      std::back_inserter(found));
    done += batch.work;
    if (r.seen) tabulate(), r.seen(result);
  }
  tabulate();
  report(progress, 1, "patching");
  return result;
}

PatchResult patch_approximately(const Transformer& transformer, const PatchRequest& r, const Progress& progress) {
  check(transformer, r);
  const auto variants = variants_of(transformer.config(), r);
  GradientRequest request;
  request.ids = r.corrupt, request.target = r.target, request.against = r.against, request.sites = sites_of(variants);
  request.held = row_bytes_allowed(transformer.model()) / 4;
  Clean clean(transformer, r, request.sites);
  std::vector<double> difference(variants.size());
  request.seen = [&](const Site& site, const Tensor& x, const Tensor& d) {
    for (std::size_t i = 0; i < variants.size(); ++i) {
      if (Site{variants[i].point, variants[i].block} == site)
        difference[i] = first_order(variants[i], clean, x, d, transformer.config());
    }
  };
  const GradientResult g = gradient(transformer, request, progress);
  PatchResult result;
  result.clean = clean.difference();
  result.corrupt = g.logit;
  refuse_same_answer(result);
  for (double& d : difference) d += result.corrupt;
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
