// libcurl comes with thirty libraries of its own, which take longer to load than looking at two words does: they are
// loaded by the first command that fetches something.
#include "hub/libcurl/library.h"

#include <type_traits>

#include <dlfcn.h>
#include <fmt/format.h>

#include "embscope/base/error.h"

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

}  // namespace

Curl load_curl() {
  void* library = open_libcurl();
  const auto find = [library](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    if (function == nullptr) throw Error(Code::unsupported, "libcurl.so.4", fmt::format("has no {}", name));
  };
  Curl curl;
  find(curl.global_init, "curl_global_init");
  find(curl.init, "curl_easy_init");
  find(curl.cleanup, "curl_easy_cleanup");
  find(curl.setopt, "curl_easy_setopt");
  find(curl.getinfo, "curl_easy_getinfo");
  find(curl.perform, "curl_easy_perform");
  find(curl.strerror, "curl_easy_strerror");
  return curl;
}

std::string authorities() { return ""; }

}  // namespace embscope
