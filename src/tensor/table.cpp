#include "embscope/tensor/table.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json.hpp>

#include "embscope/base/error.h"

namespace embscope {
namespace {

// Terminal columns of UTF-8 text: one a code point, two for the wide blocks of East Asian scripts, none for marks.
int display_width(std::string_view text) {
  int width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    unsigned code = lead & (length == 1 ? 0x7f : 0xff >> (length + 1));
    for (int k = 1; k < length && i + static_cast<std::size_t>(k) < text.size(); ++k)
      code = code << 6 | (static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]) & 0x3f);
    i += static_cast<std::size_t>(length);
    const bool wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                      (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                      (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
                      (code >= 0x1f300 && code <= 0x1faff);
    const bool mark = code >= 0x300 && code <= 0x36f;
    width += mark ? 0 : wide ? 2 : 1;
  }
  return width;
}

std::string padded(std::string_view text, int width, bool right) {
  const std::string space(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
  return right ? space + std::string(text) : std::string(text) + space;
}

std::string for_people(double x, int decimals) {
  if (std::isnan(x)) return "-";
  if (decimals >= 0) return fmt::format("{:.{}f}", x, decimals);
  if (x == std::floor(x) && std::abs(x) < 1e15) return fmt::format("{:.0f}", x);
  return fmt::format("{:.5f}", x);
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::string exact(double x, bool whole) {
  return !std::isfinite(x) ? "" : whole ? fmt::format("{:.0f}", x) : fmt::format("{}", x == 0 ? 0.0 : x);
}

boost::json::value json_number(double x, bool whole) {
  if (!std::isfinite(x)) return nullptr;
  return whole ? boost::json::value(static_cast<std::int64_t>(x)) : boost::json::value(x);
}

std::vector<std::string> cells(const Column& column) {
  if (!column.is_number()) return column.texts();
  std::vector<std::string> out;
  for (double x : column.numbers()) out.push_back(for_people(x, column.decimals));
  return out;
}

}  // namespace

std::size_t Column::size() const {
  return std::visit([](const auto& v) { return v.size(); }, values);
}

Table& Table::add(Column column) {
  if (!columns_.empty() && column.size() != rows())
    throw Error(Code::shape, "table",
                fmt::format("column '{}' has {} rows, the others {}", column.name, column.size(), rows()));
  const auto taken = [this](const std::string& name) {
    return std::ranges::any_of(columns_, [&](const Column& other) { return other.name == name; });
  };
  const std::string wanted = column.name;
  for (int i = 2; taken(column.name); ++i) column.name = fmt::format("{} ({})", wanted, i);
  columns_.push_back(std::move(column));
  return *this;
}

Table& Table::add(std::string name, std::vector<double> values, int decimals) {
  if (decimals == whole) {
    for (double x : values)
      if (std::isfinite(x) && (x != std::trunc(x) || std::abs(x) > 0x1p53))
        throw Error(Code::range, "table", fmt::format("column '{}' is of whole numbers, and holds {}", name, x));
  }
  return add(Column{std::move(name), std::move(values), decimals});
}

Table& Table::add(std::string name, std::vector<std::string> values) {
  return add(Column{std::move(name), std::move(values)});
}

const Column& Table::column(std::string_view name) const {
  std::vector<std::string> names;
  for (const Column& column : columns_) {
    if (column.name == name) return column;
    names.push_back(column.name);
  }
  throw Error(Code::not_found, "table", fmt::format("no column '{}': there are {}", name, fmt::join(names, ", ")));
}

std::string Table::text() const {
  std::string out = title_.empty() ? "" : title_ + "\n";
  std::vector<std::vector<std::string>> all;
  std::vector<int> widths;
  for (const Column& column : columns_) {
    all.push_back(cells(column));
    int width = display_width(column.name);
    for (const std::string& cell : all.back()) width = std::max(width, display_width(cell));
    widths.push_back(width);
  }
  auto line = [&](auto&& cell_of) {
    std::string joined;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      joined += (c == 0 ? "" : "  ") + padded(cell_of(c), widths[c], columns_[c].is_number());
    }
    joined.erase(joined.find_last_not_of(' ') + 1);
    out += joined + "\n";
  };
  line([&](std::size_t c) -> const std::string& { return columns_[c].name; });
  for (std::size_t r = 0; r < rows(); ++r) line([&](std::size_t c) -> const std::string& { return all[c][r]; });
  return out;
}

std::string Table::csv() const {
  std::string out;
  auto line = [&](auto&& cell_of) {
    for (std::size_t c = 0; c < columns_.size(); ++c) out += (c == 0 ? "" : ",") + csv_cell(cell_of(columns_[c]));
    out += "\r\n";
  };
  line([](const Column& column) { return column.name; });
  for (std::size_t r = 0; r < rows(); ++r)
    line([r](const Column& column) {
      return column.is_number() ? exact(column.numbers()[r], column.is_whole()) : column.texts()[r];
    });
  return out;
}

std::string Table::json() const {
  boost::json::object columns;
  for (const Column& column : columns_) {
    boost::json::array values;
    if (column.is_number()) {
      for (double x : column.numbers()) values.push_back(json_number(x, column.is_whole()));
    } else {
      for (const std::string& text : column.texts()) values.push_back(boost::json::string(text));
    }
    columns[column.name] = std::move(values);
  }
  return boost::json::serialize(boost::json::object{{"title", title_}, {"columns", std::move(columns)}});
}

}  // namespace embscope
