#include "embscope/vocabulary/words.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "embscope/files/text_file.h"
#include "embscope/vocabulary/similarity.h"
#include "kernels/dot.h"
#include "vocabulary/sections.h"
#include "vocabulary/shape.h"
#include "vocabulary/units.h"

namespace embscope {
namespace {

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

// The field of the score: by its header, or else the third.
std::size_t score_field(const std::vector<std::string>& header) {
  for (const char* name : {"SimLex999", "Human (mean)"}) {
    const auto at = std::ranges::find(header, name);
    if (at != header.end()) return static_cast<std::size_t>(at - header.begin());
  }
  return 2;
}

// Ranks from 1; equal values share the mean of theirs.
std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i + 1;
    while (end < order.size() && values[order[end]] == values[order[i]]) ++end;
    for (std::size_t j = i; j < end; ++j) out[order[j]] = (static_cast<double>(i + end) + 1) / 2;
    i = end;
  }
  return out;
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Rows of known words that have a direction; others are named in `unknown`.
std::optional<std::int64_t> directed_row(const Space& space, const WordIndex& index, const std::string& word) {
  const auto row = index.find(word);
  if (!row || std::ranges::all_of(space.vectors.row(*row), [](float x) { return x == 0; })) return {};
  return row;
}

}  // namespace

double pearson(std::span<const double> x, std::span<const double> y) {
  if (x.size() != y.size())
    throw Error(Code::shape, "correlation", fmt::format("lists of {} and {} values", x.size(), y.size()));
  const double mx = mean_of(x), my = mean_of(y);
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my), xy += (x[i] - mx) * (y[i] - my);
  }
  return xx > 0 && yy > 0 ? as_cosine(xy / std::sqrt(xx * yy)) : std::nan("");
}

double spearman(std::span<const double> x, std::span<const double> y) { return pearson(ranks(x), ranks(y)); }

std::vector<Judgement> read_judgements(const std::filesystem::path& path) {
  const std::string where = path.filename().string();
  const std::vector<std::string> lines = read_lines(path);
  const bool tabs = !lines.empty() && lines[0].find('\t') != std::string::npos;
  const bool commas = !tabs && !lines.empty() && lines[0].find(',') != std::string::npos;
  std::vector<Judgement> out;
  std::size_t field = 2, number = 0;
  for (const std::string& line : lines) {
    ++number;
    if (line.starts_with('#') || line.find_first_not_of(" \t") == std::string::npos) continue;
    auto fields = split(line, tabs ? "\t" : commas ? "," : " \t");
    for (std::string& f : fields) {
      while (f.starts_with(' ')) f.erase(0, 1);
      while (f.ends_with(' ')) f.pop_back();
    }
    const auto score = fields.size() > field ? number_in(fields[field]) : std::nullopt;
    if (score) {
      out.push_back({fields[0], fields[1], *score});
    } else if (out.empty() && fields.size() >= 3) {
      field = score_field(fields);  // a header
    } else {
      throw Error(Code::format, where, fmt::format("line {}: expected two words and a score", number));
    }
  }
  if (out.empty()) throw Error(Code::format, where, "holds no judgements: lines of two words and a score");
  return out;
}

JudgementFit judge(const Space& space, std::span<const Judgement> judgements) {
  const WordIndex index(space);
  JudgementFit out;
  out.asked = static_cast<std::int64_t>(judgements.size());
  std::vector<std::string> a, b;
  std::vector<double> people, cosines;
  for (const Judgement& j : judgements) {
    const auto first = directed_row(space, index, j.a), second = directed_row(space, index, j.b);
    for (const auto& [row, word] : {std::pair(first, j.a), std::pair(second, j.b)}) {
      if (!row && std::ranges::find(out.unknown, word) == out.unknown.end()) out.unknown.push_back(word);
    }
    if (!first || !second) continue;
    a.push_back(space.labels[static_cast<std::size_t>(*first)]),
        b.push_back(space.labels[static_cast<std::size_t>(*second)]);
    people.push_back(j.score);
    cosines.push_back(cosine(space.vectors.row(*first), space.vectors.row(*second)));
  }
  out.known = static_cast<std::int64_t>(people.size());
  if (out.known < 3)
    throw Error(Code::usage, "judgements",
                fmt::format("{} of {} pairs are known to {}: at least 3 are needed", out.known, out.asked, space.name));
  out.spearman = spearman(people, cosines), out.pearson = pearson(people, cosines);
  out.pairs = Table("similarity, by people and by cosine");
  out.pairs.add("a", a).add("b", b).add("people", people).add("cosine", cosines, 4);
  out.pairs.add("people_rank", ranks(people)).add("cosine_rank", ranks(cosines));
  return out;
}

