#include "explorer.h"

#include <array>
#include <span>

#include <fmt/format.h>

namespace embscope::server {

struct EmbeddedFile {
  const char* path;  // "/assets/index-4f2a.js"; the list ends with a null
  const unsigned char *begin, *end;
};
extern "C" const EmbeddedFile embscope_explorer_files[];

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> types = {{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
    {".wasm", "application/wasm"},
    {".webp", "image/webp"},
}};

std::string type_of(std::string_view path) {
  for (const auto& [ending, type] : types) {
    if (path.size() > ending.size() && path.substr(path.size() - ending.size()) == ending) return std::string(type);
  }
  return "application/octet-stream";
}

const EmbeddedFile* find(std::string_view path) {
  for (const EmbeddedFile* file = embscope_explorer_files; file->path != nullptr; ++file) {
    if (path == file->path) return file;
  }
  return nullptr;
}

constexpr std::string_view not_built =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Embscope</title>"
    "<h1>The explorer was not built into this binary</h1>"
    "<p>Run <code>scripts/setup</code> and build again: it builds <code>web/</code> and CMake embeds it.</p>"
    "<p>The API is available: <a href=\"/api/openapi.json\">/api/openapi.json</a> describes it.</p></html>";

}  // namespace

Answer explorer_page(const Call& call) {
  const bool has_extension = call.path.find('.', call.path.rfind('/')) != std::string::npos;
  const EmbeddedFile* file = find(has_extension ? call.path : "/index.html");
  Answer answer;
  if (file == nullptr && has_extension) throw Refusal(404, "not_found", call.path, "the explorer has no such file");
  if (file == nullptr) {
    answer.type = types[0].second;
    answer.body = not_built;
    return answer;
  }
  answer.type = type_of(file->path);
  // Vite's names under /assets/ carry a hash of the content.
  if (call.path.rfind("/assets/", 0) == 0)
    answer.headers.emplace_back("Cache-Control", "private, max-age=31536000, immutable");
  answer.body.assign(reinterpret_cast<const char*>(file->begin), static_cast<std::size_t>(file->end - file->begin));
  return answer;
}

}  // namespace embscope::server
