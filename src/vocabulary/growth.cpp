#include "embscope/vocabulary/growth.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/threads.h"
#include "embscope/files/archive.h"
#include "embscope/model/named_token.h"
#include "embscope/project/projection.h"
#include "embscope/vocabulary/words.h"
#include "kernels/dot.h"
#include "kernels/gemm.h"
#include "vocabulary/units.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_tokens = 2048;

struct Snapshot {
  std::int64_t step;
  std::shared_ptr<const Archive> archive;
  const View& wte() const { return archive->at("wte"); }
};

std::vector<Snapshot> snapshots_of(const fs::path& run, const Config& config) {
  const fs::path folder = run / "training" / "snapshots";
  std::vector<Snapshot> snapshots;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() != ".safetensors" || !stem.starts_with("step-")) continue;
    std::int64_t step = 0;
    std::from_chars(stem.data() + 5, stem.data() + stem.size(), step);
    snapshots.push_back({step, Archive::open(entry.path())});
    const View& wte = snapshots.back().wte();
    if (wte.shape != Shape{config.vocab, config.width})
      throw Error(Code::shape, entry.path().string(),
                  fmt::format("wte is {}, the model's is {} x {}", wte.shape.text(), config.vocab, config.width));
  }
  if (snapshots.empty())
    throw Error(Code::not_found, folder.string(),
                "no snapshots: 'embscope train TEXT --out FOLDER' makes a run with snapshots");
  std::ranges::sort(snapshots, {}, &Snapshot::step);
  return snapshots;
}

std::vector<double> frequencies_of(const fs::path& run, std::int64_t vocab) {
  const auto archive = Archive::open(run / "training" / "frequency.safetensors");
  const Tensor counts = decode(archive->at("frequency"));
  if (counts.size() != vocab)
    throw Error(Code::shape, archive->path().string(), fmt::format("{} counts for {} tokens", counts.size(), vocab));
  return {counts.values().begin(), counts.values().end()};
}

// The tokens that occur, the most frequent first.
std::vector<TokenId> by_frequency(const std::vector<double>& counts) {
  std::vector<TokenId> ids;
  for (std::size_t id = 0; id < counts.size(); ++id) {
    if (counts[id] > 0) ids.push_back(static_cast<TokenId>(id));
  }
  std::ranges::stable_sort(ids, [&](TokenId a, TokenId b) {
    return counts[static_cast<std::size_t>(a)] > counts[static_cast<std::size_t>(b)];
  });
  if (ids.size() > most_tokens) ids.resize(most_tokens);
  return ids;
}

Tensor rows_of_ids(const View& wte, const std::vector<TokenId>& ids) {
  Tensor rows = Tensor::uninitialised({static_cast<std::int64_t>(ids.size()), wte.columns()});
  for (std::size_t i = 0; i < ids.size(); ++i)
    decode_rows(wte, ids[i], 1, rows.row(static_cast<std::int64_t>(i)).data());
  return rows;
}

double norm_of(std::span<const float> x) {
  double sum = 0;
  for (float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum);
}

std::vector<double> norms_of(const Tensor& rows) {
  std::vector<double> norms;
  for (std::int64_t i = 0; i < rows.rows(); ++i) norms.push_back(norm_of(rows.row(i)));
  return norms;
}

// Rows divided by their norms; a zero row stays zero.
Tensor directions(const Tensor& rows, const std::vector<double>& norms) {
  Tensor units = rows.clone();
  for (std::int64_t i = 0; i < rows.rows(); ++i) {
    const double norm = norms[static_cast<std::size_t>(i)];
    for (float& v : units.row(i)) v = norm > 0 ? static_cast<float>(static_cast<double>(v) / norm) : 0.0f;
  }
  return units;
}

// Cosines [N, N] of unit vectors.
Tensor cosines_of(const Tensor& units) {
  const std::int64_t n = units.rows(), d = units.columns();
  const Packed packed(n, d, [&](std::int64_t p, float* panel) {
    const std::int64_t first = p * panel_width;
    pack_panel(units.row(first).data(), d, std::min(panel_width, n - first), d, panel);
  });
  Tensor cosines = Tensor::uninitialised({n, n});
  gemm(units.data(), d, n, {{Product{&packed, nullptr, cosines.data(), n}}});
  return cosines;
}

struct Moments {
  double mean = 0, deviation = 0;
};

