#include "embscope/tensor/table_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace embscope {

Table rows_at(const Table& table, std::span<const std::size_t> rows) {
  const auto chosen = [&rows]<class T>(const std::vector<T>& values) {
    std::vector<T> some;
    some.reserve(rows.size());
    for (const std::size_t i : rows) some.push_back(values[i]);
    return some;
  };
  Table out(table.title());
  for (const Column& column : table.columns())
    column.is_number() ? out.add(column.name, chosen(column.numbers()), column.decimals)
                       : out.add(column.name, chosen(column.texts()));
  return out;
}

Table head(const Table& table, std::size_t rows) {
  std::vector<std::size_t> first(std::min(rows, table.rows()));
  std::iota(first.begin(), first.end(), std::size_t{0});
  return rows_at(table, first);
}

Table strongest(const Table& table, std::string_view column, std::size_t most) {
  const auto& values = table.column(column).numbers();
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return std::abs(values[a]) > std::abs(values[b]); });
  order.resize(std::min(most, order.size()));
  return rows_at(table, order);
}

}  // namespace embscope