namespace {

// Known words of the categories, with the cosines among all of them.
struct Words {
  std::vector<std::string> names;
  std::vector<std::size_t> category;
  std::vector<std::vector<double>> units, cosines;
  std::size_t size() const { return names.size(); }
};

std::vector<double> unit_of(std::span<const float> row, const std::vector<double>& mean) {
  std::vector<double> out;
  double square = 0;
  for (std::size_t k = 0; k < row.size(); ++k) {
    out.push_back(static_cast<double>(row[k]) - mean[k]);
    square += out[k] * out[k];
  }
  for (double& x : out) x /= square > 0 ? std::sqrt(square) : 1;
  return out;
}

Words known_words(const Space& space, std::span<const Category> categories, bool centred,
                  std::vector<std::string>& unknown) {
  const WordIndex index(space);
  const std::vector<double> mean = centred ? shape_of(Directed(space.vectors).vectors()).dimensions.mean
                                           : std::vector<double>(static_cast<std::size_t>(space.width()));
  Words out;
  for (std::size_t c = 0; c < categories.size(); ++c) {
    for (const std::string& word : categories[c].words) {
      const auto row = directed_row(space, index, word);
      if (!row) {
        unknown.push_back(word);
        continue;
      }
      out.names.push_back(space.labels[static_cast<std::size_t>(*row)]), out.category.push_back(c);
      out.units.push_back(unit_of(space.vectors.row(*row), mean));
    }
  }
  for (const auto& a : out.units) {
    out.cosines.emplace_back();
    for (const auto& b : out.units) out.cosines.back().push_back(as_cosine(dot(a, b)));
  }
  return out;
}

// Mean cosine of word w with the other words of a category; NaN without any.
double mean_cosine(const Words& words, std::size_t w, std::size_t category) {
  double sum = 0, count = 0;
  for (std::size_t v = 0; v < words.size(); ++v) {
    if (v != w && words.category[v] == category) sum += words.cosines[w][v], ++count;
  }
  return count > 0 ? sum / count : std::nan("");
}

// (b - a) / max(a, b) of mean distances 1 - cosine: a to its own category, b to the nearest other; 0 where it is alone.
double silhouette(const Words& words, std::size_t w, std::size_t categories) {
  const double own = 1 - mean_cosine(words, w, words.category[w]);
  double other = INFINITY;
  for (std::size_t c = 0; c < categories; ++c) {
    const double distance = 1 - mean_cosine(words, w, c);
    if (c != words.category[w] && distance < other) other = distance;
  }
  if (std::isnan(own) || std::isinf(other) || std::max(own, other) <= 0) return 0;
  return (other - own) / std::max(own, other);
}

// The category whose mean vector, w itself left out, is nearest.
std::size_t nearest_category(const Words& words, std::size_t w, std::size_t categories) {
  std::size_t best = 0;
  double most = -INFINITY;
  for (std::size_t c = 0; c < categories; ++c) {
    std::vector<double> sum(words.units[w].size());
    for (std::size_t v = 0; v < words.size(); ++v) {
      if (v == w || words.category[v] != c) continue;
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += words.units[v][k];
    }
    const double length = std::sqrt(dot(sum, sum)),
                 cosine_with = length > 0 ? as_cosine(dot(sum, words.units[w]) / length) : -INFINITY;
    if (cosine_with > most) most = cosine_with, best = c;
  }
  return best;
}

struct Summary {
  double known = 0, within = 0, between = 0, silhouette = 0, nearest = 0;
};

Table separation_table(std::span<const Category> categories, const std::vector<Summary>& sums) {
  std::vector<std::string> names;
  std::vector<double> asked, columns[5];
  double all = 0;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const bool last = c == categories.size();
    names.push_back(last ? "all" : categories[c].name);
    asked.push_back(last ? all : static_cast<double>(categories[c].words.size()));
    all += asked.back();
    const Summary& s = sums[c];
    columns[0].push_back(s.known);
    const double values[] = {s.within, s.between, s.silhouette, s.nearest};
    for (std::size_t i = 0; i < 4; ++i) columns[i + 1].push_back(s.known > 0 ? values[i] / s.known : std::nan(""));
  }
  Table table("categories");
  table.add("category", names).add("words", asked, whole).add("known", columns[0], whole).add("within", columns[1], 4);
  return std::move(table.add("between", columns[2], 4).add("silhouette", columns[3], 4).add("nearest", columns[4], 3));
}

