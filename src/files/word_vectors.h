// Vectors in text and in Word2Vec's binary form, as published: Word2Vec, GloVe, TensorBoard's Projector.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/tensor/tensor.h"

namespace embscope {

struct WordVectors {
  std::string_view format;         ///< "word2vec text", "word2vec binary", "glove" or "numbers"
  std::vector<std::string> words;  ///< N, any bytes but the line's end; none of "numbers"
  Tensor vectors;                  ///< [N, D]
};

/// Told apart by content: a first line of two whole numbers ("N D") is Word2Vec's, and then the first row decides
/// between text and binary; else each line must be a word and D numbers. A word may hold spaces (GloVe 840B has ". .
/// ."): the last D fields are the values. Lines of nothing but numbers are vectors without words where
/// `labels_elsewhere` says so, in a .tsv, and where a first number is not whole (numpy.savetxt); else the first number
/// is the word (an id, a year). Every size is checked against the file before it is allocated. Throws Error{not_found,
/// io, format}, with the line's or row's number; what is compressed, pickled, fastText's or sparse is named as that.
WordVectors read_word_vectors(const std::filesystem::path& path, bool labels_elsewhere = false);

/// Labels for `rows` vectors: a line each; or TensorBoard's metadata of several columns with tabs, whose first line
/// names them: then the column called label, word, token, name or text, else the first. Throws Error{shape} for another
/// number of lines.
std::vector<std::string> read_labels(const std::filesystem::path& path, std::int64_t rows);

}  // namespace embscope
