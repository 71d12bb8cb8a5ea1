// Files: mapped for reading; written under a temporary name and renamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace embscope {

/// An open file that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  int number() const { return number_; }
  void close();

 private:
  int number_;
};

/// Opens a regular file to read, without waiting: opening a named pipe would wait for its other end, and opening a
/// device can have effects. Both are refused with their kind. Throws Error{not_found, io}.
Descriptor open_to_read(const std::filesystem::path& path);

/// The file, made where it is missing, while no other process holds it; else nothing. The system releases it when the
/// process ends, however it ends. Throws Error{io}.
std::optional<Descriptor> hold(const std::filesystem::path& path);

/// A file that grows at its end, and stays as far as it came: a download that may be continued. Throws Error{io}.
class GrowingFile {
 public:
  GrowingFile(std::filesystem::path path, std::uint64_t kept);  ///< of what is there, the first `kept` bytes stay
  void write(std::string_view bytes);
  void start_over();

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
};

/// Throws Error{io} if `path` exists and is not a regular file: a folder, a named pipe, a device, a socket; and if it
/// is a name that the system has for something else or for nothing (`con`, a trailing dot: Windows).
void expect_regular(const std::filesystem::path& path);

/// A file mapped read-only, or read into memory where that cannot be done. Throws what open_to_read throws.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  bool read_ = false;  ///< the bytes are a copy in memory
};

/// Call it after reading mapped bytes at `data`: throws Error{io} if their file was truncated (or its disk failed)
/// after it was mapped, so that zeros were read. Costs one load in the normal case. A cut within the last remaining
/// page cannot be detected.
void check_mapping(const void* data);

/// Asks the system to read mapped bytes in advance.
void read_ahead(const std::byte* begin, std::size_t size);

/// Releases the bytes of a MappedFile from this process's memory until they are read again; other bytes stay.
void release_pages(const std::byte* begin, std::size_t size);

/// Becomes `path` completely at `commit`, or leaves no file (see `is_leftover`). Throws Error{io}, naming the path.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  void write_at(std::uint64_t offset, std::string_view bytes);  ///< does not change the position of `write`
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;
  std::filesystem::path path_, temporary_;
  Descriptor descriptor_;
  bool named_ = false;  ///< whether `temporary_` exists
};

/// Whether this is a temporary name of an AtomicFile: a process that is killed during `commit` can leave such a file,
/// complete, beside the target.
bool is_leftover(const std::filesystem::path& path);

}  // namespace embscope
