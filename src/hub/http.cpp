#include "hub/http.h"

#include <algorithm>
#include <exception>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "embscope/error.h"

namespace embscope {
namespace {

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
  curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
  const std::string_view bytes(data, size * count);
  try {
    if (transfer.fetch.sink && (status == 200 || status == 206))
      return transfer.fetch.sink(status, bytes) ? bytes.size() : 0;
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

Answer http(const Fetch& fetch) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, void (*)(CURL*)> handle(ready == CURLE_OK ? curl_easy_init() : nullptr,
                                                      curl_easy_cleanup);
  if (!handle) throw Error(Code::network, fetch.address, "libcurl does not start");
  CURL* curl = handle.get();
  Transfer transfer{fetch, {}, curl, nullptr};
  char message[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_URL, fetch.address.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, fetch.follow ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(curl, CURLOPT_NOBODY, fetch.head ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 20L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "embscope/0.1");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  if (const char* authorities = std::getenv("SSL_CERT_FILE")) curl_easy_setopt(curl, CURLOPT_CAINFO, authorities);
  if (!fetch.token.empty()) {  // libcurl sends a bearer token to the first host only
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, fetch.token.c_str());
  }
  const std::string range = fmt::format("{}-", fetch.from);
  if (fetch.from > 0) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  const CURLcode code = curl_easy_perform(curl);
  if (transfer.failure) std::rethrow_exception(transfer.failure);
  if (code != CURLE_OK)
    throw Error(Code::network, fetch.address,
                fmt::format("{}; run the command again to go on from here",
                            message[0] != 0 ? message : curl_easy_strerror(code)));
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer.answer.status);
  return std::move(transfer.answer);
}

}  // namespace embscope
