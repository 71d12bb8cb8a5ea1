#include "files/safetensors_writer.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "embscope/base/error.h"
#include "files/narrow.h"

namespace embscope {
namespace {

std::uint64_t bytes_of(const SafetensorsWriter::Array& a) {
  return static_cast<std::uint64_t>(a.shape.elements() * block_bytes(a.dtype));
}

std::string_view as_text(const void* data, std::size_t bytes) { return {static_cast<const char*>(data), bytes}; }

}  // namespace

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path, std::vector<Array> arrays)
    : file_(std::move(path)), arrays_(std::move(arrays)) {
  boost::json::object header;
  std::uint64_t at = 0;
  for (const Array& a : arrays_) {
    boost::json::array shape(a.shape.begin(), a.shape.end());
    const std::uint64_t end = at + bytes_of(a);
    const std::string_view type = embscope::name(a.dtype);
    header[a.name] = {{"dtype", boost::json::string_view(type.data(), type.size())},
                      {"shape", std::move(shape)},
                      {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = boost::json::serialize(header);
  text += std::string((8 - text.size() % 8) % 8, ' ');
  std::string length;
  for (int i = 0; i < 8; ++i) length += static_cast<char>(text.size() >> (8 * i) & 255);
  file_.write(length);
  file_.write(text);
  starts_ = {8 + text.size()};
  for (const Array& a : arrays_) starts_.push_back(starts_.back() + bytes_of(a));
}

std::uint64_t SafetensorsWriter::offset(std::size_t array, std::int64_t row) const {
  const Array& a = arrays_[array];
  const std::int64_t rows = a.shape.rank() == 0 ? 1 : a.shape[0];
  return starts_[array] + static_cast<std::uint64_t>(rows == 0 ? 0 : row) *
                              (bytes_of(a) / static_cast<std::uint64_t>(std::max<std::int64_t>(1, rows)));
}

void SafetensorsWriter::write(std::size_t array, std::int64_t first_row, std::span<const float> values,
                              std::string_view whose) {
  const Array& a = arrays_[array];
  if (a.dtype == DType::f32)
    return file_.write_at(offset(array, first_row), as_text(values.data(), values.size_bytes()));
  narrowed_.resize(values.size() * static_cast<std::size_t>(block_bytes(a.dtype)));
  if (const std::size_t i = narrow(values, a.dtype, narrowed_.data()); i < values.size())
    throw Error(Code::range, a.name, too_large(values[i], a.dtype, whose));
  file_.write_at(offset(array, first_row), as_text(narrowed_.data(), narrowed_.size()));
}

void SafetensorsWriter::write(std::size_t array, std::int64_t first_row, std::span<const std::int64_t> values) {
  file_.write_at(offset(array, first_row), as_text(values.data(), values.size_bytes()));
}

}  // namespace embscope
