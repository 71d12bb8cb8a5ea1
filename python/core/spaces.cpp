// Spaces of labelled vectors; catalogue.cpp has what is asked of one.
#include <cmath>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "embscope/runs/in_context.h"
#include "embscope/space/space.h"

namespace embscope::python {
namespace {

using Shared = std::shared_ptr<Opened>;
using SharedSpace = std::shared_ptr<const Space>;
using Rows = std::vector<std::vector<TokenId>>;
using Words = std::vector<std::string>;

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

}  // namespace

void bind_spaces(nb::module_& m) {
  nb::class_<Space>(m, "Space", "Labelled vectors: what embscope.Space stands on.")
      .def_prop_ro("name", [](const Space& s) { return s.name; })
      .def_prop_ro("labels", [](const Space& s) { return s.labels; })
      .def("row", [](const Space& s, const std::string& word) { return WordIndex(s).find(word); });
  m.def("space_vectors",
        [](const SharedSpace& s) { return array_over(s->vectors.data(), s->vectors.shape(), nb::cast(s)); });
  m.def("space_of_array", space_of_array);
  m.def("open_space",
        [](const std::string& name) { return work([=](const Caller&) { return shared(open_space(name)); }); });
  m.def("space_of", [](const Shared& o) { return work([=](const Caller&) { return o->space(); }); });
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

}  // namespace embscope::python
