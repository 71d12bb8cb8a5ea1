// What the harnesses of the server share: its API on a small model.
#pragma once

#include <string>

#include "forward/tiny.h"
#include "server/api.h"

namespace embscope::fuzz {

/// Opens files that its user may read: not for inputs from here.
inline bool opens_files(const server::Route& route) { return route.method == "POST" && route.pattern == "/api/models"; }
inline bool starts_jobs(const server::Route& route) { return route.method == "POST" && route.pattern == "/api/jobs"; }

/// Gives the model's folder.
inline std::string open_tiny_model(server::Api& api) {
  std::string folder = tiny::open("tiny-llama")->path().string();
  api.models().open(folder);
  return folder;
}

}  // namespace embscope::fuzz
