// Cosine of all pairs of the embedding matrix: mean, positive share, histogram.
#include "embscope/similarity.h"
#include "measure.h"

using namespace embscope;

namespace {

std::vector<double> numbers(const PairCosines& pairs) {
  std::vector<double> out = {pairs.mean, pairs.positive_share};
  for (double count : pairs.histogram.column("pairs").numbers()) out.push_back(count / pairs.pairs);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const auto model = Model::open(arguments.model);
  bench::measure(arguments, 0, [&] { return pair_cosines(*model, 200); }, numbers);
}
