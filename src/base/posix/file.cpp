#include "base/file.h"

#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embscope/base/error.h"

namespace embscope {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

void check_kind(const std::filesystem::path& path, mode_t mode) {
  if (S_ISREG(mode)) return;
  if (S_ISDIR(mode)) throw Error(Code::io, path.string(), "is a folder, a file is needed");
  const char* kind = S_ISFIFO(mode) ? "a named pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
  throw Error(Code::io, path.string(), std::string("is ") + kind + ", not a regular file");
}

}  // namespace

Descriptor::~Descriptor() { close(); }

void Descriptor::close() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

void expect_regular(const std::filesystem::path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) check_kind(path, status.st_mode);
}

namespace {

// Checked before it is opened, because opening a device can have effects; and after, because it may have changed in
// between.
Descriptor open_regular(const std::filesystem::path& path, int flags) {
  expect_regular(path);
  Descriptor file(open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC, 0666));
  if (file.number() < 0) {
    const bool reads = (flags & O_ACCMODE) == O_RDONLY, absent = errno == ENOENT || errno == ENOTDIR;
    throw Error(reads && absent ? Code::not_found : Code::io, path.string(),
                (reads ? "cannot open: " : "cannot write: ") + reason(errno));
  }
  struct stat status {};
  if (fstat(file.number(), &status) != 0) throw Error(Code::io, path.string(), "cannot open: " + reason(errno));
  check_kind(path, status.st_mode);
  return file;
}

// False with the reason in errno.
bool write_all(const Descriptor& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Descriptor open_to_read(const std::filesystem::path& path) { return open_regular(path, O_RDONLY); }

std::optional<Descriptor> hold(const std::filesystem::path& path) {
  Descriptor file = open_regular(path, O_RDWR | O_CREAT);
  if (flock(file.number(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno == EWOULDBLOCK) return std::nullopt;
  throw Error(Code::io, path.string(), "cannot be locked: " + reason(errno));
}

GrowingFile::GrowingFile(std::filesystem::path path, std::uint64_t kept)
    : path_(std::move(path)), descriptor_(open_regular(path_, O_WRONLY | O_CREAT | (kept == 0 ? O_TRUNC : 0))) {
  lseek(descriptor_.number(), static_cast<off_t>(kept), SEEK_SET);
}

void GrowingFile::start_over() {
  if (ftruncate(descriptor_.number(), 0) != 0 || lseek(descriptor_.number(), 0, SEEK_SET) != 0)
    throw Error(Code::io, path_.string(), "cannot be started over");
}

void GrowingFile::write(std::string_view bytes) {
  if (!write_all(descriptor_, bytes))
    throw Error(Code::io, path_.string(),
                "cannot write: " + reason(errno) + "; what was written is kept: run the command again to continue");
}

namespace {

constexpr const char* own_files = "/proc/self/fd/";

// A file in this folder that has no name until the commit: a killed process leaves nothing. Not every file system can
// do it, and only Linux of version 3.11 and later, where /proc is mounted, through which it gets its name.
Descriptor unnamed_file([[maybe_unused]] const std::filesystem::path& folder) {
#ifdef O_TMPFILE
  if (access(own_files, X_OK) != 0) return Descriptor();
  return Descriptor(open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666));
#else
  return Descriptor();
#endif
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  expect_regular(path_);  // a rename would replace /dev/null by a file
  static std::atomic<unsigned> count = 0;
  temporary_ = path_;
  temporary_ += ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(count++);
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  descriptor_ = unnamed_file(folder);
  if (descriptor_.number() >= 0) return;
  named_ = true;
  descriptor_ = Descriptor(open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (descriptor_.number() < 0) fail("cannot write");
}

AtomicFile::~AtomicFile() {
  if (descriptor_.number() >= 0 && named_) unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* what) const {
  throw Error(Code::io, path_.string(), std::string(what) + ": " + reason(errno));
}

void AtomicFile::write(std::string_view bytes) {
  if (!write_all(descriptor_, bytes)) fail("cannot write");
}

void AtomicFile::write_at(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(descriptor_.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

void AtomicFile::commit() {
  if (fsync(descriptor_.number()) != 0) fail("cannot write");
  if (!named_) {
    const std::string handle = own_files + std::to_string(descriptor_.number());
    if (linkat(AT_FDCWD, handle.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) != 0)
      fail("cannot name the finished file");
    named_ = true;
  }
  if (rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot put the finished file in place");
  descriptor_.close();
}

}  // namespace embscope
