#include "embscope/space.h"

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

// How people name a file of vectors: VECTORS[#TENSOR][:LABELS].
struct Source {
  fs::path vectors;
  std::string tensor, labels;
};

Source source_of(const std::string& text) {
  Source source{text, {}, {}};
  if (is_file(source.vectors)) return source;
  for (std::size_t colon = text.rfind(':'); colon != std::string::npos && colon > 0; colon = text.rfind(':', colon - 1)) {
    const std::string before = text.substr(0, colon);
    source = {before, {}, text.substr(colon + 1)};
    if (is_file(before)) return source;
    const std::size_t hash = before.rfind('#');
    if (hash == std::string::npos || !is_file(before.substr(0, hash))) continue;
    return {before.substr(0, hash), before.substr(hash + 1), text.substr(colon + 1)};
  }
  const std::size_t hash = text.rfind('#');
  if (hash != std::string::npos && is_file(text.substr(0, hash))) return {text.substr(0, hash), text.substr(hash + 1), {}};
  return {text, {}, {}};
}

std::vector<std::string> read_labels(const fs::path& path, std::int64_t rows) {
  const MappedFile file(path);
  std::string_view text = file.text();
  std::vector<std::string> labels;
  std::int64_t lines = 0;
  for (; !text.empty(); ++lines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (lines < rows) labels.push_back(visible(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (lines != rows)
    throw Error(Code::shape, path.filename().string(),
                fmt::format("{} labels for {} vectors: one line is needed for each", lines, rows));
  return labels;
}

// The matrix that is meant: the named tensor, or the only one with two axes.
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

Space from_archive(const Source& source) {
  const auto archive = Archive::open(source.vectors);
  Space space;
  space.name = source.vectors.filename().string();
  space.vectors = decode(matrix_of(*archive, source.tensor));
  if (!source.labels.empty()) {
    space.labels = read_labels(source.labels, space.size());
  } else {
    for (std::int64_t i = 0; i < space.size(); ++i) space.labels.push_back(fmt::format("<{}>", i));
  }
  return space;
}

Space from_words(const fs::path& path) {
  WordVectors read = read_word_vectors(path);
  Space space{path.filename().string(), std::move(read.vectors), std::move(read.words), nullptr};
  for (std::string& label : space.labels) label = visible(label);
  return space;
}

enum class Kind { model, archive, words };

Kind kind_of(const Source& source) {
  if (!is_file(source.vectors)) return Kind::model;
  const MappedFile file(source.vectors);
  const std::string_view bytes = file.text();
  const bool gguf = bytes.starts_with("GGUF"), npy = bytes.starts_with("\x93NUMPY"),
             safetensors = bytes.size() > 8 && bytes[8] == '{' && bytes[7] == 0;
  if (!source.tensor.empty() || !source.labels.empty() || npy) return Kind::archive;
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
  Space space = kind == Kind::archive ? from_archive(source) : from_words(source.vectors);
  check_finite(space);
  return space;
}

WordIndex::WordIndex(const Space& space) {
  std::size_t marked = 0;
  for (std::size_t i = 0; i < space.labels.size(); ++i) {
    rows_.try_emplace(space.labels[i], static_cast<std::int64_t>(i));
    marked += space.labels[i].starts_with(space_mark) ? 1 : 0;
  }
  spaced_ = marked * 10 > space.labels.size();
}

std::optional<std::int64_t> WordIndex::row(std::string_view text) const {
  const auto found = rows_.find(visible(text));
  return found == rows_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int64_t> WordIndex::find(std::string_view word) const {
  const std::string prefix = spaced_ && !word.starts_with(' ') ? " " : "";
  if (const auto found = row(prefix + std::string(word))) return found;
  return row(prefix + lower_case(word));
}

}  // namespace embscope
