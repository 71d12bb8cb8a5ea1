// t-SNE of the first hundred tokens' vectors; the answer is the divergence, which must be no higher than a peer's.
#include <algorithm>

#include "embscope/model/model.h"
#include "embscope/project/projection.h"
#include "measure.h"

using namespace embscope;

namespace {

Tsne map_of(const Tensor& vectors) {
  Tsne tsne(vectors, {});
  while (tsne.step()) {}
  return tsne;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const auto model = Model::open(arguments.model);
  Tensor vectors = Tensor::uninitialised({100, model->config().width});
  for (TokenId id = 0; id < 100; ++id) std::ranges::copy(model->embedding(id).values(), vectors.row(id).begin());
  bench::measure(
      arguments, 0, [&] { return map_of(vectors); },
      [](const Tsne& tsne) { return std::vector<double>{tsne.divergence()}; });
}
