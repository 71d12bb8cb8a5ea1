// Cosine of all pairs: mean, positive share, histogram. SIZE 0: of the embedding matrix; else of so many made-up
// vectors.
#include <cmath>

#include "embscope/vocabulary/geometry.h"
#include "embscope/vocabulary/similarity.h"
#include "measure.h"

using namespace embscope;

namespace {

std::vector<double> numbers(const PairCosines& pairs) {
  std::vector<double> out = {pairs.mean, pairs.positive_share};
  for (double count : pairs.histogram.column("pairs").numbers()) out.push_back(count / pairs.pairs);
  return out;
}

// [size, 64], the same in peer_numpy.py.
Tensor made_up(int size) {
  Tensor vectors({size, 64});
  for (std::int64_t i = 0; i < vectors.size(); ++i)
    vectors.data()[i] = static_cast<float>(std::sin(12.9898 * static_cast<double>(i)));
  return vectors;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const auto model = Model::open(arguments.model);
  for (int size : arguments.sizes) {
    const Tensor vectors = size == 0 ? Tensor() : made_up(size);
    bench::measure(
        arguments, size, [&] { return size == 0 ? pair_cosines(*model, 200) : pair_cosines(vectors, false, 200); },
        numbers);
  }
}
