// Another process may truncate a mapped file, and a disk may fail: then a read causes SIGBUS, which ends the process.
// Here the missing pages become zeros and the mapping is flagged; the decoding code checks the flag (check_mapping) and
// throws an Error. Other bus errors are handled as before.
#include "base/file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "embscope/base/error.h"

namespace embscope {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

// All mappings, readable from a signal handler: no lock, no allocation.
struct Slot {
  std::atomic<const MappedFile*> owner = nullptr;
  std::atomic<std::uintptr_t> begin = 0;
  std::atomic<std::size_t> size = 0;
  std::atomic<bool> cut = false;

  bool holds(std::uintptr_t at) const { return owner != nullptr && at >= begin && at - begin < size; }
};

std::array<Slot, 1024> slots;  // further mappings work, but are not watched
std::atomic<bool> any_cut = false;
struct sigaction before {};
const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));

void on_bus_error(int signal, siginfo_t* info, void*) {
  const int error = errno;
  const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (Slot& slot : slots) {
    if (!slot.holds(at)) continue;
    const std::uintptr_t from = at / page * page;
    if (mmap(reinterpret_cast<void*>(from), slot.begin + slot.size - from, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
      break;
    slot.cut = true;
    any_cut = true;
    errno = error;
    return;
  }
  sigaction(signal, &before, nullptr);    // not ours: the read is repeated and ends as it would have
  if (info->si_code <= 0) raise(signal);  // sent by a process: nothing is repeated
}

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, &before);
  });
}

void watch(const MappedFile* owner, const std::byte* data, std::size_t size) {
  install_handler();
  for (Slot& slot : slots) {
    const MappedFile* nobody = nullptr;
    if (!slot.owner.compare_exchange_strong(nobody, owner)) continue;
    slot.cut = false;
    slot.begin = reinterpret_cast<std::uintptr_t>(data);
    slot.size = size;
    return;
  }
}

void forget(const MappedFile* owner) {
  for (Slot& slot : slots) {
    if (slot.owner != owner) continue;
    slot.size = 0;
    slot.owner = nullptr;
  }
}

// In place of a mapping, for file systems that have none (some on networks and in user space).
const std::byte* read_whole(const Descriptor& file, const std::filesystem::path& path, std::size_t size) {
  auto* bytes = static_cast<std::byte*>(std::malloc(size));
  if (bytes == nullptr) throw std::bad_alloc();
  for (std::size_t have = 0; have < size;) {
    const ssize_t more = pread(file.number(), bytes + have, size - have, static_cast<off_t>(have));
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) {
      const std::string why = more == 0 ? "it became shorter" : reason(errno);
      std::free(bytes);
      throw Error(Code::io, path.string(), "cannot read: " + why);
    }
    have += static_cast<std::size_t>(more);
  }
  return bytes;
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const Descriptor file = open_to_read(path);
  struct stat status {};
  if (fstat(file.number(), &status) != 0) throw Error(Code::io, path.string(), "cannot read: " + reason(errno));
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* mapped = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.number(), 0);
  if (mapped == MAP_FAILED && errno == ENOMEM)
    throw Error(Code::io, path.string(), "cannot map into memory: " + reason(errno));
  read_ = mapped == MAP_FAILED;
  data_ = read_ ? read_whole(file, path, size_) : static_cast<const std::byte*>(mapped);
  if (!read_) watch(this, data_, size_);
}

MappedFile::~MappedFile() {
  auto* data = const_cast<std::byte*>(data_);
  if (read_) std::free(data);
  if (read_ || data == nullptr) return;
  forget(this);
  munmap(data, size_);
}

void read_ahead(const std::byte* begin, std::size_t size) {
  const auto at = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t first = at / page * page;
  madvise(reinterpret_cast<void*>(first), at + size - first, MADV_WILLNEED);
}

void release_pages(const std::byte* begin, std::size_t size) {
  const auto at = reinterpret_cast<std::uintptr_t>(begin);
  // Of memory that is not a mapping, the bytes would be lost.
  if (std::ranges::none_of(slots, [at](const Slot& slot) { return slot.holds(at); })) return;
  const std::uintptr_t first = (at + page - 1) / page * page, last = (at + size) / page * page;  // whole pages only
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

void check_mapping(const void* data) {
  if (!any_cut) return;
  for (const Slot& slot : slots) {
    if (slot.cut && slot.holds(reinterpret_cast<std::uintptr_t>(data)))
      throw Error(Code::io, slot.owner.load()->path().string(),
                  "became shorter or unreadable while it was in use: open it again");
  }
}

}  // namespace embscope
