#include "access_page.h"

#include <fmt/format.h>

#include "gate.h"

namespace embscope::server {
namespace {

constexpr std::string_view page = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Embscope: {title}</title>
<style nonce="{nonce}">
:root {{ color-scheme: light dark; }}
body {{ max-width: 34rem; margin: 12vh auto; padding: 0 1.5rem; font: 1.05rem/1.55 system-ui, sans-serif; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; }}
code {{ padding: .1em .35em; border: 1px solid; border-radius: .25em; }}
form {{ margin: 2rem 0; }}
label {{ display: block; margin-bottom: .4rem; }}
input, button {{ font: inherit; padding: .5rem .8rem; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{text}
</main>
</body>
</html>
)";

constexpr std::string_view of_class = R"(<form action="/" method="get">
<label for="class">The code of the class</label>
<input id="class" name="class" autocomplete="off" autocapitalize="none" spellcheck="false" required>
<button>Come in</button>
</form>
)";

constexpr std::string_view of_owner =
    "<p>If you started the server yourself: <code>embscope serve</code> prints an address in its terminal. Each "
    "address works for one browser; after that the server prints a new one. Open the address that was printed "
    "last.</p>\n";

std::string_view title_of(NoAccess why) {
  switch (why) {
    case NoAccess::no_session: return "This server can only be opened with its address";
    case NoAccess::used_link: return "This address has been used already";
    case NoAccess::wrong_code: return "This is not the code of the class";
  }
  return "";
}

}  // namespace

Answer access_page(NoAccess why, bool for_class) {
  const std::string nonce = random_key();
  Answer answer;
  answer.status = 401;
  answer.type = "text/html; charset=utf-8";
  answer.body = fmt::format(page, fmt::arg("title", title_of(why)), fmt::arg("nonce", nonce),
                            fmt::arg("text", fmt::format("{}{}", for_class ? of_class : "", of_owner)));
  answer.headers = {
      {"Content-Security-Policy",
       fmt::format("default-src 'none'; style-src 'nonce-{}'; form-action {}; base-uri 'none'; frame-ancestors 'none'",
                   nonce, for_class ? "'self'" : "'none'")}};
  return answer;
}

}  // namespace embscope::server
