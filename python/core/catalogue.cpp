// The catalogue's analyses: values of Python in, answers as dictionaries of Tables, arrays and numbers out.
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
  OpenedSubject(Shared opened, SharedSpace space, OnToken listener = {})
      : opened_(std::move(opened)), space_(std::move(space)), listener_(std::move(listener)) {}
  const Transformer& transformer() const override { return opened().ready(); }
  const Model& model() const override { return *opened().model; }
  const Space& space() const override {
    if (!space_) space_ = opened().space();
    return *space_;
  }
  bool has_model() const override { return opened_ != nullptr; }
  std::string option() const override { return opened_ == nullptr ? "" : opened_->model->path().string(); }
  bool wrote(TokenId id, std::string_view bytes, double probability) const override {
    return id < 0 || !listener_ || listener_(id, bytes, probability);
  }
  std::shared_ptr<const Subject> named(const std::string& name) const override {
    if (holds_vectors(name))
      return std::make_shared<OpenedSubject>(nullptr, std::make_shared<const Space>(open_space(name)));
    auto opened = std::make_shared<Opened>();
    opened->model = Model::open(name);
    return std::make_shared<OpenedSubject>(std::move(opened), nullptr);
  }

 private:
  const Opened& opened() const {
    if (opened_ == nullptr) throw Error(Code::unsupported, "space", "holds vectors, and is not a model");
    return *opened_;
  }
  Shared opened_;
  mutable SharedSpace space_;
  OnToken listener_;
};

std::string text_of(const std::string& name, const nb::dict& given, const char* key) {
  if (nb::len(given) != 2 || !given.contains(key) || !nb::isinstance<nb::str>(given[key]))
    throw Error(Code::usage, name, "a message is {'role': ..., 'content': ...}, both str");
  return nb::cast<std::string>(given[key]);
}

}  // namespace

std::shared_ptr<const Subject> subject_of(Shared opened) {
  return std::make_shared<OpenedSubject>(std::move(opened), nullptr);
}

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
  if (nb::isinstance<PatternEdit>(given)) return {nb::cast<PatternEdit>(given)};
  if (nb::isinstance<Opened>(given)) return {subject_of(nb::cast<Shared>(given))};
  if (nb::isinstance<Space>(given))
    return {std::shared_ptr<const Subject>(std::make_shared<OpenedSubject>(nullptr, nb::cast<SharedSpace>(given)))};
  if (nb::isinstance<nb::dict>(given)) {
    const auto message = nb::cast<nb::dict>(given);
    return {Message{text_of(name, message, "role"), text_of(name, message, "content")}};
  }
  if (!nb::isinstance<nb::list>(given))
    throw Error(Code::usage, name,
                "a " + nb::cast<std::string>(given.type().attr("__name__")) + " is not understood here");
  Value::List list;
  for (nb::handle one : nb::cast<nb::list>(given)) list.push_back(value_of(name, one));
  return {std::move(list)};
}

namespace {

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

/// Bytes that are not text, which a model may write, become U+FFFD.
nb::object text_of(const std::string& bytes) {
  return nb::steal(PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace"));
}

/// Calls the listener with each token, with the interpreter's lock; False from it ends the text.
OnToken told_to(const Caller& caller, const nb::object* listener) {
  if (listener == nullptr) return {};
  return [&caller, listener](TokenId id, std::string_view bytes, double probability) {
    bool on = true;
    caller.ask([&] { on = !(*listener)(id, nb::bytes(bytes.data(), bytes.size()), probability).is(nb::bool_(false)); });
    return on;
  };
}

nb::object id_of(AnalysisResult::Token token) { return token.id < 0 ? nb::none() : nb::cast(token.id); }

/// Arrays and tables lie in the answer itself, which lives as long as they do.
nb::object python_of(const AnalysisResult::Content& content, nb::handle owner) {
  return std::visit(
      Cases{[](bool value) { return nb::object(nb::cast(value)); },
            [](std::int64_t value) { return nb::object(nb::cast(value)); },
            [](double value) { return nb::object(nb::cast(value)); },
            [](const std::string& value) { return text_of(value); },
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

/// (the answer, its parts but for figures by name, the names of its figures, whether its table is the whole of it, and
/// else which part is)
nb::tuple answer(const Shared& opened, const SharedSpace& space, const std::string& name, const nb::dict& given,
                 const Maybe& progress, const Maybe& on_token = {}) {
  const Analysis* analysis = analysis_named(name);
  if (analysis == nullptr) throw Error(Code::not_found, name, "no such analysis");
  Values values;
  for (const auto& [key, value] : given) {
    const auto field = nb::cast<std::string>(key);
    values.emplace(field, value_of(field, value));
  }
  const Analysis::CheckedRequest asked = analysis->ask(values);
  const nb::object* listener = on_token ? &*on_token : nullptr;
  AnalysisResult found = work(
      [=](const Caller& caller) {
        return asked.run(OpenedSubject(opened, space, told_to(caller, listener)), caller.progress());
      },
      progress);
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
  const std::string_view gives = analysis->about().gives;
  return nb::make_tuple(owner, parts, figures, analysis->about().one_table, nb::str(gives.data(), gives.size()));
}

}  // namespace

void bind_catalogue(nb::module_& m) {
  nb::class_<AnalysisResult>(m, "AnalysisResult", "An answer of the engine: what embscope.Result stands on.")
      .def("figure", [](const AnalysisResult& found, const std::string& name) { return found.figure(name); })
      .def_ro("remarks", &AnalysisResult::remarks);
  m.def(
      "ask",
      [](const Shared& opened, const std::string& name, const nb::dict& given, const Maybe& progress,
         const Maybe& on_token) { return answer(opened, nullptr, name, given, progress, on_token); },
      nb::arg("opened"), nb::arg("name"), nb::arg("given"), nb::arg("progress") = nb::none(),
      nb::arg("on_token") = nb::none());
  m.def("ask", [](const SharedSpace& space, const std::string& name, const nb::dict& given, const Maybe& progress) {
    return answer(nullptr, space, name, given, progress);
  });
  m.def("ask_alone", [](const std::string& name, const nb::dict& given, const Maybe& progress) {
    return answer(nullptr, nullptr, name, given, progress);
  });
}

}  // namespace embscope::python
