// The analyses, each under its own name; results as dictionaries of Tables and numbers, which results.py dresses.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "embscope/attention_patterns.h"
#include "embscope/attribution.h"
#include "embscope/intervention.h"
#include "embscope/lens.h"
#include "embscope/mix.h"
#include "embscope/neighbours.h"
#include "embscope/patching.h"
#include "embscope/predict.h"
#include "embscope/projection.h"
#include "embscope/similarity.h"
#include "embscope/steering.h"
#include "embscope/trace.h"
#include "embscope/trajectory.h"

namespace embscope::python {
namespace {

using Shared = std::shared_ptr<Opened>;
using Ids = std::vector<TokenId>;
using Words = std::vector<std::string>;

nb::dict cost_of(const Cost& cost) {
  nb::dict d;
  d["asked"] = cost.asked;
  d["computed"] = cost.computed;
  d["logit_rows"] = cost.logit_rows;
  return d;
}

nb::dict lens_of(const Shared& m, const Ids& ids, std::optional<TokenId> target, int top, const Maybe& progress) {
  LensResult result = work([=](const Caller& caller) {
    return lens(m->ready(), {.ids = ids, .target = target, .top = top}, caller.progress());
  }, progress);
  nb::dict d;
  d["target"] = result.target;
  d["cells"] = std::move(result.cells);
  d["tops"] = std::move(result.tops);
  return d;
}

nb::dict attention_of(const Shared& m, const Ids& ids, std::optional<int> block, const std::vector<int>& heads) {
  AttentionResult result = work([=](const Caller& caller) {
    return attention_patterns(m->ready(), {.ids = ids, .block = block, .heads = heads}, caller.progress());
  });
  nb::dict d;
  d["block"] = result.block;
  d["heads"] = result.heads;
  d["patterns"] = array_of(std::move(result.patterns));
  d["summary"] = std::move(result.summary);
  d["every"] = std::move(result.every);
  return d;
}

nb::dict attribute_of(const Shared& m, const Ids& ids, std::optional<TokenId> target, std::optional<TokenId> against,
                      int position, bool sorted) {
  AttributionResult result = work([=](const Caller& caller) {
    return attribute(m->ready(), {.ids = ids, .target = target, .against = against, .position = position, .sorted = sorted}, caller.progress());
  });
  nb::dict d;
  d["position"] = result.position;
  d["target"] = result.target;
  d["against"] = result.against;
  d["logit"] = result.logit;
  d["sum"] = result.sum;
  d["scale"] = result.scale;
  d["parts"] = std::move(result.parts);
  return d;
}

nb::dict arrays_at(const std::vector<Site>& sites, std::vector<Tensor>& values) {
  nb::dict d;
  for (std::size_t i = 0; i < sites.size(); ++i) d[sites[i].name().c_str()] = array_of(std::move(values[i]));
  return d;
}

nb::dict gradient_of(const Shared& m, const Ids& ids, std::optional<TokenId> target, std::optional<TokenId> against, int position,
                     const Words& patterns, const Maybe& progress) {
  GradientRequest request{.ids = ids, .target = target, .against = against, .position = position, .sites = {}};
  for (const std::string& pattern : patterns) {
    for (const Site& site : parse_sites(pattern, m->model->config())) request.sites.push_back(site);
  }
  GradientAttribution result = work([=](const Caller& caller) { return attribute_by_gradient(m->ready(), request, caller.progress()); }, progress);
  nb::dict d;
  d["position"] = result.gradient.position;
  d["target"] = result.gradient.target;
  d["against"] = result.gradient.against;
  d["logit"] = result.gradient.logit;
  d["parts"] = std::move(result.parts);
  d["activations"] = arrays_at(request.sites, result.gradient.activations);
  d["gradients"] = arrays_at(request.sites, result.gradient.gradients);
  return d;
}

nb::dict mix_of(const Shared& m, const MixRequest& request, const nb::list& edits) {
  const std::vector<PendingEdit> pending = pending_edits(edits);
  MixResult result = work([=](const Caller& caller) {
    MixRequest whole = request;
    add_edits(whole.edits, pending, m->ready(), make_prompt(m->model->tokenizer(), whole.text));
    return mix(m->ready(), whole, caller.progress());
  });
  nb::dict d;
  d["position"] = result.position;
  d["untouched_equals_p1"] = result.untouched_equals_p1;
  d["crossings"] = result.crossings;
  d["replaced"] = result.replaced;
  d["mixed_in"] = result.mixed_in;
  d["sweep"] = std::move(result.sweep);
  d["cost"] = cost_of(result.cost);
  return d;
}

PatchRequest patch_request(const Config& config, const Ids& clean, const Ids& corrupt, TokenId target, TokenId against,
                           const Words& sites, bool heads) {
  PatchRequest request{.clean = clean, .corrupt = corrupt, .target = target, .against = against, .points = {}, .heads = heads};
  for (const std::string& site : sites) request.points.push_back(parse_sites(site, config).front().point);
  return request;
}

nb::dict patch_of(const Shared& m, const Ids& clean, const Ids& corrupt, TokenId target, TokenId against,
                  const Words& sites, bool heads, bool approximate, const Maybe& progress) {
  const PatchRequest request = patch_request(m->model->config(), clean, corrupt, target, against, sites, heads);
  PatchResult result = work([=](const Caller& caller) {
    return (approximate ? patch_approximately : patch)(m->ready(), request, caller.progress());
  }, progress);
  nb::dict d;
  d["clean"] = result.clean;
  d["corrupt"] = result.corrupt;
  d["grid"] = std::move(result.grid);
  d["heads"] = std::move(result.heads);
  d["cost"] = cost_of(result.cost);
  return d;
}

nb::dict patch_agreement_of(const Shared& m, const Ids& clean, const Ids& corrupt, TokenId target, TokenId against,
                            const Words& sites, bool heads, const Maybe& progress) {
  const PatchRequest request = patch_request(m->model->config(), clean, corrupt, target, against, sites, heads);
  PatchAgreement result = work([=](const Caller& caller) {
    const PatchResult real = patch(m->ready(), request, caller.progress());
    return agreement(real, patch_approximately(m->ready(), request, caller.progress()));
  }, progress);
  nb::dict d;
  d["patches"] = std::move(result.patches);
  d["sites"] = std::move(result.sites);
  return d;
}

nb::dict edit_of(const Shared& m, const Ids& ids, const std::string& text, const nb::list& edits, int top, const Ids& followed) {
  const std::vector<PendingEdit> pending = pending_edits(edits);
  InterventionResult result = work([=](const Caller& caller) {
    InterventionRequest request{.ids = ids, .edits = {}, .top = top, .followed = followed};
    Prompt prompt;
    if (!text.empty()) prompt = make_prompt(m->model->tokenizer(), text);
    if (text.empty()) prompt.tokens.ids = ids, prompt.tokens.ranges.resize(ids.size());
    add_edits(request.edits, pending, m->ready(), prompt);
    return intervene(m->ready(), request, caller.progress());
  });
  nb::dict d;
  d["changes"] = std::move(result.changes);
  d["divergence"] = result.divergence;
  d["cost"] = cost_of(result.cost);
  return d;
}

Sampling sampling_of(int tokens, double temperature, int top_k, double top_p, std::uint64_t seed) {
  return {.tokens = tokens, .temperature = temperature, .top_k = top_k, .top_p = top_p, .seed = seed, .edits = {}};
}

nb::bytes generate_of(const Shared& m, const std::string& text, int tokens, double temperature, int top_k, double top_p,
                      std::uint64_t seed, const nb::list& edits, const Maybe& on_token) {
  const std::vector<PendingEdit> pending = pending_edits(edits);
  const nb::object* listener = on_token ? &*on_token : nullptr;
  const std::string out = work([=](const Caller& caller) {
    Sampling sampling = sampling_of(tokens, temperature, top_k, top_p, seed);
    if (!pending.empty()) add_edits(sampling.edits, pending, m->ready(), make_prompt(m->model->tokenizer(), text));
    return generate(m->ready(), text, sampling, [&](TokenId id, std::string_view bytes, double probability) {
      bool on = !caller.cancelled();
      if (on && listener != nullptr) {
        caller.ask([&] { on = !(*listener)(id, nb::bytes(bytes.data(), bytes.size()), probability).is(nb::bool_(false)); });
      }
      return on;
    });
  });
  return nb::bytes(out.data(), out.size());
}

nb::tuple steer_of(const Shared& m, const std::string& text, const std::string& site, const Maybe& direction,
                   const Words& towards, const Words& away, const std::vector<double>& strengths, int tokens,
                   double temperature, std::uint64_t seed, const Words& targets, const Maybe& progress) {
  SteerRequest request{.text = text, .site = parse_site(site, m->model->config()), .direction = {}, .strengths = strengths,
                       .sampling = sampling_of(tokens, temperature, 0, 1, seed), .targets = targets};
  if (direction) {
    const Tensor given = tensor_of(*direction, "steer", 1);
    request.direction.assign(given.values().begin(), given.values().end());
  }
  auto [table, used] = work([=](const Caller& caller) mutable {
    if (request.direction.empty()) request.direction = steering_direction(m->ready(), towards, away, request.site);
    Table runs = steer(m->ready(), request, caller.progress());
    return std::make_pair(std::move(runs), std::move(request.direction));
  }, progress);
  return nb::make_tuple(std::move(table), array_of(Tensor::of({static_cast<std::int64_t>(used.size())}, used)));
}

nb::dict trace_of(const Shared& m, const std::string& text, int position, int top) {
  TraceResult result = work([=](const Caller& caller) {
    return trace(m->ready(), {.text = text, .position = position, .top = top}, caller.progress());
  });
  nb::dict d;
  d["position"] = result.position;
  d["own"] = result.own;
  d["predicted"] = result.predicted;
  d["life"] = std::move(result.life);
  d["lens"] = std::move(result.lens);
  return d;
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
nb::tuple neighbours_of(nb::handle array, const Maybe& to, int k, const std::string& metric, bool centred, const Maybe& progress) {
  auto vectors = shared_tensor(array, "neighbours");
  const NeighbourOptions options{.k = k, .metric = metric_named(metric), .centred = centred, .leave_out_zeros = true};
  std::vector<float> one;
  if (to) {
    const Tensor given = tensor_of(*to, "neighbours", 1);
    one.assign(given.values().begin(), given.values().end());
  }
  Neighbours found = work([=](const Caller& caller) {
    return one.empty() ? nearest_neighbours(*vectors, options, caller.progress()) : nearest_to(one, *vectors, options);
  }, progress);
  auto* owned = new Neighbours(std::move(found));
  const nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<Neighbours*>(p); });
  const std::size_t shape[] = {static_cast<std::size_t>(owned->count), static_cast<std::size_t>(owned->k)};
  return nb::make_tuple(nb::cast(nb::ndarray<nb::numpy, std::int32_t>(owned->ids.data(), 2, shape, owner)),
                        nb::cast(nb::ndarray<nb::numpy, float>(owned->values.data(), 2, shape, owner)));
}

nb::dict trajectory_of(const Shared& m, const Ids& ids, int position, const std::vector<std::vector<float>>& axes, const Words& named) {
  TrajectoryResult result = work([=](const Caller& caller) {
    return trajectory(m->ready(), {.ids = ids, .position = position, .axes = axes, .names = named}, caller.progress());
  });
  nb::dict d;
  d["position"] = result.position;
  d["points"] = array_of(std::move(result.points));
  d["sites"] = result.sites;
  d["axes"] = result.axes;
  d["path"] = std::move(result.table);
  return d;
}

nb::object tsne_of(nb::handle array, double perplexity, bool cosine, int steps, int exaggerated_steps, double exaggeration,
                   double learning_rate, std::uint64_t seed, const Maybe& progress) {
  auto vectors = shared_tensor(array, "tsne");
  const TsneOptions options{.perplexity = perplexity, .cosine = cosine, .exaggerated_steps = exaggerated_steps, .steps = steps,
                            .exaggeration = exaggeration, .learning_rate = learning_rate, .seed = seed};
  return array_of(work([=](const Caller& caller) { return tsne(*vectors, options, caller.progress()); }, progress));
}

nb::object umap_of(nb::handle array, int neighbours, double min_dist, bool cosine, int epochs, int negatives, std::uint64_t seed,
                   const Maybe& progress) {
  auto vectors = shared_tensor(array, "umap");
  const UmapOptions options{.neighbours = neighbours, .cosine = cosine, .min_dist = min_dist, .epochs = epochs, .negatives = negatives, .seed = seed};
  return array_of(work([=](const Caller& caller) {
    const Progress told = caller.progress();
    Umap map(*vectors, options, told);
    while (map.step()) {
      report(told, static_cast<double>(map.steps_done()) / map.steps(), "UMAP, epoch " + std::to_string(map.steps_done()));
    }
    return map.points().clone();
  }, progress));
}

}  // namespace

