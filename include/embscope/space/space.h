// Space: an embedding space: N labelled vectors of D values, with or without a model behind them.
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
  std::string name;                    ///< for people: the model's or the file's
  Tensor vectors;                      ///< [N, D]; every value finite
  std::vector<std::string> labels;     ///< N readable names: Model::label, or the file's words as `visible` shows them
  std::shared_ptr<const Model> model;  ///< null for a space read from a file of vectors

  std::int64_t size() const { return vectors.rows(); }
  std::int64_t width() const { return vectors.columns(); }
  Space clone() const;
};

/// The model's embedding matrix: row i is token i. Throws Error{range} when it holds NaN or infinity (says which row).
Space space_of(std::shared_ptr<const Model> model);

/// Opens by content:
///   a model (a folder, a .gguf, a .safetensors beside its config.json, a name in the cache): its embedding matrix;
///   Word2Vec, text or binary ("N D" in the first line); GloVe text (a word and its D values on each line);
///   VECTORS:LABELS: a matrix [N, D] in .npy, .npz, .safetensors or .gguf and a text file with N lines, one label each;
///   VECTORS#TENSOR:LABELS where the file holds more than one matrix. Without :LABELS rows are called <0>, <1>, ...
///   TensorBoard Projector's pair: a .tsv of numbers with tabs, and as LABELS (or beside vectors.tsv, named
///   metadata.tsv) its metadata: one column of labels, or several with their names in the first line, of which the
///   first is taken.
/// Sizes are checked against the file before anything is allocated for them. Throws Error{not_found, io, format,
/// unsupported, shape, range}: Error{shape} when labels and rows differ in number, Error{range} for NaN or infinity.
Space open_space(const std::string& path_or_name);

/// Whether `open_space` would read a file of vectors there, rather than a model.
bool holds_vectors(const std::string& path_or_name);

/// Rows that have a direction, and those of zeros, which have none.
struct DirectedRows {
  std::vector<std::int64_t> rows, zeros;
};
DirectedRows directed_rows(const Space& space, std::span<const std::int64_t> rows);

/// What to tell people when rows of zeros are left out: "1 vector is zero, has no direction and is left out: <pad>".
/// Empty for none.
std::string left_out_note(const Space& space, std::span<const std::int64_t> zeros);

/// Finds rows by word. A label is found as it is written, before the one with a space in front (of byte-level
/// tokenizers).
class WordIndex {
 public:
  explicit WordIndex(const Space& space);  ///< keeps no reference to the space

  /// The row whose label is `visible(text)`; of several equal labels the first.
  std::optional<std::int64_t> row(std::string_view text) const;

  /// The row of a word: as written; with a space in front, where many labels have one; in lower case (many published
  /// spaces hold lower case only), in the same order.
  std::optional<std::int64_t> find(std::string_view word) const;

  bool spaced() const { return spaced_; }  ///< whether words carry a leading space here

 private:
  std::unordered_map<std::string, std::int64_t> rows_;
  bool spaced_ = false, of_model_ = false;
};

}  // namespace embscope
