// vectors, similar, cosines, geometry, toy: views of the embedding matrix that need no forward pass.
#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "api.h"
#include "reply.h"
#include "texts.h"

#include "embscope/vocabulary/similarity.h"

namespace embscope::server {
namespace {

constexpr std::size_t most_vectors = 64;

struct Named {
  std::string label;
  std::vector<float> values;
};

// "#123" gets the label of its token, an expression its own text.
std::string label_of(std::string_view expression, const OpenModel& model, const Words& named) {
  const bool id = expression.size() > 1 && expression[0] == '#' &&
                  expression.find_first_not_of("0123456789", 1) == std::string_view::npos;
  return id ? model.model().label(named.at(0).id) : visible(expression);
}

double length(std::span<const float> x) {
  double sum = 0;
  for (float v : x) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum);
}

Table lines_of(const std::vector<Named>& list) {
  std::vector<double> dimension;
  for (std::size_t d = 0; d < list[0].values.size(); ++d) dimension.push_back(static_cast<double>(d));
  Table table("vectors");
  table.add("dimension", dimension);
  for (const Named& one : list) table.add(one.label, std::vector<double>(one.values.begin(), one.values.end()), 6);
  return table;
}

Table cosines_of(const std::vector<Named>& list) {
  std::vector<std::string> names;
  names.reserve(list.size());
  for (const Named& one : list) names.push_back(one.label);
  Table table("cosine similarity");
  table.add("word", names);
  for (const Named& b : list) {
    std::vector<double> column;
    column.reserve(list.size());
    for (const Named& a : list) column.push_back(cosine(a.values, b.values));
    table.add(b.label, std::move(column), 5);
  }
  return table;
}

Answer some_vectors(const Call& call, const OpenModel& model) {
  const Fields in(call, {"vectors"});
  std::vector<Named> list;
  Words words;
  for (const std::string& expression : in.texts("vectors", most_vectors)) {
    Words named;
    auto vector = vector_of("vectors", bj::value(expression), model, named);
    list.push_back({label_of(expression, model, named), std::move(vector)});
    std::ranges::move(named, std::back_inserter(words));
  }
  if (list.empty()) throw Error(Code::usage, "vectors", "is empty: name at least one");
  Tensor rows({static_cast<std::int64_t>(list.size()), model.config().width});
  bj::array labels;
  std::vector<double> norms;
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::ranges::copy(list[i].values, rows.row(static_cast<std::int64_t>(i)).begin());
    labels.emplace_back(list[i].label);
    norms.push_back(length(list[i].values));
  }
  const Table lines = lines_of(list), matrix = cosines_of(list);
  bj::array cosines;
  for (std::size_t i = 1; i < matrix.columns().size(); ++i)
    cosines.emplace_back(bj::array(matrix.columns()[i].numbers().begin(), matrix.columns()[i].numbers().end()));
  Reply reply;
  reply.add_rows("vectors", rows)
      .add("labels", labels)
      .add("cosines", cosines)
      .add("norms", std::span<const double>(norms))
      .add("words", words_value(model.model(), words))
      .add_json("tables", Reply().add("vectors", lines).add("cosines", matrix).text());
  if (call.wants_figure())
    reply.add_json("figures",
                   Reply().add("lines", figure_vectors(lines)).add("cosines", figure_cosines(matrix)).text());
  return reply.answer();
}

const bj::value& required_vector(const Fields& in) {
  const bj::value* value = in.find("vector");
  if (value == nullptr) throw Refusal(400, "usage", "vector", "is missing");
  return *value;
}

Answer neighbours(const Call& call, const OpenModel& model) {
  const Fields in(call, {"vector", "k", "exclude"});
  const bj::value& value = required_vector(in);
  const auto k = static_cast<int>(in.integer("k", 10, 1, 10000));
  Words words;
  const auto vector = vector_of("vector", value, model, words);
  std::vector<TokenId> without;
  for (std::int64_t id : in.integers("exclude", 10000))
    without.push_back(static_cast<TokenId>(std::clamp<std::int64_t>(id, -1, INT32_MAX)));
  if (!in.has("exclude"))
    for (const NamedToken& word : words)
      without.push_back(word.id);  // the neighbours of an expression do not include its own words
  const Table table = similar(model.model(), vector, k, without);
  Reply reply;
  reply.add("table", table).add("words", words_value(model.model(), words));
  if (call.wants_figure())
    reply.add("figure",
              figure_similar(table, value.is_string() ? label_of(value.get_string(), model, words) : "the vector"));
  return reply.answer();
}

Answer all_cosines(const Call& call, const OpenModel& model) {
  const Fields in(call, {"vector"});
  Words words;
  const auto cosines = cosines_with_all(model.model(), vector_of("vector", required_vector(in), model, words));
  const std::vector<float> values(cosines.begin(), cosines.end());
  return binary_answer({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
}

Answer geometry(const Call& call, const OpenModel& model) {
  const Table table = dimensions(model.model());
  Reply reply;
  reply.add("table", table);
  if (call.wants_figure()) reply.add("figure", figure_dimensions(table));
  return reply.answer();
}

Answer toy(const Call& call) {
  const Table table = toy_space();
  Reply reply;
  reply.add("table", table);
  if (call.wants_figure()) reply.add("figure", figure_toy(table));
  return reply.answer();
}

}  // namespace

void add_vectors(Routes& routes, Models& models) {
  routes.add("POST", "/api/vectors", Lane::quick, [&](Call& call) { return some_vectors(call, *models.of(call)); });
  routes.add("POST", "/api/similar", Lane::quick, [&](Call& call) { return neighbours(call, *models.of(call)); });
  routes.add("POST", "/api/cosines", Lane::quick, [&](Call& call) { return all_cosines(call, *models.of(call)); });
  routes.add("GET", "/api/geometry", Lane::work, [&](Call& call) { return geometry(call, *models.of(call)); });
  routes.add("GET", "/api/toy", Lane::quick, toy);
}

}  // namespace embscope::server
