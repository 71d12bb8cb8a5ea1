// Jobs over HTTP: maps, training and every analysis of the catalogue; and how to follow, pause and stop them.
#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "api.h"
#include "reply.h"
#include "texts.h"

#include "embscope/project/neighbours.h"
#include "embscope/project/projection.h"
#include "embscope/runs/in_context.h"
#include "embscope/vocabulary/similarity.h"

namespace embscope::server {
namespace {

constexpr double most_map_bytes = 2.0 * (1 << 30);

constexpr std::string_view map_fields[] = {"kind",  "method",     "tokens",   "perplexity", "seed",
                                           "steps", "neighbours", "min_dist", "site",       "after"};

// "all", "FIRST:LAST" or a list of ids.
std::vector<TokenId> map_tokens(const Fields& in, std::int64_t vocab) {
  std::int64_t first = 0, last = vocab;
  const bj::value* value = in.find("tokens");
  std::vector<TokenId> ids;
  if (value != nullptr && value->is_array()) {
    for (std::int64_t id : in.integers("tokens", 1 << 20)) {
      if (id < 0 || id >= vocab)
        throw Error(Code::range, fmt::format("token {}", id), fmt::format("the vocabulary has 0:{}", vocab));
      ids.push_back(static_cast<TokenId>(id));
    }
    return ids;
  }
  const std::string text = in.text("tokens", "all");
  if (text != "all") {
    const std::size_t colon = text.find(':');
    const char* end = text.data() + text.size();
    const auto a = std::from_chars(text.data(), end, first);
    const auto b = colon == std::string::npos ? a : std::from_chars(text.data() + colon + 1, end, last);
    if (colon == std::string::npos || a.ec != std::errc() || a.ptr != text.data() + colon || b.ec != std::errc() ||
        b.ptr != end)
      throw Error(Code::usage, "tokens",
                  fmt::format("'{}': expected all, FIRST:LAST such as 0:100, or a list of ids", text));
    if (first < 0 || last > vocab || first >= last)
      throw Error(Code::range, "tokens", fmt::format("{}: the vocabulary has 0:{}", text, vocab));
  }
  for (std::int64_t id = first; id < last; ++id) ids.push_back(static_cast<TokenId>(id));
  return ids;
}

Tensor rows_of(const Model& model, const std::vector<TokenId>& ids) {
  Tensor rows = Tensor::uninitialised({static_cast<std::int64_t>(ids.size()), model.config().width});
  for (std::size_t i = 0; i < ids.size(); ++i)
    model.weights().wte.row(ids[i], rows.row(static_cast<std::int64_t>(i)).data());
  return rows;
}

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

std::string run_pca(Job& job, const Tensor& vectors) {
  std::vector<double> explained;
  job.publish(pca(vectors, 2, &explained));
  return Reply().add("explained", std::span<const double>(explained)).add("tokens", vectors.rows()).text();
}

constexpr double neighbours = 0.4;  // their share of the time of a map

// The principal components are shown first, while the neighbours are computed.
std::string run_tsne(Job& job, const Tensor& vectors, const TsneOptions& options, double start) {
  job.publish(pca(vectors, 2));
  const double middle = start + (1 - start) * neighbours;
  const Progress whole = job.progress(), steps = part_of(whole, middle, 1);
  Tsne tsne(vectors, options, part_of(whole, start, middle));
  while (tsne.step()) {
    job.publish(tsne.points());
    report(steps, static_cast<double>(tsne.steps_done()) / options.steps,
           fmt::format("t-SNE, step {} of {}", tsne.steps_done(), options.steps));
  }
  job.publish(tsne.points());
  return Reply()
      .add("loss", tsne.divergence())
      .add("trace", std::span<const double>(tsne.trace()))
      .add("tokens", vectors.rows())
      .text();
}

std::string run_umap(Job& job, const Tensor& vectors, const UmapOptions& options, double start) {
  job.publish(pca(vectors, 2));
  const double middle = start + (1 - start) * neighbours;
  const Progress whole = job.progress(), steps = part_of(whole, middle, 1);
  Umap umap(vectors, options, part_of(whole, start, middle));
  while (umap.step()) {
    job.publish(umap.points());
    report(steps, static_cast<double>(umap.steps_done()) / umap.steps(),
           fmt::format("UMAP, epoch {} of {}", umap.steps_done(), umap.steps()));
  }
  job.publish(umap.points());
  return Reply().add("tokens", vectors.rows()).text();
}

Work map_work(const Fields& in, std::shared_ptr<OpenModel> model) {
  in.check(map_fields, " of map");
  const std::string method = in.text("method", "tsne");
  if (method != "pca" && method != "tsne" && method != "umap")
    throw Error(Code::unsupported, fmt::format("method '{}'", method), "there are pca, tsne and umap");
  auto ids = map_tokens(in, model->config().vocab);
  if (ids.size() < 2) throw Error(Code::range, "tokens", "a map takes at least 2");
  const double bytes = 4.0 * static_cast<double>(ids.size()) * static_cast<double>(model->config().width);
  if (bytes > most_map_bytes)
    throw Refusal(413, "too_large", "tokens",
                  fmt::format("{} vectors take {:.0f} MiB, a map may use at most 2048: choose fewer", ids.size(),
                              bytes / (1 << 20)));
  TsneOptions options;
  options.perplexity = in.number("perplexity", 30, 0.1, 1000);
  options.seed = in.seed();
  options.steps = static_cast<int>(in.integer("steps", 750, 1, 100000));
  options.exaggerated_steps = std::min(options.exaggerated_steps, options.steps / 3);
  UmapOptions umap;
  umap.neighbours = static_cast<int>(in.integer("neighbours", umap.neighbours, 2, 1000));
  umap.min_dist = in.number("min_dist", umap.min_dist, 0, 1);
  umap.seed = options.seed;
  if (in.has("steps")) umap.epochs = options.steps;
  const Site site = parse_site(in.text("site", "wte"), model->config());
  const std::string after = in.text("after", "");
  const bool rows = site.point == Point::wte && after.empty();  // of the matrix itself
  if (rows && method != "pca") {                                // by cosines, which rows of zeros do not have
    std::erase_if(ids, [&](TokenId id) {
      return std::ranges::all_of(model->model().embedding(id).values(), [](float x) { return x == 0; });
    });
  }
  const auto before = rows ? std::vector<TokenId>() : model->tokenizer().with_bos(after).ids;
  if (is_attention_map(site.point) || site.point == Point::logits)
    throw Error(Code::usage, "site", fmt::format("{} holds no vector to map", site.name()));
  return [=, ids = std::move(ids)](Job& job) {
    constexpr double running = 0.5;  // the model's share of the time, where it runs
    job.set_ids(ids, [model](TokenId id) { return model->model().label(id); });
    job.report(0, "principal components");
    const Progress whole = job.progress();
    const auto vectors = std::make_shared<const Tensor>(
        rows ? rows_of(model->model(), ids)
             : in_context(model->transformer(), site, before, ids, part_of(whole, 0, running)));
    if (rows)
      job.set_nearest([model](TokenId token, int k) { return nearest_in_matrix(model->model(), token, k); }, 0);
    else
      job.set_nearest([=](TokenId token, int k) { return nearest_among(model->model(), *vectors, ids, token, k); },
                      static_cast<std::size_t>(vectors->size()) * sizeof(float));
    const double start = rows ? 0 : running;
    return method == "pca"    ? run_pca(job, *vectors)
           : method == "umap" ? run_umap(job, *vectors, umap, start)
                              : run_tsne(job, *vectors, options, start);
  };
}

// The fields of all kinds of jobs, for a body that names no kind.
std::vector<std::string_view> all_fields() {
  std::vector<std::string_view> names(std::begin(map_fields), std::end(map_fields));
  const auto add = [&](std::string_view name) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  for (const std::string_view name : train_fields) add(name);
  for (const Analysis* analysis : analyses()) {
    for (const Field& field : analysis->fields()) add(field.name), add(field.old);
  }
  return names;
}

Work work_of(const Call& call, std::string& kind, const std::shared_ptr<OpenModel>& model) {
  const Fields in(call);
  in.check(all_fields(), fmt::format(" of {}", call.path));
  kind = in.text("kind");
  if (kind == "map") return map_work(in, model);
  if (kind == "train" && call.visitor.is_guest()) refuse_guest("train");  // it writes a model
  if (kind == "train") return train_work(in);
  const Analysis* analysis = analysis_named(kind);
  if (analysis != nullptr) return analysis_work(*analysis, body_of(call), model);
  std::string names = "map, train";
  for (const Analysis* one : analyses()) names += fmt::format(", {}", one->about().name);
  throw Error(Code::not_found, fmt::format("kind '{}'", kind), "there are " + names);
}

Answer json_answer(std::string text) {
  Answer answer;
  answer.body = std::move(text);
  return answer;
}

Answer list(const Jobs& jobs, Visitor visitor) {
  std::string text = "[";
  for (const auto& job : jobs.all(visitor)) text += (text.size() > 1 ? "," : "") + job->json(false);
  return json_answer(text + "]");
}

Answer points(const Job& job) {
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
    auto work = work_of(call, kind, models.of(call));
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
             [&](Call& call) { return points(*jobs.find(call.visitor, call.parameters[0])); });
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
