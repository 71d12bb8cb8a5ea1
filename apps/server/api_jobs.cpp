// Jobs over HTTP: maps, training and every analysis of the catalogue; and how to follow, pause and stop them.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "answers.h"
#include "api.h"
#include "reply.h"
#include "texts.h"

#include "embscope/project/neighbours.h"
#include "embscope/vocabulary/similarity.h"

namespace embscope::server {
namespace {

constexpr double most_map_bytes = 2.0 * (1 << 30);

Table nearest_in_matrix(const Model& model, TokenId token, int k) {
  return similar(model, model.embedding(token).values(), k, std::vector{token});
}

// The nearest tokens of the map: `vectors` has a row for each of `ids`.
Table nearest_among(const Model& model, const Tensor& vectors, const std::vector<TokenId>& ids, TokenId token, int k) {
  const auto at = std::ranges::find(ids, token);
  if (at == ids.end()) throw Error(Code::not_found, fmt::format("token {}", token), "is not on this map");
  const Neighbours near = nearest_to(vectors.row(at - ids.begin()), vectors, {.k = k + 1});
  std::vector<std::string> names;
  std::vector<double> rank, id, cosine;
  for (std::size_t i = 0; i < near.ids.size() && id.size() < static_cast<std::size_t>(k); ++i) {
    const TokenId other = ids[static_cast<std::size_t>(near.ids[i])];
    if (other == token) continue;
    rank.push_back(static_cast<double>(id.size() + 1)), names.push_back(model.label(other));
    id.push_back(other), cosine.push_back(static_cast<double>(near.values[i]));
  }
  Table table("nearest on the map");
  return std::move(table.add("rank", rank, whole).add("token", names).add("id", id, whole).add("cosine", cosine, 5));
}

// What a map comes to; its points are read beside it.
std::string numbers_of(const AnalysisResult& found) {
  Reply reply;
  for (const auto& [name, thing] : found.parts()) {
    if (const auto* number = std::get_if<double>(&thing); number != nullptr && std::isfinite(*number))
      reply.add(name, bj::value(*number));
    if (const auto* list = std::get_if<std::vector<double>>(&thing); list != nullptr && !list->empty())
      reply.add(name, std::span<const double>(*list));
  }
  return reply.add("tokens", found.get<Tensor>("points").rows()).text();
}

// The catalogue's map, whose points are seen while it grows; a page that watches it wants it to its last step.
Work map_work(const bj::object& body, std::shared_ptr<OpenModel> model, const Models& models) {
  const Analysis& analysis = *analysis_named("map");
  Values values = values_of(body, analysis);
  values.try_emplace("tokens", Value{std::string("all")});
  values.try_emplace("stall", Value{0.0});
  const Analysis::CheckedRequest asked = analysis.ask(values, Files::refused);
  const auto on = std::make_shared<const OpenModelSubject>(model, models);
  require_memory(asked.bytes(*on), "a map", most_map_bytes);
  return [asked, on, model](Job& job) {
    const auto mapped = [&](const std::vector<std::int64_t>& rows, std::shared_ptr<const Tensor> vectors) {
      const std::vector<TokenId> ids(rows.begin(), rows.end());
      job.set_ids(ids, [model](TokenId id) { return model->model().label(id); });
      if (vectors == nullptr)
        return job.set_nearest([model](TokenId token, int k) { return nearest_in_matrix(model->model(), token, k); },
                               0);
      const std::size_t bytes = static_cast<std::size_t>(vectors->size()) * sizeof(float);
      job.set_nearest([=](TokenId token, int k) { return nearest_among(model->model(), *vectors, ids, token, k); },
                      bytes);
    };
    on->follow({.mapped = mapped, .moved = [&](const Tensor& points) { job.publish(points); }});
    job.report(0, "principal components");
    return numbers_of(asked.run(*on, job.progress()));
  };
}

// The fields of all kinds of jobs, for a body that names no kind.
std::vector<std::string_view> all_fields() {
  std::vector<std::string_view> names = {"kind"};
  const auto add = [&](std::string_view name) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  for (const Analysis* analysis : analyses()) {
    if (!over_http(*analysis) && analysis->about().name != "train") continue;
    for (const Field& field : analysis->fields()) {
      if (field.kind != Kind::file && !field.terminal) add(field.name), add(field.old);
    }
  }
  return names;
}

Work work_of(const Call& call, std::string& kind, const Models& models) {
  const auto model = models.of(call);
  const Fields in(call);
  in.check(all_fields(), fmt::format(" of {}", call.path));
  kind = in.text("kind");
  bj::object body = in.object();
  body.erase("kind");
  if (kind == "map") return map_work(body, model, models);
  if (kind == "train" && call.visitor.is_guest()) refuse_guest("train");  // it writes a model
  if (kind == "train") return train_work(body);
  const Analysis* analysis = analysis_named(kind);
  if (analysis != nullptr && over_http(*analysis)) return analysis_work(*analysis, body, model, models);
  std::string names = "train";
  for (const Analysis* one : analyses()) {
    if (over_http(*one)) names += fmt::format(", {}", one->about().name);
  }
  throw Error(Code::not_found, fmt::format("kind '{}'", kind), "there are " + names);
}

Answer list(const Jobs& jobs, Visitor visitor) {
  std::string text = "[";
  for (const auto& job : jobs.all(visitor)) text += (text.size() > 1 ? "," : "") + job->json(false);
  return json_answer(text + "]");
}

Answer points(const Call& call, const Job& job) {
  if (call.query.contains("frame"))
    return binary_answer(job.frame(static_cast<std::size_t>(query_integer(call, "frame", 0, 0, INT32_MAX))));
  std::int64_t version = 0;
  Answer answer = binary_answer(job.points(version));
  answer.headers.emplace_back("X-Embscope-Version", std::to_string(version));
  return answer;
}

Answer ids(const Job& job) {
  const auto list = job.ids();
  return binary_answer({reinterpret_cast<const char*>(list.data()), list.size() * sizeof(TokenId)});
}

Answer labels(const Job& job) {
  const auto list = job.labels();
  return Reply().add("labels", bj::array(list.begin(), list.end())).answer();
}

Answer nearest(const Call& call, const Job& job) {
  if (!call.query.contains("token")) throw Refusal(400, "usage", "token", "is missing");
  const auto token = static_cast<TokenId>(query_integer(call, "token", -1, 0, INT32_MAX));
  return Reply().add("table", job.nearest(token, static_cast<int>(query_integer(call, "k", 12, 1, 1000)))).answer();
}

}  // namespace

void add_jobs(Routes& routes, Models& models, Jobs& jobs) {
  routes.add("POST", "/api/jobs", Lane::quick, [&](Call& call) {
    std::string kind;
    auto work = work_of(call, kind, models);
    Answer answer = Reply().add("id", jobs.start(call.visitor, kind, std::move(work))->id()).answer();
    answer.status = 202;
    return answer;
  });
  routes.add("GET", "/api/jobs", Lane::quick, [&](Call& call) { return list(jobs, call.visitor); });
  routes.add("GET", "/api/jobs/{id}", Lane::quick,
             [&](Call& call) { return json_answer(jobs.find(call.visitor, call.parameters[0])->json(true)); });
  routes.add("DELETE", "/api/jobs/{id}", Lane::quick, [&](Call& call) {
    jobs.remove(call.visitor, call.parameters[0]);
    return json_answer("{}");
  });
  routes.add("GET", "/api/jobs/{id}/points", Lane::quick,
             [&](Call& call) { return points(call, *jobs.find(call.visitor, call.parameters[0])); });
  routes.add("GET", "/api/jobs/{id}/ids", Lane::quick,
             [&](Call& call) { return ids(*jobs.find(call.visitor, call.parameters[0])); });
  routes.add("GET", "/api/jobs/{id}/labels", Lane::quick,
             [&](Call& call) { return labels(*jobs.find(call.visitor, call.parameters[0])); });
  routes.add("GET", "/api/jobs/{id}/similar", Lane::quick,
             [&](Call& call) { return nearest(call, *jobs.find(call.visitor, call.parameters[0])); });
  routes.add_stream("GET", "/api/jobs/{id}/events", [&](Call& call) {
    jobs.find(call.visitor, call.parameters[0])->follow(call.events);
    call.keeps_events = true;
    return Answer();
  });
  using Act = void (Job::*)();
  for (const auto& [word, act] :
       {std::pair<const char*, Act>{"pause", &Job::pause}, {"resume", &Job::resume}, {"cancel", &Job::cancel}}) {
    routes.add("POST", fmt::format("/api/jobs/{{id}}/{}", word), Lane::quick, [&jobs, act = act](Call& call) {
      const auto job = jobs.find(call.visitor, call.parameters[0]);
      ((*job).*act)();
      return json_answer(job->json(false));
    });
  }
}

}  // namespace embscope::server
