#include "base/windows/text.h"

#include <algorithm>
#include <locale>

#include <windows.h>

namespace embscope {

std::wstring wide(std::string_view text) {
  const auto size = static_cast<int>(text.size());
  std::wstring out(static_cast<std::size_t>(MultiByteToWideChar(CP_UTF8, 0, text.data(), size, nullptr, 0)), L' ');
  MultiByteToWideChar(CP_UTF8, 0, text.data(), size, out.data(), static_cast<int>(out.size()));
  return out;
}

std::string narrow(std::wstring_view text) {
  const auto size = static_cast<int>(text.size());
  const int bytes = WideCharToMultiByte(CP_UTF8, 0, text.data(), size, nullptr, 0, nullptr, nullptr);
  std::string out(static_cast<std::size_t>(bytes), ' ');
  WideCharToMultiByte(CP_UTF8, 0, text.data(), size, out.data(), bytes, nullptr, nullptr);
  return out;
}

std::string last_reason() {
  const DWORD error = GetLastError();
  wchar_t text[512];
  const DWORD size = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, error, 0, text,
                                    static_cast<DWORD>(std::size(text)), nullptr);
  std::string reason = narrow({text, size});
  while (!reason.empty() && (reason.back() <= ' ' || reason.back() == '.')) reason.pop_back();
  return reason.empty() ? "error " + std::to_string(error) : reason;
}

}  // namespace embscope

#ifdef __GLIBCXX__
// What std::filesystem::path makes of a std::string, and string() of a path. libstdc++ asks the C library's locale,
// which is ASCII with msvcrt.dll: linked before libstdc++, this makes it UTF-8, as it is on the other systems.
namespace embscope {
namespace {

template <class Unit, class Text>
std::codecvt_base::result put(const Text& text, Unit* to, Unit* end, Unit*& next) {
  next = to;
  if (text.size() > static_cast<std::size_t>(end - to)) return std::codecvt_base::partial;
  next = std::ranges::copy(text, to).out;
  return std::codecvt_base::ok;
}

}  // namespace
}  // namespace embscope

namespace std {

codecvt_base::result codecvt<wchar_t, char, mbstate_t>::do_in(mbstate_t&, const char* from, const char* from_end,
                                                              const char*& from_next, wchar_t* to, wchar_t* to_end,
                                                              wchar_t*& to_next) const {
  const result done = embscope::put(embscope::wide({from, from_end}), to, to_end, to_next);
  from_next = done == ok ? from_end : from;
  return done;
}

codecvt_base::result codecvt<wchar_t, char, mbstate_t>::do_out(mbstate_t&, const wchar_t* from, const wchar_t* from_end,
                                                               const wchar_t*& from_next, char* to, char* to_end,
                                                               char*& to_next) const {
  const result done = embscope::put(embscope::narrow({from, from_end}), to, to_end, to_next);
  from_next = done == ok ? from_end : from;
  return done;
}

int codecvt<wchar_t, char, mbstate_t>::do_length(mbstate_t&, const char* from, const char* end, size_t most) const {
  const string text = embscope::narrow(embscope::wide({from, end}).substr(0, most));
  return static_cast<int>(text.size());
}

int codecvt<wchar_t, char, mbstate_t>::do_encoding() const throw() {
  return 0;  // characters have different numbers of bytes
}

int codecvt<wchar_t, char, mbstate_t>::do_max_length() const throw() { return 4; }

}  // namespace std
#endif
