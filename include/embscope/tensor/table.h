// Table: named columns of equal length. Every analysis returns one; the command line prints it, `figure` draws it.
// Thread rule: a value.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace embscope {

/// The `decimals` of a column of whole numbers: ids, ranks, positions, blocks, counts. JSON and CSV have them without a
/// point, Python as integers.
inline constexpr int whole = -2;

struct Column {
  std::string name;
  std::variant<std::vector<double>, std::vector<std::string>> values;
  int decimals = -1;  ///< digits after the point for display; -1 prints whole numbers without a point and others to 5
                      ///< digits; or `whole`

  std::size_t size() const;
  bool is_whole() const { return decimals == whole; }  ///< each value is a whole number below 2^53, or NaN
  bool is_number() const { return std::holds_alternative<std::vector<double>>(values); }
  const std::vector<double>& numbers() const { return std::get<0>(values); }     ///< precondition: is_number()
  const std::vector<std::string>& texts() const { return std::get<1>(values); }  ///< precondition: !is_number()
};

class Table {
 public:
  Table() = default;
  explicit Table(std::string title) : title_(std::move(title)) {}

  /// Appends a column; if its name exists (it can be any word of the user), it gets another one: "p (2)". Throws
  /// Error{shape} if its length differs from the others, Error{range} for a `whole` column with other values.
  Table& add(std::string name, std::vector<double> values, int decimals = -1);
  Table& add(std::string name, std::vector<std::string> values);

  const std::string& title() const { return title_; }
  const std::vector<Column>& columns() const { return columns_; }
  std::size_t rows() const { return columns_.empty() ? 0 : columns_.front().size(); }
  const Column& column(std::string_view name) const;  ///< throws Error{not_found} that lists the names

  std::string text() const;  ///< aligned for a terminal; wide columns are not shortened
  std::string csv() const;   ///< RFC 4180, with a header line; numbers with all their digits
  std::string json() const;  ///< {"title":..., "columns":{name:[...]}}; not-a-number becomes null

 private:
  Table& add(Column column);
  std::string title_;
  std::vector<Column> columns_;
};

}  // namespace embscope
