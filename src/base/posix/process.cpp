#include "base/system.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <system_error>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "embscope/base/error.h"
#include "embscope/base/machine.h"
#include "embscope/base/ports.h"

extern char** environ;

namespace embscope {
namespace fs = std::filesystem;

char** begin_program(int, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGXFSZ, SIG_IGN);
  return argv;
}

// Every connection needs a descriptor; the usual soft limit of 1,024 would leave none for the models.
void begin_server() {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  constexpr rlim_t wanted = 8192;
  limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > wanted ? wanted : limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

bool is_terminal(Stream stream) {
  return isatty(stream == Stream::input ? STDIN_FILENO : stream == Stream::output ? STDOUT_FILENO : STDERR_FILENO) != 0;
}

bool read_line(std::string& line) {
  const bool more = static_cast<bool>(std::getline(std::cin, line));
  if (more && line.ends_with('\r')) line.pop_back();
  return more;
}

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

fs::path home() {
  const std::string folder = environment("HOME");
  return folder.empty() ? fs::path("/root") : fs::path(folder);
}

std::tm local_time(std::time_t time) {
  std::tm local{};
  localtime_r(&time, &local);
  return local;
}

std::string process_id() { return std::to_string(getpid()); }

int run_program(const fs::path& program, std::span<const std::string> arguments, const fs::path& log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  std::string name = program.string();
  std::vector<std::string> copies(arguments.begin(), arguments.end());
  std::vector<char*> pointers{name.data()};
  for (std::string& argument : copies) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawn(&child, program.c_str(), &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw Error(Code::io, name, "cannot start: " + std::generic_category().message(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// This machine's first address that is not its own loop.
std::string network_address() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return "127.0.0.1";
  std::string found = "127.0.0.1";
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    const bool up = (one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_LOOPBACK) == 0;
    if (!up || one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    char text[INET_ADDRSTRLEN];
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);  // as getifaddrs documents it
    if (inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) != nullptr) found = text;
    break;
  }
  freeifaddrs(all);
  return found;
}

// Forks twice, so that no zombie remains and the browser outlives the server.
void open_in_browser(const std::string& address) {
#ifdef __APPLE__
  constexpr const char* opener = "open";
#else
  constexpr const char* opener = "xdg-open";
  if (std::getenv("DISPLAY") == nullptr && std::getenv("WAYLAND_DISPLAY") == nullptr) return;
#endif
  const pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) {
      setsid();
      const int nothing = open("/dev/null", O_WRONLY);
      if (nothing >= 0 && dup2(nothing, STDOUT_FILENO) >= 0 && dup2(nothing, STDERR_FILENO) >= 0)
        execlp(opener, opener, address.c_str(), static_cast<char*>(nullptr));
    }
    _exit(0);
  }
  if (child > 0) waitpid(child, nullptr, 0);
}

bool may_reuse_ports() { return true; }

void in_children(void (*action)()) { pthread_atfork(nullptr, nullptr, action); }

fs::path find_program(const std::string& name) {
  for (const fs::path& folder : folders_in(environment("PATH"))) {
    std::error_code error;
    if (fs::is_regular_file(folder / name, error) && access((folder / name).c_str(), X_OK) == 0) return folder / name;
  }
  return {};
}

}  // namespace embscope
