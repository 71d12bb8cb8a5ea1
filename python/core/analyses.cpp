// Conversations as their template writes them, and projections of any vectors; catalogue.cpp has the analyses that
// every client has.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "embscope/model/chat.h"
#include "embscope/project/neighbours.h"
#include "embscope/project/projection.h"

namespace embscope::python {
namespace {

using Shared = std::shared_ptr<Opened>;

std::string conversation_of(const Shared& m, const std::vector<std::pair<std::string, std::string>>& messages,
                            bool answer) {
  std::vector<Message> said;
  for (const auto& [role, content] : messages) said.push_back({role, content});
  return chat_template(*m->model).render(said, answer);
}

std::shared_ptr<Tensor> shared_tensor(nb::handle array, const char* where) {
  return std::make_shared<Tensor>(tensor_of(array, where, 2));
}

nb::tuple pca_of(nb::handle array, int count) {
  auto vectors = shared_tensor(array, "pca");
  auto [points, explained] = work([=](const Caller&) {
    std::vector<double> shares;
    Tensor scores = pca(*vectors, count, &shares);
    return std::make_pair(std::move(scores), std::move(shares));
  });
  return nb::make_tuple(array_of(std::move(points)), explained);
}

/// ids int32 [N, k] and values float32 [N, k]; of one more vector both are [1, k].
nb::tuple neighbours_of(nb::handle array, const Maybe& to, int k, const std::string& metric, bool centred,
                        const Maybe& progress) {
  auto vectors = shared_tensor(array, "neighbours");
  const NeighbourOptions options{.k = k, .metric = metric_named(metric), .centred = centred, .leave_out_zeros = true};
  std::vector<float> one;
  if (to) {
    const Tensor given = tensor_of(*to, "neighbours", 1);
    one.assign(given.values().begin(), given.values().end());
  }
  Neighbours found = work(
      [=](const Caller& caller) {
        return one.empty() ? nearest_neighbours(*vectors, options, caller.progress())
                           : nearest_to(one, *vectors, options);
      },
      progress);
  auto* owned = new Neighbours(std::move(found));
  const nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<Neighbours*>(p); });
  const std::size_t shape[] = {static_cast<std::size_t>(owned->count), static_cast<std::size_t>(owned->k)};
  return nb::make_tuple(nb::cast(nb::ndarray<nb::numpy, std::int32_t>(owned->ids.data(), 2, shape, owner)),
                        nb::cast(nb::ndarray<nb::numpy, float>(owned->values.data(), 2, shape, owner)));
}

nb::object tsne_of(nb::handle array, double perplexity, bool cosine, int steps, int exaggerated_steps,
                   double exaggeration, double learning_rate, std::uint64_t seed, const Maybe& progress) {
  auto vectors = shared_tensor(array, "tsne");
  const TsneOptions options{.perplexity = perplexity,
                            .cosine = cosine,
                            .exaggerated_steps = exaggerated_steps,
                            .steps = steps,
                            .exaggeration = exaggeration,
                            .learning_rate = learning_rate,
                            .seed = seed};
  return array_of(work([=](const Caller& caller) { return tsne(*vectors, options, caller.progress()); }, progress));
}

nb::object umap_of(nb::handle array, int neighbours, double min_dist, bool cosine, int epochs, int negatives,
                   std::uint64_t seed, const Maybe& progress) {
  auto vectors = shared_tensor(array, "umap");
  const UmapOptions options{.neighbours = neighbours,
                            .cosine = cosine,
                            .min_dist = min_dist,
                            .epochs = epochs,
                            .negatives = negatives,
                            .seed = seed};
  return array_of(work(
      [=](const Caller& caller) {
        const Progress told = caller.progress();
        Umap map(*vectors, options, told);
        while (map.step()) {
          report(told, static_cast<double>(map.steps_done()) / map.steps(),
                 "UMAP, epoch " + std::to_string(map.steps_done()));
        }
        return map.points().clone();
      },
      progress));
}

}  // namespace

void bind_analyses(nb::module_& m) {
  m.def("conversation", conversation_of);
  m.def("pca", pca_of);
  m.def("tsne", tsne_of);
  m.def("umap", umap_of);
  m.def("neighbours", neighbours_of);
}

}  // namespace embscope::python
