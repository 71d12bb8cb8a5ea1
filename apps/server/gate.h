// Gate: who may come in. A one-time token in the opened address becomes a cookie; so does, any number of times, the
// code of a class. Requests from other sites, or under other names than this machine's (DNS rebinding), are refused
// whatever they carry. Thread rule: used by the one thread that reads requests.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "http.h"

namespace embscope::server {

/// What of a request's head the gate looks at.
struct Knock {
  std::string_view method, path, host, origin, fetch_site, cookie, token;
  bool api = false;
};

class Gate {
 public:
  /// `host` is the address that is listened at. With `for_class` a code lets guests in.
  Gate(std::string host, unsigned short port, bool for_class = false);

  /// Throws Refusal{421, 403} for a wrong Host, Origin or site.
  void check_origin(const Knock& knock) const;
  Visitor visitor(std::string_view cookie);  ///< nobody when the cookie is not one of ours

  /// Takes the one-time token: the Set-Cookie line of a new session, and another token stands ready; empty for a wrong
  /// one.
  std::string enter(std::string_view token);
  const std::string& token() const { return token_; }  ///< the one that opens the next session

  /// Takes the code of the class, however it is spaced and whatever its case; empty for a wrong one, or where there is
  /// no class.
  std::string enter_class(std::string_view code);
  const std::string& class_code() const { return class_code_; }  ///< such as "kfrt-82mw"; empty without a class

 private:
  struct Session {
    std::string key;
    Visitor visitor;
  };
  bool allowed_host(std::string_view host) const;
  std::string cookie_line(const std::string& key) const;

  std::string host_, cookie_name_, token_, class_code_;
  std::deque<Session> owners_, guests_;  // of the guests, the one seen last stands last
  int next_guest_ = 1;
};

/// 256 bits from the operating system, in hexadecimal.
std::string random_key();

}  // namespace embscope::server
