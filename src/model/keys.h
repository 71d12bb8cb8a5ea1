// The keys of a configuration, config.json or GGUF metadata. Every key is read, is known to change nothing, or holds
// the value that changes nothing; any other is refused by name. Whoever reads a key marks it as taken.
#pragma once

#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/files/archive.h"
#include "files/json.h"

namespace embscope {

/// An object of config.json. A null is what is left out only where `optional_` reads it.
class Keys {
 public:
  explicit Keys(JsonObject json) : json_(std::move(json)) {}

  bool has(std::string_view key) const { return json_.has(key); }  ///< present and not null
  bool is_list(std::string_view key) const;
  bool absent(std::string_view key) const { return !present(key); }  ///< a null is not absent
  std::int64_t integer(std::string_view key) const { return take(key).integer(key); }
  std::int64_t integer(std::string_view key, std::int64_t otherwise) const;
  std::optional<std::int64_t> optional_integer(std::string_view key) const;
  double number(std::string_view key) const { return take(key).number(key); }
  double number(std::string_view key, double otherwise) const;
  std::optional<double> optional_number(std::string_view key) const;
  double positive_or_none(std::string_view key) const;  ///< of a cap or a clip: 0 for null and where it is absent
  bool truth(std::string_view key, bool otherwise) const;
  bool truth_or_count(std::string_view key, bool otherwise) const;  ///< Meta's Llama 4 says 4 for true
  std::string_view string(std::string_view key, std::string_view otherwise) const;
  std::vector<double> numbers(std::string_view key) const;
  std::vector<std::string_view> strings(std::string_view key) const;
  Keys object(std::string_view key) const { return Keys(take(key).object(key)); }

  /// One value under several names; where two are there, they must be equal. Throws Error{format} when none is.
  std::int64_t same_integer(std::initializer_list<std::string_view> names) const;

  /// Whatever nobody reads of this key is known to be harmless here.
  void ignore(std::string_view key) const { taken_.insert(std::string(key)); }
  /// Throws Error{unsupported} for the first key that nobody took and that may change the numbers.
  void refuse_rest() const;
  const std::string& where() const { return json_.where(); }

 private:
  const JsonObject& take(std::string_view key) const;
  bool present(std::string_view key) const;
  JsonObject json_;
  mutable std::set<std::string, std::less<>> taken_;
};

/// The metadata of a GGUF file, below "ARCHITECTURE." where a name begins with a dot.
class Metadata {
 public:
  explicit Metadata(const Archive& archive);

  const std::string& architecture() const { return architecture_; }  ///< empty where the file does not say it
  bool has(std::string_view key) const { return archive_.meta(full(key)) != nullptr; }
  /// An array of equal numbers counts as that number: llama.cpp writes some keys block by block.
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
  std::vector<double> numbers(std::string_view key) const;  ///< of an array, or of the one number

  /// Whatever nobody reads of this key is known to be harmless here.
  void ignore(std::string_view key) const { take(key); }
  void refuse_rest() const;
  const Archive& archive() const { return archive_; }
  std::string where() const { return archive_.path().filename().string(); }

 private:
  std::string full(std::string_view key) const {
    return key.starts_with('.') ? architecture_ + std::string(key) : std::string(key);
  }
  std::string take(std::string_view key) const;
  const Archive& archive_;
  std::string architecture_;
  mutable std::set<std::string, std::less<>> taken_;
};

}  // namespace embscope