Moments moments_of(const std::vector<double>& values) {
  Moments m;
  const double n = static_cast<double>(values.size());
  for (double v : values) m.mean += v / n;
  for (double v : values) m.deviation += (v - m.mean) * (v - m.mean) / n;
  m.deviation = std::sqrt(m.deviation);
  return m;
}

struct Pairs {
  double mean = 0, positive = 0;
};

Pairs pairs_of(const Tensor& cosines) {
  const std::int64_t n = cosines.rows();
  double sum = 0, positive = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (float c : cosines.row(i).subspan(static_cast<std::size_t>(i + 1)))
      sum += static_cast<double>(c), positive += c > 0;
  }
  const double pairs = 0.5 * static_cast<double>(n) * static_cast<double>(n - 1);
  return {as_cosine(sum / pairs), positive / pairs};
}

bool has_letter(const std::string& label) {
  return std::ranges::any_of(label, [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; });
}

/// The tokens whose neighbours are listed.
std::vector<TokenId> followed(const GrowthRequest& request, const Model& model, const std::vector<TokenId>& frequent) {
  std::vector<TokenId> ids;
  ids.reserve(request.words.size());
  for (const std::string& word : request.words) ids.push_back(token_named(model, word).id);
  for (std::size_t i = 0; request.words.empty() && i < frequent.size() && ids.size() < 6; ++i) {
    if (has_letter(model.label(frequent[i]))) ids.push_back(frequent[i]);
  }
  return ids;
}

std::string nearest(const Model& model, const View& wte, TokenId word, const std::vector<TokenId>& ids,
                    const Tensor& units, int count) {
  Tensor own = rows_of_ids(wte, {word});
  own = directions(own, norms_of(own));
  std::vector<std::pair<double, TokenId>> found;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == word) continue;
    const auto row = units.row(static_cast<std::int64_t>(i));
    found.emplace_back(-dot(row, own.values()), ids[i]);
  }
  std::ranges::sort(found);
  std::string text;
  for (std::size_t i = 0; i < std::min(found.size(), static_cast<std::size_t>(count)); ++i)
    text += fmt::format("{}{} {:.2f}", i == 0 ? "" : ", ", model.label(found[i].second), -found[i].first);
  return text;
}

Tensor map_of(const Tensor& rows, const GrowthRequest& request) {
  if (request.method == "pca") return pca(rows, 2);
  TsneOptions options;
  options.seed = request.seed;
  options.perplexity = std::min(30.0, 0.9 * static_cast<double>(rows.rows() - 1) / 3);
  return tsne(rows, options);
}

Table map_table(const Model& model, const std::vector<TokenId>& ids, const std::vector<double>& steps,
                const std::vector<Tensor>& maps) {
  std::vector<double> step, x, y;
  std::vector<std::string> token;
  for (std::size_t f = 0; f < maps.size(); ++f) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto point = maps[f].row(static_cast<std::int64_t>(i));
      step.push_back(steps[f]), token.push_back(model.label(ids[i]));
      x.push_back(static_cast<double>(point[0])), y.push_back(static_cast<double>(point[1]));
    }
  }
  Table table("the map during training");
  return std::move(table.add("step", step, whole).add("token", token).add("x", x, 3).add("y", y, 3));
}

std::array<double, 2> centre_of(const Tensor& points) {
  std::array<double, 2> centre{};
  for (std::int64_t i = 0; i < points.rows(); ++i) {
    for (std::size_t k : {0u, 1u})
      centre[k] += static_cast<double>(points.row(i)[k]) / static_cast<double>(points.rows());
  }
  return centre;
}

}  // namespace

Tensor aligned(const Tensor& points, const Tensor& target) {
  const auto from = centre_of(points), to = centre_of(target);
  double m[2][2] = {};  // sum of target x points^T
  for (std::int64_t i = 0; i < points.rows(); ++i) {
    for (std::size_t a : {0u, 1u}) {
      for (std::size_t b : {0u, 1u})
        m[a][b] += (static_cast<double>(target.row(i)[a]) - to[a]) * (static_cast<double>(points.row(i)[b]) - from[b]);
    }
  }
  // The trace of R^T m is largest for the rotation by the first angle, or for the reflection by the second.
  const double turned = std::hypot(m[0][0] + m[1][1], m[1][0] - m[0][1]),
               mirrored = std::hypot(m[0][0] - m[1][1], m[1][0] + m[0][1]);
  const bool mirror = mirrored > turned;
  const double angle =
      mirror ? std::atan2(m[1][0] + m[0][1], m[0][0] - m[1][1]) : std::atan2(m[1][0] - m[0][1], m[0][0] + m[1][1]);
  const double c = std::cos(angle), s = std::sin(angle), sign = mirror ? -1 : 1;
  Tensor out = Tensor::uninitialised(points.shape());
  for (std::int64_t i = 0; i < points.rows(); ++i) {
    const double x = static_cast<double>(points.row(i)[0]) - from[0],
                 y = sign * (static_cast<double>(points.row(i)[1]) - from[1]);
    out.row(i)[0] = static_cast<float>(to[0] + c * x - s * y);
    out.row(i)[1] = static_cast<float>(to[1] + s * x + c * y);
  }
  return out;
}

