// Figures: drawn from the Tables of the analyses, saved by the engine.
#include <filesystem>

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "embscope/figure/figure.h"

namespace embscope::python {
namespace {

using Words = std::vector<std::string>;

Figure heatmap_of(const std::shared_ptr<Opened>& o, const Table& dimensions, int pixels) {
  const Heatmap made = work([=](const Caller&) { return heatmap(*o->model, pixels); });
  const Config& c = o->model->config();
  return figure_heatmap(made, dimensions, c.vocab, c.width, o->model->name());
}

}  // namespace

void bind_figures(nb::module_& m) {
  nb::class_<Figure>(m, "Figure", "A figure of the engine: what embscope.Figure stands on.")
      .def(nb::init<std::string, std::string, std::string>())
      .def_ro("name", &Figure::name)
      .def_ro("title", &Figure::title)
      .def_ro("spec", &Figure::spec)
      .def("save", [](const Figure& figure, const std::filesystem::path& path) {
        work([figure, path](const Caller&) {
          save(figure, path);
          return true;
        });
      });
  m.def("figure_vectors", &figure_vectors);
  m.def("figure_cosines", &figure_cosines);
  m.def("figure_similar", [](const Table& t, const std::string& word) { return figure_similar(t, word); });
  m.def("figure_pairs", &figure_pairs);
  m.def("figure_dimensions", &figure_dimensions);
  m.def("figure_map", [](nb::handle points, const Words& labels, const std::string& title) {
    return figure_map(tensor_of(points, "map", 2), labels, title);
  });
  m.def("figure_toy", &figure_toy);
  m.def("figure_heatmap", heatmap_of);
}

}  // namespace embscope::python
