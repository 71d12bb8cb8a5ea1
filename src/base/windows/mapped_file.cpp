// A mapped file cannot become shorter on Windows: the system refuses it. A mapped file on a network ends the
// program when the network fails, so files there are read into memory.
#include "base/file.h"

#include <cstdlib>
#include <new>
#include <string>

#include <io.h>
#include <windows.h>

#include "base/windows/path.h"
#include "base/windows/text.h"
#include "embscope/base/error.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;

bool is_remote(const fs::path& path) {
  const std::wstring whole = long_path(path);
  if (whole.starts_with(L"\\\\?\\UNC\\")) return true;
  return GetDriveTypeW(whole.substr(4, 3).c_str()) == DRIVE_REMOTE;  // of C:\ in \\?\C:\...
}

const std::byte* map(HANDLE file) {
  const HANDLE mapping = CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr);
  if (mapping == nullptr) return nullptr;
  const void* data = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
  CloseHandle(mapping);  // the view keeps it
  return static_cast<const std::byte*>(data);
}

const std::byte* read_whole(HANDLE file, const fs::path& path, std::size_t size) {
  auto* bytes = static_cast<std::byte*>(std::malloc(size));
  if (bytes == nullptr) throw std::bad_alloc();
  for (std::size_t have = 0; have < size;) {
    DWORD more = 0;
    const auto wanted = static_cast<DWORD>(std::min<std::size_t>(size - have, 1 << 30));
    const bool read = ReadFile(file, bytes + have, wanted, &more, nullptr) != 0;
    if (!read || more == 0) {
      const std::string why = read ? "it became shorter" : last_reason();
      std::free(bytes);
      throw Error(Code::io, path.string(), "cannot read: " + why);
    }
    have += more;
  }
  return bytes;
}

}  // namespace

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  const Descriptor descriptor = open_to_read(path);
  const auto file = reinterpret_cast<HANDLE>(_get_osfhandle(descriptor.number()));
  LARGE_INTEGER size;
  if (!GetFileSizeEx(file, &size)) throw Error(Code::io, path.string(), "cannot read: " + last_reason());
  size_ = static_cast<std::size_t>(size.QuadPart);
  if (size_ == 0) return;
  if (!is_remote(path)) data_ = map(file);
  read_ = data_ == nullptr;
  if (read_) data_ = read_whole(file, path, size_);
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  read_ ? std::free(const_cast<std::byte*>(data_)) : static_cast<void>(UnmapViewOfFile(data_));
}

void read_ahead(const std::byte* begin, std::size_t size) {
  WIN32_MEMORY_RANGE_ENTRY range{const_cast<std::byte*>(begin), size};
  PrefetchVirtualMemory(GetCurrentProcess(), 1, &range, 0);
}

// The working set of a process is what Windows itself takes from when memory is short: unlocking what was not locked
// takes these pages out of it at once.
void release_pages(const std::byte* begin, std::size_t size) { VirtualUnlock(const_cast<std::byte*>(begin), size); }

void check_mapping(const void*) {}

}  // namespace embscope
