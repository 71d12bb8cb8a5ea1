// https://learn.microsoft.com/windows/win32/winhttp/about-winhttp
#include "hub/http.h"

#include <algorithm>
#include <cctype>
#include <cwctype>
#include <memory>

#include <windows.h>

#include <fmt/format.h>
#include <winhttp.h>

#include "base/windows/text.h"
#include "embscope/base/error.h"

namespace embscope {
namespace {

constexpr std::size_t longest_body = 64 << 20;  // of an answer kept in memory

[[noreturn]] void fail(const std::string& address) {
  const DWORD error = GetLastError();
  throw Error(Code::network, address,
              fmt::format("WinHTTP's error {}: {}; run the command again to continue", error, last_reason()));
}

struct Closed {
  void operator()(HINTERNET handle) const { WinHttpCloseHandle(handle); }
};
using Handle = std::unique_ptr<void, Closed>;

Handle held(HINTERNET handle, const std::string& address) {
  if (handle == nullptr) fail(address);
  return Handle(handle);
}

HINTERNET session(const std::string& address) {
  static const Handle one = [&] {
    Handle made = held(WinHttpOpen(L"embscope/0.1", WINHTTP_ACCESS_TYPE_AUTOMATIC_PROXY, nullptr, nullptr, 0), address);
    WinHttpSetTimeouts(made.get(), 20'000, 20'000, 60'000, 60'000);
    return made;
  }();
  return one.get();
}

std::wstring header_of(HINTERNET request, DWORD what) {
  DWORD size = 0;
  WinHttpQueryHeaders(request, what, nullptr, nullptr, &size, nullptr);
  std::wstring text(size / sizeof(wchar_t), L'\0');
  if (!WinHttpQueryHeaders(request, what, nullptr, text.data(), &size, nullptr)) return L"";
  text.resize(size / sizeof(wchar_t));
  return text;
}

void read_headers(HINTERNET request, Answer& answer) {
  answer.status = std::wcstol(header_of(request, WINHTTP_QUERY_STATUS_CODE).c_str(), nullptr, 10);
  std::string rest = narrow(header_of(request, WINHTTP_QUERY_RAW_HEADERS_CRLF));
  while (!rest.empty()) {
    const std::string line = rest.substr(0, rest.find("\r\n"));
    rest.erase(0, line.size() + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.headers[name] = line.substr(std::min(line.find_first_not_of(' ', colon + 1), line.size()));
  }
}

void read_body(HINTERNET request, const Fetch& fetch, Answer& answer) {
  std::string part(1 << 16, ' ');
  for (;;) {
    DWORD size = 0;
    if (!WinHttpReadData(request, part.data(), static_cast<DWORD>(part.size()), &size)) fail(fetch.address);
    if (size == 0) return;
    const std::string_view bytes(part.data(), size);
    if (fetch.sink && (answer.status == 200 || answer.status == 206)) {
      fetch.sink(answer.status, bytes);
      continue;
    }
    if (answer.body.size() + size > longest_body)
      throw Error(Code::network, fetch.address, "the answer is larger than 64 MiB");
    answer.body += bytes;
  }
}

// The address behind a redirect, which may be relative to this one.
std::string target_of(const std::string& address, const std::string& location) {
  if (location.starts_with("http://") || location.starts_with("https://")) return location;
  if (!location.starts_with('/')) throw Error(Code::network, address, "redirects to '" + location + "'");
  return address.substr(0, address.find('/', address.find("://") + 3)) + location;
}

// One request; redirects are followed by http, because WinHTTP would take the token along.
Answer ask(const Fetch& fetch, const std::string& address, const std::string& token) {
  const std::wstring url = wide(address);
  URL_COMPONENTS parts{};
  parts.dwStructSize = sizeof(parts);
  parts.dwHostNameLength = parts.dwUrlPathLength = parts.dwExtraInfoLength = static_cast<DWORD>(-1);
  if (!WinHttpCrackUrl(url.c_str(), 0, 0, &parts)) fail(address);
  const std::wstring host(parts.lpszHostName, parts.dwHostNameLength);
  const std::wstring path = std::wstring(parts.lpszUrlPath, parts.dwUrlPathLength) +
                            std::wstring(parts.lpszExtraInfo, parts.dwExtraInfoLength);
  const Handle connection = held(WinHttpConnect(session(address), host.c_str(), parts.nPort, 0), address);
  const DWORD secure = parts.nScheme == INTERNET_SCHEME_HTTPS ? WINHTTP_FLAG_SECURE : 0;
  const Handle request = held(WinHttpOpenRequest(connection.get(), fetch.head ? L"HEAD" : L"GET",
                                                 path.empty() ? L"/" : path.c_str(), nullptr, nullptr, nullptr, secure),
                              address);
  DWORD disabled = WINHTTP_DISABLE_REDIRECTS | WINHTTP_DISABLE_COOKIES | WINHTTP_DISABLE_AUTHENTICATION;
  WinHttpSetOption(request.get(), WINHTTP_OPTION_DISABLE_FEATURE, &disabled, sizeof(disabled));
  std::wstring headers;
  if (!token.empty()) headers += L"Authorization: Bearer " + wide(token) + L"\r\n";
  if (fetch.from > 0) headers += L"Range: bytes=" + std::to_wstring(fetch.from) + L"-\r\n";
  if (!WinHttpSendRequest(request.get(), headers.empty() ? nullptr : headers.c_str(),
                          static_cast<DWORD>(headers.size()), nullptr, 0, 0, 0) ||
      !WinHttpReceiveResponse(request.get(), nullptr))
    fail(address);
  Answer answer;
  read_headers(request.get(), answer);
  const bool redirects = answer.status >= 300 && answer.status < 400 && answer.headers.contains("location");
  if (!(redirects && fetch.follow) && !fetch.head) read_body(request.get(), fetch, answer);
  return answer;
}

}  // namespace

void expect_http() {}  // a part of Windows

Answer http(const Fetch& fetch) {
  std::string address = fetch.address;
  for (int redirects = 0; redirects <= 10; ++redirects) {
    Answer answer = ask(fetch, address, redirects == 0 ? fetch.token : "");
    const auto location = answer.headers.find("location");
    if (!fetch.follow || answer.status < 300 || answer.status >= 400 || location == answer.headers.end()) return answer;
    address = target_of(address, location->second);
  }
  throw Error(Code::network, fetch.address, "more than 10 redirects");
}

}  // namespace embscope
