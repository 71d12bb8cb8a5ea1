// Api: every address under /api/, and what they work on.
// Thread rule: handlers run on any thread.
#pragma once

#include <memory>

#include "fields.h"
#include "jobs.h"
#include "models.h"
#include "routes.h"

#include "embscope/catalogue/catalogue.h"

namespace embscope::server {

class Api {
 public:
  Api();
  ~Api();
  Models& models() { return models_; }
  const Routes& routes() const { return routes_; }
  void warm_up();  ///< packs the first model's weights, so that the first request need not wait for it
  void stop();     ///< cancels all jobs and waits for them

 private:
  Models models_;
  Jobs jobs_;
  Routes routes_;
};

// One function for each part; each adds its routes.
void add_models(Routes& routes, Models& models);
void add_text(Routes& routes, Models& models);         ///< tokens, vocabulary
void add_vectors(Routes& routes, Models& models);      ///< the cosines with all tokens
void add_matrix(Routes& routes, Models& models);       ///< the matrix, and the map of all tokens
void add_analyses(Routes& routes, Models& models);     ///< the analyses of the catalogue
void add_experiments(Routes& routes, Models& models);  ///< mix/at
void add_stage(Routes& routes, Models& models);        ///< stage, stage/vector

/// The work of a job; returns its result as JSON.
using Work = std::function<std::string(Job&)>;
Work train_work(const bj::object& body);  ///< for a POST /api/jobs with kind "train"
/// For one that names an analysis of the catalogue. Throws what Analysis::ask throws, Refusal{413}.
Work analysis_work(const Analysis& analysis, const bj::object& body, std::shared_ptr<const OpenModel> model,
                   const Models& models);
void add_jobs(Routes& routes, Models& models, Jobs& jobs);

}  // namespace embscope::server
