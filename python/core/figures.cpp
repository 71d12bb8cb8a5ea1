// Figures: drawn from the Tables of the analyses, saved by the engine.
#include <filesystem>

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "embscope/figure.h"

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
  m.def("figure_predict", [](const Table& t, const std::string& text) { return figure_predict(t, text); });
  m.def("figure_mix", [](const Table& t, const std::vector<double>& crossings, const std::string& replace, const std::string& with) {
    return figure_mix(t, crossings, replace, with);
  });
  m.def("figure_trace", [](const Table& t, const std::string& own, const std::string& predicted) { return figure_trace(t, own, predicted); });
  m.def("figure_map", [](nb::handle points, const Words& labels, const std::string& title) {
    return figure_map(tensor_of(points, "map", 2), labels, title);
  });
  m.def("figure_trajectory", [](const Table& t, const std::string& across, const std::string& up) { return figure_trajectory(t, across, up); });
  m.def("figure_toy", &figure_toy);
  m.def("figure_lens", [](const Table& t, const std::string& target, std::size_t most) { return figure_lens(t, target, most); });
  m.def("figure_attention", [](nb::handle patterns, const std::vector<int>& heads, int block, const Words& labels) {
    return figure_attention(tensor_of(patterns, "attention", 3), heads, block, labels);
  });
  m.def("figure_attribution", [](const Table& t, const std::string& title, const std::string& subtitle) {
    return figure_attribution(t, title, subtitle);
  });
  m.def("figure_gradient", [](const Table& t, const std::string& title, const std::string& subtitle) { return figure_gradient(t, title, subtitle); });
  m.def("figure_intervention", [](const Table& t, const std::string& what) { return figure_intervention(t, what); });
  m.def("figure_patch", [](const Table& grid, const Table& heads, const std::string& target, const std::string& against) {
    return figure_patch(grid, heads, target, against);
  });
  m.def("figure_patch_agreement", [](const Table& patches, const Table& sites, const std::string& target, const std::string& against) {
    return figure_patch_agreement(patches, sites, target, against);
  });
  m.def("figure_steer", [](const Table& t, const std::string& site) { return figure_steer(t, site); });
  m.def("figure_heatmap", heatmap_of);
}

}  // namespace embscope::python
