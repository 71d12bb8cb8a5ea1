// safetensors by recipe: a valid header, of which some fields lie.
#include <fuzzer/FuzzedDataProvider.h>

#include "archives.h"
#include "files/makers.h"

namespace embscope::fuzz {
namespace {

using files::Bytes;

// The text of a number: as it should be, or (for one recipe in eight) something else that JSON can say.
std::string maybe(FuzzedDataProvider& recipe, std::uint64_t honest) {
  if (recipe.ConsumeIntegralInRange(0, 7) != 0) return fmt::format("{}", honest);
  constexpr const char* lies[] = {"0",
                                  "-1",
                                  "9223372036854775807",
                                  "9223372036854775808",
                                  "18446744073709551615",
                                  "1e30",
                                  "1.5",
                                  "null",
                                  "[]",
                                  "\"1\"",
                                  "4294967296",
                                  "true",
                                  "4611686018427387904",
                                  "{}"};
  const auto lie = recipe.ConsumeIntegralInRange<std::size_t>(0, std::size(lies) + 1);
  return lie < std::size(lies) ? lies[lie] : fmt::format("{}", honest + (lie == std::size(lies) ? 1 : -1));
}

struct Type {
  const char* name;
  std::uint64_t bytes;
};
constexpr Type types[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8},  {"I64", 8},    {"I32", 4},
                          {"I16", 2}, {"I8", 1},  {"U8", 1},   {"BOOL", 1}, {"F8_E4M3", 1}};

std::string file_of(FuzzedDataProvider& recipe) {
  std::string header = "{";
  if (recipe.ConsumeBool()) header += R"("__metadata__":{"format":"pt"},)";
  const int tensors = recipe.ConsumeIntegralInRange(0, 5);
  std::uint64_t offset = 0;
  for (int t = 0; t < tensors; ++t) {
    const Type type = types[recipe.ConsumeIntegralInRange<std::size_t>(0, std::size(types) - 1)];
    std::string shape;
    std::uint64_t bytes = type.bytes;
    for (int axes = recipe.ConsumeIntegralInRange(0, 4); axes > 0; --axes) {
      const auto size = recipe.ConsumeIntegralInRange<std::uint64_t>(0, 4);
      shape += (shape.empty() ? "" : ",") + maybe(recipe, size);
      bytes *= size;
    }
    const int name = recipe.ConsumeIntegralInRange(0, 15) == 0 ? 0 : t;
    header += fmt::format(R"("t{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}},)", name, type.name, shape,
                          maybe(recipe, offset), maybe(recipe, offset + bytes));
    offset += bytes;
  }
  if (header.back() == ',') header.pop_back();
  header += std::string("}") + std::string(recipe.ConsumeIntegralInRange<std::size_t>(0, 8), ' ');
  std::uint64_t length = header.size();
  if (recipe.ConsumeIntegralInRange(0, 15) == 0) length = recipe.ConsumeIntegral<std::uint64_t>();
  if (recipe.ConsumeIntegralInRange(0, 15) == 0) offset += recipe.ConsumeIntegralInRange<std::uint64_t>(0, 8);
  return Bytes().u64(length).raw(header).raw(std::string(std::min<std::uint64_t>(offset, 1 << 16), '\1')).text;
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider recipe(data, size);
  embscope::fuzz::open_and_read(embscope::fuzz::file_of(recipe));
  return 0;
}
