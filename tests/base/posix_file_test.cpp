// Files as POSIX has them: pipes and devices, signals, limits, permissions.
#include <algorithm>
#include <csignal>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test_folder.h"

namespace embscope {
namespace {

// root may write anywhere: what the permissions say is seen by an ordinary user only.
class OrdinaryUser {
 public:
  OrdinaryUser() {
    if (was_ == 0 && seteuid(65534) != 0) throw std::runtime_error("cannot become an ordinary user");
  }
  ~OrdinaryUser() {
    if (was_ == 0 && seteuid(0) != 0) std::abort();
  }

 private:
  const uid_t was_ = geteuid();
};

// Opening a named pipe to read waits for somebody who writes; a test that hangs here has found one that is opened.
TEST_F(Files, only_regular_files_are_opened_and_at_once) {
  const fs::path pipe = folder_ / "pipe", link = folder_ / "link", socket_path = folder_ / "socket";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  fs::create_symlink(pipe, link);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(socket_path.native().size(), sizeof(address.sun_path));
  std::ranges::copy(socket_path.native(), address.sun_path);
  const Descriptor server(socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(bind(server.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  for (const fs::path& path : {pipe, link, socket_path, fs::path("/dev/null"), fs::path("/dev/zero"), folder_}) {
    expect_error(Code::io, path, [&] { MappedFile file(path); });
    expect_error(Code::io, path, [&] { open_to_read(path); });
    expect_error(Code::io, path, [&] { hold(path); });
    expect_error(Code::io, path, [&] { GrowingFile(path, 0); });
  }
}

TEST_F(Files, nothing_is_put_in_the_place_of_what_is_no_regular_file) {
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const fs::path& path : {pipe, fs::path("/dev/null")}) {
    expect_error(Code::io, path, [&] { AtomicFile file(path); });
    EXPECT_FALSE(fs::is_regular_file(path));
  }
  EXPECT_EQ(names(), std::set<std::string>{"pipe"});
}

TEST_F(Files, a_writer_that_is_killed_leaves_the_old_file_alone) {
  write(folder_ / "a", "old");
  const pid_t child = fork();
  if (child == 0) {
    AtomicFile file(folder_ / "a");
    file.write("new, but killed");
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(read(folder_ / "a"), "old");
  EXPECT_LE(names().size(), 2u);  // a file system without O_TMPFILE keeps what was half written, under its other name
}

TEST_F(Files, a_file_that_becomes_shorter_while_it_is_mapped_is_an_error_and_no_bus_error) {
  write(folder_ / "a", std::string(100000, 'x'));
  write(folder_ / "b", std::string(100000, 'y'));
  const MappedFile a(folder_ / "a"), b(folder_ / "b");
  check_mapping(a.bytes().data());
  fs::resize_file(folder_ / "a", 10000);
  EXPECT_EQ(a.text()[5000], 'x');
  check_mapping(a.bytes().data());  // nobody has met the hole yet
  EXPECT_EQ(a.text()[99999], '\0');
  expect_error(Code::io, folder_ / "a", [&] { check_mapping(a.bytes().data()); });
  EXPECT_EQ(b.text()[99999], 'y');
  check_mapping(b.bytes().data());  // other files are as good as before
}

TEST_F(Files, a_bus_error_of_someone_else_stays_one) {
  write(folder_ / "a", "x");
  const MappedFile ours(folder_ / "a");  // the handler is in place
  auto ended_by_it = [](int status) {
    return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
  };  // sanitizers have their own
  EXPECT_EXIT(raise(SIGBUS), ended_by_it, "");
}

TEST_F(Files, a_full_disk_leaves_the_old_file) {
  write(folder_ / "a", "old");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);  // then write() fails as on a full disk
  const rlimit small{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  expect_error(Code::io, folder_ / "a", [&] { write(folder_ / "a", std::string(100000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(read(folder_ / "a"), "old");
  EXPECT_EQ(names(), std::set<std::string>{"a"});
}

TEST_F(Files, a_read_only_folder_is_an_error_that_names_the_file) {
  fs::permissions(folder_,
                  fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  {
    const OrdinaryUser user;
    expect_error(Code::io, folder_ / "a", [&] { write(folder_ / "a", "x"); });
  }
  EXPECT_TRUE(names().empty());
}

TEST_F(Files, a_new_file_has_the_permissions_that_the_user_gives_new_files) {
  const mode_t before = umask(027);
  write(folder_ / "a", "x");
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat((folder_ / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

}  // namespace
}  // namespace embscope
