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
  std::vector<std::string> words;  ///< N, any bytes except line ends; empty for "numbers"
  Tensor vectors;                  ///< [N, D]
};

/// The content decides the format: a first line of two whole numbers ("N D") is Word2Vec, and then the first row
/// decides between text and binary; otherwise each line must be a word and D numbers. A word may contain spaces (GloVe
/// 840B has ". . ."): the last D fields are the values. Lines of numbers only are vectors without words if
/// `labels_elsewhere` is set, in a .tsv, and if a first number is not whole (numpy.savetxt); otherwise the first number
/// is the word (an id, a year). Every size is checked against the file before memory is allocated. Throws
/// Error{not_found, io, format} with the number of the line or row; the error names compressed, pickled, fastText and
/// sparse files as such.
WordVectors read_word_vectors(const std::filesystem::path& path, bool labels_elsewhere = false);

/// Labels for `rows` vectors: one per line; or TensorBoard's metadata with several columns separated by tabs and named
/// in the first line: then the column label, word, token, name or text, or else the first. Throws Error{shape} for
/// another number of lines.
std::vector<std::string> read_labels(const std::filesystem::path& path, std::int64_t rows);

}  // namespace embscope
