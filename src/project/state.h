// A map's state as a file: values and arrays in the machine's own byte order, one after the other, and a hash at the
// end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/file.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

/// FNV-1a over words of 8 bytes.
std::uint64_t hash_of(std::string_view bytes);
std::uint64_t hash_of(const Tensor& vectors);  ///< hash of the shape and the values

class StateWriter {
 public:
  explicit StateWriter(std::filesystem::path path);

  template <class T>
  void value(const T& v) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&v), sizeof(T));
  }
  template <class T>
  void array(const std::vector<T>& v) {
    value(std::uint64_t{v.size()});
    bytes_.append(reinterpret_cast<const char*>(v.data()), v.size() * sizeof(T));
  }
  void commit();  ///< whole or not at all

 private:
  std::filesystem::path path_;
  std::string bytes_;
};

/// Reads what StateWriter wrote. Throws Error{not_found, io}, and Error{format} for a file that is not a state, is
/// damaged or truncated.
class StateReader {
 public:
  explicit StateReader(const std::filesystem::path& path);

  template <class T>
  void value(T& v) {
    static_assert(std::is_trivially_copyable_v<T>);
    copy(&v, sizeof(T));
  }
  template <class T>
  void array(std::vector<T>& v) {
    std::uint64_t size = 0;
    value(size);
    if (size > left() / sizeof(T)) damaged();
    v.resize(static_cast<std::size_t>(size));
    copy(v.data(), v.size() * sizeof(T));
  }

 private:
  std::size_t left() const { return end_ - at_; }
  void copy(void* to, std::size_t size);
  [[noreturn]] void damaged() const;

  std::filesystem::path path_;
  MappedFile file_;
  std::size_t at_ = 0, end_ = 0;
};

}  // namespace embscope
