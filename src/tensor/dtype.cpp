#include <array>

#include "embscope/tensor/tensor.h"

namespace embscope {
namespace {

struct Format {
  std::string_view name;
  std::int64_t elements, bytes;  // of one block
};

constexpr std::array<Format, 36> formats{{
    {"F32", 1, 4},      {"F16", 1, 2},        {"BF16", 1, 2},      {"F64", 1, 8},        {"U8", 1, 1},
    {"I8", 1, 1},       {"I16", 1, 2},        {"I32", 1, 4},       {"I64", 1, 8},        {"BOOL", 1, 1},
    {"Q8_0", 32, 34},   {"Q4_0", 32, 18},     {"Q4_1", 32, 20},    {"Q5_0", 32, 22},     {"Q5_1", 32, 24},
    {"Q4_K", 256, 144}, {"Q5_K", 256, 176},   {"Q6_K", 256, 210},  {"Q2_K", 256, 84},    {"Q3_K", 256, 110},
    {"Q8_K", 256, 292}, {"IQ1_S", 256, 50},   {"IQ1_M", 256, 56},  {"IQ2_XXS", 256, 66}, {"IQ2_XS", 256, 74},
    {"IQ2_S", 256, 82}, {"IQ3_XXS", 256, 98}, {"IQ3_S", 256, 110}, {"IQ4_NL", 32, 18},   {"IQ4_XS", 256, 136},
    {"TQ1_0", 256, 54}, {"TQ2_0", 256, 66},   {"MXFP4", 32, 17},   {"NVFP4", 64, 36},    {"F8_E4M3", 1, 1},
    {"F8_E5M2", 1, 1},
}};

const Format& format(DType dtype) { return formats[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::string_view name(DType dtype) { return format(dtype).name; }
std::int64_t block_size(DType dtype) { return format(dtype).elements; }
std::int64_t block_bytes(DType dtype) { return format(dtype).bytes; }

}  // namespace embscope
