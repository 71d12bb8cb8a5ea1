// Words: do the vectors agree with human judgement? Judgements of similarity, categories, the odd one out.
// Thread rule: pure functions.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "embscope/space/space.h"
#include "embscope/tensor/table.h"

namespace embscope {

/// How similar two words are according to people.
struct Judgement {
  std::string a, b;
  double score;
};

/// Reads WordSim-353 (combined.csv or .tab), SimLex-999 and any other list of "word, word, score" with commas, tabs or
/// spaces; a header line may name the column of the score ("SimLex999", "Human (mean)"), otherwise it is the third
/// column. Lines that begin with # are ignored. Throws Error{not_found, format} with the line's number.
std::vector<Judgement> read_judgements(const std::filesystem::path& path);

struct JudgementFit {
  Table pairs;          ///< the known pairs: columns a, b, people, cosine, people_rank, cosine_rank
  double spearman = 0;  ///< correlation of ranks; ties have their mean rank
  double pearson = 0;
  std::int64_t known = 0, asked = 0;  ///< pairs whose words are both rows of the space, and all pairs
  std::vector<std::string> unknown;
};

/// Throws Error{usage} if fewer than 3 pairs are known.
JudgementFit judge(const Space& space, std::span<const Judgement> judgements);

/// Correlation of ranks; equal values have the mean of their ranks. NaN if one side is constant. Throws Error{shape}.
double spearman(std::span<const double> x, std::span<const double> y);
double pearson(std::span<const double> x, std::span<const double> y);

struct Category {
  std::string name;
  std::vector<std::string> words;
};

/// ": name" lines, each followed by its words. Throws Error{not_found, format}.
std::vector<Category> read_categories(const std::filesystem::path& path);
std::vector<Category> shipped_categories();  ///< data/categories.txt

struct Separation {
  /// One row per category and a last one for all: columns category, words, known, within (mean cosine of its pairs),
  /// between (mean cosine with the words of others), silhouette (Rousseeuw 1987, of 1 - cosine), nearest (share of
  /// words whose nearest mean vector, computed without the word, is that of their category).
  Table categories;
  Table words;    ///< columns word, category, silhouette, nearest (the category whose mean is nearest)
  Table between;  ///< mean cosine of each category with each: columns category, other, cosine
  std::vector<std::string> unknown;
};

/// With `centred`, the mean of the whole space is removed first. Throws Error{usage} unless at least 2 categories have
/// 2 known words.
Separation separate(const Space& space, std::span<const Category> categories, bool centred = false);

/// Words by their mean cosine with the others, the odd one first: columns word, cosine. Throws Error{usage} for fewer
/// than 3 words, Error{not_found} for a word that is not a row.
Table odd_one_out(const Space& space, std::span<const std::string> words);

}  // namespace embscope
