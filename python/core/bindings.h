// What the files of the module share.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>

#include "arrays.h"
#include "embscope/catalogue/catalogue.h"
#include "embscope/model/model.h"
#include "work.h"

namespace embscope::python {

/// An open model; its Transformer and the decoded embedding matrix are made when first needed.
struct Opened {
  std::shared_ptr<const Model> model;
  mutable std::mutex once;
  mutable std::shared_ptr<const Transformer> made;
  mutable std::shared_ptr<const Space> matrix;
  std::shared_ptr<Tensor> wte;

  std::shared_ptr<const Transformer> transformer() const;
  const Transformer& ready() const;
  std::shared_ptr<const Space> space() const;  ///< the embedding matrix, decoded on first use and kept
};

/// A value of Python as the field `name` takes it. Lists are lists already (_ask.py).
Value value_of(const std::string& name, nb::handle given);

std::shared_ptr<const Subject> subject_of(std::shared_ptr<Opened> opened);

nb::dict cost_of(const Cost& cost);

void bind_model(nb::module_& m);
void bind_analyses(nb::module_& m);
void bind_catalogue(nb::module_& m);
void bind_figures(nb::module_& m);
void bind_spaces(nb::module_& m);

}  // namespace embscope::python
