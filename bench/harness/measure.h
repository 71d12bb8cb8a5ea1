// What every program of ours does: reads its arguments, times its work, prints one JSON line a size.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
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

/// Ids of a model whose vocabulary has few tokens with a text: letters and bytes.
std::vector<std::int32_t> small_tokens(int count);

/// Every hundredth logit of one position.
std::vector<double> sample(std::span<const float> logits);

/// {"size", "seconds": best, "all", "memory_mb", "answer"} on one line.
void print_line(int size, const std::vector<double>& seconds, const std::vector<double>& answer);

inline constexpr double long_run = 10;  // seconds

/// Times `work()`, once to warm up and then `repeats` times; work of more than ten seconds runs once in all.
/// `answer(result)` gives the numbers that must agree with the peers', outside the time. The row's time is `scale` of
/// the work's.
template <typename Work, typename Answer>
void measure(const Arguments& arguments, int size, const Work& work, const Answer& answer, double scale = 1) {
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
  for (double& each : seconds) each *= scale;
  print_line(size, seconds, answer(*result));
}

}  // namespace bench
