// Whole spaces of labelled vectors: their shape, analogies, judgements, and how one compares with another.
#include <cmath>

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "embscope/figure/figure.h"
#include "embscope/runs/in_context.h"
#include "embscope/runs/layers.h"
#include "embscope/space/space.h"
#include "embscope/vocabulary/analogy.h"
#include "embscope/vocabulary/compare.h"
#include "embscope/vocabulary/geometry.h"
#include "embscope/vocabulary/words.h"

namespace embscope::python {
namespace {

using Shared = std::shared_ptr<Opened>;
using SharedSpace = std::shared_ptr<const Space>;
using Path = std::filesystem::path;
using Rows = std::vector<std::vector<TokenId>>;
using Words = std::vector<std::string>;

/// Works on `space` and gives it a Progress; what comes out of `body` is what the engine gives.
template <class F>
auto of_space(const SharedSpace& space, F body, const Maybe& progress = std::nullopt) {
  return work([=](const Caller& caller) { return body(*space, caller.progress()); }, progress);
}

SharedSpace shared(Space space) { return std::make_shared<const Space>(std::move(space)); }

SharedSpace space_of_array(const std::string& name, nb::handle vectors, const Words& labels) {
  auto given = std::make_shared<Tensor>(tensor_of(vectors, "Space", 2));
  if (static_cast<std::int64_t>(labels.size()) != given->rows()) {
    throw Error(Code::shape, "Space",
                std::to_string(labels.size()) + " labels for " + std::to_string(given->rows()) + " vectors");
  }
  for (const float value : given->values()) {
    if (!std::isfinite(value)) throw Error(Code::range, "Space", "the vectors hold NaN or infinity");
  }
  return shared({.name = name, .vectors = given->clone(), .labels = labels, .model = nullptr});
}

nb::tuple geometry_of(const SharedSpace& space, bool pairs, int k, const Maybe& progress) {
  auto [measures, variances, lengths] = of_space(
      space,
      [=](const Space& s, const Progress& p) {
        Table table = geometry(s, {.pairs = pairs, .k = k}, p);
        return std::make_tuple(std::move(table), spectrum(s), norms(s));
      },
      progress);
  return nb::make_tuple(std::move(measures), std::move(variances), std::move(lengths));
}

nb::dict pairs_of(const SharedSpace& space, bool centred, int bins, const Maybe& progress) {
  auto [found, quantiles] = of_space(
      space,
      [=](const Space& s, const Progress& p) {
        PairCosines cosines = pair_cosines(s.vectors, centred, bins, p);
        Table table = pair_quantiles(cosines);
        return std::make_pair(std::move(cosines), std::move(table));
      },
      progress);
  nb::dict d;
  d["histogram"] = std::move(found.histogram);
  d["quantiles"] = std::move(quantiles);
  d["mean"] = found.mean;
  d["positive_share"] = found.positive_share;
  d["pairs"] = found.pairs;
  return d;
}

nb::dict undertrained_of(const SharedSpace& space, const std::vector<std::int64_t>& unused) {
  Undertrained found = of_space(space, [=](const Space& s, const Progress&) { return undertrained(s, unused); });
  nb::dict d;
  d["tokens"] = std::move(found.tokens);
  d["reference"] = found.reference;
  d["mean"] = found.mean;
  d["deviation"] = found.deviation;
  return d;
}

nb::dict analogies_of(const SharedSpace& space, const std::optional<Path>& file, bool fold, bool closed,
                      const Maybe& progress) {
  Analogies found = of_space(
      space,
      [=](const Space& s, const Progress& p) {
        return analogies(s, file ? read_relations(*file) : shipped_relations(), {.fold = fold, .closed = closed}, p);
      },
      progress);
  nb::dict d;
  d["relations"] = std::move(found.relations);
  d["questions"] = std::move(found.questions);
  d["unknown"] = found.unknown;
  d["candidates"] = found.candidates;
  d["verdict"] = found.verdict;
  return d;
}

nb::dict judge_of(const SharedSpace& space, const Path& file) {
  Judged found = of_space(space, [=](const Space& s, const Progress&) { return judge(s, read_judgements(file)); });
  nb::dict d;
  d["pairs"] = std::move(found.pairs);
  d["spearman"] = found.spearman;
  d["pearson"] = found.pearson;
  d["known"] = found.known;
  d["asked"] = found.asked;
  d["unknown"] = found.unknown;
  return d;
}

nb::dict separate_of(const SharedSpace& space, const std::optional<Path>& file, bool centred) {
  Separation found = of_space(space, [=](const Space& s, const Progress&) {
    return separate(s, file ? read_categories(*file) : shipped_categories(), centred);
  });
  nb::dict d;
  d["categories"] = std::move(found.categories);
  d["words"] = std::move(found.words);
  d["between"] = std::move(found.between);
  d["unknown"] = found.unknown;
  return d;
}

nb::dict compare_of(const SharedSpace& a, const SharedSpace& b, int k, std::int64_t pairs, std::uint64_t seed,
                    const Maybe& progress) {
  Comparison found = work(
      [=](const Caller& caller) { return compare(*a, *b, {.k = k, .pairs = pairs, .seed = seed}, caller.progress()); },
      progress);
  nb::dict d;
  d["measures"] = std::move(found.measures);
  d["tokens"] = std::move(found.tokens);
  d["pairs"] = std::move(found.pairs);
  d["matched"] = found.matched;
  d["only_a"] = found.only_a;
  d["only_b"] = found.only_b;
  d["zero"] = found.zero;
  return d;
}

Table layer_geometry_of(const Shared& m, const Rows& rows, std::int64_t positions, bool skip_first,
                        const Maybe& progress) {
  return work(
      [=](const Caller& caller) {
        return layer_geometry(m->ready(), rows, {.positions = positions, .skip_first = skip_first}, caller.progress());
      },
      progress);
}

Table layer_similarity_of(const Shared& a, const Rows& of_a, const Shared& b, const Rows& of_b, std::int64_t positions,
                          const Maybe& progress) {
  return work(
      [=](const Caller& caller) {
        return layer_similarity(a->ready(), of_a, b->ready(), of_b, positions, caller.progress());
      },
      progress);
}

void bind_space(nb::module_& m) {
  nb::class_<Space>(m, "Space", "Labelled vectors: what embscope.Space stands on.")
      .def_prop_ro("name", [](const Space& s) { return s.name; })
      .def_prop_ro("labels", [](const Space& s) { return s.labels; })
      .def("row", [](const Space& s, const std::string& word) { return WordIndex(s).find(word); });
  m.def("space_vectors",
        [](const SharedSpace& s) { return array_over(s->vectors.data(), s->vectors.shape(), nb::cast(s)); });
  m.def("space_of_array", space_of_array);
  m.def("open_space",
        [](const std::string& name) { return work([=](const Caller&) { return shared(open_space(name)); }); });
  m.def("space_of", [](const Shared& o) { return work([=](const Caller&) { return shared(space_of(o->model)); }); });
  m.def("text_space", [](const Shared& o, const Rows& rows, const std::string& site, std::int64_t positions) {
    const Site at = parse_site(site, o->model->config());
    return work([=](const Caller&) { return shared(text_space(o->ready(), rows, at, positions)); });
  });
  m.def("words_in_context", [](const Shared& o, const Words& words, const std::string& text, const std::string& site,
                               const Maybe& progress) {
    const Site at = parse_site(site, o->model->config());
    return work([=](const Caller& c) { return shared(words_in_context(o->ready(), words, text, at, c.progress())); },
                progress);
  });
}

void bind_space_figures(nb::module_& m) {
  m.def("figure_spectrum", &figure_spectrum);
  m.def("figure_norms", &figure_norms);
  m.def("figure_hubs", &figure_hubs);
  m.def("figure_undertrained",
        [](const Table& t, const std::string& reference) { return figure_undertrained(t, reference); });
  m.def("figure_layers", [](const Table& t, const std::string& sampling) { return figure_layers(t, sampling); });
  m.def("figure_analogies", [](const Table& t, const std::string& verdict) { return figure_analogies(t, verdict); });
  m.def("figure_judgements", &figure_judgements);
  m.def("figure_categories", &figure_categories);
  m.def("figure_compare", [](const Table& measures, const Table& pairs, const std::string& a, const std::string& b) {
    return figure_compare(measures, pairs, a, b);
  });
  m.def("figure_layer_similarity",
        [](const Table& t, const std::string& a, const std::string& b) { return figure_layer_similarity(t, a, b); });
}

}  // namespace

void bind_spaces(nb::module_& m) {
  bind_space(m);
  m.def("geometry", geometry_of);
  m.def("space_pairs", pairs_of);
  m.def("space_dimensions", [](const SharedSpace& s) {
    return of_space(s, [](const Space& space, const Progress&) { return dimensions(space); });
  });
  m.def("hubs", [](const SharedSpace& s, int k, const Maybe& progress) {
    return of_space(
        s, [=](const Space& space, const Progress& p) { return hubs(space, k, p); }, progress);
  });
  m.def("undertrained", undertrained_of);
  m.def("analogy", [](const SharedSpace& s, const std::string& a, const std::string& b, const std::string& c, int k) {
    return of_space(s, [=](const Space& space, const Progress&) { return analogy(space, {a, b, c, {}}, k); });
  });
  m.def("analogies", analogies_of);
  m.def("judgements", judge_of);
  m.def("categories", separate_of);
  m.def("odd_one_out", [](const SharedSpace& s, const Words& words) {
    return of_space(s, [=](const Space& space, const Progress&) { return odd_one_out(space, words); });
  });
  m.def("compare", compare_of);
  m.def("layer_geometry", layer_geometry_of);
  m.def("layer_similarity", layer_similarity_of);
  bind_space_figures(m);
}

}  // namespace embscope::python
