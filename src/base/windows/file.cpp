#include "base/file.h"

#include <atomic>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <io.h>
#include <windows.h>

#include "base/windows/path.h"
#include "base/windows/text.h"
#include "embscope/base/error.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;

constexpr DWORD shared = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

HANDLE handle_of(const Descriptor& file) { return reinterpret_cast<HANDLE>(_get_osfhandle(file.number())); }

// A descriptor is what the C library makes of a handle; number() is -1, with the reason in GetLastError, if there is
// none.
Descriptor open_as(const fs::path& path, DWORD access, DWORD disposition) {
  const HANDLE handle =
      CreateFileW(long_path(path).c_str(), access, shared, nullptr, disposition, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (handle == INVALID_HANDLE_VALUE) return Descriptor();
  return Descriptor(_open_osfhandle(reinterpret_cast<std::intptr_t>(handle), _O_BINARY));
}

Descriptor open_regular(const fs::path& path, DWORD access, DWORD disposition) {
  expect_regular(path);
  Descriptor file = open_as(path, access, disposition);
  if (file.number() < 0) {
    const DWORD error = GetLastError();
    const bool reads = disposition == OPEN_EXISTING;
    const bool absent = error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND || error == ERROR_DIRECTORY;
    throw Error(reads && absent ? Code::not_found : Code::io, path.string(),
                (reads ? "cannot open: " : "cannot write: ") + last_reason());
  }
  if (GetFileType(handle_of(file)) != FILE_TYPE_DISK)
    throw Error(Code::io, path.string(), "is a device, not a regular file");
  return file;
}

// At `offset`, or at the file's own position. False with the reason in GetLastError.
bool write_all(const Descriptor& file, std::string_view bytes, const std::uint64_t* offset = nullptr) {
  std::uint64_t at = offset == nullptr ? 0 : *offset;
  while (!bytes.empty()) {
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(at);
    place.OffsetHigh = static_cast<DWORD>(at >> 32);
    DWORD written = 0;
    const auto size = static_cast<DWORD>(std::min<std::size_t>(bytes.size(), 1 << 30));
    if (!WriteFile(handle_of(file), bytes.data(), size, &written, offset == nullptr ? nullptr : &place)) return false;
    bytes.remove_prefix(written);
    at += written;
  }
  return true;
}

bool move_to(const Descriptor& file, std::uint64_t offset) {
  LARGE_INTEGER place;
  place.QuadPart = static_cast<LONGLONG>(offset);
  return SetFilePointerEx(handle_of(file), place, nullptr, FILE_BEGIN) != 0;
}

}  // namespace

Descriptor::~Descriptor() { close(); }

void Descriptor::close() {
  if (number_ >= 0) _close(std::exchange(number_, -1));
}

void expect_regular(const fs::path& path) {
  expect_name(path);
  const DWORD attributes = GetFileAttributesW(long_path(path).c_str());
  if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0)
    throw Error(Code::io, path.string(), "is a folder, a file is needed");
}

Descriptor open_to_read(const fs::path& path) { return open_regular(path, GENERIC_READ, OPEN_EXISTING); }

std::optional<Descriptor> hold(const fs::path& path) {
  Descriptor file = open_regular(path, GENERIC_READ | GENERIC_WRITE, OPEN_ALWAYS);
  OVERLAPPED begin{};
  if (LockFileEx(handle_of(file), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &begin)) return file;
  if (GetLastError() == ERROR_LOCK_VIOLATION || GetLastError() == ERROR_IO_PENDING) return std::nullopt;
  throw Error(Code::io, path.string(), "cannot be locked: " + last_reason());
}

GrowingFile::GrowingFile(fs::path path, std::uint64_t kept)
    : path_(std::move(path)), descriptor_(open_regular(path_, GENERIC_WRITE, kept == 0 ? CREATE_ALWAYS : OPEN_ALWAYS)) {
  move_to(descriptor_, kept);
}

void GrowingFile::start_over() {
  if (!move_to(descriptor_, 0) || !SetEndOfFile(handle_of(descriptor_)))
    throw Error(Code::io, path_.string(), "cannot be started over");
}

void GrowingFile::write(std::string_view bytes) {
  if (!write_all(descriptor_, bytes))
    throw Error(Code::io, path_.string(),
                "cannot write: " + last_reason() + "; what was written is kept: run the command again to continue");
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  expect_regular(path_);
  static std::atomic<unsigned> count = 0;
  temporary_ = path_;
  temporary_ += ".tmp-" + std::to_string(GetCurrentProcessId()) + "-" + std::to_string(count++);
  descriptor_ = open_as(temporary_, GENERIC_WRITE | DELETE, CREATE_NEW);
  if (descriptor_.number() < 0) fail("cannot write");
  named_ = true;
}

AtomicFile::~AtomicFile() {
  if (descriptor_.number() < 0) return;
  descriptor_.close();
  DeleteFileW(long_path(temporary_).c_str());
}

void AtomicFile::fail(const char* what) const {
  throw Error(Code::io, path_.string(), std::string(what) + ": " + last_reason());
}

void AtomicFile::write(std::string_view bytes) {
  if (!write_all(descriptor_, bytes)) fail("cannot write");
}

// WriteFile at an offset moves the position of the file, which write() goes on from.
void AtomicFile::write_at(std::uint64_t offset, std::string_view bytes) {
  LARGE_INTEGER nowhere{}, before{};
  const bool known = SetFilePointerEx(handle_of(descriptor_), nowhere, &before, FILE_CURRENT) != 0;
  if (!known || !write_all(descriptor_, bytes, &offset) ||
      !move_to(descriptor_, static_cast<std::uint64_t>(before.QuadPart)))
    fail("cannot write");
}

// A file that somebody maps cannot be replaced, but renamed: it makes room under a name that is_leftover knows, and
// goes when nobody uses it any more.
void AtomicFile::commit() {
  if (!FlushFileBuffers(handle_of(descriptor_))) fail("cannot write");
  descriptor_.close();
  const std::wstring from = long_path(temporary_), to = long_path(path_), aside = from + L"-0";
  bool placed = MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
  if (!placed && MoveFileExW(to.c_str(), aside.c_str(), 0)) {
    placed = MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_WRITE_THROUGH) != 0;
    placed ? DeleteFileW(aside.c_str()) : MoveFileExW(aside.c_str(), to.c_str(), 0);
  }
  if (placed) return;
  const std::string reason = last_reason();
  DeleteFileW(from.c_str());
  throw Error(Code::io, path_.string(), "cannot put the finished file in place: " + reason);
}

}  // namespace embscope
