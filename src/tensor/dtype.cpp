#include <array>

#include "embscope/tensor.h"

namespace embscope {
namespace {

struct Format {
  std::string_view name;
  std::int64_t elements, bytes;  // of one block
};

constexpr std::array<Format, 18> formats{{
    {"F32", 1, 4},
    {"F16", 1, 2},
    {"BF16", 1, 2},
    {"F64", 1, 8},
    {"U8", 1, 1},
    {"I8", 1, 1},
    {"I16", 1, 2},
    {"I32", 1, 4},
    {"I64", 1, 8},
    {"BOOL", 1, 1},
    {"Q8_0", 32, 34},
    {"Q4_0", 32, 18},
    {"Q4_1", 32, 20},
    {"Q5_0", 32, 22},
    {"Q5_1", 32, 24},
    {"Q4_K", 256, 144},
    {"Q5_K", 256, 176},
    {"Q6_K", 256, 210},
}};

const Format& format(DType dtype) { return formats[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::string_view name(DType dtype) { return format(dtype).name; }
std::int64_t block_size(DType dtype) { return format(dtype).elements; }
std::int64_t block_bytes(DType dtype) { return format(dtype).bytes; }

}  // namespace embscope
