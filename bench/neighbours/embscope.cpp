// The ten nearest of every token by cosine; the answer is the mean cosine of the nearest, the second, ... the tenth.
#include "embscope/project/neighbours.h"
#include "embscope/space/space.h"
#include "measure.h"

using namespace embscope;

namespace {

std::vector<double> means(const Neighbours& found) {
  std::vector<double> out(static_cast<std::size_t>(found.k));
  for (std::int64_t i = 0; i < found.count; ++i) {
    for (std::size_t n = 0; n < out.size(); ++n)
      out[n] += static_cast<double>(found.values_of(i)[n]) / static_cast<double>(found.count);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const Space space = space_of(Model::open(arguments.model));
  bench::measure(
      arguments, 0, [&] { return nearest_neighbours(space.vectors); }, means);
}
