#include <algorithm>

#include <fmt/format.h>

#include "embscope/catalogue/catalogue.h"

namespace embscope {

Found& Found::add(std::string_view name, Thing thing) {
  parts_.emplace_back(name, std::move(thing));
  return *this;
}

const Found::Thing& Found::find(std::string_view name) const {
  const auto found = std::ranges::find(parts_, name, &std::pair<std::string_view, Thing>::first);
  if (found == parts_.end()) throw Error(Code::not_found, "answer", fmt::format("it has no part '{}'", name));
  return found->second;
}

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::text: return "text";
    case Kind::name: return "name";
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
    case Kind::table: return "table";
    case Kind::figure: return "figure";
    case Kind::rows: return "rows";
    case Kind::arrays: return "arrays";
    case Kind::odds: return "odds";
    case Kind::cost: return "cost";
  }
  return "";
}

}  // namespace embscope
