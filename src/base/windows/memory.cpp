#include "base/memory.h"

#include <algorithm>

#include <malloc.h>
#include <windows.h>

namespace embscope {

std::uint64_t memory_size() {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof(status);
  return GlobalMemoryStatusEx(&status) ? status.ullTotalPhys : 0;
}

// The limit of the job object that the process is in, such as a container's.
std::uint64_t memory_allowed() {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  std::uint64_t bytes = memory_size();
  if (!QueryInformationJobObject(nullptr, JobObjectExtendedLimitInformation, &limits, sizeof(limits), nullptr))
    return bytes;
  const DWORD flags = limits.BasicLimitInformation.LimitFlags;
  if ((flags & JOB_OBJECT_LIMIT_PROCESS_MEMORY) != 0) bytes = std::min<std::uint64_t>(bytes, limits.ProcessMemoryLimit);
  if ((flags & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0) bytes = std::min<std::uint64_t>(bytes, limits.JobMemoryLimit);
  return bytes;
}

void* allocate(std::size_t alignment, std::size_t bytes) { return _aligned_malloc(bytes, alignment); }

void give_back(void* memory) { _aligned_free(memory); }

void want_large_pages(void*, std::size_t) {}  // they need a right that users do not have

void offer_pages(void*, std::size_t) {}  // the heap's pages are its own

}  // namespace embscope
