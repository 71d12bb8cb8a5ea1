// Files that lie: each is refused with one line that says what was wrong, before anything is allocated for it.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <new>

#include <gmock/gmock.h>
#include <unistd.h>

#include "embscope/archive.h"
#include "embscope/error.h"
#include "files/makers.h"

namespace {
std::atomic<std::size_t> allocated = 0;
}

// Every allocation of this program is counted: a file must not cost more than its own size makes plausible.
void* operator new(std::size_t bytes) {
  allocated += bytes;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

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
      {"empty", "", "empty"},
      {"one_byte", "G", "neither GGUF"},
      {"text", "hello, I am a model", "neither GGUF"},
      {"html", "<!doctype html><html>", "web page"},
      {"zip", "PK\x03\x04xxxx", "zip"},
      {"pickle", "\x80\x02}q", "pickle"},
      {"lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS"},
      {"ggml", "lmggxxxxxxxx", "older than GGUF"},
      {"big_endian", "FUGGxxxxxxxx", "big-endian"},
      {"gguf_magic_only", "GGUF", "in the middle of the version"},
      {"gguf_no_counts", Bytes().raw("GGUF").u32(3).text, "the tensor count"},
      {"gguf_version_1", gguf([](Gguf& g) { g.version = 1; }), "version 1"},
      {"gguf_version_4", gguf([](Gguf& g) { g.version = 4; }), "version 4"},
      {"gguf_version_swapped", gguf([](Gguf& g) { g.version = 0x03000000; }), "version 50331648"},
      {"gguf_key_count_huge", gguf([](Gguf& g) { g.key_count = INT64_MAX; }), "metadata keys"},
      {"gguf_tensor_count_huge", gguf([](Gguf& g) { g.tensor_count = INT64_MAX; }), "tensors: the file has only"},
      {"gguf_tensor_count_too_large", gguf([](Gguf& g) { g.tensor_count = 2; }), "0 axes"},
      {"gguf_key_count_too_large", gguf([](Gguf& g) {
         g.key_count = 1;
         g.data = 0;
         g.tensors = {};
       }),
       "metadata keys"},
      {"gguf_key_length_huge", gguf([&](Gguf& g) { g.keys = {Bytes().u64(huge).raw("kkkkkkkkk").text}; }),
       "a string of 18446744073709551615 bytes"},
      {"gguf_key_length_half", gguf([&](Gguf& g) { g.keys = {Bytes().u64(half).raw("kkkkkkkkk").text}; }),
       "a string of"},
      {"gguf_key_empty", gguf([](Gguf& g) { g.keys = {key("", 4, Bytes().u32(1))}; }), "key is empty"},
      {"gguf_key_twice", gguf([](Gguf& g) {
         g.keys = {key("a", 4, Bytes().u32(1)), key("a", 4, Bytes().u32(2))};
       }),
       "'a' occurs twice"},
      {"gguf_value_type_unknown", gguf([](Gguf& g) { g.keys = {key("a", 13, Bytes().u64(1))}; }),
       "unknown value type 13"},
      {"gguf_value_type_huge", gguf([](Gguf& g) { g.keys = {key("a", 0xffffffff, Bytes().u64(1))}; }),
       "unknown value type"},
      {"gguf_string_value_huge", gguf([&](Gguf& g) { g.keys = {key("a", 8, Bytes().u64(huge - 7))}; }), "a string of"},
      {"gguf_bool_of_2", gguf([](Gguf& g) { g.keys = {key("a", 7, Bytes().raw("\x02"))}; }), "a truth value of 2"},
      {"gguf_array_count_huge", gguf([&](Gguf& g) { g.keys = {array("a", 4, huge)}; }), "elements: the file has only"},
      {"gguf_array_of_strings_huge", gguf([&](Gguf& g) { g.keys = {array("a", 8, huge / 8)}; }),
       "elements: the file has only"},
      {"gguf_array_bytes_huge", gguf([&](Gguf& g) { g.keys = {array("a", 0, half)}; }), "elements: the file has only"},
      {"gguf_array_of_arrays", gguf([](Gguf& g) { g.keys = {array("a", 9, 1, std::string(64, '\0'))}; }),
       "arrays of arrays"},
      {"gguf_array_type_unknown", gguf([](Gguf& g) { g.keys = {array("a", 77, 1)}; }), "unknown value type 77"},
      {"gguf_array_u64_not_63_bits", gguf([&](Gguf& g) { g.keys = {array("a", 10, 1, Bytes().u64(huge).text)}; }),
       "does not fit 63 bits"},
      {"gguf_alignment_0", gguf([](Gguf& g) { g.keys = {key("general.alignment", 4, Bytes().u32(0))}; }),
       "power of two"},
      {"gguf_alignment_3", gguf([](Gguf& g) { g.keys = {key("general.alignment", 4, Bytes().u32(3))}; }),
       "power of two"},
      {"gguf_alignment_huge", gguf([](Gguf& g) { g.keys = {key("general.alignment", 4, Bytes().u32(1u << 31))}; }),
       "power of two"},
      {"gguf_alignment_text", gguf([](Gguf& g) { g.keys = {key("general.alignment", 8, Bytes().string("32"))}; }),
       "power of two"},
      {"gguf_alignment_negative",
       gguf([](Gguf& g) { g.keys = {key("general.alignment", 5, Bytes().u32(0xffffffe0))}; }), "power of two"},
      {"gguf_rank_0", gguf([](Gguf& g) {
         g.tensors[0].rank = 0;
         g.tensors[0].sizes = {};
       }),
       "0 axes"},
      {"gguf_rank_5", gguf([](Gguf& g) {
         g.tensors[0].sizes = {1, 1, 1, 1, 1};
       }),
       "5 axes"},
      {"gguf_rank_huge", gguf([](Gguf& g) { g.tensors[0].rank = 0xffffffff; }), "axes"},
      {"gguf_size_0", gguf([](Gguf& g) {
         g.tensors[0].sizes = {4, 0};
       }),
       "a size of 0"},
      {"gguf_size_negative", gguf([&](Gguf& g) {
         g.tensors[0].sizes = {4, huge};
       }),
       "a size of 18446744073709551615"},
      {"gguf_product_wraps_to_zero", gguf([](Gguf& g) {
         g.tensors[0].sizes = {std::uint64_t{1} << 32, std::uint64_t{1} << 32};
       }),
       "overflow 64 bits"},
      {"gguf_product_wraps_to_small", gguf([](Gguf& g) {
         g.tensors[0].sizes = {(std::uint64_t{1} << 62) + 1, 4};
       }),
       "overflow 64 bits"},
      {"gguf_bytes_wrap", gguf([](Gguf& g) { g.tensors[0].sizes = {std::uint64_t{1} << 62}; }), "overflow 63 bits"},
      {"gguf_product_of_four_wraps", gguf([](Gguf& g) {
         g.tensors[0].sizes = {1u << 20, 1u << 20, 1u << 20, 1u << 20};
       }),
       "overflow 64 bits"},
      {"gguf_type_unknown", gguf([](Gguf& g) { g.tensors[0].type = 99; }), "element type 99"},
      {"gguf_type_removed", gguf([](Gguf& g) { g.tensors[0].type = 4; }), "element type 4"},
      {"gguf_partial_block", gguf([](Gguf& g) {
         g.tensors[0].type = 8;
         g.tensors[0].sizes = {33, 1};
       }),
       "whole blocks of 32"},
      {"gguf_partial_k_block", gguf([](Gguf& g) {
         g.tensors[0].type = 12;
         g.tensors[0].sizes = {32, 8};
       }),
       "whole blocks of 256"},
      {"gguf_offset_unaligned", gguf([](Gguf& g) { g.tensors[0].offset = 4; }), "not a multiple of the alignment"},
      {"gguf_offset_past_the_end", gguf([](Gguf& g) { g.tensors[0].offset = 64; }), "needs bytes"},
      {"gguf_offset_wraps", gguf([&](Gguf& g) { g.tensors[0].offset = huge - 31; }), "overflows"},
      {"gguf_offset_plus_size_wraps", gguf([&](Gguf& g) { g.tensors[0].offset = (huge - 31) - 96; }), "needs bytes"},
      {"gguf_data_truncated", gguf([](Gguf& g) { g.data = 31; }), "needs bytes"},
      {"gguf_no_data", gguf([](Gguf& g) { g.data = 0; }), "needs bytes"},
      {"gguf_tensor_twice", gguf([](Gguf& g) {
         g.tensors = {{}, {}};
       }),
       "'t' occurs twice"},
      {"gguf_tensors_overlap", gguf([](Gguf& g) {
         g.tensors = {{}, {}};
         g.tensors[1].name = "u";
       }),
       "overlaps"},
      {"gguf_tensor_name_huge", gguf([&](Gguf& g) {
         g.tensors = {};
         g.tensor_count = 1;
         g.data = 64;
         g.keys = {key("a", 4, Bytes().u32(1))};
       }),
       "axes"},
      {"gguf_array_elements_are_of_another_type",
       gguf([](Gguf& g) { g.keys = {array("a", 8, 2, Bytes().u64(1).raw("x").u64(1u << 30).text)}; }), "a string of 1073741824 bytes"},
      {"gguf_array_of_bools_of_2", gguf([](Gguf& g) { g.keys = {array("a", 7, 2, std::string("\1\2"))}; }), "a truth value of 2"},
      {"gguf_key_with_control_characters", gguf([](Gguf& g) { g.keys = {key("a\n\x1b[2J", 13, Bytes().u64(1))}; }),
       "key 'a\\x0a\\x1b[2J': unknown value type 13"},
      {"gguf_sizes_sum_beyond_2_to_64", gguf([](Gguf& g) {
         g.tensors = {{"a", {1ull << 61}, 24, 0, -1}, {"b", {1ull << 61}, 24, 1ull << 61, -1}, {"c", {1ull << 62}, 24, 1ull << 62, -1}};
       }),
       "needs bytes"},
      {"gguf_data_begins_beyond_2_to_64", gguf([&](Gguf& g) { g.tensors[0].offset = huge / 32 * 32; }), "overflows"},
      {"gguf_tensor_of_2_to_62_bytes", gguf([](Gguf& g) {
         g.tensors[0].type = 24;
         g.tensors[0].sizes = {1ull << 62};
       }),
       "needs bytes"},
      {"gguf_name_length_past_the_end", Bytes().raw("GGUF").u32(3).u64(1).u64(0).u64(1000).raw(std::string(24, 't')).text,
       "a string of 1000 bytes"},
      {"gguf_truncated_in_a_value", Bytes().raw("GGUF").u32(3).u64(0).u64(1).string("key").u32(10).raw("xxxx").text, "in the middle of"},
      {"gguf_truncated_in_a_tensor", gguf([](Gguf& g) { g.data = 0; }).substr(0, 50), "in the middle of"},
      {"safetensors_zero_size_wraps", safetensors(tensor(R"("dtype":"F32","shape":[4611686018427387904,8,0],"data_offsets":[0,0])")),
       "overflow 64 bits"},
      {"safetensors_rows_without_values", safetensors(tensor(R"("dtype":"F32","shape":[2,0],"data_offsets":[0,0])")), "rows without values"},
      {"safetensors_header_is_a_list", Bytes().u64(10).raw("{}[1,2,3] ").text, "not valid JSON"},
      {"safetensors_name_with_control_characters", safetensors("{\"\\u001b[2J\\n\":7}"), "expected an object"},
      {"npy_shape_of_nine", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4), "more than 8"},
      {"npy_shape_not_closed", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,", 4), "no tuple"},
      {"npy_descr_not_closed", npy("{'fortran_order': False, 'shape': (1,), 'descr': '<f4", 4), "no plain dtype"},
      {"npy_big_endian", npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4), "dtype '>f4'"},
      {"safetensors_short", std::string("\x05\0\0\0\0\0\0\0{", 9), "a header of 5 bytes"},
      {"safetensors_header_huge", safetensors("{}", 0, INT64_MAX), "a header of 9223372036854775807 bytes"},
      {"safetensors_header_101_MB", safetensors("{}", 0, 101'000'000), "at most 100000000"},
      {"safetensors_header_past_the_end", safetensors("{}", 0, 3), "a header of 3 bytes"},
      {"safetensors_no_json", safetensors("{nonsense"), "not valid JSON"},
      {"safetensors_truncated_json", safetensors(R"({"t":{"dtype":"F32")"), "not valid JSON"},
      {"safetensors_deep_json", safetensors("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"),
       "not valid JSON"},
      {"safetensors_entry_no_object", safetensors(R"({"t":7})"), "expected an object"},
      {"safetensors_no_dtype", safetensors(tensor(R"("shape":[1],"data_offsets":[0,4])"), 4), "'dtype' is missing"},
      {"safetensors_dtype_number", safetensors(tensor(R"("dtype":32,"shape":[1],"data_offsets":[0,4])"), 4),
       "expected a string"},
      {"safetensors_dtype_unknown", safetensors(tensor(R"("dtype":"F31","shape":[1],"data_offsets":[0,4])"), 4),
       "dtype 'F31'"},
      {"safetensors_shape_text", safetensors(tensor(R"("dtype":"F32","shape":"1","data_offsets":[0,4])"), 4),
       "expected a list"},
      {"safetensors_shape_negative", safetensors(tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), 4),
       "found -1"},
      {"safetensors_shape_fraction", safetensors(tensor(R"("dtype":"F32","shape":[1.5],"data_offsets":[0,4])"), 4),
       "expected a size"},
      {"safetensors_shape_wraps",
       safetensors(tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])")),
       "overflow 64 bits"},
      {"safetensors_shape_of_2_to_63",
       safetensors(tensor(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4])"), 4),
       "expected a size"},
      {"safetensors_bytes_wrap",
       safetensors(tensor(R"("dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0])")), "overflow 63 bits"},
      {"safetensors_one_offset", safetensors(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), 4),
       "1 numbers, not 2"},
      {"safetensors_offsets_reversed", safetensors(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), 4),
       "data_offsets say 4..0"},
      {"safetensors_size_differs", safetensors(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), 4),
       "take 8 bytes"},
      {"safetensors_past_the_end", safetensors(tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])"), 4),
       "needs bytes"},
      {"safetensors_offset_wraps",
       safetensors(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[9223372036854775800,9223372036854775804])"), 4),
       "needs bytes"},
      {"safetensors_key_twice",
       safetensors(
           R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
           4),
       "'t' occurs twice"},
      {"safetensors_overlap",
       safetensors(
           R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"u":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           8),
       "overlaps"},
      {"safetensors_hole", safetensors(R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
       "belong to no tensor"},
      {"safetensors_bytes_left", safetensors(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 8),
       "belong to no tensor"},
      {"safetensors_metadata_number", safetensors(R"({"__metadata__":{"a":1}})"), "expected a string"},
      {"npy_magic_only", std::string("\x93NUMPY", 6), "within its header"},
      {"npy_header_past_the_end", std::string("\x93NUMPY\x01\x00\xff\xff{}", 12), "a header of 65535 bytes"},
      {"npy_no_shape", npy("{'descr': '<f4', 'fortran_order': False, }", 4), "no 'shape'"},
      {"npy_fortran", npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", 4), "Fortran"},
      {"npy_object", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8), "dtype '|O'"},
      {"npy_structured", npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4), "not read"},
      {"npy_shape_wraps", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 0),
       "overflow"},
      {"npy_shape_negative", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4), "a size of -1"},
      {"npy_shape_nonsense", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (x,), }", 4), "no size"},
      {"npy_too_little_data", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8), "take 12 bytes"},
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
  if (const std::size_t at = message.find(folder.string()); at != std::string::npos) message.erase(at, folder.string().size() + 1);
  return message;
}

