// Files that lie: each is refused with one line that says what was wrong, before anything is allocated for it.
#include <cstdint>
#include <ctime>
#include <filesystem>

#include <gmock/gmock.h>
#include <unistd.h>

#include "embscope/base/error.h"
#include "embscope/files/archive.h"
#include "files/allocated.h"
#include "files/makers.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;
using namespace files;

struct Hostile {
  const char* name;
  std::string bytes;
  const char* message;
};
void PrintTo(const Hostile& file, std::ostream* out) { *out << file.name; }

const std::vector<Hostile>& hostile() {
  constexpr std::uint64_t huge = ~std::uint64_t{0}, half = std::uint64_t{1} << 63;
  static const std::vector<Hostile> files = {
      {"empty", "", "[empty] the file is empty"},
      {"one_byte", "G", "[one_byte] neither GGUF, safetensors nor npy"},
      {"text", "hello, I am a model", "[text] neither GGUF, safetensors nor npy"},
      {"html", "<!doctype html><html>", "[html] this is a web page: the download gave a page instead of the file"},
      {"zip", "PK\x03\x04xxxx", "[zip] this is a zip archive: unpack it first"},
      {"pickle", "\x80\x02}q",
       "[pickle] this is a Python pickle: convert it to safetensors, or word vectors to Word2Vec's format (gensim's "
       "save_word2vec_format)"},
      {"lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
       "[lfs] this is a Git LFS pointer, not the file itself: fetch it with 'git lfs pull'"},
      {"ggml", "lmggxxxxxxxx", "[ggml] this is a GGML file older than GGUF: convert it to GGUF"},
      {"big_endian", "FUGGxxxxxxxx", "[big_endian] this is a big-endian GGUF: only little-endian ones are read"},
      {"gguf_magic_only", "GGUF", "[gguf] gguf_magic_only: ends at byte 4, in the middle of the version"},
      {"gguf_no_counts", Bytes().raw("GGUF").u32(3).text,
       "[gguf] gguf_no_counts: ends at byte 8, in the middle of the tensor count"},
      {"gguf_version_1", gguf([](Gguf& g) { g.version = 1; }),
       "[gguf] gguf_version_1: version 1: versions 2 and 3 are read"},
      {"gguf_version_4", gguf([](Gguf& g) { g.version = 4; }),
       "[gguf] gguf_version_4: version 4: versions 2 and 3 are read"},
      {"gguf_version_swapped", gguf([](Gguf& g) { g.version = 0x03000000; }),
       "[gguf] gguf_version_swapped: is a big-endian GGUF: only little-endian ones are read"},
      {"gguf_key_count_huge", gguf([](Gguf& g) { g.key_count = INT64_MAX; }),
       "[gguf] gguf_key_count_huge: 9223372036854775807 metadata keys: the file has only 104 bytes left"},
      {"gguf_tensor_count_huge", gguf([](Gguf& g) { g.tensor_count = INT64_MAX; }),
       "[gguf] gguf_tensor_count_huge: 9223372036854775807 tensors: the file has only 104 bytes left"},
      {"gguf_tensor_count_too_large", gguf([](Gguf& g) { g.tensor_count = 2; }),
       "[gguf] gguf_tensor_count_too_large: tensor '': 0 axes, 1 to 4 are read"},
      {"gguf_key_count_too_large", gguf([](Gguf& g) {
         g.key_count = 1;
         g.data = 0;
         g.tensors = {};
       }),
       "[gguf] gguf_key_count_too_large: 1 metadata keys: the file has only 8 bytes left"},
      {"gguf_key_length_huge", gguf([&](Gguf& g) { g.keys = {Bytes().u64(huge).raw("kkkkkkkkk").text}; }),
       "[gguf] gguf_key_length_huge: a metadata key: a string of 18446744073709551615 bytes, the file has 96 left"},
      {"gguf_key_length_half", gguf([&](Gguf& g) { g.keys = {Bytes().u64(half).raw("kkkkkkkkk").text}; }),
       "[gguf] gguf_key_length_half: a metadata key: a string of 9223372036854775808 bytes, the file has 96 left"},
      {"gguf_key_empty", gguf([](Gguf& g) { g.keys = {key("", 4, Bytes().u32(1))}; }),
       "[gguf] gguf_key_empty: a metadata key is empty"},
      {"gguf_key_twice", gguf([](Gguf& g) {
         g.keys = {key("a", 4, Bytes().u32(1)), key("a", 4, Bytes().u32(2))};
       }),
       "[gguf] gguf_key_twice: key 'a' occurs twice"},
      {"gguf_value_type_unknown", gguf([](Gguf& g) { g.keys = {key("a", 13, Bytes().u64(1))}; }),
       "[gguf] gguf_value_type_unknown: key 'a': unknown value type 13"},
      {"gguf_value_type_huge", gguf([](Gguf& g) { g.keys = {key("a", 0xffffffff, Bytes().u64(1))}; }),
       "[gguf] gguf_value_type_huge: key 'a': unknown value type 4294967295"},
      {"gguf_string_value_huge", gguf([&](Gguf& g) { g.keys = {key("a", 8, Bytes().u64(huge - 7))}; }),
       "[gguf] gguf_string_value_huge: key 'a': a string of 18446744073709551608 bytes, the file has 83 left"},
      {"gguf_bool_of_2", gguf([](Gguf& g) { g.keys = {key("a", 7, Bytes().raw("\x02"))}; }),
       "[gguf] gguf_bool_of_2: key 'a': a truth value of 2"},
      {"gguf_array_count_huge", gguf([&](Gguf& g) { g.keys = {array("a", 4, huge)}; }),
       "[gguf] gguf_array_count_huge: 18446744073709551615 key 'a' elements: the file has only 79 bytes left"},
      {"gguf_array_of_strings_huge", gguf([&](Gguf& g) { g.keys = {array("a", 8, huge / 8)}; }),
       "[gguf] gguf_array_of_strings_huge: 2305843009213693951 key 'a' elements: the file has only 79 bytes left"},
      {"gguf_array_bytes_huge", gguf([&](Gguf& g) { g.keys = {array("a", 0, half)}; }),
       "[gguf] gguf_array_bytes_huge: 9223372036854775808 key 'a' elements: the file has only 79 bytes left"},
      {"gguf_array_of_arrays", gguf([](Gguf& g) { g.keys = {array("a", 9, 1, std::string(64, '\0'))}; }),
       "[gguf] gguf_array_of_arrays: key 'a': arrays of arrays are not read"},
      {"gguf_array_type_unknown", gguf([](Gguf& g) { g.keys = {array("a", 77, 1)}; }),
       "[gguf] gguf_array_type_unknown: key 'a': unknown value type 77"},
      {"gguf_array_u64_not_63_bits", gguf([&](Gguf& g) { g.keys = {array("a", 10, 1, Bytes().u64(huge).text)}; }),
       "[gguf] gguf_array_u64_not_63_bits: key 'a': 18446744073709551615 does not fit 63 bits"},
      {"gguf_alignment_0", gguf([](Gguf& g) { g.keys = {key("general.alignment", 4, Bytes().u32(0))}; }),
       "[gguf] gguf_alignment_0: general.alignment: not a power of two up to 1048576"},
      {"gguf_alignment_3", gguf([](Gguf& g) { g.keys = {key("general.alignment", 4, Bytes().u32(3))}; }),
       "[gguf] gguf_alignment_3: general.alignment: not a power of two up to 1048576"},
      {"gguf_alignment_huge", gguf([](Gguf& g) { g.keys = {key("general.alignment", 4, Bytes().u32(1u << 31))}; }),
       "[gguf] gguf_alignment_huge: general.alignment: not a power of two up to 1048576"},
      {"gguf_alignment_text", gguf([](Gguf& g) { g.keys = {key("general.alignment", 8, Bytes().string("32"))}; }),
       "[gguf] gguf_alignment_text: general.alignment: not a power of two up to 1048576"},
      {"gguf_alignment_negative",
       gguf([](Gguf& g) { g.keys = {key("general.alignment", 5, Bytes().u32(0xffffffe0))}; }),
       "[gguf] gguf_alignment_negative: general.alignment: not a power of two up to 1048576"},
      {"gguf_rank_0", gguf([](Gguf& g) {
         g.tensors[0].rank = 0;
         g.tensors[0].sizes = {};
       }),
       "[gguf] gguf_rank_0: tensor 't': 0 axes, 1 to 4 are read"},
      {"gguf_rank_5", gguf([](Gguf& g) {
         g.tensors[0].sizes = {1, 1, 1, 1, 1};
       }),
       "[gguf] gguf_rank_5: tensor 't': 5 axes, 1 to 4 are read"},
      {"gguf_rank_huge", gguf([](Gguf& g) { g.tensors[0].rank = 0xffffffff; }),
       "[gguf] gguf_rank_huge: tensor 't': 4294967295 axes, 1 to 4 are read"},
      {"gguf_size_0", gguf([](Gguf& g) {
         g.tensors[0].sizes = {4, 0};
       }),
       "[gguf] gguf_size_0: tensor 't': a size of 0"},
      {"gguf_size_negative", gguf([&](Gguf& g) {
         g.tensors[0].sizes = {4, huge};
       }),
       "[gguf] gguf_size_negative: tensor 't': a size of 18446744073709551615"},
      {"gguf_product_wraps_to_zero", gguf([](Gguf& g) {
         g.tensors[0].sizes = {std::uint64_t{1} << 32, std::uint64_t{1} << 32};
       }),
       "[gguf] gguf_product_wraps_to_zero: tensor 't': 4294967296 x 4294967296 elements overflow 64 bits"},
      {"gguf_product_wraps_to_small", gguf([](Gguf& g) {
         g.tensors[0].sizes = {(std::uint64_t{1} << 62) + 1, 4};
       }),
       "[gguf] gguf_product_wraps_to_small: tensor 't': 4 x 4611686018427387905 elements overflow 64 bits"},
      {"gguf_bytes_wrap", gguf([](Gguf& g) { g.tensors[0].sizes = {std::uint64_t{1} << 62}; }),
       "[gguf] gguf_bytes_wrap: tensor 't': 4611686018427387904 of F32 overflow 63 bits"},
      {"gguf_product_of_four_wraps", gguf([](Gguf& g) {
         g.tensors[0].sizes = {1u << 20, 1u << 20, 1u << 20, 1u << 20};
       }),
       "[gguf] gguf_product_of_four_wraps: tensor 't': 1048576 x 1048576 x 1048576 x 1048576 elements overflow 64 "
       "bits"},
      {"gguf_type_unknown", gguf([](Gguf& g) { g.tensors[0].type = 99; }),
       "[gguf] gguf_type_unknown: tensor 't': element type number 99 is not read (F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, "
       "Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K, IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, IQ4_NL, IQ3_S, IQ2_S, IQ4_XS, I8, "
       "I16, I32, I64, F64, IQ1_M, BF16, TQ1_0, TQ2_0, MXFP4, NVFP4 are)"},
      {"gguf_type_removed", gguf([](Gguf& g) { g.tensors[0].type = 4; }),
       "[gguf] gguf_type_removed: tensor 't': element type Q4_2 is not read (F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, "
       "Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, Q8_K, IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S, IQ4_NL, IQ3_S, IQ2_S, IQ4_XS, I8, I16, "
       "I32, I64, F64, IQ1_M, BF16, TQ1_0, TQ2_0, MXFP4, NVFP4 are)"},
      {"gguf_partial_block", gguf([](Gguf& g) {
         g.tensors[0].type = 8;
         g.tensors[0].sizes = {33, 1};
       }),
       "[gguf] gguf_partial_block: tensor 't': rows of 33 are not whole blocks of 32 (Q8_0)"},
      {"gguf_partial_k_block", gguf([](Gguf& g) {
         g.tensors[0].type = 12;
         g.tensors[0].sizes = {32, 8};
       }),
       "[gguf] gguf_partial_k_block: tensor 't': rows of 32 are not whole blocks of 256 (Q4_K)"},
      {"gguf_offset_unaligned", gguf([](Gguf& g) { g.tensors[0].offset = 4; }),
       "[gguf] gguf_offset_unaligned: tensor 't': offset 4 is not a multiple of the alignment 32"},
      {"gguf_offset_past_the_end", gguf([](Gguf& g) { g.tensors[0].offset = 64; }),
       "[gguf] gguf_offset_past_the_end: tensor 't': needs bytes 160..192, the file has 128"},
      {"gguf_offset_wraps", gguf([&](Gguf& g) { g.tensors[0].offset = huge - 31; }),
       "[gguf] gguf_offset_wraps: tensor 't': offset 18446744073709551584 overflows"},
      {"gguf_offset_plus_size_wraps", gguf([&](Gguf& g) { g.tensors[0].offset = (huge - 31) - 96; }),
       "[gguf] gguf_offset_plus_size_wraps: tensor 't': needs bytes 18446744073709551584..beyond 2^64, the file has "
       "128"},
      {"gguf_data_truncated", gguf([](Gguf& g) { g.data = 31; }),
       "[gguf] gguf_data_truncated: tensor 't': needs bytes 96..128, the file has 127"},
      {"gguf_no_data", gguf([](Gguf& g) { g.data = 0; }),
       "[gguf] gguf_no_data: tensor 't': needs bytes 96..128, the file has 96"},
      {"gguf_tensor_twice", gguf([](Gguf& g) {
         g.tensors = {{}, {}};
       }),
       "[gguf] gguf_tensor_twice: tensor 't' occurs twice"},
      {"gguf_tensors_overlap", gguf([](Gguf& g) {
         g.tensors = {{}, {}};
         g.tensors[1].name = "u";
       }),
       "[gguf] gguf_tensors_overlap: tensor 'u' overlaps the one before it"},
      {"gguf_tensor_name_huge", gguf([&](Gguf& g) {
         g.tensors = {};
         g.tensor_count = 1;
         g.data = 64;
         g.keys = {key("a", 4, Bytes().u32(1))};
       }),
       "[gguf] gguf_tensor_name_huge: tensor '': 0 axes, 1 to 4 are read"},
      {"gguf_array_elements_are_of_another_type",
       gguf([](Gguf& g) { g.keys = {array("a", 8, 2, Bytes().u64(1).raw("x").u64(1u << 30).text)}; }),
       "[gguf] gguf_array_elements_are_of_another_type: key 'a': a string of 1073741824 bytes, the file has 94 left"},
      {"gguf_array_of_bools_of_2", gguf([](Gguf& g) { g.keys = {array("a", 7, 2, std::string("\1\2"))}; }),
       "[gguf] gguf_array_of_bools_of_2: key 'a': a truth value of 2"},
      {"gguf_key_with_control_characters", gguf([](Gguf& g) { g.keys = {key("a\n\x1b[2J", 13, Bytes().u64(1))}; }),
       "[gguf] gguf_key_with_control_characters: key 'a\\x0a\\x1b[2J': unknown value type 13"},
      {"gguf_sizes_sum_beyond_2_to_64", gguf([](Gguf& g) {
         g.tensors = {{"a", {1ull << 61}, 24, 0, -1},
                      {"b", {1ull << 61}, 24, 1ull << 61, -1},
                      {"c", {1ull << 62}, 24, 1ull << 62, -1}};
       }),
       "[gguf] gguf_sizes_sum_beyond_2_to_64: tensor 'a': needs bytes 128..2305843009213694080, the file has 160"},
      {"gguf_data_begins_beyond_2_to_64", gguf([&](Gguf& g) { g.tensors[0].offset = huge / 32 * 32; }),
       "[gguf] gguf_data_begins_beyond_2_to_64: tensor 't': offset 18446744073709551584 overflows"},
      {"gguf_tensor_of_2_to_62_bytes", gguf([](Gguf& g) {
         g.tensors[0].type = 24;
         g.tensors[0].sizes = {1ull << 62};
       }),
       "[gguf] gguf_tensor_of_2_to_62_bytes: tensor 't': needs bytes 64..4611686018427387968, the file has 96"},
      {"gguf_name_length_past_the_end",
       Bytes().raw("GGUF").u32(3).u64(1).u64(0).u64(1000).raw(std::string(24, 't')).text,
       "[gguf] gguf_name_length_past_the_end: a tensor name: a string of 1000 bytes, the file has 24 left"},
      {"gguf_truncated_in_a_value", Bytes().raw("GGUF").u32(3).u64(0).u64(1).string("key").u32(10).raw("xxxx").text,
       "[gguf] gguf_truncated_in_a_value: ends at byte 43, in the middle of key 'key'"},
      {"gguf_truncated_in_a_tensor", gguf([](Gguf& g) { g.data = 0; }).substr(0, 50),
       "[gguf] gguf_truncated_in_a_tensor: ends at byte 50, in the middle of tensor 't'"},
      {"safetensors_zero_size_wraps",
       safetensors(tensor(R"("dtype":"F32","shape":[4611686018427387904,8,0],"data_offsets":[0,0])")),
       "[safetensors] safetensors_zero_size_wraps: tensor 't': 4611686018427387904 x 8 x 0 elements overflow 64 bits"},
      {"safetensors_no_rows_of_2_to_63_values",
       safetensors(tensor(R"("dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0])")),
       "[safetensors] safetensors_no_rows_of_2_to_63_values: tensor 't': 0 x 9223372036854775807 of F32 overflow 63 "
       "bits"},
      {"safetensors_rows_without_values_that_wrap",
       safetensors(tensor(R"("dtype":"F32","shape":[4611686018427387904,2,0],"data_offsets":[0,0])")),
       "[safetensors] safetensors_rows_without_values_that_wrap: tensor 't': 4611686018427387904 x 2 x 0 elements "
       "overflow 64 bits"},
      {"safetensors_rows_without_values_but_bytes",
       safetensors(tensor(R"("dtype":"F32","shape":[2,0],"data_offsets":[0,4])"), 4),
       "[safetensors] safetensors_rows_without_values_but_bytes: tensor 't': 2 x 0 of F32 take 0 bytes, data_offsets "
       "say 0..4"},
      {"safetensors_header_is_a_list", Bytes().u64(10).raw("{}[1,2,3] ").text,
       "[safetensors_header_is_a_list header] line 1, column 3: not valid JSON: text after the end"},
      {"safetensors_name_with_control_characters", safetensors("{\"\\u001b[2J\\n\":7}"),
       "[safetensors_name_with_control_characters header] '\x1b[2J\n': expected an object, found 7"},
      {"npy_shape_of_nine", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4),
       "[npy] npy_shape_of_nine: shape holds something that is not a size, or more than 8"},
      {"npy_shape_not_closed", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,", 4),
       "[npy] npy_shape_not_closed: shape is not a tuple"},
      {"npy_descr_not_closed", npy("{'fortran_order': False, 'shape': (1,), 'descr': '<f4", 4),
       "[npy] npy_descr_not_closed: descr is not a plain dtype (structured arrays are not read)"},
      {"npy_big_endian", npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4),
       "[npy] npy_big_endian: dtype '>f4' is big-endian, which is not read: save it with "
       "array.astype(array.dtype.newbyteorder('<'))"},
      {"safetensors_short", std::string("\x05\0\0\0\0\0\0\0{", 9),
       "[safetensors] safetensors_short: a header of 5 bytes, the file has 9"},
      {"safetensors_header_huge", safetensors("{}", 0, INT64_MAX),
       "[safetensors] safetensors_header_huge: a header of 9223372036854775807 bytes, at most 100000000 are read"},
      {"safetensors_header_101_MB", safetensors("{}", 0, 101'000'000),
       "[safetensors] safetensors_header_101_MB: a header of 101000000 bytes, at most 100000000 are read"},
      {"safetensors_header_past_the_end", safetensors("{}", 0, 3),
       "[safetensors] safetensors_header_past_the_end: a header of 3 bytes, the file has 10"},
      {"safetensors_no_json", safetensors("{nonsense"),
       "[safetensors_no_json header] line 1, column 2: not valid JSON: syntax error"},
      {"safetensors_truncated_json", safetensors(R"({"t":{"dtype":"F32")"),
       "[safetensors_truncated_json header] line 1, column 20: not valid JSON: incomplete JSON"},
      {"safetensors_deep_json", safetensors("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"),
       "[safetensors_deep_json header] line 1, column 69: not valid JSON: too deep"},
      {"safetensors_entry_no_object", safetensors(R"({"t":7})"),
       "[safetensors_entry_no_object header] 't': expected an object, found 7"},
      {"safetensors_no_dtype", safetensors(tensor(R"("shape":[1],"data_offsets":[0,4])"), 4),
       "[safetensors_no_dtype header 't'] 'dtype' is missing"},
      {"safetensors_dtype_number", safetensors(tensor(R"("dtype":32,"shape":[1],"data_offsets":[0,4])"), 4),
       "[safetensors_dtype_number header 't'] 'dtype': expected a string, found 32"},
      {"safetensors_dtype_unknown", safetensors(tensor(R"("dtype":"F31","shape":[1],"data_offsets":[0,4])"), 4),
       "[safetensors] safetensors_dtype_unknown: tensor 't': dtype 'F31' is not read"},
      {"safetensors_shape_text", safetensors(tensor(R"("dtype":"F32","shape":"1","data_offsets":[0,4])"), 4),
       "[safetensors_shape_text header 't'] 'shape': expected a list, found \"1\""},
      {"safetensors_shape_negative", safetensors(tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), 4),
       "[safetensors] safetensors_shape_negative: tensor 't': expected a size or offset, found -1"},
      {"safetensors_shape_fraction", safetensors(tensor(R"("dtype":"F32","shape":[1.5],"data_offsets":[0,4])"), 4),
       "[safetensors] safetensors_shape_fraction: tensor 't': expected a size or offset, found 1.5E0"},
      {"safetensors_shape_wraps",
       safetensors(tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])")),
       "[safetensors] safetensors_shape_wraps: tensor 't': 4294967296 x 4294967296 elements overflow 64 bits"},
      {"safetensors_shape_of_2_to_63",
       safetensors(tensor(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4])"), 4),
       "[safetensors] safetensors_shape_of_2_to_63: tensor 't': expected a size or offset, found 9223372036854775808"},
      {"safetensors_bytes_wrap",
       safetensors(tensor(R"("dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0])")),
       "[safetensors] safetensors_bytes_wrap: tensor 't': 4611686018427387904 of F64 overflow 63 bits"},
      {"safetensors_one_offset", safetensors(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), 4),
       "[safetensors] safetensors_one_offset: tensor 't': data_offsets has 1 numbers, not 2"},
      {"safetensors_offsets_reversed", safetensors(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), 4),
       "[safetensors] safetensors_offsets_reversed: tensor 't': 1 of F32 take 4 bytes, data_offsets say 4..0"},
      {"safetensors_size_differs", safetensors(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), 4),
       "[safetensors] safetensors_size_differs: tensor 't': 2 of F32 take 8 bytes, data_offsets say 0..4"},
      {"safetensors_past_the_end", safetensors(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])"), 4),
       "[safetensors] safetensors_past_the_end: tensor 't': needs bytes 62..70, the file has 66"},
      {"safetensors_offset_wraps",
       safetensors(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[9223372036854775800,9223372036854775804])"), 4),
       "[safetensors] safetensors_offset_wraps: tensor 't': needs bytes 9223372036854775898..9223372036854775902, the "
       "file has 102"},
      {"safetensors_key_twice",
       safetensors(
           R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
           4),
       "[safetensors_key_twice header] line 1, column 57: the key 't' occurs twice"},
      {"safetensors_overlap",
       safetensors(
           R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"u":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           8),
       "[safetensors] safetensors_overlap: tensor 'u' overlaps the one before it"},
      {"safetensors_hole", safetensors(R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
       "[safetensors] safetensors_hole: bytes 62..66 belong to no tensor"},
      {"safetensors_bytes_left", safetensors(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 8),
       "[safetensors] safetensors_bytes_left: bytes 66..70 belong to no tensor"},
      {"pointer.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
       "[pointer.safetensors] this is a Git LFS pointer, not the file itself: fetch it with 'git lfs pull'"},
      {"short.safetensors", "1234567", "[short.safetensors] a safetensors file of fewer than 8 bytes"},
      {"empty.safetensors", "", "[empty.safetensors] the file is empty"},
      {"safetensors_metadata_number", safetensors(R"({"__metadata__":{"a":1}})"),
       "[safetensors_metadata_number header '__metadata__'] 'a': expected a string, found 1"},
      {"npy_magic_only", std::string("\x93NUMPY", 6), "[npy] npy_magic_only: ends within its header"},
      {"npy_header_past_the_end", std::string("\x93NUMPY\x01\x00\xff\xff{}", 12),
       "[npy] npy_header_past_the_end: a header of 65535 bytes, the file has 12"},
      {"npy_no_shape", npy("{'descr': '<f4', 'fortran_order': False, }", 4),
       "[npy] npy_no_shape: the header has no 'shape'"},
      {"npy_fortran", npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", 4),
       "[npy] npy_fortran: is in Fortran order: save it with numpy.ascontiguousarray"},
      {"npy_object", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8),
       "[npy] npy_object: dtype '|O' is not read"},
      {"npy_structured", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4),
       "[npy] npy_structured: dtype '(' is not read"},
      {"npy_shape_wraps", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 0),
       "[npy] npy_shape_wraps: tensor 'array': 4294967296 x 4294967296 elements overflow 64 bits"},
      {"npy_shape_negative", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4),
       "[npy] npy_shape_negative: tensor 'array': a size of -1"},
      {"npy_shape_nonsense", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (x,), }", 4),
       "[npy] npy_shape_nonsense: shape holds something that is not a size, or more than 8"},
      {"npy_too_little_data", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8),
       "[npy] npy_too_little_data: 3 of F32 take 12 bytes, the file has 8"},
  };
  return files;
}

