// embscope._core: the engine under thin names. The doors that people use are in python/embscope/*.py.
#include <algorithm>
#include <cmath>

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "embscope/base/error.h"
#include "embscope/base/threads.h"
#include "embscope/hub/hub.h"

namespace embscope::python {
namespace {

const char* name_of(Code code) {
  switch (code) {
    case Code::usage: return "usage";
    case Code::not_found: return "not_found";
    case Code::format: return "format";
    case Code::unsupported: return "unsupported";
    case Code::shape: return "shape";
    case Code::range: return "range";
    case Code::io: return "io";
    case Code::network: return "network";
    case Code::cancelled: return "cancelled";
  }
  return "usage";
}

/// embscope.errors has one class for each Code; the words are the engine's.
void raise(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const Error& error) {
    const nb::object made =
        nb::module_::import_("embscope.errors").attr("made")(name_of(error.code()), error.where(), error.message());
    PyErr_SetObject(made.type().ptr(), made.ptr());
  }
}

nb::object column(const std::shared_ptr<Table>& table, const std::string& name) {
  const Column& found = table->column(name);
  if (!found.is_number()) return nb::cast(found.texts());
  const std::size_t size[] = {found.size()};
  if (found.is_whole() && std::ranges::all_of(found.numbers(), [](double x) { return std::isfinite(x); })) {
    auto* values = new std::vector<std::int64_t>(found.numbers().begin(), found.numbers().end());
    const nb::capsule owner(values, [](void* p) noexcept { delete static_cast<std::vector<std::int64_t>*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, const std::int64_t>(values->data(), 1, size, owner));
  }
  return nb::cast(nb::ndarray<nb::numpy, const double>(found.numbers().data(), 1, size, nb::cast(table)));
}

std::vector<std::string> names(const Table& table) {
  std::vector<std::string> out;
  for (const Column& one : table.columns()) out.push_back(one.name);
  return out;
}

void bind_table(nb::module_& m) {
  nb::class_<Table>(m, "Table", "A table of the engine: what embscope.Table stands on.")
      .def_prop_ro("title", [](const Table& t) { return t.title(); })
      .def_prop_ro("rows", &Table::rows)
      .def("names", names)
      .def("text", &Table::text)
      .def("csv", &Table::csv)
      .def("json", &Table::json);
  m.def("column", column);
}

}  // namespace
}  // namespace embscope::python

NB_MODULE(_core, m) {
  using namespace embscope::python;
  namespace es = embscope;
  nb::register_exception_translator(raise);
  bind_table(m);
  bind_figures(m);
  bind_model(m);
  bind_analyses(m);
  bind_catalogue(m);
  bind_spaces(m);
  m.def("threads", &es::threads);
  m.def("set_threads", &es::set_threads);
  m.def("cache_folder", [] { return es::cache_folder(); });
  m.def("pull", [](const std::string& name, const Maybe& progress) {
    return work([name](const Caller& caller) { return es::pull(name, caller.progress()).path; }, progress);
  });
}
