// Every analysis of the catalogue as an address and as a kind of job.
#include <algorithm>

#include <fmt/format.h>

#include "answers.h"
#include "api.h"
#include "fields.h"
#include "reply.h"

namespace embscope::server {
namespace {

constexpr std::int64_t most_tokens = 4096;

Analysis::CheckedRequest checked(const Analysis& analysis, const Values& values) {
  const auto tokens = values.find(values.contains("count") ? "count" : "tokens");
  const auto* count = tokens == values.end() ? nullptr : std::get_if<std::int64_t>(&tokens->second.is);
  if (analysis.about().tells && count != nullptr && (*count < 1 || *count > most_tokens))
    throw Refusal(422, "range", tokens->first, fmt::format("{}: choose 1 to {}", *count, most_tokens));
  return analysis.ask(values, Files::refused);
}

Answer answer(const Analysis& analysis, const Call& call, const Models& models) {
  const Analysis::CheckedRequest asked = checked(analysis, values_of(body_of(call), analysis));
  const OpenModelSubject on(models.of(call), models);
  require_room(analysis, asked, on);
  return json_answer(answer_json(analysis, asked.run(on, call.progress()), on, call.wants_figure()));
}

/// A text that is written: an event for each token as it comes, then one that says how many, and why it ended.
Answer stream(const Analysis& analysis, const Call& call, const Models& models) {
  const Analysis::CheckedRequest asked = checked(analysis, values_of(body_of(call), analysis));
  const OpenModelSubject on(models.of(call), models);
  on.listen([&](TokenId id, std::string_view bytes, double probability) {
    bj::object token = token_value(on.model(), id);
    token["text"] = visible(bytes);
    token["bytes"] = hex_of(bytes);
    token["probability"] = probability;
    return call.events->send("token", bj::serialize(token)) && !call.cancelled();
  });
  const AnalysisResult found = asked.run(on, {});
  call.events->send("done", bj::serialize(bj::object{{"count", found.get<std::int64_t>("count")},
                                                     {"ended", found.get<std::string>("ended")}}));
  return {};
}

// A word without a token is refused before the job starts.
void expect_tokens(const Analysis& analysis, const Values& values, const Model& model) {
  const auto expect = [&](const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value.is)) token_named(model, *text);
  };
  for (const Field& field : analysis.fields()) {
    const auto given = values.find(field.name);
    if (given == values.end() || (field.kind != Kind::token && field.kind != Kind::tokens)) continue;
    const auto* list = std::get_if<Value::List>(&given->second.is);
    if (list == nullptr)
      expect(given->second);
    else
      std::ranges::for_each(*list, expect);
  }
}

}  // namespace

void add_analyses(Routes& routes, Models& models) {
  for (const Analysis* analysis : analyses()) {
    if (!over_http(*analysis)) continue;
    const auto& about = analysis->about();
    const std::string path = "/api/" + std::string(about.name);
    if (about.tells) {
      routes.add_stream("POST", path, [&models, analysis](Call& call) { return stream(*analysis, call, models); });
      continue;
    }
    routes.add(analysis->fields().empty() ? "GET" : "POST", path, about.quick ? Lane::quick : Lane::work,
               [&models, analysis](Call& call) { return answer(*analysis, call, models); });
  }
  // The address of the version before for heatmap's table.
  routes.add("GET", "/api/geometry", Lane::work,
             [&](Call& call) { return answer(*analysis_named("heatmap"), call, models); });
}

Work analysis_work(const Analysis& analysis, const bj::object& body, std::shared_ptr<const OpenModel> model,
                   const Models& models) {
  const auto on = std::make_shared<const OpenModelSubject>(std::move(model), models);
  const Values values = values_of(body, analysis);
  const Analysis::CheckedRequest asked = checked(analysis, values);
  expect_tokens(analysis, values, on->model());
  require_room(analysis, asked, *on);
  return [&analysis, asked, on](Job& job) {
    job.report(0, analysis.about().name);
    on->tell([&](const AnalysisResult& found) { job.set_partial(answer_json(analysis, found, *on, false)); });
    return answer_json(analysis, asked.run(*on, job.progress()), *on, true);
  };
}

}  // namespace embscope::server
