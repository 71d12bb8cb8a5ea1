// GGUF by recipe: a valid file, of which some numbers lie. The input says what is in it and which numbers.
#include <fuzzer/FuzzedDataProvider.h>

#include "archives.h"
#include "files/makers.h"

namespace embscope::fuzz {
namespace {

using files::Bytes;

// A number as it should be, or (for one recipe in eight) another that a reader may stumble over.
std::uint64_t maybe(FuzzedDataProvider& recipe, std::uint64_t honest) {
  constexpr std::uint64_t top = std::uint64_t{1} << 63;
  if (recipe.ConsumeIntegralInRange(0, 7) != 0) return honest;
  switch (recipe.ConsumeIntegralInRange(0, 9)) {
    case 0: return 0;
    case 1: return honest + 1;
    case 2: return honest - 1;
    case 3: return ~std::uint64_t{0};
    case 4: return top;
    case 5: return top - 1;
    case 6: return (std::uint64_t{1} << 32) + honest;
    case 7: return std::uint64_t{1} << recipe.ConsumeIntegralInRange(0, 63);
    case 8: return ~std::uint64_t{0} - recipe.ConsumeIntegral<std::uint8_t>();
    default: return recipe.ConsumeIntegral<std::uint64_t>();
  }
}

void put_string(FuzzedDataProvider& recipe, Bytes& out, std::string_view text) {
  out.u64(maybe(recipe, text.size())).raw(text);
}

constexpr int widths[] = {1, 1, 2, 2, 4, 4, 4, 1, -1, -2, 8, 8, 8};

void put_value(FuzzedDataProvider& recipe, Bytes& out, std::uint32_t kind, int depth) {
  if (kind == 8) return put_string(recipe, out, recipe.ConsumeRandomLengthString(12));
  if (kind == 9) {
    const auto inner = recipe.ConsumeIntegralInRange<std::uint32_t>(0, 12);
    const auto count = recipe.ConsumeIntegralInRange<std::uint64_t>(0, 6);
    out.u32(maybe(recipe, inner)).u64(maybe(recipe, count));
    for (std::uint64_t i = 0; i < count && depth < 4; ++i) put_value(recipe, out, inner, depth + 1);
    return;
  }
  const std::uint64_t value = kind == 7 ? maybe(recipe, 1) : recipe.ConsumeIntegral<std::uint64_t>();
  out.raw({reinterpret_cast<const char*>(&value), static_cast<std::size_t>(widths[kind])});
}

void put_key(FuzzedDataProvider& recipe, Bytes& out) {
  if (recipe.ConsumeIntegralInRange(0, 3) == 0) {
    out.string("general.alignment")
        .u32(maybe(recipe, 4))
        .u32(maybe(recipe, 1ull << recipe.ConsumeIntegralInRange(0, 8)));
    return;
  }
  const auto kind = recipe.ConsumeIntegralInRange<std::uint32_t>(0, 12);
  put_string(recipe, out, recipe.ConsumeRandomLengthString(6));
  out.u32(maybe(recipe, kind));
  put_value(recipe, out, kind, 0);
}

struct Type {
  std::uint32_t number;
  std::uint64_t values, bytes;
};
constexpr Type types[] = {{0, 1, 4},   {1, 1, 2},      {2, 32, 18},    {3, 32, 20},    {6, 32, 22}, {7, 32, 24},
                          {8, 32, 34}, {12, 256, 144}, {13, 256, 176}, {14, 256, 210}, {24, 1, 1},  {30, 1, 2}};

// Returns the bytes that the tensor takes.
std::uint64_t put_tensor(FuzzedDataProvider& recipe, Bytes& out, int number, std::uint64_t offset) {
  put_string(recipe, out, recipe.ConsumeBool() ? fmt::format("t{}", number) : recipe.ConsumeRandomLengthString(6));
  const Type type = types[recipe.ConsumeIntegralInRange<std::size_t>(0, std::size(types) - 1)];
  const auto rank = recipe.ConsumeIntegralInRange<std::uint64_t>(1, 4);
  out.u32(maybe(recipe, rank));
  std::uint64_t bytes = type.bytes;
  for (std::uint64_t axis = 0; axis < rank; ++axis) {
    const auto size = recipe.ConsumeIntegralInRange<std::uint64_t>(1, 3);
    out.u64(maybe(recipe, axis == 0 ? size * type.values : size));
    bytes *= size;
  }
  out.u32(maybe(recipe, type.number)).u64(maybe(recipe, offset));
  return bytes;
}

std::string file_of(FuzzedDataProvider& recipe) {
  const auto keys = recipe.ConsumeIntegralInRange<std::uint64_t>(0, 6);
  const auto tensors = recipe.ConsumeIntegralInRange<std::uint64_t>(0, 5);
  Bytes out;
  out.raw("GGUF").u32(maybe(recipe, 3)).u64(maybe(recipe, tensors)).u64(maybe(recipe, keys));
  for (std::uint64_t k = 0; k < keys; ++k) put_key(recipe, out);
  std::uint64_t offset = 0;
  for (std::uint64_t t = 0; t < tensors; ++t) {
    offset += put_tensor(recipe, out, static_cast<int>(t), offset);
    offset = (offset + 31) / 32 * 32;
  }
  out.text.resize((out.text.size() + 31) / 32 * 32 + std::min<std::uint64_t>(maybe(recipe, offset), 1 << 16));
  return out.text;
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider recipe(data, size);
  embscope::fuzz::open_and_read(embscope::fuzz::file_of(recipe));
  return 0;
}
