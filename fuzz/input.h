// What the harnesses share: bytes as a file, and the promise that they hold the library to.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include "embscope/base/error.h"

namespace embscope::fuzz {

/// Ends the run as a finding.
[[noreturn]] inline void broken(std::string_view what) {
  fmt::print(stderr, "BROKEN PROMISE: {}\n", what);
  std::abort();
}

inline void hold(bool condition, std::string_view what) {
  if (!condition) broken(what);
}

/// Untrusted input either works or becomes one Error with a message and a place; anything else that is thrown ends the
/// run. Returns whether it worked.
template <class F>
bool works_or_is_refused(F&& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    const std::string_view what = error.what();
    hold(!error.message().empty() && !error.where().empty(), "an error without a message or a place");
    hold(what.size() < 10000, "a message of more than 10000 bytes");
    return false;
  }
}

/// A regular file in memory, under /proc/self/fd.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    hold(descriptor_ >= 0, "no memory file");
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      hold(written > 0, "the memory file is full");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::filesystem::path path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  int descriptor_;
};

/// A folder of this process, in memory where there is /dev/shm; it goes away at the end.
class Folder {
 public:
  Folder() {
    const std::filesystem::path shm = "/dev/shm";
    path_ = (std::filesystem::exists(shm) ? shm : std::filesystem::temp_directory_path()) /
            fmt::format("embscope-fuzz-{}", getpid());
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  void put(const char* name, std::string_view bytes) const { std::ofstream(path_ / name, std::ios::binary) << bytes; }

 private:
  std::filesystem::path path_;
};

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace embscope::fuzz
