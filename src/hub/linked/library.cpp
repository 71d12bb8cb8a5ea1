// Of the program that is one static file, into which no library can be loaded. Its libcurl belongs to no system and so
// knows of no certificates: each distribution has them elsewhere.
#include "hub/libcurl/library.h"

#include <filesystem>

#include "embscope/base/error.h"

namespace embscope {

Curl load_curl() {
  return {&::curl_global_init,  &::curl_easy_init,    &::curl_easy_cleanup, &::curl_easy_setopt,
          &::curl_easy_getinfo, &::curl_easy_perform, &::curl_easy_strerror};
}

std::string authorities() {
  for (const char* file : {
           "/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Arch, Gentoo, Alpine
           "/etc/pki/tls/certs/ca-bundle.crt",    // Fedora, Red Hat
           "/etc/ssl/ca-bundle.pem",              // openSUSE
           "/etc/ssl/cert.pem",                   // Alpine, Void
       }) {
    std::error_code error;
    if (std::filesystem::exists(file, error)) return file;
  }
  throw Error(Code::unsupported, "/etc/ssl/certs/ca-certificates.crt",
              "no certificates of authorities are on this system, and downloading over https needs them: install the "
              "package ca-certificates, or set SSL_CERT_FILE to a file of them");
}

}  // namespace embscope
