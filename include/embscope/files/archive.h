// Archive: a memory-mapped file of named tensors (safetensors, GGUF, npy) with its metadata.
// Lifetime: views and strings point into the mapping and live as long as the Archive.
// Thread rule: immutable once opened.
//
// Guarantees for untrusted files: every count, size, offset, type, alignment and length is checked with
// overflow-checked arithmetic before it is used and before any allocation that depends on it; every mistake becomes one
// Error{format}; no byte outside the file is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "embscope/tensor/tensor.h"

namespace embscope {

/// A metadata value. Arrays of strings are views into the file; numbers are widened.
using MetaValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view,
                               std::vector<std::string_view>, std::vector<double>, std::vector<std::int64_t>>;

class Archive {
 public:
  /// Opens by content, not by name: GGUF v2/v3 (for a file in parts, the first part), safetensors, .npy. Throws
  /// Error{not_found, io, format, unsupported}, Error{usage} for a later part.
  static std::shared_ptr<const Archive> open(const std::filesystem::path& path);
  virtual ~Archive() = default;

  virtual std::string_view format() const = 0;  ///< "gguf", "safetensors" or "npy"
  const std::filesystem::path& path() const { return path_; }
  virtual std::vector<std::filesystem::path> files() const { return {path_}; }  ///< for a GGUF in parts, all parts

  struct Entry {
    std::string name;
    View view;
  };
  const std::vector<Entry>& tensors() const { return tensors_; }  ///< in the file's order
  const View* find(std::string_view name) const;                  ///< null when absent
  const View& at(std::string_view name) const;                    ///< throws Error{not_found} with the nearest names
  const MetaValue* meta(std::string_view key) const;              ///< null when absent
  const std::map<std::string, MetaValue, std::less<>>& metadata() const { return metadata_; }

 protected:
  std::filesystem::path path_;
  std::vector<Entry> tensors_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::map<std::string, MetaValue, std::less<>> metadata_;
};

/// An array to write. Integer arrays are written as int64; floats as `dtype`: f32, f16 (.npz, .npy, .safetensors) or
/// bf16 (.safetensors), rounded to nearest, ties to even.
struct NamedArray {
  std::string name;
  Shape shape;
  std::variant<std::span<const float>, std::span<const std::int64_t>> values;
  DType dtype = DType::f32;
};

/// Writes arrays by the path's extension: .npz (stored zip of .npy), .npy (exactly one array), .safetensors, .json
/// (nested lists by name). The file is written under a temporary name and renamed, so that there is always the old file
/// or the complete new one. Throws Error{usage} for another extension or a dtype that the format cannot store,
/// Error{range} for a finite value too large for its dtype, Error{io} when the disk is full or the folder read-only.
void write_arrays(const std::filesystem::path& path, std::span<const NamedArray> arrays);

/// The same guarantee for any bytes.
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// Call it before long work for a file: throws Error{io} if `write_file` would, and leaves no file.
void expect_writable(const std::filesystem::path& path);

/// The same for `write_arrays`; Error{usage} for an extension that it cannot write.
void expect_arrays(const std::filesystem::path& path);

/// Creates a folder and its parents if they do not exist. Throws Error{io}.
void make_folder(const std::filesystem::path& folder);

/// Up to three of `names` nearest to `wanted` by edit distance: "; did you mean 'a', 'b'?", or an empty string if none
/// is near.
std::string nearest_names(std::string_view wanted, const std::vector<std::string>& names);

}  // namespace embscope
