// libcurl, from where the system has it (loaded/) or as a part of a program that is one static file (linked/).
#pragma once

#include <string>

#include <curl/curl.h>

namespace embscope {

struct Curl {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) init;
  decltype(&::curl_easy_cleanup) cleanup;
  decltype(&::curl_easy_setopt) setopt;
  decltype(&::curl_easy_getinfo) getinfo;
  decltype(&::curl_easy_perform) perform;
  decltype(&::curl_easy_strerror) strerror;
};

/// Throws Error{unsupported} where it cannot be loaded.
Curl load_curl();

/// The system's file of the certificates of authorities, or empty where libcurl knows of it. Throws Error{unsupported}
/// where there is none.
std::string authorities();

}  // namespace embscope
