// cosines: of a vector with every token's, as numbers; the toy text.
#include "answers.h"
#include "api.h"
#include "reply.h"

#include "embscope/catalogue/read.h"
#include "embscope/train/toy_text.h"
#include "embscope/vocabulary/similarity.h"

namespace embscope::server {
namespace {

Answer all_cosines(const Call& call, const Models& models) {
  const Fields in(call, {"vector"});
  const bj::value* value = in.find("vector");
  if (value == nullptr) throw Refusal(400, "usage", "vector", "is missing");
  const OpenModelSubject on(models.of(call), models);
  const auto cosines =
      cosines_with_all(on.model(), read_vector(on, value_of("vector", *value, Kind::vector), "vector"));
  const std::vector<float> values(cosines.begin(), cosines.end());
  return binary_answer({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
}

}  // namespace

void add_vectors(Routes& routes, Models& models) {
  routes.add("POST", "/api/cosines", Lane::quick, [&](Call& call) { return all_cosines(call, models); });
  routes.add("GET", "/api/toy/text", Lane::quick,
             [](Call&) { return Reply().add("text", bj::value(std::string(toy_text()))).answer(); });
}

}  // namespace embscope::server
