// Server: the explorer and its HTTP API on one address.
// Lifetime: `serve` returns when it was asked to stop (SIGINT, SIGTERM). Thread rule: one server per process.
#pragma once

#include <string>
#include <vector>

namespace embscope::server {

struct ServeOptions {
  std::vector<std::string> models;  ///< names or paths; the first is used for requests that name no model
  std::string host = "127.0.0.1";   ///< an address of this machine
  int port = 8765;                  ///< 0: any free port
  bool open = true;                 ///< open the browser
  bool for_class = false;           ///< one code admits any number of guests, who cannot change the server
};

/// Throws Error{io} if the address is not available, Error{range, usage} for an invalid address, and what Model::open
/// throws.
void serve(const ServeOptions& options);

}  // namespace embscope::server
