// whole_process REPEATS COMMAND...: times a command from start to exit and prints {"all": [seconds], "memory_mb":
// peak}. A command of more than ten seconds runs once. A program of its own because a peak measured by wait4 counts the
// memory of the starter, and this one has little.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "measure.h"

namespace {

[[noreturn]] void become(char** command) {
  const int nothing = open("/dev/null", O_WRONLY);
  dup2(nothing, STDOUT_FILENO);
  execvp(command[0], command);
  std::perror(command[0]);
  _exit(127);
}

struct Run {
  double seconds, memory_mb;
};

Run run(char** command) {
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) become(command);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (status != 0) std::exit(1);
  return {seconds, static_cast<double>(usage.ru_maxrss) / 1024};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  double peak = 0, last = 0;
  std::printf("{\"all\": [");
  for (int i = 0; i < std::atoi(argv[1]) && last <= bench::long_run; ++i) {
    std::fflush(stdout);
    const Run one = run(argv + 2);
    last = one.seconds;
    peak = std::max(peak, one.memory_mb);
    std::printf("%s%.6f", i == 0 ? "" : ", ", one.seconds);
  }
  std::printf("], \"memory_mb\": %.1f}\n", peak);
}
