#include "measure.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace bench {
namespace {

std::vector<int> numbers(const std::string& list) {
  std::vector<int> out;
  std::istringstream in(list);
  for (std::string item; std::getline(in, item, ',');) out.push_back(std::stoi(item));
  return out;
}

// The kernel's high-water mark of this program's own memory. (getrusage would count the program that started it too.)
double memory_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

std::string json(const std::vector<double>& values) {
  std::string out;
  for (double value : values) {
    char text[32];
    std::snprintf(text, sizeof text, "%s%.15g", out.empty() ? "" : ", ", value);
    out += text;
  }
  return "[" + out + "]";
}

}  // namespace

Arguments::Arguments(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--model")
      model = value;
    else if (name == "--text")
      text = value;
    else if (name == "--repeats")
      repeats = std::stoi(value);
    else if (name == "--sizes")
      sizes = numbers(value);
    else
      throw std::invalid_argument("unknown option " + name);
  }
}

std::vector<std::int32_t> tokens(int count) {
  std::vector<std::int32_t> out;
  for (int i = 0; i < count; ++i) out.push_back(1000 + 7919 * i % 40000);
  return out;
}

std::vector<std::int32_t> small_tokens(int count) {
  std::vector<std::int32_t> out;
  for (int i = 0; i < count; ++i) out.push_back(3 + 101 * i % 250);
  return out;
}

std::vector<double> sample(std::span<const float> logits) {
  std::vector<double> out;
  for (std::size_t id = 0; id < logits.size(); id += 100) out.push_back(static_cast<double>(logits[id]));
  return out;
}

void print_line(int size, const std::vector<double>& seconds, const std::vector<double>& answer) {
  std::printf("{\"size\": %d, \"seconds\": %.6f, \"all\": %s, \"memory_mb\": %.1f, \"answer\": %s}\n", size,
              std::ranges::min(seconds), json(seconds).c_str(), memory_mb(), json(answer).c_str());
  std::fflush(stdout);
}

}  // namespace bench
