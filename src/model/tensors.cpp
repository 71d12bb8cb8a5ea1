#include "model/tensors.h"

#include <algorithm>
#include <charconv>
#include <cmath>

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

// What files keep beside the weights and every program computes for itself: masks, the number that stands for minus
// infinity in them, rotary frequencies, 0 1 2 3 ... A `{}` is the number of a block.
struct Buffer {
  std::string_view name;
  int least_rank, most_rank;
};
constexpr Buffer buffers[] = {{"h.{}.attn.bias", 3, 4},
                              {"h.{}.attn.masked_bias", 0, 1},
                              {"h.{}.attn.attention.bias", 3, 4},
                              {"h.{}.attn.attention.masked_bias", 0, 1},
                              {"layers.{}.attention.bias", 3, 4},
                              {"layers.{}.attention.masked_bias", 0, 1},
                              {"layers.{}.attention.rotary_emb.inv_freq", 1, 1},
                              {"layers.{}.self_attn.rotary_emb.inv_freq", 1, 1},
                              {"rotary_emb.inv_freq", 1, 1},
                              {"rotary_pos_emb.inv_freq", 1, 1},
                              {"embeddings.position_ids", 1, 2}};

// How programs that compute with eight bits round their activations: the weights are the same without.
constexpr std::string_view input_scales[] = {".input_scale", ".activation_scale", ".activation_scale_inv"};

// Whether `name`, but for what comes before, is that buffer of one of the model's blocks.
bool is_named(std::string_view name, std::string_view buffer, std::int64_t blocks) {
  const std::size_t hole = buffer.find("{}");
  if (hole == std::string_view::npos)  // of the whole model: no block's number stands before it
    return (name == buffer || name.ends_with("." + std::string(buffer))) &&
           name.find_first_of("0123456789") == std::string_view::npos;
  const std::string_view before = buffer.substr(0, hole), behind = buffer.substr(hole + 2);
  if (!name.ends_with(behind)) return false;
  name.remove_suffix(behind.size());
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  const std::string_view head = name.substr(0, digits), number = name.substr(digits);
  std::int64_t block = -1;
  std::from_chars(number.data(), number.data() + number.size(), block);
  return block >= 0 && block < blocks && (head == before || head.ends_with("." + std::string(before)));
}

bool is_buffer(const Archive::Entry& entry, std::int64_t blocks) {
  return std::ranges::any_of(buffers, [&](const Buffer& b) {
    const int rank = entry.view.shape.rank();
    return rank >= b.least_rank && rank <= b.most_rank && is_named(entry.name, b.name, blocks);
  });
}

}  // namespace

Tensors::Tensors(const std::vector<std::shared_ptr<const Archive>>& archives) : archives_(archives) {
  std::set<std::string_view> names;
  for (const auto& archive : archives_) {
    for (const Archive::Entry& entry : archive->tensors()) {
      if (!names.insert(entry.name).second)
        throw Error(Code::format, archive->path().filename().string(),
                    fmt::format("tensor '{}' is in another part of the model too", entry.name));
    }
  }
}

const View* Tensors::find(const std::string& name) const {
  for (const auto& archive : archives_) {
    if (const View* view = archive->find(name)) return view;
  }
  return nullptr;
}

const Archive& Tensors::home(const std::string& name) const {
  const Archive* home = archives_.front().get();
  for (const auto& archive : archives_) {
    if (archive->find(name) != nullptr) home = archive.get();
  }
  return *home;
}

const View& Tensors::taken(const std::string& name, const Shape& expected, bool of_bytes) const {
  const View& view = home(name).at(name);
  taken_.insert(name);
  const std::string where = home(name).path().filename().string();
  if (view.shape != expected)
    throw Error(Code::shape, where,
                fmt::format("tensor '{}': expected {}, found {}", name, expected.text(), view.shape.text()));
  if (of_bytes && view.dtype != DType::u8)
    throw Error(Code::unsupported, where,
                fmt::format("tensor '{}': expected U8, found {}", name, embscope::name(view.dtype)));
  if (!of_bytes && !decodes_to_float(view.dtype))
    throw Error(
        Code::unsupported, where,
        fmt::format("tensor '{}': expected floating-point weights, found {}", name, embscope::name(view.dtype)));
  return view;
}

const View& Tensors::at(const std::string& name, const Shape& expected) const { return taken(name, expected, false); }

const View& Tensors::bytes(const std::string& name, const Shape& expected) const { return taken(name, expected, true); }

