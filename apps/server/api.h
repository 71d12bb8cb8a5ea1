// Api: every address under /api/, and what they work on.
// Thread rule: handlers run on any thread.
#pragma once

#include <memory>

#include "jobs.h"
#include "models.h"
#include "routes.h"

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

// One function a part; each adds its routes.
void add_models(Routes& routes, Models& models);
void add_text(Routes& routes, Models& models);        ///< tokens, vocabulary, predict, generate
void add_vectors(Routes& routes, Models& models);     ///< vectors, similar, toy
void add_matrix(Routes& routes, Models& models);
void add_inside(Routes& routes, Models& models);      ///< trace, lens, attention, attribute, trajectory
void add_experiments(Routes& routes, Models& models); ///< mix, edit
void add_stage(Routes& routes, Models& models);       ///< stage, stage/vector

/// What a job does; returns its result as JSON.
using Work = std::function<std::string(Job&)>;
Work train_work(const Call& call);  ///< of a POST /api/jobs that asks for training
void add_jobs(Routes& routes, Models& models, Jobs& jobs);

}  // namespace embscope::server
