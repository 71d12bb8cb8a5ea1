#include "api.h"

#include <algorithm>

#include <fmt/format.h>

#include "answers.h"
#include "reply.h"
#include "texts.h"

#include "embscope/model/known_models.h"
#include "embscope/runs/predict.h"
#include "embscope/text/utf8.h"

namespace embscope::server {
namespace {

std::int64_t parameters(const Model& model) {
  std::int64_t count = 0;
  for (const auto& archive : model.archives()) {
    for (const auto& entry : archive->tensors()) count += entry.view.shape.elements();
  }
  return count;
}

// Guests see the name of a model, not its path on this machine.
bj::value described(const OpenModel& model, Visitor visitor) {
  const Config& c = model.config();
  bj::array listed;
  for (const SiteInfo& site : sites(c))
    listed.push_back(bj::object{{"name", site.name},
                                {"shape", site.shape},
                                {"transformer_lens", site.transformer_lens},
                                {"hugging_face", site.hugging_face}});
  return {{"name", well_formed(model.name())},
          {"path", visitor.is_guest() ? "" : well_formed(model.model().path().string())},
          {"opens", well_formed(visitor.is_guest() ? model.name() : model.opens())},
          {"family", c.family},
          {"vocab", c.vocab},
          {"width", c.width},
          {"blocks", c.blocks},
          {"heads", c.heads},
          {"kv_heads", c.kv_heads},
          {"head_width", c.head_width},
          {"mlp_width", c.mlp_width},
          {"context", c.context},
          {"tied", c.tied},
          {"tokenizer", model.model().has_tokenizer()},
          {"parameters", parameters(model.model())},
          {"sites", std::move(listed)}};
}

Answer list_models(const Call& call, const Models& models) {
  bj::array list;
  for (const auto& model : models.all()) list.push_back(described(*model, call.visitor));
  return json_answer(bj::serialize(list));
}

// The models that can be opened by name, for a menu; some of them are open already.
Answer available_models(const Models& models) {
  bj::array list;
  for (const std::string& name : known_models()) {
    const auto all = models.all();
    const bool open =
        std::ranges::any_of(all, [&](const auto& one) { return one->opens() == name || one->name() == name; });
    list.push_back(bj::object{{"name", well_formed(name)}, {"open", open}});
  }
  return Reply().add("models", list).answer();
}

Answer open_model(const Call& call, Models& models) {
  const Fields in(call, {"open"});
  return json_answer(bj::serialize(described(*models.open(in.text("open")), call.visitor)));
}

Answer health(const Call& call, const Models& models, const Routes& routes) {
  bj::array names, addresses;
  for (const Route& route : routes.all()) addresses.push_back(bj::array{route.method, route.pattern});
  for (const auto& model : models.all()) names.emplace_back(well_formed(model->name()));
  return Reply()
      .add("version", bj::value(EMBSCOPE_VERSION))
      .add("models", names)
      .add("guest", bj::value(call.visitor.is_guest()))
      .add("addresses", addresses)
      .answer();
}

}  // namespace

Api::Api() {
  routes_.add("GET", "/api/health", Lane::here, [this](Call& call) { return health(call, models_, routes_); });
  routes_.add("GET", "/api/openapi.json", Lane::quick, [](Call&) { return json_answer(openapi()); });
  routes_.add("GET", "/api/models", Lane::quick, [this](Call& call) { return list_models(call, models_); });
  routes_.add("POST", "/api/models", Lane::work, [this](Call& call) { return open_model(call, models_); });
  routes_.for_owner_only();
  routes_.add("GET", "/api/models/available", Lane::quick, [this](Call&) { return available_models(models_); });
  routes_.for_owner_only();
  add_text(routes_, models_);
  add_vectors(routes_, models_);
  add_matrix(routes_, models_);
  add_analyses(routes_, models_);
  add_experiments(routes_, models_);
  add_stage(routes_, models_);
  add_jobs(routes_, models_, jobs_);
}

Api::~Api() = default;

void Api::warm_up() {
  try {
    models_.all().front()->warm_up();
  } catch (const std::exception&) {}  // the request that has the same error reports it
}

void Api::stop() { jobs_.stop(); }

}  // namespace embscope::server
