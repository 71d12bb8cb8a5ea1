#include "gate.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>

#include "http.h"

namespace embscope::server {
namespace {

constexpr std::size_t most_owners = 64;   // browsers; beyond this the oldest session ends
constexpr std::size_t most_guests = 512;  // beyond this the session that is unused for longest ends

// Compares in constant time, which does not reveal the position of the first difference.
bool same(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

// "name", "name:80", "[::1]:80" -> the name; empty when it is none of these.
std::string_view name_of(std::string_view host) {
  std::size_t end = host.find(':');
  if (!host.empty() && host[0] == '[') {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) return {};
    end = close + 1 == host.size() ? std::string_view::npos : close + 1;
    if (end != std::string_view::npos && host[end] != ':') return {};
  }
  if (end != std::string_view::npos && host.substr(end + 1).find_first_not_of("0123456789") != std::string_view::npos)
    return {};
  std::string_view name = host.substr(0, end);
  if (name.size() > 1 && name[0] == '[') name = name.substr(1, name.size() - 2);
  return name;
}

// Easy to write on a board and to type: 40 bits, without characters that look alike.
std::string new_class_code() {
  constexpr std::string_view letters = "abcdefghjkmnpqrstuvwxyz123456789";
  static_assert(letters.size() == 32);
  std::random_device device;
  std::string code;
  for (int i = 0; i < 8; ++i) code += letters[device() % letters.size()];
  return code.insert(4, "-");
}

std::string bare(std::string_view code) {
  std::string out;
  for (char c : code) {
    if (c != '-' && c != ' ') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return out;
}

}  // namespace

std::string random_key() {
  std::random_device device;
  std::string key;
  for (int i = 0; i < 8; ++i) key += fmt::format("{:08x}", static_cast<std::uint32_t>(device()));
  return key;
}

Gate::Gate(std::string host, unsigned short port, bool for_class)
    : host_(std::move(host)),
      cookie_name_(fmt::format("embscope_{}", port)),
      token_(random_key()),
      class_code_(for_class ? new_class_code() : std::string()) {}

// Another site can make its own name resolve to this machine, but it cannot make the browser send "localhost" or an IP
// address as Host.
bool Gate::allowed_host(std::string_view host) const {
  const std::string_view name = name_of(host);
  if (name.empty()) return false;
  if (name == "localhost" || name == host_) return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(name), error);
  if (error) return false;
  return address.is_loopback() || !boost::asio::ip::make_address(host_).is_loopback();
}

void Gate::check_origin(const Credentials& credentials) const {
  if (!allowed_host(credentials.host))
    throw Refusal(421, "forbidden", "Host", "this server accepts only localhost and its own address");
  if (!credentials.origin.empty() && credentials.origin != fmt::format("http://{}", credentials.host) &&
      credentials.origin != fmt::format("https://{}", credentials.host))
    throw Refusal(403, "forbidden", "Origin", "requests from other sites are refused");
  const bool other_site = credentials.fetch_site == "cross-site" || credentials.fetch_site == "same-site";
  if (other_site && (credentials.api || (credentials.method != "GET" && credentials.method != "HEAD")))
    throw Refusal(403, "forbidden", "Sec-Fetch-Site", "requests from other sites are refused");
}

Visitor Gate::visitor(std::string_view cookie) {
  const std::string key = cookie_name_ + "=";
  Visitor found;
  while (!cookie.empty()) {
    const std::size_t end = std::min(cookie.find(';'), cookie.size());
    std::string_view one = cookie.substr(0, end);
    while (!one.empty() && one[0] == ' ') one.remove_prefix(1);
    if (one.substr(0, key.size()) == key) {
      for (const auto* sessions : {&owners_, &guests_}) {
        for (const Session& session : *sessions)
          if (same(one.substr(key.size()), session.key)) found = session.visitor;
      }
    }
    cookie.remove_prefix(std::min(end + 1, cookie.size()));
  }
  if (found.is_guest()) {
    const auto seen = std::ranges::find(guests_, found.number, [](const Session& s) { return s.visitor.number; });
    std::rotate(seen, seen + 1, guests_.end());
  }
  return found;
}

std::string Gate::cookie_line(const std::string& key) const {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict", cookie_name_, key);
}

std::string Gate::enter(std::string_view token) {
  if (!same(token, token_)) return {};
  token_ = random_key();
  if (owners_.size() == most_owners) owners_.pop_front();
  owners_.push_back({random_key(), Visitor::owner()});
  return cookie_line(owners_.back().key);
}

std::string Gate::enter_class(std::string_view code) {
  if (class_code_.empty() || !same(bare(code), bare(class_code_))) return {};
  if (guests_.size() == most_guests) guests_.pop_front();
  guests_.push_back({random_key(), Visitor::guest(next_guest_++)});
  return cookie_line(guests_.back().key);
}

}  // namespace embscope::server
