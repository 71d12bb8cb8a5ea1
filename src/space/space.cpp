#include "embscope/space/space.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "base/file.h"
#include "base/threads.h"
#include "files/word_vectors.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view space_mark = "␣";

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) && !fs::is_directory(path, error);
}

// The syntax for a file of vectors: VECTORS[#TENSOR][:LABELS].
struct Source {
  fs::path vectors;
  std::string tensor, labels;
};

Source source_of(const std::string& text) {
  Source source{text, {}, {}};
  if (is_file(source.vectors)) return source;
  for (std::size_t colon = text.rfind(':'); colon != std::string::npos && colon > 0;
       colon = text.rfind(':', colon - 1)) {
    const std::string before = text.substr(0, colon);
    source = {before, {}, text.substr(colon + 1)};
    if (is_file(before)) return source;
    const std::size_t hash = before.rfind('#');
    if (hash == std::string::npos || !is_file(before.substr(0, hash))) continue;
    return {before.substr(0, hash), before.substr(hash + 1), text.substr(colon + 1)};
  }
  const std::size_t hash = text.rfind('#');
  if (hash != std::string::npos && is_file(text.substr(0, hash)))
    return {text.substr(0, hash), text.substr(hash + 1), {}};
  return {text, {}, {}};
}

// The selected matrix: the named tensor, or the only one with two axes.
const View& matrix_of(const Archive& archive, const std::string& tensor) {
  const std::string where = archive.path().filename().string();
  std::vector<const Archive::Entry*> matrices;
  for (const auto& entry : archive.tensors()) {
    if (tensor.empty() ? entry.view.shape.rank() == 2 : entry.name == tensor) matrices.push_back(&entry);
  }
  if (matrices.empty() && !tensor.empty()) archive.at(tensor);  // throws with the nearest names
  if (matrices.size() > 1)
    throw Error(Code::usage, where,
                fmt::format("holds {} matrices: choose one as {}#{}", matrices.size(), where, matrices[0]->name));
  const View* view = matrices.empty() ? nullptr : &matrices[0]->view;
  if (view == nullptr || view->shape.rank() != 2 || view->shape.elements() == 0)
    throw Error(Code::shape, where,
                fmt::format("a matrix of vectors [N, D] is needed, found {}",
                            archive.tensors().empty() ? "no tensor" : archive.tensors()[0].view.shape.text()));
  const std::string& name = matrices[0]->name;
  if (archive.find(name + "_scale_inv") != nullptr || archive.find(name + "_scale") != nullptr)
    throw Error(Code::unsupported, where,
                fmt::format("tensor '{}' has factors beside it: open the model that it is part of", name));
  return *view;
}

void check_finite(const Space& space) {
  parallel_for(space.size(), 1024, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto row = space.vectors.row(i);
      if (std::ranges::all_of(row, [](float x) { return std::isfinite(x); })) continue;
      throw Error(Code::range, space.name,
                  fmt::format("vector {} ('{}') holds NaN or infinity", i, space.labels[static_cast<std::size_t>(i)]));
    }
  });
}

void take_labels(Space& space, const fs::path& labels) {
  if (labels.empty()) {
    for (std::int64_t i = 0; i < space.size(); ++i) space.labels.push_back(fmt::format("<{}>", i));
    return;
  }
  space.labels = read_labels(labels, space.size());
  for (std::string& label : space.labels) label = visible(label);
}

Space from_archive(const Source& source) {
  const auto archive = Archive::open(source.vectors);
  Space space;
  space.name = source.vectors.filename().string();
  space.vectors = decode(matrix_of(*archive, source.tensor));
  take_labels(space, source.labels);
  return space;
}

// TensorBoard's Projector calls its two files vectors.tsv and metadata.tsv.
fs::path metadata_beside(const fs::path& vectors) {
  std::string name = vectors.filename().string();
  const std::size_t at = name.rfind("vectors");
  if (vectors.extension() != ".tsv" || at == std::string::npos) return {};
  const fs::path metadata = vectors.parent_path() / name.replace(at, std::string_view("vectors").size(), "metadata");
  return is_file(metadata) ? metadata : fs::path();
}

Space from_words(const Source& source) {
  WordVectors read = read_word_vectors(source.vectors, !source.labels.empty());
  Space space{source.vectors.filename().string(), std::move(read.vectors), std::move(read.words), nullptr};
  if (read.format == "numbers") {
    take_labels(space, source.labels.empty() ? metadata_beside(source.vectors) : fs::path(source.labels));
  } else {
    for (std::string& label : space.labels) label = visible(label);
  }
  return space;
}

