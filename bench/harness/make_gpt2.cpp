// make_gpt2 FILE: GPT-2 small at full size with random weights from a fixed seed; its speed does not depend on them.
#include <cmath>
#include <cstdint>
#include <deque>
#include <numbers>
#include <string>
#include <vector>

#include "embscope/files/archive.h"

namespace {

using embscope::NamedArray;
using embscope::Shape;

constexpr std::int64_t vocab = 50257, context = 1024, width = 768, blocks = 12;

// Numbers that are the same with every standard library: splitmix64 and Box-Muller.
class Normal {
 public:
  float operator()(double deviation) {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return static_cast<float>(deviation * radius * std::cos(2 * std::numbers::pi * uniform()));
  }

 private:
  double uniform() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (static_cast<double>((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
  }
  std::uint64_t state_ = 2024;
};

class Gpt2 {
 public:
  Gpt2() {
    add("wte.weight", {vocab, width});
    add("wpe.weight", {context, width});
    for (std::int64_t block = 0; block < blocks; ++block) add_block("h." + std::to_string(block) + ".");
    add_norm("ln_f.");
  }
  const std::vector<NamedArray>& arrays() const { return arrays_; }

 private:
  void add_block(const std::string& name) {
    add_norm(name + "ln_1.");
    add_conv(name + "attn.c_attn.", width, 3 * width);
    add_conv(name + "attn.c_proj.", width, width);
    add_norm(name + "ln_2.");
    add_conv(name + "mlp.c_fc.", width, 4 * width);
    add_conv(name + "mlp.c_proj.", 4 * width, width);
  }
  void add_norm(const std::string& name) {
    add(name + "weight", {width}, 1);
    add(name + "bias", {width});
  }
  void add_conv(const std::string& name, std::int64_t in, std::int64_t out) {
    add(name + "weight", {in, out});
    add(name + "bias", {out});
  }
  void add(const std::string& name, Shape shape, float mean = 0) {
    std::vector<float>& values = values_.emplace_back(static_cast<std::size_t>(shape.elements()));
    for (float& value : values) value = mean + normal_(0.02);
    arrays_.push_back({name, std::move(shape), std::span<const float>(values)});
  }

  Normal normal_;
  std::deque<std::vector<float>> values_;
  std::vector<NamedArray> arrays_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  embscope::write_arrays(argv[1], Gpt2().arrays());
}
