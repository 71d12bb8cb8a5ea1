// Of the program that is one static file: libraries cannot be loaded into it, so that it fetches nothing.
#include "hub/http.h"
#include "embscope/base/error.h"

namespace embscope {

void expect_http() {
  throw Error(Code::unsupported, "pull",
              "this program is one file for every Linux and has no network library: fetch with another program (hf "
              "download OWNER/NAME, ollama pull NAME), whose models it opens, or build it with scripts/tour");
}

Answer http(const Fetch&) {
  expect_http();
  return {};
}

}  // namespace embscope
