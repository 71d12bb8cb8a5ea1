// Figures: drawn from the Tables of the analyses, saved by the engine.
#include <filesystem>

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "embscope/figure/figure.h"

namespace embscope::python {

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
  m.def("figure_map", [](nb::handle points, const std::vector<std::string>& labels, const std::string& title) {
    return figure_map(tensor_of(points, "map", 2), labels, title);
  });
}

}  // namespace embscope::python