class HostileFile : public ::testing::TestWithParam<Hostile> {};

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// What opening says, without the folder's name, within `seconds` of this thread's time and `bytes` of memory.
std::string refusal(const std::string& name, const std::string& content, double seconds, std::size_t bytes) {
  const fs::path folder = fs::temp_directory_path() / ("embscope-hostile-" + std::to_string(getpid()));
  fs::create_directories(folder);
  write_file(folder / name, content);
  std::string message = "opened without an error";
  const std::size_t before = allocated;
  const double start = cpu_seconds();
  try {
    Archive::open(folder / name);
  } catch (const Error& error) { message = error.what(); }
  EXPECT_LT(cpu_seconds() - start, seconds);
  EXPECT_LT(allocated - before, bytes);
  fs::remove_all(folder);
  if (const std::size_t at = message.find(folder.string()); at != std::string::npos)
    message.erase(at, folder.string().size() + 1);
  return message;
}

TEST(Allocations, are_counted) {
  const std::size_t before = allocated;
  std::vector<char> some(100'000, 'x');
  [[maybe_unused]] char* volatile seen = some.data();  // or the compiler leaves the memory out
  EXPECT_GE(allocated - before, some.size());
}

TEST_P(HostileFile, is_refused_with_a_clear_line_in_bounded_time_and_memory) {
  const Hostile& file = GetParam();
  const std::string message = refusal(file.name, file.bytes, 0.2, 100'000 + 20 * file.bytes.size());
  RecordProperty("message", message);
  EXPECT_EQ(message, file.message);
}

INSTANTIATE_TEST_SUITE_P(files, HostileFile, ::testing::ValuesIn(hostile()), [](const auto& f) {
  std::string name = f.param.name;
  std::ranges::replace(name, '.', '_');
  return name;
});

// A reader that compares each name with all others would take minutes for these.
TEST(LargeHostileFile, two_equal_keys_among_100000_of_a_gguf_are_found_in_bounded_time) {
  Gguf file;
  for (int i = 0; i < 100'000; ++i) file.keys.push_back(key("k" + std::to_string(i), 0, Bytes().raw("x")));
  file.keys.push_back(file.keys[70'000]);
  EXPECT_EQ(refusal("f", file.bytes(), 2, 64 << 20), "[gguf] f: key 'k70000' occurs twice");
}

TEST(LargeHostileFile, two_equal_tensors_among_50000_of_a_gguf_are_found_in_bounded_time) {
  Gguf file;
  file.tensors.clear();
  for (int i = 0; i <= 50'000; ++i)
    file.tensors.push_back({"t" + std::to_string(i % 50'000), {8}, 0, 32 * static_cast<std::uint64_t>(i), -1});
  file.data = 32 * 50'001;
  EXPECT_EQ(refusal("f", file.bytes(), 2, 64 << 20), "[gguf] f: tensor 't0' occurs twice");
}

TEST(LargeHostileFile, two_equal_names_in_a_safetensors_header_of_more_than_a_megabyte_are_found) {
  std::string header = "{";
  for (int i = 0; i <= 20'000; ++i)
    header += (i == 0 ? "" : ",") + std::string("\"t") + std::to_string(i % 20'000) +
              R"(":{"dtype":"F32","shape":[0,1],"data_offsets":[0,0]})";
  ASSERT_GT(header.size(), 1u << 20);
  EXPECT_THAT(refusal("f", safetensors(header + "}"), 3, 100 << 20), ::testing::HasSubstr("the key 't0' occurs twice"));
}

TEST(LargeHostileFile, bytes_that_claim_to_be_100000_overlapping_tensors_are_refused_in_bounded_time) {
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i)
    header += (i == 0 ? "" : ",") + std::string("\"t") + std::to_string(i) +
              R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_THAT(refusal("f", safetensors(header + "}", 1), 5, 400 << 20),
              ::testing::HasSubstr("overlaps the one before it"));
}

std::shared_ptr<const Archive> open_bytes(const std::string& bytes) {
  const fs::path path = fs::temp_directory_path() / ("embscope-good-" + std::to_string(getpid()));
  write_file(path, bytes);
  auto archive = Archive::open(path);
  fs::remove(path);
  return archive;
}

TEST(GoodFile, the_same_makers_make_files_that_open) {
  const auto a = open_bytes(gguf([](Gguf& g) {
    g.keys = {key("n", 4, Bytes().u32(7)), array("list", 8, 2, Bytes().string("x").string("y").text),
              key("yes", 7, Bytes().raw("\x01")), key("no", 7, Bytes().raw(std::string(1, '\0')))};
  }));
  EXPECT_EQ(a->at("t").shape, (Shape{2, 4}));
  EXPECT_EQ(std::get<std::uint64_t>(*a->meta("n")), 7u);
  EXPECT_TRUE(std::get<bool>(*a->meta("yes")));
  EXPECT_FALSE(std::get<bool>(*a->meta("no")));
  EXPECT_EQ(std::get<std::vector<std::string_view>>(*a->meta("list")), (std::vector<std::string_view>{"x", "y"}));
  const auto s = open_bytes(safetensors(tensor(R"("dtype":"BF16","shape":[1,2],"data_offsets":[0,4])"), 4));
  EXPECT_EQ(s->at("t").dtype, DType::bf16);
  EXPECT_EQ(open_bytes(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", 8))->at("array").shape,
            (Shape{2, 1}));
}

TEST(GoodFile, metadata_of_every_type_is_read) {
  const auto a = open_bytes(gguf([](Gguf& g) {
    g.keys = {key("u8", 0, Bytes().put(std::uint8_t{200})),
              key("i8", 1, Bytes().put(std::int8_t{-2})),
              key("u16", 2, Bytes().put(std::uint16_t{60000})),
              key("i16", 3, Bytes().put(std::int16_t{-3})),
              key("i32", 5, Bytes().put(std::int32_t{-4})),
              key("f32", 6, Bytes().put(0.5f)),
              key("i64", 11, Bytes().put(std::int64_t{-5})),
              key("f64", 12, Bytes().put(0.25)),
              array("floats", 6, 2, Bytes().put(1.5f).put(2.5f).text),
              array("shorts", 3, 2, Bytes().put(std::int16_t{-1}).put(std::int16_t{7}).text)};
  }));
  for (const auto& [name, value] : {std::pair{"u8", std::uint64_t{200}}, {"u16", 60000}})
    EXPECT_EQ(std::get<std::uint64_t>(*a->meta(name)), value);
  for (const auto& [name, value] : {std::pair{"i8", std::int64_t{-2}}, {"i16", -3}, {"i32", -4}, {"i64", -5}})
    EXPECT_EQ(std::get<std::int64_t>(*a->meta(name)), value);
  EXPECT_EQ(std::get<double>(*a->meta("f32")), 0.5);
  EXPECT_EQ(std::get<double>(*a->meta("f64")), 0.25);
  EXPECT_EQ(std::get<std::vector<double>>(*a->meta("floats")), (std::vector<double>{1.5, 2.5}));
  EXPECT_EQ(std::get<std::vector<std::int64_t>>(*a->meta("shorts")), (std::vector<std::int64_t>{-1, 7}));
}

TEST(GoodFile, a_tensor_may_be_empty_along_any_axis) {
  const auto a = open_bytes(safetensors(
      R"({"a":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]},"b":{"dtype":"BF16","shape":[0,3],"data_offsets":[0,0]},)"
      R"("c":{"dtype":"I64","shape":[0],"data_offsets":[0,0]},"d":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
      4));
  auto rows = [&](const char* name) { return a->at(name).rows(); };
  EXPECT_EQ(std::vector({rows("a"), rows("b"), rows("c"), rows("d")}), (std::vector<std::int64_t>{2, 0, 1, 1}));
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_EQ(a->at(name).bytes(), 0) << name;
    EXPECT_EQ(decode(a->at(name)).shape(), a->at(name).shape) << name;
  }
}

TEST(GoodFile, a_missing_tensor_is_answered_with_the_nearest_names) {
  const auto a = open_bytes(gguf([](Gguf& g) { g.tensors[0].name = "token_embd.weight"; }));
  try {
    a->at("token_embed.weight");
    FAIL();
  } catch (const Error& error) { EXPECT_THAT(error.what(), ::testing::HasSubstr("did you mean 'token_embd.weight'")); }
}

TEST(Write, what_is_written_reads_back_and_a_failure_leaves_the_old_file) {
  const fs::path folder = fs::temp_directory_path() / ("embscope-write-" + std::to_string(getpid()));
  fs::create_directories(folder);
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const std::vector<NamedArray> arrays = {{"blocks.0.z", Shape{2, 3}, std::span<const float>(values)}};
  for (const char* name : {"a.npy", "a.safetensors"}) {
    write_arrays(folder / name, arrays);
    const Tensor read = decode(Archive::open(folder / name)->tensors()[0].view);
    EXPECT_EQ(read.shape(), (Shape{2, 3}));
    EXPECT_TRUE(std::equal(values.begin(), values.end(), read.values().begin()));
  }
  EXPECT_THROW(write_arrays(folder / "a.mat", arrays), Error);
  EXPECT_THROW(write_file(folder / "missing" / "a", "x"), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2);  // no temporary file is left
  fs::remove_all(folder);
}

}  // namespace
}  // namespace embscope
