// t-SNE of every token's vector: cosine, perplexity 30, 250 + 500 steps; the answer is the divergence.
#include "embscope/project/projection.h"
#include "embscope/space/space.h"
#include "measure.h"

using namespace embscope;

namespace {

Tsne map_of(const Tensor& vectors) {
  Tsne map(vectors, {});
  while (map.step()) {}
  return map;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const Space space = space_of(Model::open(arguments.model));
  bench::measure(
      arguments, 0, [&] { return map_of(space.vectors); },
      [](const Tsne& map) { return std::vector<double>{map.divergence()}; });
}
