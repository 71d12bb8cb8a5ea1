// Space: an embedding space: N labelled vectors of D values, from a model or from a file.
// Lifetime: owns its vectors and labels; holds its model. Thread rule: a value; const access from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "embscope/model/model.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

struct Space {
  std::string name;                    ///< for display: the name of the model or the file
  Tensor vectors;                      ///< [N, D]; every value finite
  std::vector<std::string> labels;     ///< N readable names: Model::label, or the file's words as `visible` shows them
  std::shared_ptr<const Model> model;  ///< null for a space read from a file of vectors

  std::int64_t size() const { return vectors.rows(); }
  std::int64_t width() const { return vectors.columns(); }
  Space clone() const;
};

/// The model's embedding matrix: row i is token i. Throws Error{range} if it contains NaN or infinity (with the row).
Space space_of(std::shared_ptr<const Model> model);

/// Opens by content:
///   a model (a folder, a .gguf, a .safetensors beside its config.json, a name in the cache): its embedding matrix;
///   Word2Vec, text or binary ("N D" in the first line); GloVe text (a word and its D values on each line);
///   VECTORS:LABELS: a matrix [N, D] in .npy, .npz, .safetensors or .gguf and a text file with N lines, one label each;
///   VECTORS#TENSOR:LABELS if the file contains more than one matrix. Without :LABELS rows are called <0>, <1>, ...
///   TensorBoard Projector's pair: a .tsv of numbers with tabs, and as LABELS (or beside vectors.tsv, named
///   metadata.tsv) its metadata: one column of labels, or several with their names in the first line, of which the
///   first is taken.
/// Sizes are checked against the file before anything is allocated for them. Throws Error{not_found, io, format,
/// unsupported, shape, range}: Error{shape} if the numbers of labels and rows differ, Error{range} for NaN or infinity.
Space open_space(const std::string& path_or_name);

/// Whether `open_space` would read a file of vectors there, rather than a model.
bool holds_vectors(const std::string& path_or_name);

/// The rows that have a direction, and the rows of zeros, which have none.
struct DirectedRows {
  std::vector<std::int64_t> rows, zeros;
};
DirectedRows directed_rows(const Space& space, std::span<const std::int64_t> rows);

/// The note about rows of zeros that are left out: "1 vector is zero, has no direction and is left out: <pad>".
/// Empty for none.
std::string left_out_note(const Space& space, std::span<const std::int64_t> zeros);

/// Finds rows by word. A label equal to the word comes before the label with a space before it (of byte-level
/// tokenizers).
class WordIndex {
 public:
  explicit WordIndex(const Space& space);  ///< keeps no reference to the space

  /// The row whose label is `visible(text)`; the first of several equal labels.
  std::optional<std::int64_t> row(std::string_view text) const;

  /// The row of a word: as written; with a space before it, if many labels have one; then in lower case (many published
  /// spaces contain only lower case), in the same order.
  std::optional<std::int64_t> find(std::string_view word) const;

  bool spaced() const { return spaced_; }  ///< whether labels have a leading space

 private:
  std::unordered_map<std::string, std::int64_t> rows_;
  bool spaced_ = false, of_model_ = false;
};

}  // namespace embscope
