#include "files/json.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <boost/json/basic_parser_impl.hpp>

#include "base/file.h"
#include "base/lines.h"

namespace embscope {
namespace {

namespace bj = boost::json;

constexpr std::size_t deepest = 64;

// The library's DOM keeps the last of two equal keys without an error: a first pass refuses them.
class DuplicateKeys {
 public:
  static constexpr std::size_t max_object_size = std::size_t(-1), max_array_size = std::size_t(-1),
                               max_key_size = std::size_t(-1), max_string_size = std::size_t(-1);
  std::string duplicate;

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) {
    keys_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, bj::error_code&) {
    keys_.pop_back();
    return true;
  }
  bool on_array_begin(bj::error_code&) { return true; }
  bool on_array_end(std::size_t, bj::error_code&) { return true; }
  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) {
    key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(bj::string_view part, std::size_t, bj::error_code& error) {
    key_.append(part.data(), part.size());
    if (!keys_.back().insert(key_).second) {
      duplicate = key_;
      error = bj::error::incomplete;
      return false;
    }
    key_.clear();
    return true;
  }
  bool on_string_part(bj::string_view, std::size_t, bj::error_code&) { return true; }
  bool on_string(bj::string_view, std::size_t, bj::error_code&) { return true; }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t, bj::string_view, bj::error_code&) { return true; }
  bool on_uint64(std::uint64_t, bj::string_view, bj::error_code&) { return true; }
  bool on_double(double, bj::string_view, bj::error_code&) { return true; }
  bool on_bool(bool, bj::error_code&) { return true; }
  bool on_null(bj::error_code&) { return true; }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

 private:
  std::vector<std::set<std::string, std::less<>>> keys_;
  std::string key_;
};

[[noreturn]] void refuse(std::string_view text, std::size_t at, const std::string& where, const std::string& what) {
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  const std::size_t start = text.rfind('\n', at == 0 ? 0 : at - 1);
  const std::size_t column = at - (start == std::string_view::npos || start > at ? 0 : start + 1) + 1;
  throw Error(Code::format, where, fmt::format("line {}, column {}: {}", line, column, what));
}

}  // namespace

bj::value parse_json(std::string_view text, const std::string& where, std::size_t unique_up_to) {
  bj::parse_options options;
  options.max_depth = deepest;
  bj::stream_parser parser({}, options);
  bj::error_code error;
  const std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && !parser.done()) parser.finish(error);
  if (error) refuse(text, std::min(read, text.size()), where, "not valid JSON: " + error.message());
  if (text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
    refuse(text, read, where, "not valid JSON: text after the end");
  // large flat objects (vocabularies) are checked by their readers, which read every key anyway
  if (text.size() <= unique_up_to) {
    bj::basic_parser<DuplicateKeys> keys(options);
    const std::size_t seen = keys.write_some(false, text.data(), text.size(), error);
    if (!keys.handler().duplicate.empty())
      refuse(text, std::min(seen, text.size()), where,
             fmt::format("the key '{}' occurs twice", keys.handler().duplicate));
  }
  return parser.release();
}

bj::value read_json(const std::filesystem::path& path) {
  const MappedFile file(path);
  if (file.bytes().empty()) throw Error(Code::format, path.string(), "the file is empty");
  bj::value value = parse_json(without_mark(file.text()), path.string());
  check_mapping(file.bytes().data());
  return value;
}

JsonObject::JsonObject(const bj::value& value, std::string where)
    : object_(value.if_object()), where_(std::move(where)) {
  if (object_ == nullptr) throw Error(Code::format, where_, "expected an object { ... }");
}

bool JsonObject::has(std::string_view key) const {
  const bj::value* value = object_->if_contains(bj::string_view(key.data(), key.size()));
  return value != nullptr && !value->is_null();
}

const bj::value& JsonObject::at(std::string_view key) const {
  const bj::value* value = object_->if_contains(bj::string_view(key.data(), key.size()));
  if (value == nullptr) throw Error(Code::format, where_, fmt::format("'{}' is missing", key));
  return *value;
}

void JsonObject::expected(std::string_view key, std::string_view what) const {
  std::string found = bj::serialize(at(key));
  if (found.size() > 60) found = found.substr(0, 57) + "...";
  throw Error(Code::format, where_, fmt::format("'{}': expected {}, found {}", key, what, found));
}

std::int64_t JsonObject::integer(std::string_view key) const {
  const bj::value& value = at(key);
  if (value.is_int64()) return value.get_int64();
  if (value.is_double() && value.get_double() == std::floor(value.get_double()) &&
      std::abs(value.get_double()) < 1e15) {
    return static_cast<std::int64_t>(value.get_double());
  }
  expected(key, "a whole number");
}

double JsonObject::number(std::string_view key) const {
  const bj::value& value = at(key);
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_double()) return value.get_double();
  expected(key, "a number");
}

bool JsonObject::truth(std::string_view key, bool otherwise) const {
  if (!has(key)) return otherwise;
  if (const bool* value = at(key).if_bool()) return *value;
  expected(key, "true or false");
}

std::string_view JsonObject::string(std::string_view key) const {
  if (const bj::string* value = at(key).if_string()) return {value->data(), value->size()};
  expected(key, "a string");
}

const bj::array& JsonObject::array(std::string_view key) const {
  if (const bj::array* value = at(key).if_array()) return *value;
  expected(key, "a list");
}

JsonObject JsonObject::object(std::string_view key) const {
  if (!at(key).is_object()) expected(key, "an object");
  return JsonObject(at(key), where_ + " '" + std::string(key) + "'");
}

}  // namespace embscope
