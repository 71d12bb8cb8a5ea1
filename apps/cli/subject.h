// What -m names, as an analysis sees it from the command line.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "command.h"
#include "live_text.h"
#include "speed.h"

#include "embscope/catalogue/catalogue.h"

namespace embscope::cli {

class NamedSubject : public Subject {
 public:
  /// `values`: what else the command was given, of which it follows a training.
  NamedSubject(std::shared_ptr<const Common> common, Needs needs, Values values = {}, bool takes_arrays = true);

  const Transformer& transformer() const override { return common_->transformer(); }
  const Model& model() const override;
  const Space& space() const override;
  bool has_model() const override { return needs_ == Needs::transformer || !common_->has_vectors_only(); }
  std::int64_t usual_positions() const override;
  std::shared_ptr<const Subject> named(const std::string& name) const override;
  void note(const NamedToken& token) const override;  ///< says once of each word how it is read
  bool wrote(TokenId id, std::string_view bytes, double probability) const override;  ///< prints it, for people
  TrainingWatch training(const std::filesystem::path& out) const override;
  Estimates estimates() const override;
  bool takes_arrays() const override { return takes_arrays_; }
  std::string option() const override { return common_->model; }
  void end_text() const { text_.finish(); }
  const Speed& speed() const { return speed_; }  ///< of the text that was written

 private:
  std::shared_ptr<const Common> common_;
  Needs needs_;
  Values values_;
  bool takes_arrays_;
  mutable std::shared_ptr<const Model> model_;
  mutable std::unique_ptr<const Space> space_;
  mutable std::set<std::string, std::less<>> said_;
  mutable Speed speed_;
  mutable LiveText text_;
};

}  // namespace embscope::cli
