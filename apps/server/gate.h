// Gate: access control. A one-time token in the opened address is exchanged for a cookie; the code of a class is too,
// any number of times. Requests from other sites, or with another Host than this machine's (DNS rebinding), are always
// refused. Thread rule: used by the one thread that reads requests.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "http.h"

namespace embscope::server {

/// The parts of a request's head that the gate checks.
struct Credentials {
  std::string_view method, path, host, origin, fetch_site, cookie, token;
  bool api = false;
};

class Gate {
 public:
  /// `host` is the address that the server listens on. With `for_class` a code admits guests.
  Gate(std::string host, unsigned short port, bool for_class = false);

  /// Throws Refusal{421, 403} for a wrong Host, Origin or site.
  void check_origin(const Credentials& credentials) const;
  Visitor visitor(std::string_view cookie);  ///< nobody if the cookie is not valid

  /// Accepts the one-time token: returns the Set-Cookie line of a new session and makes the next token; empty for a
  /// wrong token.
  std::string enter(std::string_view token);
  const std::string& token() const { return token_; }  ///< the token for the next session

  /// Accepts the code of the class in upper or lower case, with or without spaces and the hyphen; empty for a wrong
  /// code, or without a class.
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
  std::deque<Session> owners_, guests_;  // the most recently seen guest is last
  int next_guest_ = 1;
};

/// 256 bits from the operating system, in hexadecimal.
std::string random_key();

}  // namespace embscope::server
