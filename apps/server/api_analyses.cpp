// Every analysis of the catalogue as an address and as a kind of job.
#include <algorithm>

#include "answers.h"
#include "api.h"
#include "fields.h"
#include "reply.h"

namespace embscope::server {
namespace {

Answer answer(const Analysis& analysis, const Call& call, std::shared_ptr<const OpenModel> model) {
  const Analysis::CheckedRequest asked = analysis.ask(values_of(body_of(call), analysis), Files::refused);
  const OpenModelSubject on(std::move(model));
  require_room(analysis, asked, on);
  const AnalysisResult found = asked.run(on, call.progress());
  Answer answer;
  answer.body = answer_json(analysis, found, on, call.wants_figure());
  return answer;
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
    routes.add(analysis->fields().empty() ? "GET" : "POST", "/api/" + std::string(about.name),
               about.quick ? Lane::quick : Lane::work,
               [&models, analysis](Call& call) { return answer(*analysis, call, models.of(call)); });
  }
}

Work analysis_work(const Analysis& analysis, const bj::object& body, std::shared_ptr<const OpenModel> model) {
  const auto on = std::make_shared<const OpenModelSubject>(std::move(model));
  const Values values = values_of(body, analysis);
  const Analysis::CheckedRequest asked = analysis.ask(values, Files::refused);
  expect_tokens(analysis, values, on->model());
  require_room(analysis, asked, *on);
  return [&analysis, asked, on](Job& job) {
    job.report(0, analysis.about().name);
    on->tell([&](const AnalysisResult& found) { job.set_partial(answer_json(analysis, found, *on, false)); });
    return answer_json(analysis, asked.run(*on, job.progress()), *on, true);
  };
}

}  // namespace embscope::server
