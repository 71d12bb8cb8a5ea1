// Gate: who may come in. A one-time token in the opened address becomes a cookie; requests from other sites, or under other
// names than this machine's (DNS rebinding), are refused whatever they carry.
// Thread rule: used by the one thread that reads requests.
#pragma once

#include <deque>
#include <string>
#include <string_view>

namespace embscope::server {

/// What of a request's head the gate looks at.
struct Knock {
  std::string_view method, path, host, origin, fetch_site, cookie, token;
  bool api = false;
};

class Gate {
 public:
  /// `host` is the address that is listened at.
  Gate(std::string host, unsigned short port);

  /// Throws Refusal{421, 403} for a wrong Host, Origin or site.
  void check_origin(const Knock& knock) const;
  bool has_session(std::string_view cookie) const;

  /// Takes the one-time token: the Set-Cookie line of a new session, and another token stands ready; empty for a wrong one.
  std::string enter(std::string_view token);
  const std::string& token() const { return token_; }  ///< the one that opens the next session

 private:
  bool allowed_host(std::string_view host) const;

  std::string host_, cookie_name_, token_;
  std::deque<std::string> sessions_;
};

/// 256 bits from the operating system, in hexadecimal.
std::string random_key();

}  // namespace embscope::server