Table between_table(std::span<const Category> categories, const Words& words) {
  std::vector<std::string> one, other;
  std::vector<double> cosines;
  for (std::size_t c = 0; c < categories.size(); ++c) {
    for (std::size_t d = 0; d < categories.size(); ++d) {
      double sum = 0, count = 0;
      for (std::size_t w = 0; w < words.size(); ++w) {
        if (words.category[w] != c) continue;
        const double mean = mean_cosine(words, w, d);
        if (!std::isnan(mean)) sum += mean, ++count;
      }
      one.push_back(categories[c].name), other.push_back(categories[d].name);
      cosines.push_back(count > 0 ? sum / count : std::nan(""));
    }
  }
  Table table("mean cosine between categories");
  return std::move(table.add("category", one).add("other", other).add("cosine", cosines, 4));
}

// Mean cosine of w with all words of other categories.
double mean_other(const Words& words, std::size_t w) {
  double sum = 0, count = 0;
  for (std::size_t v = 0; v < words.size(); ++v) {
    if (words.category[v] != words.category[w]) sum += words.cosines[w][v], ++count;
  }
  return count > 0 ? sum / count : std::nan("");
}

}  // namespace

Separation separate(const Space& space, std::span<const Category> categories, bool centred) {
  Separation out;
  const Words words = known_words(space, categories, centred, out.unknown);
  std::vector<Summary> sums(categories.size() + 1);
  std::vector<std::string> category, nearest;
  std::vector<double> silhouettes;
  for (std::size_t w : words.category) ++sums[w].known, ++sums.back().known;
  if (std::ranges::count_if(sums.begin(), sums.end() - 1, [](const Summary& s) { return s.known >= 2; }) < 2)
    throw Error(Code::usage, "categories", fmt::format("at least 2 categories need 2 words that {} has", space.name));
  for (std::size_t w = 0; w < words.size(); ++w) {
    const std::size_t c = words.category[w], near = nearest_category(words, w, categories.size());
    const double within = mean_cosine(words, w, c);
    silhouettes.push_back(silhouette(words, w, categories.size()));
    category.push_back(categories[c].name), nearest.push_back(categories[near].name);
    for (Summary* s : {&sums[c], &sums.back()}) {
      s->within += std::isnan(within) ? 0 : within, s->between += mean_other(words, w);
      s->silhouette += silhouettes.back(), s->nearest += near == c ? 1 : 0;
    }
  }
  out.categories = separation_table(categories, sums);
  out.words = Table("words by category");
  out.words.add("word", words.names)
      .add("category", category)
      .add("silhouette", silhouettes, 4)
      .add("nearest", nearest);
  out.between = between_table(categories, words);
  return out;
}

Table odd_one_out(const Space& space, std::span<const std::string> words) {
  if (words.size() < 3)
    throw Error(Code::usage, "odd one out", fmt::format("{} words: at least 3 are needed", words.size()));
  const WordIndex index(space);
  std::vector<std::int64_t> rows;
  for (const std::string& word : words) {
    const auto row = index.find(word);
    if (!row) throw Error(Code::not_found, "word '" + visible(word) + "'", "is not a single row of " + space.name);
    rows.push_back(*row);
  }
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < rows.size(); ++j) {
      if (j != i) sum += cosine(space.vectors.row(rows[i]), space.vectors.row(rows[j]));
    }
    order.emplace_back(sum / static_cast<double>(rows.size() - 1), i);
  }
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  std::vector<double> cosines;
  for (const auto& [mean, i] : order) {
    names.push_back(space.labels[static_cast<std::size_t>(rows[i])]), cosines.push_back(mean);
  }
  Table table("mean cosine with the other words, the odd one first");
  return std::move(table.add("word", names).add("cosine", cosines, 4));
}

}  // namespace embscope
