#include "base/system.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <vector>

#include <winsock2.h>
#include <ws2tcpip.h>

#include <fcntl.h>
#include <io.h>
#include <iphlpapi.h>
#include <shellapi.h>

#include "base/windows/path.h"
#include "base/windows/text.h"
#include "embscope/base/error.h"
#include "embscope/base/machine.h"
#include "embscope/base/ports.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

HANDLE handle_of(Stream stream) {
  return GetStdHandle(stream == Stream::input    ? STD_INPUT_HANDLE
                      : stream == Stream::output ? STD_OUTPUT_HANDLE
                                                 : STD_ERROR_HANDLE);
}

UINT output_page = 0;

// UTF-8 and the sequences that clear a line, until the end of the program: the console is the user's.
void prepare_console() {
  if (!is_terminal(Stream::output) && !is_terminal(Stream::errors)) return;
  output_page = GetConsoleOutputCP();
  SetConsoleOutputCP(CP_UTF8);
  std::atexit([] { SetConsoleOutputCP(output_page); });
  for (const Stream stream : {Stream::output, Stream::errors}) {
    DWORD mode = 0;
    if (GetConsoleMode(handle_of(stream), &mode))
      SetConsoleMode(handle_of(stream), mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
  }
}

// As CommandLineToArgvW reads it again: backslashes count before a quotation mark only.
std::wstring quoted(const std::wstring& argument) {
  std::wstring out = L"\"";
  std::size_t slashes = 0;
  for (const wchar_t c : argument) {
    if (c == L'"') out.append(slashes + 1, L'\\');
    slashes = c == L'\\' ? slashes + 1 : 0;
    out += c;
  }
  return out.append(slashes, L'\\') + L"\"";
}

HANDLE inherited(const std::wstring& path, DWORD access, DWORD disposition) {
  SECURITY_ATTRIBUTES attributes{sizeof(SECURITY_ATTRIBUTES), nullptr, TRUE};
  return CreateFileW(path.c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE, &attributes, disposition,
                     FILE_ATTRIBUTE_NORMAL, nullptr);
}

}  // namespace

char** begin_program(int, char**) {
  prepare_console();
  for (FILE* stream : {stdin, stdout, stderr}) _setmode(_fileno(stream), _O_BINARY);  // the same bytes on every system
  static std::vector<std::string> texts;
  static std::vector<char*> pointers;
  int count = 0;
  wchar_t** arguments = CommandLineToArgvW(GetCommandLineW(), &count);
  for (int i = 0; i < count; ++i) texts.push_back(narrow(arguments[i]));
  LocalFree(arguments);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers.data();
}

void begin_server() {}  // there are no broken pipes, and enough handles

bool is_terminal(Stream stream) {
  DWORD mode = 0;
  return GetConsoleMode(handle_of(stream), &mode) != 0;
}

// Of a console, ReadFile gives no character beyond the old code pages.
bool read_line(std::string& line) {
  if (!is_terminal(Stream::input)) {
    const bool more = static_cast<bool>(std::getline(std::cin, line));
    if (more && line.ends_with('\r')) line.pop_back();
    return more;
  }
  std::wstring text;
  wchar_t part[1024];
  DWORD count = 0;
  while (!text.ends_with(L'\n')) {
    if (!ReadConsoleW(handle_of(Stream::input), part, static_cast<DWORD>(std::size(part)), &count, nullptr))
      return false;
    if (count == 0 || part[0] == 26) return false;  // Ctrl-C, Ctrl-Z
    text.append(part, count);
  }
  while (text.ends_with(L'\n') || text.ends_with(L'\r')) text.pop_back();
  line = narrow(text);
  return true;
}

std::optional<std::string> variable(const char* name) {
  const std::wstring key = wide(name);
  SetLastError(ERROR_SUCCESS);
  const DWORD size = GetEnvironmentVariableW(key.c_str(), nullptr, 0);
  if (size == 0 && GetLastError() == ERROR_ENVVAR_NOT_FOUND) return std::nullopt;
  std::wstring value(size, L' ');
  value.resize(GetEnvironmentVariableW(key.c_str(), value.data(), size));
  return narrow(value);
}

fs::path home() {
  for (const char* name : {"USERPROFILE", "HOME"})
    if (const std::string folder = environment(name); !folder.empty()) return folder;
  return "C:/";
}

std::tm local_time(std::time_t time) {
  std::tm local{};
  localtime_s(&local, &time);
  return local;
}

std::string process_id() { return std::to_string(GetCurrentProcessId()); }

int run_program(const fs::path& program, std::span<const std::string> arguments, const fs::path& log) {
  std::wstring line = quoted(program.native());
  for (const std::string& argument : arguments) line += L" " + quoted(wide(argument));
  STARTUPINFOW start{};
  start.cb = sizeof(start);
  start.dwFlags = STARTF_USESTDHANDLES;
  start.hStdInput = inherited(L"NUL", GENERIC_READ, OPEN_EXISTING);
  start.hStdOutput = start.hStdError = inherited(long_path(log), GENERIC_WRITE, CREATE_ALWAYS);
  PROCESS_INFORMATION child{};
  const bool started = CreateProcessW(program.c_str(), line.data(), nullptr, nullptr, TRUE, CREATE_NO_WINDOW, nullptr,
                                      nullptr, &start, &child) != 0;
  const std::string reason = last_reason();
  CloseHandle(start.hStdInput);
  CloseHandle(start.hStdOutput);
  if (!started) throw Error(Code::io, program.string(), "cannot start: " + reason);
  WaitForSingleObject(child.hProcess, INFINITE);
  DWORD status = 1;
  GetExitCodeProcess(child.hProcess, &status);
  CloseHandle(child.hThread);
  CloseHandle(child.hProcess);
  return static_cast<int>(status);
}

std::string network_address() {
  const std::string own = "127.0.0.1";
  ULONG size = 1 << 16;
  const auto room = std::make_unique<IP_ADAPTER_ADDRESSES[]>(size / sizeof(IP_ADAPTER_ADDRESSES) + 1);
  constexpr ULONG flags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
  if (GetAdaptersAddresses(AF_INET, flags, nullptr, room.get(), &size) != NO_ERROR) return own;
  for (const IP_ADAPTER_ADDRESSES* one = room.get(); one != nullptr; one = one->Next) {
    if (one->OperStatus != IfOperStatusUp || one->IfType == IF_TYPE_SOFTWARE_LOOPBACK) continue;
    if (one->FirstUnicastAddress == nullptr) continue;
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->FirstUnicastAddress->Address.lpSockaddr);
    char text[INET_ADDRSTRLEN];
    if (inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) != nullptr) return text;
  }
  return own;
}

void open_in_browser(const std::string& address) {
  ShellExecuteW(nullptr, L"open", wide(address).c_str(), nullptr, nullptr, SW_SHOWNORMAL);
}

bool may_reuse_ports() { return false; }

void in_children(void (*)()) {}  // processes are not forked

fs::path find_program(const std::string& name) {
  for (const fs::path& folder : folders_in(environment("PATH"))) {
    std::error_code error;
    if (fs::is_regular_file(folder / (name + ".exe"), error)) return folder / (name + ".exe");
  }
  return {};
}

}  // namespace embscope
