// What every program of ours does: reads its arguments, times its work, prints one JSON line a size.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bench {

/// --model PATH --text PATH --repeats N --sizes A,B,...; what a row does not use stays at its default.
struct Arguments {
  std::string model, text;
  int repeats = 5;
  std::vector<int> sizes = {0};

  Arguments(int argc, char** argv);
};

/// The token ids that the rows run on, the same as in measure.py.
std::vector<std::int32_t> tokens(int count);

/// {"size", "seconds": best, "all", "memory_mb", "answer"} on one line.
void print_line(int size, const std::vector<double>& seconds, const std::vector<double>& answer);

inline constexpr double long_run = 10;  // seconds

/// Times `work()`, once to warm up and then `repeats` times; work of more than ten seconds runs once in all.
/// `answer(result)` gives the numbers that must agree with the peers', outside the time.
template <typename Work, typename Answer>
void measure(const Arguments& arguments, int size, const Work& work, const Answer& answer) {
  std::optional<decltype(work())> result;
  const auto timed = [&] {
    result.reset();
    const auto start = std::chrono::steady_clock::now();
    result.emplace(work());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::vector<double> seconds = {timed()};
  if (seconds[0] <= long_run) {
    seconds.clear();
    for (int i = 0; i < arguments.repeats; ++i) seconds.push_back(timed());
  }
  print_line(size, seconds, answer(*result));
}

}  // namespace bench
