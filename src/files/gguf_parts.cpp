#include "files/gguf_parts.h"

#include <fmt/format.h>

#include "files/reader.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t most_parts = 99999;  // five digits

std::uint64_t split_number(const Archive& archive, std::string_view key, std::uint64_t otherwise) {
  const MetaValue* value = archive.meta(key);
  if (value == nullptr) return otherwise;
  if (const auto* x = std::get_if<std::uint64_t>(value)) return *x;
  if (const auto* x = std::get_if<std::int64_t>(value); x != nullptr && *x >= 0) return static_cast<std::uint64_t>(*x);
  throw Error(Code::format, "gguf",
              fmt::format("{}: key '{}' is not a count", archive.path().filename().string(), key));
}

class GgufParts : public Archive {
 public:
  GgufParts(std::shared_ptr<const Archive> first, std::uint64_t count, const OpenPart& open) {
    path_ = first->path();
    metadata_ = first->metadata();
    parts_.push_back(std::move(first));
    for (std::uint64_t no = 1; no < count; ++no) parts_.push_back(part(no, count, open));
    for (const auto& part : parts_) take_tensors(*part);
    const std::uint64_t stated = split_number(*parts_[0], "split.tensors.count", tensors_.size());
    if (stated != tensors_.size())
      refuse(path_,
             fmt::format("says that its {} parts hold {} tensors, they hold {}", count, stated, tensors_.size()));
  }

  std::string_view format() const override { return "gguf"; }
  std::vector<fs::path> files() const override {
    std::vector<fs::path> paths;
    for (const auto& part : parts_) paths.push_back(part->path());
    return paths;
  }

 private:
  [[noreturn]] static void refuse(const fs::path& part, const std::string& message) {
    throw Error(Code::format, "gguf", part.filename().string() + ": " + message);
  }

  std::shared_ptr<const Archive> part(std::uint64_t no, std::uint64_t count, const OpenPart& open) const {
    const auto name = GgufPartName::of(path_);
    const fs::path path = name->path(no + 1);
    std::error_code error;
    if (!fs::exists(path, error))
      throw Error(Code::not_found, path.string(),
                  fmt::format("part {} of {} of a split GGUF is missing", no + 1, count));
    auto part = open(path);
    if (split_number(*part, "split.no", 0) != no || split_number(*part, "split.count", 1) != count)
      refuse(path, fmt::format("is not part {} of {} by its own keys split.no and split.count", no + 1, count));
    for (const auto& [key, value] : part->metadata()) {
      if (key.starts_with("split.")) continue;
      const MetaValue* own = meta(key);
      if (own == nullptr || *own != value) refuse(path, fmt::format("its key {} is not that of part 1", shown(key)));
    }
    return part;
  }

  void take_tensors(const Archive& part) {
    for (const Entry& entry : part.tensors()) {
      if (!index_.try_emplace(entry.name, tensors_.size()).second)
        refuse(part.path(), fmt::format("tensor {} is in an earlier part too", shown(entry.name)));
      tensors_.push_back(entry);
    }
  }

  std::vector<std::shared_ptr<const Archive>> parts_;
};

}  // namespace

// PREFIX-00001-of-00003.gguf
std::optional<GgufPartName> GgufPartName::of(const fs::path& path) {
  constexpr std::string_view pattern = "-00000-of-00000.gguf";
  const std::string name = path.filename().string();
  if (name.size() < pattern.size()) return {};
  const std::string_view end = std::string_view(name).substr(name.size() - pattern.size());
  std::uint64_t numbers[2] = {0, 0};
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool digit = end[i] >= '0' && end[i] <= '9';
    if (pattern[i] == '0' ? !digit : end[i] != pattern[i]) return {};
    if (pattern[i] == '0') numbers[i > 8] = 10 * numbers[i > 8] + static_cast<std::uint64_t>(end[i] - '0');
  }
  return GgufPartName{path.parent_path(), name.substr(0, name.size() - pattern.size()), numbers[0], numbers[1]};
}

fs::path GgufPartName::path(std::uint64_t part) const {
  return folder / fmt::format("{}-{:05}-of-{:05}.gguf", prefix, part, count);
}

std::shared_ptr<const Archive> with_other_parts(std::shared_ptr<const Archive> first, const OpenPart& open) {
  const std::uint64_t count = split_number(*first, "split.count", 1), no = split_number(*first, "split.no", 0);
  if (count <= 1) return first;
  const fs::path path = first->path();
  if (count > most_parts || no >= count)
    throw Error(Code::format, "gguf",
                fmt::format("{}: says that it is part {} of {}", path.filename().string(), no + 1, count));
  const auto name = GgufPartName::of(path);
  if (!name || name->number != no + 1 || name->count != count)
    throw Error(Code::usage, path.string(),
                fmt::format("is part {} of {} of a split GGUF, whose name must end in -{:05}-of-{:05}.gguf, so that "
                            "the other parts can be found",
                            no + 1, count, no + 1, count));
  if (no > 0)
    throw Error(Code::usage, path.string(),
                fmt::format("is part {} of {} of a split GGUF: open its first part, {}", no + 1, count,
                            name->path(1).string()));
  return std::make_shared<const GgufParts>(std::move(first), count, open);
}

}  // namespace embscope
