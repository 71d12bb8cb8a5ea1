#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/checked.h"
#include "files/foreign.h"
#include "files/pytorch.h"
#include "files/reader.h"

namespace embscope {
namespace {

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

std::string looks_like(std::string_view bytes) {
  if (bytes.empty()) return "the file is empty";
  if (std::string foreign = foreign_format(bytes); !foreign.empty()) return foreign;
  if (begins_like_word_vectors(bytes))
    return "this holds word vectors, and is not a model: similar, neighbours, geometry, analogy, compare and map open "
           "it";
  return "neither GGUF, safetensors nor npy";
}

bool may_be_safetensors(std::string_view bytes) { return bytes.size() >= 9 && bytes[8] == '{'; }

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest_names(std::string_view wanted, const std::vector<std::string>& names) {
  if (wanted.size() > 200) return "";
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const std::string& name : names) {
    if (name.size() > 200) continue;
    const std::size_t distance = edit_distance(wanted, name);
    if (distance <= std::max<std::size_t>(2, wanted.size() / 3)) near.emplace_back(distance, name);
  }
  std::sort(near.begin(), near.end());
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, near.size()); ++i)
    text += fmt::format("{}'{}'", i == 0 ? "; did you mean " : ", ", near[i].second);
  return text.empty() ? "" : text + "?";
}

std::string shown(std::string_view name) {
  std::string out = "'";
  for (unsigned char c : name.substr(0, 80))
    out += c >= 0x20 && c != 0x7f ? std::string(1, static_cast<char>(c)) : fmt::format("\\x{:02x}", c);
  return out + (name.size() > 80 ? "...'" : "'");
}

namespace {

std::shared_ptr<const Archive> open_by_content(std::shared_ptr<const MappedFile> file,
                                               const std::filesystem::path& path) {
  const std::string_view bytes = file->text();
  if (starts_with(bytes, "GGUF")) return open_gguf(std::move(file), path);
  if (starts_with(bytes, "\x93NUMPY")) return open_npy(std::move(file), path);
  if (starts_with(bytes, "PK\x03\x04") && path.extension() == ".npz") return open_npz(std::move(file), path);
  if (is_pytorch(bytes)) return open_pytorch(std::move(file), path);
  if (may_be_safetensors(bytes) || path.extension() == ".safetensors") {
    if (bytes.size() < 8 || starts_with(bytes, "version https://git-lfs"))
      throw Error(Code::format, path.string(),
                  bytes.size() < 8 && !bytes.empty() ? "a safetensors file of fewer than 8 bytes" : looks_like(bytes));
    return open_safetensors(std::move(file), path);
  }
  throw Error(Code::format, path.string(), looks_like(bytes));
}

}  // namespace

std::shared_ptr<const Archive> Archive::open(const std::filesystem::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  try {
    auto archive = open_by_content(file, path);
    check_mapping(file->bytes().data());
    return archive;
  } catch (const Error&) {
    check_mapping(file->bytes().data());  // its current content is not the cause of the error
    throw;
  }
}

const View* Archive::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second].view;
}

const View& Archive::at(std::string_view name) const {
  if (const View* view = find(name)) return *view;
  std::vector<std::string> names;
  names.reserve(tensors_.size());
  for (const Entry& entry : tensors_) names.push_back(entry.name);
  throw Error(Code::not_found, path_.filename().string(),
              fmt::format("no tensor '{}'{}", name, nearest_names(name, names)));
}

const MetaValue* Archive::meta(std::string_view key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? nullptr : &found->second;
}

MappedArchive::MappedArchive(std::shared_ptr<const MappedFile> file, std::filesystem::path path)
    : file_(std::move(file)) {
  path_ = std::move(path);
}

void MappedArchive::refuse(const std::string& message) const {
  throw Error(Code::format, format_, path_.filename().string() + ": " + message);
}

std::uint64_t MappedArchive::bytes_of(const std::string& name, DType dtype, const Shape& shape) const {
  std::uint64_t rows = 1, elements = 1, row = 0, bytes = 0;  // each must fit, also where another is zero
  for (std::int64_t size : shape) {
    if (size < 0) refuse(fmt::format("tensor {}: a size of {}", shown(name), size));
    rows = elements;
    if (!checked_multiply(elements, static_cast<std::uint64_t>(size), elements) || rows > INT64_MAX)
      refuse(fmt::format("tensor {}: {} elements overflow 64 bits", shown(name), shape.text()));
  }
  if (shape.last() % block_size(dtype) != 0) {
    refuse(fmt::format("tensor {}: rows of {} are not whole blocks of {} ({})", shown(name), shape.last(),
                       block_size(dtype), embscope::name(dtype)));
  }
  if (!checked_multiply(static_cast<std::uint64_t>(shape.last() / block_size(dtype)),
                        static_cast<std::uint64_t>(block_bytes(dtype)), row) ||
      row > INT64_MAX || !checked_multiply(rows, row, bytes) || bytes > INT64_MAX) {
    refuse(fmt::format("tensor {}: {} of {} overflow 63 bits", shown(name), shape.text(), embscope::name(dtype)));
  }
  return bytes;
}

void MappedArchive::add_tensor(std::string name, DType dtype, Shape shape, std::uint64_t offset, std::uint64_t size) {
  std::uint64_t end = 0;
  const std::uint64_t total = file_->bytes().size();
  if (!checked_add(offset, size, end) || end > total) {
    refuse(fmt::format("tensor {}: needs bytes {}..{}, the file has {}", shown(name), offset,
                       checked_add(offset, size, end) ? fmt::format("{}", end) : "beyond 2^64", total));
  }
  if (!index_.try_emplace(name, tensors_.size()).second) refuse(fmt::format("tensor {} occurs twice", shown(name)));
  tensors_.push_back({std::move(name), {file_->bytes().data() + offset, dtype, std::move(shape)}});
}

void MappedArchive::check_layout(std::uint64_t first, std::uint64_t last, bool no_holes) const {
  struct Span {
    std::uint64_t begin, end;
    const std::string* name;
  };
  std::vector<Span> spans;
  for (const Entry& entry : tensors_) {
    const auto begin = static_cast<std::uint64_t>(entry.view.data - file_->bytes().data());
    if (entry.view.shape.elements() > 0)
      spans.push_back({begin, begin + static_cast<std::uint64_t>(entry.view.bytes()), &entry.name});
  }
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  std::uint64_t at = first;
  for (const Span& span : spans) {
    if (span.begin < at) refuse(fmt::format("tensor {} overlaps the one before it", shown(*span.name)));
    if (no_holes && span.begin > at) refuse(fmt::format("bytes {}..{} belong to no tensor", at, span.begin));
    at = span.end;
  }
  if (no_holes && at != last) refuse(fmt::format("bytes {}..{} belong to no tensor", at, last));
}

}  // namespace embscope
