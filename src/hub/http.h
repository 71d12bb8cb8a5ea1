// The little of HTTP that fetching needs, over libcurl.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace embscope {

struct Answer {
  long status = 0;
  /// Names in lower case; of the first answer that is ours (before redirects), then the last.
  std::map<std::string, std::string> headers;
  std::string body;  ///< empty where `sink` took it
};

struct Fetch {
  std::string address, token;  ///< the token goes to this host only, never along a redirect
  bool head = false;
  bool follow = true;
  std::uint64_t from = 0;  ///< first byte wanted
  /// Takes the body of a 200 or 206; receives the status first.
  std::function<void(long status, std::string_view bytes)> sink;
};

/// Throws Error{unsupported} where the library for it cannot be loaded.
void expect_http();

/// Throws Error{network}, naming the address, where no answer comes; a status of 400 or more is returned, not thrown.
Answer http(const Fetch& fetch);

}  // namespace embscope
