// Ten training steps from fixed weights on a fixed batch of SIZE positions. The answer is the losses of the first five.
#include <cmath>
#include <string>

#include "embscope/train/training.h"
#include "measure.h"

using namespace embscope;

namespace {

constexpr int steps = 10, compared = 5;  // later the loss is flat, and Adam divides rounding noise by its own size

/// As in peer_torch.py.
struct Shape {
  std::int64_t layers, heads, width, context, batch;
};
Shape shape_of(int size) { return size == 12 * 64 ? Shape{4, 4, 128, 64, 12} : Shape{6, 6, 384, 256, 8}; }

// Weights by a formula that both sides know; the library's own are random.
void set_weights(Trainer& trainer) {
  std::int64_t number = 0;
  for (const Trainer::Named& p : trainer.parameters()) {
    ++number;
    const bool gain = p.name.find("ln_") != std::string::npos && p.name.ends_with("weight");
    for (std::size_t i = 0; i < p.values.size(); ++i) {
      const double noise = std::sin(static_cast<double>(i) * 12.9898 + static_cast<double>(number));
      p.values[i] = gain ? 1.0f : p.shape.rank() == 1 ? 0.0f : static_cast<float>(0.01 * noise);
    }
  }
  trainer.changed();
}

/// A model in training that goes on with each call.
class Training {
 public:
  explicit Training(const Shape& shape)
      : shape_(shape), trainer_(gpt2_of(shape.layers, shape.heads, shape.width, shape.context, 65), 1) {
    set_weights(trainer_);
    for (std::int64_t i = 0; i < shape.batch * shape.context; ++i) {
      inputs_.push_back(static_cast<TokenId>((i * i * 7 + i / 3) % 65));
      targets_.push_back(static_cast<TokenId>(((i + 1) * (i + 1) * 7 + (i + 1) / 3) % 65));
    }
  }

  std::vector<double> ten_steps() {
    const Batch batch{inputs_, targets_, shape_.batch, shape_.context};
    std::vector<double> losses;
    for (int step = 0; step < steps; ++step) {
      losses.push_back(trainer_.gradient({{batch}}));
      trainer_.update({}, 1e-4);
    }
    if (first_.empty()) first_.assign(losses.begin(), losses.begin() + compared);
    return losses;
  }
  const std::vector<double>& first() const { return first_; }

 private:
  Shape shape_;
  Trainer trainer_;
  std::vector<TokenId> inputs_, targets_;
  std::vector<double> first_;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  for (int size : arguments.sizes) {
    Training training(shape_of(size));
    bench::measure(
        arguments, size, [&] { return training.ten_steps(); },
        [&](const std::vector<double>&) { return training.first(); });
  }
}