// One factor for the tensor, one for each row, or one for each block of rows and columns: by its shape.
void Tensors::read_scales(const std::string& name, Matrix& m) const {
  const std::string scale = has(name + "_scale_inv") ? name + "_scale_inv" : name + "_scale";
  const View* view = find(scale);
  if (view == nullptr && !scales_expected_) return;  // its values are what they are
  if (view == nullptr)
    throw Error(Code::not_found, home(name).path().filename().string(),
                fmt::format("tensor '{}' has no factors: no '{}_scale_inv' and no '{}_scale'", name, name, name));
  const std::string where = home(scale).path().filename().string();
  const auto blocks = [](std::int64_t n, std::int64_t size) { return size == 0 ? 0 : (n + size - 1) / size; };
  const Shape table{blocks(m.out, block_rows_), blocks(m.in, block_columns_)};
  if (view->shape.elements() == 1) {
    m.scale_rows = m.out, m.scale_columns = m.in;
  } else if (view->shape == Shape{m.out} || view->shape == Shape{m.out, 1}) {
    m.scale_rows = 1, m.scale_columns = m.in;
  } else if (view->shape == table) {
    m.scale_rows = block_rows_, m.scale_columns = block_columns_;
  } else {
    throw Error(Code::shape, where,
                fmt::format("tensor '{}': expected one factor, {} for the rows{}, found {}", scale, m.out,
                            block_rows_ == 0 ? " (and no size of blocks is configured)" : " or " + table.text(),
                            view->shape.text()));
  }
  m.scales = at(scale, view->shape);
  const Tensor factors = decode(m.scales);
  if (!std::ranges::all_of(factors.values(), [](float x) { return std::isfinite(x); }))
    throw Error(Code::format, where, fmt::format("tensor '{}' holds NaN or infinite factors", scale));
}

Matrix Tensors::matrix(const std::string& name, std::int64_t out, std::int64_t in) const {
  Matrix m{at(name, {out, in}), out, in};
  if (m.view.dtype == DType::f8_e4m3 || m.view.dtype == DType::f8_e5m2) read_scales(name, m);
  return m;
}

Matrix Tensors::input_major(const std::string& name, std::int64_t out, std::int64_t in, std::int64_t first,
                            std::int64_t columns) const {
  const View& view = at(name, {in, columns});
  if (block_size(view.dtype) != 1) throw Error(Code::unsupported, name, "a transposed tensor in a block format");
  return {view, out, in, true, first};
}

Vector Tensors::vector(const std::string& name, std::int64_t count) const { return {at(name, {count}), 0, count}; }

namespace {

View part_of(const View& view, std::int64_t index) {
  const std::int64_t rows = view.shape[1];
  return {view.data + index * rows * view.row_bytes(), view.dtype, {rows, view.columns()}};
}

}  // namespace

Matrix Tensors::matrix_of(const std::string& name, std::int64_t index, std::int64_t count, std::int64_t out,
                          std::int64_t in) const {
  return {part_of(at(name, {count, out, in}), index), out, in};
}

Matrix Tensors::input_major_of(const std::string& name, std::int64_t index, std::int64_t count, std::int64_t out,
                               std::int64_t in) const {
  const View& view = at(name, {count, in, out});
  if (block_size(view.dtype) != 1) throw Error(Code::unsupported, name, "a transposed tensor in a block format");
  return {part_of(view, index), out, in, true};
}

Vector Tensors::vector_of(const std::string& name, std::int64_t index, std::int64_t count, std::int64_t size) const {
  const View& view = at(name, {count, size});
  return {{view.data + index * view.row_bytes(), view.dtype, {size}}, 0, size};
}

Vector Tensors::optional_vector(const std::string& name, std::int64_t count) const {
  return has(name) ? vector(name, count) : Vector{};
}

// Of a module whose weights are values of eight bits with factors.
bool Tensors::is_input_scale(std::string_view name) const {
  return std::ranges::any_of(input_scales, [&](std::string_view end) {
    if (!name.ends_with(end)) return false;
    const std::string weight = std::string(name.substr(0, name.size() - end.size())) + ".weight";
    return taken_.contains(weight + "_scale") || taken_.contains(weight + "_scale_inv");
  });
}

void Tensors::refuse_rest(std::int64_t blocks, const std::function<bool(std::string_view)>& beside) const {
  for (const auto& archive : archives_) {
    for (const Archive::Entry& entry : archive->tensors()) {
      if (taken_.contains(entry.name) || is_buffer(entry, blocks) || is_input_scale(entry.name)) continue;
      if (beside && beside(entry.name)) continue;
      throw Error(Code::unsupported, archive->path().filename().string(),
                  fmt::format("tensor '{}' ({}) has no place in this model as its configuration describes it",
                              entry.name, entry.view.shape.text()));
    }
  }
}

}  // namespace embscope
