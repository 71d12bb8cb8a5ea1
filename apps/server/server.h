// Server: the explorer and its HTTP API on one address.
// Lifetime: `serve` returns when it was asked to stop (SIGINT, SIGTERM). Thread rule: one server a process.
#pragma once

#include <string>
#include <vector>

namespace embscope::server {

struct ServeOptions {
  std::vector<std::string> models;  ///< names or paths; the first is the one a request means when it names none
  std::string host = "127.0.0.1";   ///< an address of this machine
  int port = 8765;                  ///< 0: any free one
  bool open = true;                 ///< open the browser
  bool for_class = false;           ///< one code lets any number in, who change nothing of the server's
};

/// Throws Error{io} when the address cannot be had, Error{range, usage} for what is not an address, and what
/// Model::open throws.
void serve(const ServeOptions& options);

}  // namespace embscope::server
