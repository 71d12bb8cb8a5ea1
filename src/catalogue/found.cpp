#include <fmt/format.h>

#include "embscope/catalogue/catalogue.h"

namespace embscope {

AnalysisResult& AnalysisResult::add(std::string_view name, Content content) {
  parts_.emplace_back(name, std::move(content));
  return *this;
}

Figure AnalysisResult::figure() const {
  if (!saved.empty()) return figure(saved);
  for (const auto& [name, content] : parts_) {
    if (const auto* draw = std::get_if<Draw>(&content)) return (*draw)(*this);
  }
  refuse("figure");
}

void AnalysisResult::refuse(std::string_view name) {
  throw Error(Code::not_found, "answer", fmt::format("it has no part '{}'", name));
}

std::shared_ptr<const Subject> Subject::named(const std::string& name) const {
  throw Error(Code::unsupported, name, "another model cannot be named here");
}

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::text: return "text";
    case Kind::texts: return "texts";
    case Kind::name: return "name";
    case Kind::file: return "file";
    case Kind::token: return "token";
    case Kind::integer: return "integer";
    case Kind::seed: return "seed";
    case Kind::number: return "number";
    case Kind::flag: return "flag";
    case Kind::vector: return "vector";
    case Kind::edits: return "edits";
    case Kind::tokens: return "tokens";
    case Kind::names: return "names";
    case Kind::integers: return "integers";
    case Kind::numbers: return "numbers";
    case Kind::vectors: return "vectors";
    case Kind::other: return "other";
    case Kind::share: return "share";
    case Kind::seeds: return "seeds";
    case Kind::messages: return "messages";
    case Kind::table: return "table";
    case Kind::figure: return "figure";
    case Kind::ids: return "ids";
    case Kind::rows: return "rows";
    case Kind::arrays: return "arrays";
    case Kind::odds: return "odds";
    case Kind::cost: return "cost";
  }
  return "";
}

}  // namespace embscope
