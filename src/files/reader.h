// Archive with its mapping, and the checks that every format shares.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>

#include "base/file.h"
#include "embscope/files/archive.h"

namespace embscope {

class MappedArchive : public Archive {
 public:
  explicit MappedArchive(std::shared_ptr<const MappedFile> file, std::filesystem::path path);
  std::string_view format() const override { return format_; }

 protected:
  /// Throws Error{format} with this format's name in front.
  [[noreturn]] void refuse(const std::string& message) const;

  /// A tensor of the file: `offset` and `size` in bytes from the start of the file. Checks the name, the size against
  /// the shape and dtype, and the end against the file's.
  void add_tensor(std::string name, DType dtype, Shape shape, std::uint64_t offset, std::uint64_t size);

  /// Bytes that `shape` of `dtype` takes; refuses sizes that are not positive, do not fill whole blocks, or overflow.
  std::uint64_t bytes_of(const std::string& name, DType dtype, const Shape& shape) const;

  /// Refuses tensors that overlap. With `no_holes`, they must also cover first..last without a gap.
  void check_layout(std::uint64_t first, std::uint64_t last, bool no_holes) const;

  std::shared_ptr<const MappedFile> file_;
  std::string format_;
};

std::shared_ptr<const Archive> open_gguf(std::shared_ptr<const MappedFile> file, std::filesystem::path path);
std::shared_ptr<const Archive> open_safetensors(std::shared_ptr<const MappedFile> file, std::filesystem::path path);
std::shared_ptr<const Archive> open_pytorch(std::shared_ptr<const MappedFile> file, std::filesystem::path path);
std::shared_ptr<const Archive> open_npz(std::shared_ptr<const MappedFile> file, std::filesystem::path path);
std::shared_ptr<const Archive> open_npy(std::shared_ptr<const MappedFile> file, std::filesystem::path path);

/// A name from a file, shortened and made printable for an error message.
std::string shown(std::string_view name);

}  // namespace embscope
