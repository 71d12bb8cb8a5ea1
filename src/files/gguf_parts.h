// A GGUF in several files, as llama.cpp's gguf-split writes it: NAME-00001-of-00003.gguf holds the metadata and the
// first tensors, the others tensors only; split.no (from 0), split.count and split.tensors.count say so in each.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "embscope/files/archive.h"

namespace embscope {

/// The part number (from 1), the number of parts, and the names of the other parts, from a file's name.
struct GgufPartName {
  std::filesystem::path folder;
  std::string prefix;
  std::uint64_t number = 0, count = 0;

  static std::optional<GgufPartName> of(const std::filesystem::path& path);
  std::filesystem::path path(std::uint64_t part) const;
};

using OpenPart = std::function<std::shared_ptr<const Archive>(const std::filesystem::path&)>;

/// `first` itself if it is complete; if it is part 1 of several, one archive of all parts. Throws Error{usage} naming
/// part 1 for another part, Error{not_found} for one that is missing, Error{format} for parts that do not belong
/// together.
std::shared_ptr<const Archive> with_other_parts(std::shared_ptr<const Archive> first, const OpenPart& open);

}  // namespace embscope
