// JSON from files: strict, of bounded depth, without duplicate keys, with errors that name the place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "embscope/base/error.h"

namespace embscope {

/// Texts up to this size are checked for duplicate keys, unless the caller chooses otherwise.
inline constexpr std::size_t unique_keys_up_to = std::size_t{1} << 20;

/// Throws Error{format}, `where` in front, with line and column. Depth at most 64; a key may occur once in an object.
boost::json::value parse_json(std::string_view text, const std::string& where,
                              std::size_t unique_up_to = unique_keys_up_to);

/// The whole file. Throws as MappedFile and parse_json.
boost::json::value read_json(const std::filesystem::path& path);

/// Typed access to one object; errors name the file, the key, what was expected and what was found.
class JsonObject {
 public:
  JsonObject(const boost::json::value& value, std::string where);

  bool has(std::string_view key) const;  ///< present and not null
  std::int64_t integer(std::string_view key) const;
  std::int64_t integer(std::string_view key, std::int64_t otherwise) const {
    return has(key) ? integer(key) : otherwise;
  }
  double number(std::string_view key) const;
  double number(std::string_view key, double otherwise) const { return has(key) ? number(key) : otherwise; }
  bool truth(std::string_view key, bool otherwise) const;
  std::string_view string(std::string_view key) const;
  std::string_view string(std::string_view key, std::string_view otherwise) const {
    return has(key) ? string(key) : otherwise;
  }
  const boost::json::array& array(std::string_view key) const;
  JsonObject object(std::string_view key) const;
  const boost::json::object& raw() const { return *object_; }
  const std::string& where() const { return where_; }

 private:
  const boost::json::value& at(std::string_view key) const;
  [[noreturn]] void expected(std::string_view key, std::string_view what) const;
  const boost::json::object* object_;
  std::string where_;
};

}  // namespace embscope
