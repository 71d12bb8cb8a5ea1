// Which files are opened: what a harness promises to open none, it can hold to that. Included by one source of a
// program, whose `open` then stands before the C library's.
#pragma once

#include <atomic>
#include <cstdarg>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "input.h"

namespace embscope::fuzz {

inline std::atomic<int> refusing_opens{0};

/// While it lives, whatever opens a file ends the run; the system's own (/proc, /sys, /dev) aside.
class NothingOpened {
 public:
  NothingOpened() { ++refusing_opens; }
  ~NothingOpened() { --refusing_opens; }
  NothingOpened(const NothingOpened&) = delete;
  NothingOpened& operator=(const NothingOpened&) = delete;
};

/// The folder of the model that is open: its own files may be read when they are first needed.
inline std::string own_folder = "/nowhere";

inline int opened(int folder, const char* path, int flags, mode_t mode) {
  const std::string_view name = path;
  const bool of_system = name.starts_with("/proc/") || name.starts_with("/sys/") || name.starts_with("/dev/");
  const bool own = name.starts_with(own_folder + "/") && name.find("..") == name.npos;
  if (refusing_opens > 0 && !of_system && !own) {
    refusing_opens = 0;
    broken(fmt::format("a file was opened: {}", name));
  }
  return static_cast<int>(syscall(SYS_openat, folder, path, flags, mode));
}

}  // namespace embscope::fuzz

#define EMBSCOPE_OPENS(folder, path, flags)                                                    \
  va_list list;                                                                                \
  va_start(list, flags);                                                                       \
  const auto mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(list, mode_t) : mode_t{0}; \
  va_end(list);                                                                                \
  return embscope::fuzz::opened(folder, path, flags, mode)

extern "C" {
int open(const char* path, int flags, ...) { EMBSCOPE_OPENS(AT_FDCWD, path, flags); }
int open64(const char* path, int flags, ...) { EMBSCOPE_OPENS(AT_FDCWD, path, flags); }
int openat(int folder, const char* path, int flags, ...) { EMBSCOPE_OPENS(folder, path, flags); }
int openat64(int folder, const char* path, int flags, ...) { EMBSCOPE_OPENS(folder, path, flags); }
}
