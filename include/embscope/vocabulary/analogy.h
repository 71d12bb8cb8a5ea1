// Analogy: a is to b as c is to what? By vector arithmetic, with baselines.
// Thread rule: pure functions. The same answers for any number of threads; equal scores go to the lower row.
//
// 3CosAdd (Mikolov, Yih & Zweig 2013): the x with the largest cosine with b - a + c, all of unit length. 3CosMul (Levy
// & Goldberg 2014): the largest cos(x, b) cos(x, c) / (cos(x, a) + 0.001), with cosines scaled to 0..1. Published
// results exclude the question's own words from the answers; without that, the answer is usually one of them (Linzen
// 2016; Rogers, Drozd & Li 2017).
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/space/space.h"
#include "embscope/tensor/table.h"

namespace embscope {

struct Question {
  std::string a, b, c;
  std::vector<std::string> answers;  ///< each of them is right
};

struct Relation {
  std::string name;
  std::vector<Question> questions;
};

/// Reads questions: Google's format (": relation", then lines of four words), pairs (lines of two words: every ordered
/// choice of two pairs is a question), BATS (a file, or a folder of files, of "word<tab>answer/answer..."; the file's
/// name is the relation). Lines that begin with # are ignored. Throws Error{not_found, format} with the line's number.
std::vector<Relation> read_relations(const std::filesystem::path& path);

/// The built-in questions (data/analogies.txt).
std::vector<Relation> shipped_relations();

struct AnalogyOptions {
  /// A word in another case or without its leading space counts as the same word: it is excluded like the question's
  /// words, and it is right as an answer.
  bool fold = true;
  bool closed = false;  ///< candidates are only the words of the questions, not the whole space
};

struct Analogies {
  /// One row per relation and a last one for all: columns relation, questions, known (all four words are rows of the
  /// space), and shares of the known that are right: add and mul (3CosAdd and 3CosMul, without the question's words),
  /// add_raw and mul_raw (with them), nearest_c and nearest_b (baselines: the nearest to the third or the second word),
  /// mrr (mean of 1 / rank of the right answer by 3CosAdd, without the question's words).
  Table relations;
  Table questions;                   ///< the known: relation, a, b, c, answer, add, add_raw, mul, rank, right
  std::vector<std::string> unknown;  ///< words that are not single rows of the space, in order of appearance
  std::int64_t candidates = 0;
  std::string verdict;  ///< how well king - man + woman generalises, as a sentence
};

/// Throws Error{usage} if no question is known, Error{cancelled}.
Analogies analogies(const Space& space, std::span<const Relation> relations, const AnalogyOptions& options = {},
                    const Progress& progress = {});

/// The k best answers for one question: columns rank, token, id, cosine (with b - a + c), mul, question (1 for a word
/// of the question). Throws Error{not_found} for a word that is not a row.
Table analogy(const Space& space, const Question& question, int k = 10);

/// All words of the questions, each once, in order of appearance.
std::vector<std::string> words_of(std::span<const Relation> relations);

}  // namespace embscope