void bind_analyses(nb::module_& m) {
  m.def("predict", [](const Shared& o, const std::string& text, int k) {
    return work([=](const Caller&) { return predict(o->ready(), text, k); });
  });
  m.def("vectors", [](const Shared& o, const Words& words) { return vectors(*o->model, words); });
  m.def("cosines", [](const Shared& o, const Words& words) { return cosines(*o->model, words); });
  m.def("similar", [](const Shared& o, const std::string& word, int k) {
    return work([=](const Caller&) { return similar(*o->model, word, k); });
  });
  m.def("dimensions", [](const Shared& o) { return work([=](const Caller&) { return dimensions(*o->model); }); });
  m.def("toy_space", &toy_space);
  m.def("lens", lens_of);
  m.def("attention", attention_of);
  m.def("attribute", attribute_of);
  m.def("mix", [](const Shared& o, const std::string& text, const std::string& replace, const Words& with, const Words& targets,
                  const std::string& vector, int steps, const std::string& site, const nb::list& edits) {
    return mix_of(o, {.text = text, .replace = replace, .with = with, .targets = targets, .vector = vector, .files = Files::allowed, .steps = steps, .site = site, .edits = {}}, edits);
  });
  m.def("gradient", gradient_of);
  m.def("patch", patch_of);
  m.def("patch_agreement", patch_agreement_of);
  m.def("intervene", edit_of);
  m.def("generate", generate_of);
  m.def("steer", steer_of);
  m.def("trace", trace_of);
  m.def("pca", pca_of);
  m.def("tsne", tsne_of);
  m.def("umap", umap_of);
  m.def("neighbours", neighbours_of);
  m.def("trajectory", trajectory_of);
}

}  // namespace embscope::python
