// Answers: requests for the catalogue's analyses, read from JSON, and their answers as JSON.
// Thread rule: pure functions over open models.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "http.h"
#include "models.h"
#include "texts.h"

#include "embscope/catalogue/catalogue.h"

namespace embscope::server {

/// An open model as the subject of one request. Requests cannot read files of this machine.
class OpenModelSubject : public Subject {
 public:
  OpenModelSubject(std::shared_ptr<const OpenModel> model, const Models& models)
      : model_(std::move(model)), models_(models) {}
  const OpenModel& opened() const { return *model_; }
  const Transformer& transformer() const override { return model_->transformer(); }
  const Model& model() const override { return model_->model(); }
  const Space& space() const override { return model_->space(); }
  Files files() const override { return Files::refused; }
  void note(const NamedToken& token) const override { words_.push_back(token); }
  const Words& words() const { return words_; }
  void so_far(const AnalysisResult& found) const override {
    if (tell_) tell_(found);
  }
  void tell(std::function<void(const AnalysisResult&)> tell) const {
    tell_ = std::move(tell);
  }  ///< receives partial results

  /// Who follows a map: told of its rows, and of its points.
  struct Follower {
    std::function<void(const std::vector<std::int64_t>& ids, std::shared_ptr<const Tensor> vectors)> mapped;
    std::function<void(const Tensor& points)> moved;
  };
  void follow(Follower follower) const { follower_ = std::move(follower); }
  void mapped(const std::vector<std::int64_t>& ids, std::shared_ptr<const Tensor> vectors) const override {
    if (follower_.mapped) follower_.mapped(ids, std::move(vectors));
  }
  std::function<void(const Tensor&)> moved() const override { return follower_.moved; }
  std::int64_t usual_positions() const override { return 64; }
  std::shared_ptr<const Subject> named(const std::string& name) const override {  ///< one that is open
    return std::make_shared<const OpenModelSubject>(models_.named(name), models_);
  }
  void listen(OnToken listener) const { listener_ = std::move(listener); }  ///< receives the tokens of a text
  bool wrote(TokenId id, std::string_view bytes, double probability) const override {
    return id < 0 || !listener_ || listener_(id, bytes, probability);
  }

 private:
  std::shared_ptr<const OpenModel> model_;
  const Models& models_;
  mutable OnToken listener_;
  mutable Words words_;
  mutable std::function<void(const AnalysisResult&)> tell_;
  mutable Follower follower_;
};

/// What stands in JSON for a field of this kind; an object is an edit ({"at", "do"}). Throws Refusal{400} for other
/// objects and null.
Value value_of(std::string_view name, const bj::value& value, Kind kind);

/// A value as JSON.
bj::value json_of(const Value& value);

/// The members of a JSON object as the values of an analysis's fields; null counts as absent.
Values values_of(const bj::object& object, const Analysis& analysis);

/// Throws Refusal{413} if the answer would take more memory than a request may use.
void require_room(const Analysis& analysis, const Analysis::CheckedRequest& asked, const Subject& on);

/// The answer as JSON: its numbers and texts by name; a table as `table`, several in `tables`; the same for figures;
/// `words` has the tokens that the request names.
std::string answer_json(const Analysis& analysis, const AnalysisResult& found, const OpenModelSubject& on,
                        bool with_figures);

/// Whether an answer has `words`: the analysis has fields that name tokens.
bool names_tokens(const Analysis& analysis);

/// The description of the whole API (OpenAPI 3.1): the addresses that are written by hand, and the catalogue's.
const std::string& openapi();

}  // namespace embscope::server
