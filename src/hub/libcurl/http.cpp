#include "hub/http.h"

#include <algorithm>
#include <exception>
#include <memory>

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include "embscope/base/error.h"
#include "embscope/base/process.h"

namespace embscope {
namespace {

// Either build of it will do: Debian's git brings the one with GnuTLS. macOS has it.
void* open_libcurl() {
  for (const char* name : {"libcurl.so.4", "libcurl-gnutls.so.4", "/usr/lib/libcurl.4.dylib"}) {
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  }
  throw Error(Code::unsupported, "libcurl.so.4",
              "cannot be loaded, and downloading needs it: apt install libcurl4 (Debian, Ubuntu), dnf install libcurl "
              "(Fedora)");
}

// libcurl comes with thirty libraries of its own, which take longer to load than looking at two words does: they are
// loaded by the first command that fetches something.
struct Curl {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) init;
  decltype(&::curl_easy_cleanup) cleanup;
  decltype(&::curl_easy_setopt) setopt;
  decltype(&::curl_easy_getinfo) getinfo;
  decltype(&::curl_easy_perform) perform;
  decltype(&::curl_easy_strerror) strerror;

  Curl() {
    void* library = open_libcurl();
    const auto find = [library](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      if (function == nullptr) throw Error(Code::unsupported, "libcurl.so.4", fmt::format("has no {}", name));
    };
    find(global_init, "curl_global_init");
    find(init, "curl_easy_init");
    find(cleanup, "curl_easy_cleanup");
    find(setopt, "curl_easy_setopt");
    find(getinfo, "curl_easy_getinfo");
    find(perform, "curl_easy_perform");
    find(strerror, "curl_easy_strerror");
    ready = global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  }
  bool ready;
};

const Curl& library() {
  static const Curl loaded;
  return loaded;
}

constexpr std::size_t longest_body = 64 << 20;  // of an answer kept in memory

struct Transfer {
  const Fetch& fetch;
  Answer answer;
  CURL* handle;
  std::exception_ptr failure;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  long status = 0;
  library().getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
  const std::string_view bytes(data, size * count);
  try {
    if (transfer.fetch.sink && (status == 200 || status == 206)) {
      transfer.fetch.sink(status, bytes);
      return bytes.size();
    }
    if (transfer.answer.body.size() + bytes.size() > longest_body)
      throw Error(Code::network, transfer.fetch.address, "the answer is larger than 64 MiB");
    transfer.answer.body += bytes;
    return bytes.size();
  } catch (...) {  // must not pass through the C library
    transfer.failure = std::current_exception();
    return 0;
  }
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& headers = static_cast<Transfer*>(user)->answer.headers;
  const std::string_view line(data, size * count);
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos && line.size() < 8192 && headers.size() < 200) {
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
    });
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    value = value.substr(0, value.find_last_not_of("\r\n ") + 1);
    headers[name] = value;
  }
  return line.size();
}

}  // namespace

void expect_http() { library(); }

Answer http(const Fetch& fetch) {
  const Curl& lib = library();
  const std::unique_ptr<CURL, void (*)(CURL*)> handle(lib.ready ? lib.init() : nullptr, lib.cleanup);
  if (!handle) throw Error(Code::network, fetch.address, "libcurl does not start");
  CURL* curl = handle.get();
  Transfer transfer{fetch, {}, curl, nullptr};
  char message[CURL_ERROR_SIZE] = "";
  lib.setopt(curl, CURLOPT_URL, fetch.address.c_str());
  lib.setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  lib.setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  lib.setopt(curl, CURLOPT_FOLLOWLOCATION, fetch.follow ? 1L : 0L);
  lib.setopt(curl, CURLOPT_MAXREDIRS, 10L);
  lib.setopt(curl, CURLOPT_NOBODY, fetch.head ? 1L : 0L);
  lib.setopt(curl, CURLOPT_CONNECTTIMEOUT, 20L);
  lib.setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  lib.setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
  lib.setopt(curl, CURLOPT_NOSIGNAL, 1L);
  lib.setopt(curl, CURLOPT_USERAGENT, "embscope/0.1");
  lib.setopt(curl, CURLOPT_ERRORBUFFER, message);
  lib.setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  lib.setopt(curl, CURLOPT_WRITEDATA, &transfer);
  lib.setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  lib.setopt(curl, CURLOPT_HEADERDATA, &transfer);
  const std::string authorities = environment("SSL_CERT_FILE");
  if (!authorities.empty()) lib.setopt(curl, CURLOPT_CAINFO, authorities.c_str());
  if (!fetch.token.empty()) {  // libcurl sends a bearer token to the first host only
    lib.setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    lib.setopt(curl, CURLOPT_XOAUTH2_BEARER, fetch.token.c_str());
  }
  const std::string range = fmt::format("{}-", fetch.from);
  if (fetch.from > 0) lib.setopt(curl, CURLOPT_RANGE, range.c_str());
  const CURLcode code = lib.perform(curl);
  if (transfer.failure) std::rethrow_exception(transfer.failure);
  if (code != CURLE_OK)
    throw Error(Code::network, fetch.address,
                fmt::format("{}; run the command again to continue", message[0] != 0 ? message : lib.strerror(code)));
  lib.getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer.answer.status);
  return std::move(transfer.answer);
}

}  // namespace embscope
