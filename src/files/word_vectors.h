// Word vectors as published: Word2Vec (text and binary) and GloVe (text).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/tensor.h"

namespace embscope {

struct WordVectors {
  std::string_view format;         ///< "word2vec text", "word2vec binary" or "glove"
  std::vector<std::string> words;  ///< N, any bytes but the line's end
  Tensor vectors;                  ///< [N, D]
};

/// Told apart by content: a first line of two whole numbers ("N D") is Word2Vec's, and then the first row decides between
/// text and binary; else each line must be a word and D numbers. A word may hold spaces (GloVe 840B has ". . ."): the
/// last D fields are the values. Every size is checked against the file before it is allocated.
/// Throws Error{not_found, io, format}, with the line's or row's number.
WordVectors read_word_vectors(const std::filesystem::path& path);

}  // namespace embscope
