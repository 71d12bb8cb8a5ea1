// What the harnesses of the server share: its API on a small model.
#pragma once

#include <string_view>

#include "forward/tiny.h"
#include "server/api.h"

namespace embscope::fuzz {

/// Opens files that its user may read: not for inputs from here.
inline bool opens_files(const server::Route& route) { return route.method == "POST" && route.pattern == "/api/models"; }
inline bool starts_jobs(const server::Route& route) { return route.method == "POST" && route.pattern == "/api/jobs"; }

inline void open_tiny_model(server::Api& api) { api.models().open(tiny::open("tiny-llama")->path().string()); }

}  // namespace embscope::fuzz
