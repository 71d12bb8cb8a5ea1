#include "runs/corpus.h"

#include <fmt/format.h>

#include "base/lines.h"
#include "embscope/base/error.h"
#include "files/json.h"
#include "text/unicode.h"

namespace embscope {
namespace {

// The first byte that is not UTF-8, or the size of the text.
std::size_t first_invalid(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const CodePoint c = code_point(text, at);
    if (c.value < 0) return at;
    at += static_cast<std::size_t>(c.length);
  }
  return text.size();
}

}  // namespace

Corpus::Corpus(const std::filesystem::path& path, std::string field, bool keep_invalid)
    : name_(path.string()),
      file_(path),
      field_(std::move(field)),
      json_(path.extension() == ".jsonl" || path.extension() == ".ndjson"),
      keep_invalid_(keep_invalid) {}

std::string Corpus::text_of(std::string_view line, std::int64_t number) const {
  const std::string where = fmt::format("{} line {}", name_, number + 1);
  if (!keep_invalid_ || json_) {
    if (const std::size_t at = first_invalid(line); at < line.size())
      throw Error(Code::format, where,
                  fmt::format("byte {} is 0x{:02X}, which is not UTF-8{}", at, static_cast<unsigned char>(line[at]),
                              json_ ? "" : ": correct it, or accept such bytes unchanged (--keep-invalid)"));
  }
  if (!json_ || line.find_first_not_of(" \t") == std::string_view::npos) return std::string(json_ ? "" : line);
  const boost::json::value value = parse_json(line, where);
  return std::string(JsonObject(value, where).string(field_));
}

std::optional<Corpus::Document> Corpus::next(Place place, int shard, int shards) const {
  const std::string_view all = file_.text();
  while (place.byte < all.size()) {
    std::string_view rest = all.substr(place.byte);
    const std::string_view line = take_line(rest);
    const Place after{place.line + 1, all.size() - rest.size()};
    if (place.line % shards == shard) {
      std::string text = text_of(place.byte == 0 ? without_mark(line) : line, place.line);
      if (!text.empty()) return Document{std::move(text), place, after};
    }
    place = after;
  }
  return std::nullopt;
}

void Corpus::check(const Progress& progress) const {
  std::int64_t documents = 0;
  for (auto document = next({}, 0, 1); document; document = next(document->next, 0, 1), ++documents) {
    if (documents % 4096 == 0)
      report(progress, static_cast<double>(document->place.byte) / static_cast<double>(size()), "reading the corpus");
  }
  if (documents == 0) throw Error(Code::usage, name_, "holds no text");
}

}  // namespace embscope
