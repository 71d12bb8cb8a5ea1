// The catalogue's analyses: values of Python in, answers as dictionaries of Tables, arrays and numbers out.
#include "embscope/catalogue/catalogue.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"

namespace embscope::python {
namespace {

using Shared = std::shared_ptr<Opened>;
using SharedSpace = std::shared_ptr<const Space>;

/// An open model, or a space of vectors, as an analysis sees it; neither, where it needs none.
class OpenedSubject : public Subject {
 public:
  OpenedSubject(Shared opened, SharedSpace space) : opened_(std::move(opened)), space_(std::move(space)) {}
  const Transformer& transformer() const override { return opened().ready(); }
  const Model& model() const override { return *opened().model; }
  const Space& space() const override {
    if (!space_) space_ = opened().space();
    return *space_;
  }
  bool has_model() const override { return opened_ != nullptr; }

 private:
  const Opened& opened() const {
    if (opened_ == nullptr) throw Error(Code::unsupported, "space", "holds vectors, and is not a model");
    return *opened_;
  }
  Shared opened_;
  mutable SharedSpace space_;
};

// model.py has made lists of what can be counted through.
Value value_of(const std::string& name, nb::handle given) {
  if (nb::isinstance<nb::bool_>(given)) return {nb::cast<bool>(given)};
  if (nb::isinstance<nb::int_>(given)) {
    std::int64_t whole = 0;
    std::uint64_t large = 0;
    if (nb::try_cast(given, whole)) return {whole};
    if (nb::try_cast(given, large)) return {large};
    throw Error(Code::range, name, "a number is too large");
  }
  if (nb::isinstance<nb::float_>(given)) return {nb::cast<double>(given)};
  if (nb::isinstance<nb::str>(given)) return {nb::cast<std::string>(given)};
  if (nb::isinstance<PendingEdit>(given)) {
    const auto& edit = nb::cast<const PendingEdit&>(given);
    return {PatternEdit{edit.site, edit.edit}};
  }
  if (!nb::isinstance<nb::list>(given))
    throw Error(Code::usage, name,
                "a " + nb::cast<std::string>(given.type().attr("__name__")) + " is not understood here");
  Value::List list;
  for (nb::handle one : nb::cast<nb::list>(given)) list.push_back(value_of(name, one));
  return {std::move(list)};
}

nb::dict cost_of(const Cost& cost) {
  nb::dict d;
  d["asked"] = cost.asked;
  d["computed"] = cost.computed;
  d["logit_rows"] = cost.logit_rows;
  return d;
}

nb::list odds_of(const AnalysisResult::Odds& odds) {
  nb::list out;
  for (const TokenProbability& one : odds) {
    nb::dict d;
    d["id"] = one.id;
    d["probability"] = one.probability;
    d["rank"] = one.rank;
    out.append(d);
  }
  return out;
}

nb::object id_of(AnalysisResult::Token token) { return token.id < 0 ? nb::none() : nb::cast(token.id); }

/// Arrays and tables lie in the answer itself, which lives as long as they do.
nb::object python_of(const AnalysisResult::Content& content, nb::handle owner) {
  return std::visit(
      Cases{[](bool value) { return nb::object(nb::cast(value)); },
            [](std::int64_t value) { return nb::object(nb::cast(value)); },
            [](double value) { return nb::object(nb::cast(value)); },
            [](const std::string& value) { return nb::object(nb::str(value.data(), value.size())); },
            [](AnalysisResult::Token value) { return id_of(value); },
            [](const std::vector<int>& values) { return nb::object(nb::cast(values)); },
            [](const std::vector<double>& values) { return nb::object(nb::cast(values)); },
            [](const std::vector<std::string>& values) { return nb::object(nb::cast(values)); },
            [](const AnalysisResult::Odds& values) { return nb::object(odds_of(values)); },
            [&](const Tensor& values) { return array_within(values.data(), values.shape(), owner); },
            [](const AnalysisResult::Lists& values) { return nb::object(nb::cast(values)); },
            [&](const AnalysisResult::Arrays& arrays) {
              nb::dict d;
              for (const auto& [name, values] : arrays)
                d[name.c_str()] = array_within(values.data(), values.shape(), owner);
              return nb::object(d);
            },
            [](const Cost& cost) { return nb::object(cost_of(cost)); },
            [&](const Table& table) { return nb::cast(&table, nb::rv_policy::reference_internal, owner); },
            [](const AnalysisResult::Draw&) { return nb::object(nb::none()); }},
      content);
}

/// (the answer, its parts but for figures by name, the names of its figures, whether its table is the whole of it)
nb::tuple answer(const Shared& opened, const SharedSpace& space, const std::string& name, const nb::dict& given,
                 const Maybe& progress) {
  const Analysis* analysis = analysis_named(name);
  if (analysis == nullptr) throw Error(Code::not_found, name, "no such analysis");
  Values values;
  for (const auto& [key, value] : given) {
    const auto field = nb::cast<std::string>(key);
    values.emplace(field, value_of(field, value));
  }
  const Analysis::CheckedRequest asked = analysis->ask(values);
  AnalysisResult found =
      work([=](const Caller& caller) { return asked.run(OpenedSubject(opened, space), caller.progress()); }, progress);
  const nb::object owner = nb::cast(std::move(found));
  nb::dict parts;
  nb::list figures;
  for (const auto& [part, content] : nb::cast<const AnalysisResult&>(owner).parts()) {
    const nb::str key(part.data(), part.size());
    if (std::holds_alternative<AnalysisResult::Draw>(content))
      figures.append(key);
    else
      parts[key] = python_of(content, owner);
  }
  return nb::make_tuple(owner, parts, figures, analysis->about().one_table);
}

}  // namespace

void bind_catalogue(nb::module_& m) {
  nb::class_<AnalysisResult>(m, "AnalysisResult", "An answer of the engine: what embscope.Result stands on.")
      .def("figure", [](const AnalysisResult& found, const std::string& name) { return found.figure(name); })
      .def_ro("remarks", &AnalysisResult::remarks);
  m.def("ask", [](const Shared& opened, const std::string& name, const nb::dict& given, const Maybe& progress) {
    return answer(opened, nullptr, name, given, progress);
  });
  m.def("ask", [](const SharedSpace& space, const std::string& name, const nb::dict& given, const Maybe& progress) {
    return answer(nullptr, space, name, given, progress);
  });
  m.def("ask_alone", [](const std::string& name, const nb::dict& given, const Maybe& progress) {
    return answer(nullptr, nullptr, name, given, progress);
  });
}

}  // namespace embscope::python
