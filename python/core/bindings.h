// What the files of the module share.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>

#include "arrays.h"
#include "embscope/forward/edit.h"
#include "embscope/forward/transformer.h"
#include "embscope/model/model.h"
#include "embscope/space/space.h"
#include "embscope/tensor/table.h"
#include "embscope/text/prompt.h"
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

/// An edit before it meets a model: text (edit.h), or an Edit whose site is still a name.
struct PendingEdit {
  std::string text{}, site{};
  Edit edit{};
};

std::vector<PendingEdit> pending_edits(const nb::list& edits);

/// `row` -1: a run of one row.
void add_edits(std::vector<Edit>& out, const std::vector<PendingEdit>& pending, const Transformer& transformer,
               const Prompt& prompt, int row = -1);

nb::dict cost_of(const Cost& cost);

void bind_model(nb::module_& m);
void bind_analyses(nb::module_& m);
void bind_catalogue(nb::module_& m);
void bind_figures(nb::module_& m);
void bind_spaces(nb::module_& m);

}  // namespace embscope::python
