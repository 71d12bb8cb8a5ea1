// Kernels and file systems that refuse a call: a seccomp filter of a child answers in their place.
#include <array>
#include <cerrno>
#include <cstddef>
#include <functional>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test_folder.h"

namespace embscope {
namespace {

// From now on in this process `call` fails with `error` where its argument (its low 32 bits) has one of `bits`, or
// has none.
bool refuse(unsigned call, unsigned argument, unsigned bits, bool set, int error) {
  const auto at = static_cast<unsigned>(offsetof(seccomp_data, args) + 8 * argument);
  const unsigned char refused_if_set = set ? 0 : 1, refused_if_not = set ? 1 : 0;
  std::array<sock_filter, 6> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, refused_if_set, refused_if_not),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{filter.size(), filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

constexpr int no_filter = 77;  // an emulator has none

// The exit status of a child that does this.
int status_of(const std::function<int()>& action) {
  const pid_t child = fork();
  if (child == 0) _exit(action());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

TEST_F(Files, a_file_system_that_cannot_map_is_read) {
  const std::string bytes = std::string(300000, 'x') + "end";
  write(folder_ / "a", bytes);
  write(folder_ / "empty", "");
  const int status = status_of([&] {
    if (!refuse(SYS_mmap, 3, MAP_ANONYMOUS, false, ENODEV)) return no_filter;
    const MappedFile file(folder_ / "a"), empty(folder_ / "empty");
    if (file.text() != bytes || !empty.bytes().empty()) return 1;
    read_ahead(file.bytes().data(), bytes.size());
    release_pages(file.bytes().data(), bytes.size());
    check_mapping(file.bytes().data());
    return file.text() == bytes ? 0 : 2;
  });
  if (status == no_filter) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(status, 0);
}

// Before Linux 3.11, and on some file systems, O_TMPFILE is a folder that is opened to write.
TEST_F(Files, where_no_file_is_without_a_name_it_gets_one_until_the_commit) {
  write(folder_ / "a", "old");
  const int status = status_of([&] {
    if (!refuse(SYS_openat, 2, O_TMPFILE & ~O_DIRECTORY, true, EISDIR)) return no_filter;
    write(folder_ / "a", "new");
    AtomicFile never(folder_ / "b");
    return read(folder_ / "a") == "new" && names().size() == 2 ? 0 : 1;
  });
  if (status == no_filter) GTEST_SKIP() << "no seccomp here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace embscope
