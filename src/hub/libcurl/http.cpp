#include "hub/http.h"

#include <algorithm>
#include <exception>
#include <memory>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "embscope/base/process.h"
#include "hub/libcurl/library.h"

namespace embscope {
namespace {

struct Library : Curl {
  Library() : Curl(load_curl()), ready(global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {}
  bool ready;
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

// The file of the certificates that are trusted; empty: those that libcurl knows of.
std::string trusted() {
  const std::string file = environment("SSL_CERT_FILE");
  return file.empty() ? authorities() : file;
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

void expect_http() {
  library();
  trusted();
}

Answer http(const Fetch& fetch) {
  const Library& lib = library();
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
  const std::string certificates = fetch.address.starts_with("https:") ? trusted() : "";
  if (!certificates.empty()) lib.setopt(curl, CURLOPT_CAINFO, certificates.c_str());
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
