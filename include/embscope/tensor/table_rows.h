// Rows of a Table: some of them as a Table of their own.
// Thread rule: pure functions.
#pragma once

#include <span>
#include <string_view>

#include "embscope/tensor/table.h"

namespace embscope {

/// These rows, in this order.
Table rows_at(const Table& table, std::span<const std::size_t> rows);

/// The first rows.
Table head(const Table& table, std::size_t rows);

/// The rows whose number in `column` is largest in size, the largest first.
Table strongest(const Table& table, std::string_view column, std::size_t most);

}  // namespace embscope