Growth growth(const GrowthRequest& request, const Progress& progress) {
  if (request.method != "tsne" && request.method != "pca")
    throw Error(Code::not_found, "method", fmt::format("'{}': choose tsne or pca", request.method));
  const auto model = Model::open(request.run.string());
  std::vector<Snapshot> snapshots = snapshots_of(request.run, model->config());
  if (request.last_only) snapshots.erase(snapshots.begin(), snapshots.end() - 1);
  const std::vector<double> counts = frequencies_of(request.run, model->config().vocab);
  const std::vector<TokenId> ids = by_frequency(counts), words = followed(request, *model, ids);
  if (ids.size() < 5)
    throw Error(Code::range, request.run.string(),
                fmt::format("{} tokens occur in the text: at least 5 are needed", ids.size()));
  std::vector<TokenId> mapped(
      ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(std::min(
                                     ids.size(), static_cast<std::size_t>(std::max<std::int64_t>(5, request.mapped)))));

  Growth result;
  std::vector<Tensor> maps;
  std::vector<double> logs, steps, norms, deviations, cosines, positives, correlations, neighbour_steps;
  for (TokenId id : ids) logs.push_back(std::log(counts[static_cast<std::size_t>(id)]));
  std::vector<std::string> neighbour_words, neighbour_lists;
  std::vector<double> first_norms, last_norms;
  for (const Snapshot& snapshot : snapshots) {
    report(progress, static_cast<double>(steps.size()) / static_cast<double>(snapshots.size()),
           fmt::format("step {}", snapshot.step));
    const Tensor rows = rows_of_ids(snapshot.wte(), ids);
    last_norms = norms_of(rows);
    if (first_norms.empty()) first_norms = last_norms;
    const Tensor units = directions(rows, last_norms);
    const Moments norm = moments_of(last_norms);
    const Pairs pairs = pairs_of(cosines_of(units));
    steps.push_back(static_cast<double>(snapshot.step)), norms.push_back(norm.mean),
        deviations.push_back(norm.deviation);
    cosines.push_back(pairs.mean), positives.push_back(pairs.positive),
        correlations.push_back(pearson(logs, last_norms));
    for (TokenId word : words) {
      neighbour_steps.push_back(static_cast<double>(snapshot.step)), neighbour_words.push_back(model->label(word));
      neighbour_lists.push_back(nearest(*model, snapshot.wte(), word, ids, units, request.neighbours));
    }
    maps.push_back(map_of(rows_of_ids(snapshot.wte(), mapped), request));
  }
  for (std::size_t i = maps.size() - 1; i-- > 0;) maps[i] = aligned(maps[i], maps[i + 1]);
  result.map = map_table(*model, mapped, steps, maps);
  result.shape = Table("how the vectors formed");
  result.shape.add("step", steps, whole)
      .add("norm", norms, 4)
      .add("norm deviation", deviations, 4)
      .add("mean cosine", cosines, 4);
  result.shape.add("positive share", positives, 4).add("frequency and norm", correlations, 4);
  result.neighbours = Table("nearest tokens");
  result.neighbours.add("step", neighbour_steps, whole).add("word", neighbour_words).add("neighbours", neighbour_lists);
  std::vector<std::string> labels;
  std::vector<double> numbers, occurrences;
  for (TokenId id : ids) {
    labels.push_back(model->label(id)), numbers.push_back(id);
    occurrences.push_back(counts[static_cast<std::size_t>(id)]);
  }
  result.frequency = Table("frequency and norm");
  result.frequency.add("token", labels)
      .add("id", numbers, whole)
      .add("count", occurrences, whole)
      .add("norm at first", first_norms, 4);
  result.frequency.add("norm at last", last_norms, 4);
  return result;
}

}  // namespace embscope