enum class Kind { model, archive, words };

Kind kind_of(const Source& source) {
  if (!is_file(source.vectors)) return Kind::model;
  const MappedFile file(source.vectors);
  const std::string_view bytes = file.text();
  const bool gguf = bytes.starts_with("GGUF"), npy = bytes.starts_with("\x93NUMPY"),
             npz = bytes.starts_with("PK\x03\x04") && source.vectors.extension() == ".npz",
             safetensors = bytes.size() > 8 && bytes[8] == '{' && bytes[7] == 0;
  if (npy || npz || !source.tensor.empty()) return Kind::archive;
  if (!source.labels.empty()) return gguf || safetensors ? Kind::archive : Kind::words;
  if (gguf || source.vectors.extension() == ".gguf") return Kind::model;
  if (safetensors) return fs::exists(source.vectors.parent_path() / "config.json") ? Kind::model : Kind::archive;
  return Kind::words;
}

std::string lower_case(std::string_view word) {
  std::string out(word);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

}  // namespace

Space Space::clone() const { return {name, vectors.clone(), labels, model}; }

Space space_of(std::shared_ptr<const Model> model) {
  Space space;
  space.name = model->name();
  const std::int64_t vocab = model->config().vocab;
  space.vectors = Tensor::uninitialised({vocab, model->config().width});
  parallel_for(vocab, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) model->weights().wte.row(i, space.vectors.row(i).data());
  });
  for (std::int64_t i = 0; i < vocab; ++i) space.labels.push_back(model->label(static_cast<TokenId>(i)));
  space.model = std::move(model);
  check_finite(space);
  return space;
}

Space open_space(const std::string& path_or_name) {
  const Source source = source_of(path_or_name);
  const Kind kind = kind_of(source);
  if (kind == Kind::model) return space_of(Model::open(path_or_name));
  Space space = kind == Kind::archive ? from_archive(source) : from_words(source);
  check_finite(space);
  return space;
}

bool holds_vectors(const std::string& path_or_name) { return kind_of(source_of(path_or_name)) != Kind::model; }

DirectedRows directed_rows(const Space& space, std::span<const std::int64_t> rows) {
  DirectedRows out;
  for (std::int64_t row : rows) {
    const bool zero = std::ranges::all_of(space.vectors.row(row), [](float x) { return x == 0; });
    (zero ? out.zeros : out.rows).push_back(row);
  }
  return out;
}

std::string left_out_note(const Space& space, std::span<const std::int64_t> zeros) {
  constexpr std::size_t most = 5;
  if (zeros.empty()) return "";
  std::string names;
  for (std::int64_t row : zeros.first(std::min(most, zeros.size())))
    names += (names.empty() ? "" : ", ") + space.labels[static_cast<std::size_t>(row)];
  const std::string_view more = zeros.size() > most ? ", ..." : "";
  return zeros.size() == 1
             ? fmt::format("1 vector is zero, has no direction and is left out: {}", names)
             : fmt::format("{} vectors are zero, have no direction and are left out: {}{}", zeros.size(), names, more);
}

WordIndex::WordIndex(const Space& space) {
  std::size_t marked = 0;
  for (std::size_t i = 0; i < space.labels.size(); ++i) {
    rows_.try_emplace(space.labels[i], static_cast<std::int64_t>(i));
    marked += space.labels[i].starts_with(space_mark) ? 1 : 0;
  }
  spaced_ = marked * 10 > space.labels.size();
  of_model_ = space.model != nullptr;
}

std::optional<std::int64_t> WordIndex::row(std::string_view text) const {
  const auto found = rows_.find(visible(text));
  return found == rows_.end() ? std::nullopt : std::optional(found->second);
}

// Most tokens of a model's text begin with a space; in a file of labels the exact label is meant.
std::optional<std::int64_t> WordIndex::find(std::string_view word) const {
  const std::string plain(word), lower = lower_case(word);
  const bool space_first = spaced_ && of_model_ && !word.starts_with(' ');
  for (const std::string& text : {plain, lower}) {
    const auto exact = space_first ? std::nullopt : row(text);
    if (exact) return exact;
    if (const auto spaced = row(" " + text)) return spaced;
  }
  return std::nullopt;
}

}  // namespace embscope