TEST_P(HostileFile, is_refused_with_a_clear_line_in_bounded_time_and_memory) {
  const Hostile& file = GetParam();
  const std::string message = refusal(file.name, file.bytes, 0.2, 100'000 + 20 * file.bytes.size());
  RecordProperty("message", message);
  EXPECT_EQ(message, file.message);
}

INSTANTIATE_TEST_SUITE_P(files, HostileFile, ::testing::ValuesIn(hostile()),
                         [](const auto& f) { return std::string(f.param.name); });

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
    header += (i == 0 ? "" : ",") + std::string("\"t") + std::to_string(i % 20'000) + R"(":{"dtype":"F32","shape":[0,1],"data_offsets":[0,0]})";
  ASSERT_GT(header.size(), 1u << 20);
  EXPECT_THAT(refusal("f", safetensors(header + "}"), 3, 100 << 20), ::testing::HasSubstr("the key 't0' occurs twice"));
}

TEST(LargeHostileFile, bytes_that_claim_to_be_100000_overlapping_tensors_are_refused_in_bounded_time) {
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i)
    header += (i == 0 ? "" : ",") + std::string("\"t") + std::to_string(i) + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_THAT(refusal("f", safetensors(header + "}", 1), 5, 400 << 20), ::testing::HasSubstr("overlaps the one before it"));
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
    g.keys = {key("n", 4, Bytes().u32(7)), array("list", 8, 2, Bytes().string("x").string("y").text)};
  }));
  EXPECT_EQ(a->at("t").shape, (Shape{2, 4}));
  EXPECT_EQ(std::get<std::uint64_t>(*a->meta("n")), 7u);
  EXPECT_EQ(std::get<std::vector<std::string_view>>(*a->meta("list")), (std::vector<std::string_view>{"x", "y"}));
  const auto s = open_bytes(safetensors(tensor(R"("dtype":"BF16","shape":[1,2],"data_offsets":[0,4])"), 4));
  EXPECT_EQ(s->at("t").dtype, DType::bf16);
  EXPECT_EQ(open_bytes(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", 8))->at("array").shape,
            (Shape{2, 1}));
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
