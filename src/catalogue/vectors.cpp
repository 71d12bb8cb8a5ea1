// vectors, and cosine: words and expressions, value by value and in pairs.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  std::vector<Word> words;
  std::vector<Direction> vectors;
};

constexpr Part vectors_parts[] = {
    {"vectors", Kind::rows, "Each as its values"},
    {"labels", Kind::names, "What each is called"},
    {"cosines", Kind::rows, "Of each with each"},
    {"norms", Kind::numbers, "Their lengths"},
    {"vectors", Kind::table, "Columns dimension, and one for each"},
    {"cosines", Kind::table, "Columns word, and one for each"},
    {"lines", Kind::figure, "Values by dimension; of two also one against the other"},
    {"cosines", Kind::figure, "Of each with each"},
};

constexpr Part cosine_parts[] = {
    {"cosines", Kind::table, "Columns word, and one for each"},
    {"figure", Kind::figure, "Of each with each"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.words, {.name = "words", .what = "Words (a leading space counts)", .option = "WORDS"});
  f(r.vectors, {.name = "vectors",
                .what = "Beside words, of a model: vectors such as \"' king' - ' man' + ' woman'\"",
                .longest = 64});
}

void check(const Parameters& r) {
  if (r.words.empty() && r.vectors.empty()) throw Error(Code::usage, "vectors", "name at least one word or vector");
}

std::vector<NamedVector> named_by(const Subject& on, const Parameters& r) {
  std::vector<NamedVector> all = vectors_of(on, r.words);
  for (const Direction& direction : r.vectors) {
    std::vector<float> values = vector_of(on, direction, "vectors");
    all.push_back({label_of(on, direction), std::move(values)});
  }
  return all;
}

double length(std::span<const float> x) {
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum);
}

AnalysisResult::Lists lists_of(const Table& cosines) {
  AnalysisResult::Lists lists;
  for (const Column& column : std::span(cosines.columns()).subspan(1)) lists.push_back(column.numbers());
  return lists;
}

AnalysisResult run_vectors(const Subject& on, const Parameters& r, const Progress&) {
  const std::vector<NamedVector> all = named_by(on, r);
  Tensor rows = Tensor::uninitialised({std::ssize(all), std::ssize(all[0].values)});
  std::vector<std::string> labels;
  std::vector<double> norms;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::ranges::copy(all[i].values, rows.row(static_cast<std::int64_t>(i)).begin());
    labels.push_back(all[i].name), norms.push_back(length(all[i].values));
  }
  Table values = vectors(all), matrix = cosines(all);
  AnalysisResult found;
  if (all.size() == 2) found.notes = {fmt::format("cosine similarity {:.5f}", matrix.columns()[2].numbers()[0])};
  found.add("vectors", std::move(rows))
      .add("labels", std::move(labels))
      .add("cosines", lists_of(matrix))
      .add("norms", std::move(norms))
      .add("vectors", std::move(values))
      .add("cosines", std::move(matrix))
      .add("lines", [](const AnalysisResult& f) { return figure_vectors(f.table("vectors")); })
      .add("cosines", [](const AnalysisResult& f) { return figure_cosines(f.table("cosines")); });
  return found;
}

AnalysisResult run_cosine(const Subject& on, const Parameters& r, const Progress&) {
  AnalysisResult found;
  found.add("cosines", cosines(named_by(on, r))).add("figure", [](const AnalysisResult& f) {
    return figure_cosines(f.table("cosines"));
  });
  return found;
}

}  // namespace

const Analysis& vectors_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "vectors",
                                                   .what = "Vectors, value by value, and their cosines",
                                                   .group = Group::vocabulary,
                                                   .example = "vectors \" apple\" \" pear\" --save vectors.html",
                                                   .needs = Needs::space,
                                                   .quick = true,
                                                   .one_table = true,
                                                   .old = "vector"},
                                                  vectors_parts, fields, run_vectors, nullptr, check);
  return made;
}

const Analysis& cosine_analysis() {
  static const DescribedAnalysis<Parameters> made({.name = "cosine",
                                                   .what = "Cosine similarity of words, as a matrix",
                                                   .group = Group::vocabulary,
                                                   .example = "cosine hello world \" apple\" \" pear\"",
                                                   .needs = Needs::space,
                                                   .quick = true,
                                                   .one_table = true},
                                                  cosine_parts, fields, run_cosine, nullptr, check);
  return made;
}

}  // namespace embscope::catalogue
