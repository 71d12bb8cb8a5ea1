#include "model/tensors.h"

#include <fmt/format.h>

namespace embscope {
namespace {

bool decodes_to_float(DType dtype) {
  switch (dtype) {
    case DType::u8:
    case DType::i8:
    case DType::i16:
    case DType::i32:
    case DType::i64:
    case DType::boolean: return false;
    default: return true;
  }
}

}  // namespace

bool Tensors::has(const std::string& name) const {
  for (const auto& archive : archives_) {
    if (archive->find(name) != nullptr) return true;
  }
  return false;
}

const View& Tensors::at(const std::string& name, const Shape& expected) const {
  const Archive* home = archives_.front().get();
  for (const auto& archive : archives_) {
    if (archive->find(name) != nullptr) home = archive.get();
  }
  const View& view = home->at(name);
  const std::string where = home->path().filename().string();
  if (view.shape != expected)
    throw Error(Code::shape, where,
                fmt::format("tensor '{}': expected {}, found {}", name, expected.text(), view.shape.text()));
  if (!decodes_to_float(view.dtype))
    throw Error(
        Code::unsupported, where,
        fmt::format("tensor '{}': expected floating-point weights, found {}", name, embscope::name(view.dtype)));
  return view;
}

Matrix Tensors::matrix(const std::string& name, std::int64_t out, std::int64_t in) const {
  return {at(name, {out, in}), out, in};
}

Matrix Tensors::input_major(const std::string& name, std::int64_t out, std::int64_t in, std::int64_t first,
                            std::int64_t columns) const {
  const View& view = at(name, {in, columns});
  if (block_size(view.dtype) != 1) throw Error(Code::unsupported, name, "a transposed tensor in a block format");
  return {view, out, in, true, first};
}

Vector Tensors::vector(const std::string& name, std::int64_t count) const { return {at(name, {count}), 0, count}; }

Vector Tensors::optional_vector(const std::string& name, std::int64_t count) const {
  return has(name) ? vector(name, count) : Vector{};
}

}  // namespace embscope
