// Model files whose tensors are in order and whose claims about the model are not.
#include <chrono>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "embscope/base/error.h"
#include "embscope/model/model.h"
#include "files/makers.h"
#include "refusal.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;
using namespace files;

// A Llama of one block, width 4, 260 tokens: valid until a record is replaced.
struct Llama {
  std::map<std::string, std::string> records;
  Gguf file;

  Llama() {
    text("general.architecture", "llama");
    for (const auto& [name, value] : {std::pair{"embedding_length", 4u},
                                      {"block_count", 1u},
                                      {"attention.head_count", 2u},
                                      {"attention.head_count_kv", 1u},
                                      {"feed_forward_length", 4u},
                                      {"context_length", 8u}})
      number(std::string("llama.") + name, value);
    real("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    text("tokenizer.ggml.model", "gpt2");
    std::vector<std::string> tokens;
    int beyond = 256;
    for (int byte = 0; byte < 256; ++byte) {  // GPT-2's byte alphabet
      const bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      const int c = plain ? byte : beyond++;
      tokens.push_back(c < 128 ? std::string(1, static_cast<char>(c))
                               : std::string{static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 63))});
    }
    tokens.insert(tokens.end(), {"ab", "<s>", "</s>", "<p>"});
    texts("tokenizer.ggml.tokens", tokens);
    texts("tokenizer.ggml.merges", {"a b"});
    file.tensors.clear();
    std::uint64_t offset = 0;
    auto tensor = [&](const char* name, std::vector<std::uint64_t> sizes) {
      std::uint64_t bytes = 4;
      for (auto size : sizes) bytes *= size;
      file.tensors.push_back({name, std::move(sizes), 0, offset, -1});
      offset = (offset + bytes + 31) / 32 * 32;
    };
    tensor("token_embd.weight", {4, 260}), tensor("output_norm.weight", {4});
    for (const char* name : {"blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"}) tensor(name, {4});
    for (const char* name : {"blk.0.attn_q.weight", "blk.0.attn_output.weight", "blk.0.ffn_gate.weight",
                             "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"})
      tensor(name, {4, 4});
    for (const char* name : {"blk.0.attn_k.weight", "blk.0.attn_v.weight"}) tensor(name, {4, 2});
    file.data = offset;
  }

  void text(const std::string& name, std::string_view value) { records[name] = key(name, 8, Bytes().string(value)); }
  void number(const std::string& name, std::uint64_t value) { records[name] = key(name, 10, Bytes().u64(value)); }
  void real(const std::string& name, float value) { records[name] = key(name, 6, Bytes().put(value)); }
  void integers(const std::string& name, const std::vector<std::int64_t>& values) {
    Bytes bytes;
    for (std::int64_t value : values) bytes.put(value);
    records[name] = array(name, 11, values.size(), bytes.text);
  }
  void texts(const std::string& name, const std::vector<std::string>& values) {
    Bytes bytes;
    for (const auto& value : values) bytes.string(value);
    records[name] = array(name, 8, values.size(), bytes.text);
  }
  std::string bytes() {
    file.keys.clear();
    for (const auto& [name, record] : records) file.keys.push_back(record);
    return file.bytes();
  }
};

struct Claim {
  const char* name;
  std::function<void(Llama&)> change;
  const char* message;
};
void PrintTo(const Claim& claim, std::ostream* out) { *out << claim.name; }

const std::vector<Claim>& claims() {
  constexpr std::uint64_t huge = ~std::uint64_t{0}, half = std::uint64_t{1} << 63;
  static const std::vector<Claim> all = {
      {"no_architecture", [](Llama& m) { m.records.erase("general.architecture"); },
       "[gguf] f.gguf: key 'general.architecture' is missing"},
      {"architecture_number", [](Llama& m) { m.number("general.architecture", 7); },
       "[gguf] f.gguf: key 'general.architecture' is not text"},
      {"architecture_unknown", [](Llama& m) { m.text("general.architecture", "mamba"); },
       "[f.gguf] architecture 'mamba' is a recurrent model, which is not supported: see 'embscope families'"},
      {"architecture_unheard_of", [](Llama& m) { m.text("general.architecture", "perceptron"); },
       "[f.gguf] architecture 'perceptron' is not supported: 'embscope families' lists those that are"},
      {"blocks_0", [](Llama& m) { m.number("llama.block_count", 0); }, "[f.gguf] blocks of 0: expected 1 to 4096"},
      {"blocks_2_to_40", [](Llama& m) { m.number("llama.block_count", 1ull << 40); },
       "[f.gguf] blocks of 1099511627776: expected 1 to 4096"},
      {"blocks_2_to_63", [](Llama& m) { m.number("llama.block_count", half); },
       "[gguf] key 'llama.block_count': expected a whole number, found 9.223372036854776e+18"},
      {"blocks_negative",
       [](Llama& m) { m.records["llama.block_count"] = key("llama.block_count", 11, Bytes().u64(huge)); },
       "[f.gguf] blocks of -1: expected 1 to 4096"},
      {"blocks_half", [](Llama& m) { m.real("llama.block_count", 1.5f); },
       "[gguf] key 'llama.block_count': expected a whole number, found 1.5"},
      {"blocks_nan", [](Llama& m) { m.real("llama.block_count", std::numeric_limits<float>::quiet_NaN()); },
       "[gguf] key 'llama.block_count': expected a whole number, found nan"},
      {"blocks_text", [](Llama& m) { m.text("llama.block_count", "1"); },
       "[gguf] f.gguf: key 'llama.block_count' is not a number"},
      {"blocks_more_than_tensors", [](Llama& m) { m.number("llama.block_count", 2); },
       "[f.gguf] no tensor 'blk.1.attn_norm.weight'; did you mean 'blk.0.attn_norm.weight'"},
      {"heads_0", [](Llama& m) { m.number("llama.attention.head_count", 0); },
       "[f.gguf] heads of 0: expected 1 to 65536"},
      {"kv_heads_0", [](Llama& m) { m.number("llama.attention.head_count_kv", 0); },
       "[f.gguf] key-value heads of 0: expected 1 to 65536"},
      {"kv_heads_do_not_divide", [](Llama& m) { m.number("llama.attention.head_count_kv", 3); },
       "[f.gguf] 2 heads do not divide into 3 key-value heads"},
      {"width_0", [](Llama& m) { m.number("llama.embedding_length", 0); },
       "[f.gguf] width of 0: expected 1 to 1048576"},
      {"width_wrong", [](Llama& m) { m.number("llama.embedding_length", 8); }, "expected 260 x 8, found 260 x 4"},
      {"context_2_to_60", [](Llama& m) { m.number("llama.context_length", 1ull << 60); },
       "[gguf] key 'llama.context_length': expected a whole number, found 1.152921504606847e+18"},
      {"context_2_to_40", [](Llama& m) { m.number("llama.context_length", 1ull << 40); },
       "[f.gguf] context of 1099511627776: expected 1 to 268435456"},
      {"key_length_huge", [](Llama& m) { m.number("llama.attention.key_length", 1ull << 32); },
       "[f.gguf] a head width of 4294967296"},
      {"key_length_negative",
       [](Llama& m) {
         m.records["llama.attention.key_length"] = key("llama.attention.key_length", 5, Bytes().u32(0xfffffffe));
       },
       "[f.gguf] a head width of -2"},
      {"key_length_odd", [](Llama& m) { m.number("llama.attention.key_length", 3); },
       "[f.gguf] rotary positions need an even head width, found 3"},
      {"epsilon_nan",
       [](Llama& m) { m.real("llama.attention.layer_norm_rms_epsilon", std::numeric_limits<float>::quiet_NaN()); },
       "[f.gguf] the norm's epsilon is not a positive number"},
      {"epsilon_negative", [](Llama& m) { m.real("llama.attention.layer_norm_rms_epsilon", -1); },
       "[f.gguf] the norm's epsilon is not a positive number"},
      {"epsilon_infinite",
       [](Llama& m) { m.real("llama.attention.layer_norm_rms_epsilon", std::numeric_limits<float>::infinity()); },
       "[f.gguf] the norm's epsilon is not a positive number"},
      {"embedding_of_one_axis", [](Llama& m) { m.file.tensors[0].sizes = {1040}; },
       "[gguf] token_embd.weight: expected 2 axes, found 1040"},
      {"embedding_of_integers", [](Llama& m) { m.file.tensors[0].type = 26; }, "token_embd.weight"},
      {"tensor_missing", [](Llama& m) { m.file.tensors[1].name = "output_norm.weigh"; },
       "no tensor 'output_norm.weight'"},
      {"layer_number_beyond_all_integers",
       [](Llama& m) { m.file.tensors[4].name = "blk.99999999999999999999.attn_q.weight"; },
       "no tensor 'blk.0.attn_q.weight'"},
      {"layer_number_negative", [](Llama& m) { m.file.tensors[4].name = "blk.-1.attn_q.weight"; },
       "no tensor 'blk.0.attn_q.weight'"},
      {"rope_factors_of_another_size",
       [](Llama& m) {
         m.file.tensors.push_back({"rope_freqs.weight", {8}, 0, m.file.data, -1});
         m.file.data += 32;
       },
       "[gguf] rope_freqs.weight: expected 1, found 8"},
      {"rope_factor_of_0",
       [](Llama& m) {
         m.file.tensors.push_back({"rope_freqs.weight", {1}, 0, m.file.data, -1});
         m.file.data += 32;
       },
       "[f.gguf] a rotary frequency of inf: expected a positive number"},
      {"rope_base_of_0",
       [](Llama& m) {
         m.number("llama.attention.key_length", 4);
         m.real("llama.rope.freq_base", 0);
       },
       "[f.gguf] a rotary frequency of inf"},
      {"rope_base_nan",
       [](Llama& m) {
         m.number("llama.attention.key_length", 4);
         m.real("llama.rope.freq_base", std::numeric_limits<float>::quiet_NaN());
       },
       "[f.gguf] a rotary frequency of nan"},
      {"rope_scaling", [](Llama& m) { m.text("llama.rope.scaling.type", "spiral"); },
       "[f.gguf] llama.rope.scaling.type 'spiral': none, linear, yarn and longrope are known"},
  };
  return all;
}

const std::vector<Claim>& tokenizer_claims() {
  static const std::vector<Claim> all = {
      {"kind_unknown", [](Llama& m) { m.text("tokenizer.ggml.model", "rwkv"); },
       "[f.gguf] a tokenizer of type 'rwkv': gpt2, llama, t5 and gemma4 are supported"},
      {"scores_missing", [](Llama& m) { m.text("tokenizer.ggml.model", "llama"); },
       "[gguf] f.gguf: key 'tokenizer.ggml.scores' is missing"},
      {"scores_too_few",
       [](Llama& m) {
         m.text("tokenizer.ggml.model", "llama");
         m.integers("tokenizer.ggml.scores", {1, 2});
       },
       "[f.gguf] 2 scores for 260 tokens"},
      {"tokens_are_numbers",
       [](Llama& m) {
         m.integers("tokenizer.ggml.tokens", {1, 2});
       },
       "[gguf] f.gguf: key 'tokenizer.ggml.tokens' is of another type"},
      {"tokens_are_one_text", [](Llama& m) { m.text("tokenizer.ggml.tokens", "abc"); },
       "[gguf] f.gguf: key 'tokenizer.ggml.tokens' is of another type"},
      {"tokens_empty", [](Llama& m) { m.texts("tokenizer.ggml.tokens", {}); }, "[f.gguf] the vocabulary is empty"},
      {"merges_missing", [](Llama& m) { m.records.erase("tokenizer.ggml.merges"); },
       "[gguf] f.gguf: key 'tokenizer.ggml.merges' is missing"},
      {"merge_of_one_word", [](Llama& m) { m.texts("tokenizer.ggml.merges", {"ab"}); },
       "[f.gguf] merge 0: expected two tokens and a space, found 'ab'"},
      {"merge_of_three_words", [](Llama& m) { m.texts("tokenizer.ggml.merges", {"a b c"}); },
       "[f.gguf] merge 0: expected two tokens and a space, found 'a b c'"},
      {"merge_of_one_word_and_a_space", [](Llama& m) { m.texts("tokenizer.ggml.merges", {"ab "}); },
       "[f.gguf] merge 0: expected two tokens and a space, found 'ab '"},
      {"merge_of_nothing", [](Llama& m) { m.texts("tokenizer.ggml.merges", {" "}); },
       "[f.gguf] merge 0: expected two tokens and a space, found ' '"},
      {"merge_unknown", [](Llama& m) { m.texts("tokenizer.ggml.merges", {"q x"}); },
       "[f.gguf] merge 0 ('q' + 'x') refers to a token that is not in the vocabulary"},
      {"types_too_few",
       [](Llama& m) {
         m.integers("tokenizer.ggml.token_type", {1, 1});
       },
       "[f.gguf] 2 token types for 260 tokens"},
      {"types_are_texts", [](Llama& m) { m.texts("tokenizer.ggml.token_type", {"a"}); },
       "[gguf] f.gguf: key 'tokenizer.ggml.token_type' is of another type"},
      {"bos_beyond", [](Llama& m) { m.number("tokenizer.ggml.bos_token_id", 260); },
       "[f.gguf] the beginning-of-text id 260 is not in the vocabulary"},
      {"bos_2_to_32", [](Llama& m) { m.number("tokenizer.ggml.bos_token_id", 1ull << 32); },
       "[f.gguf] the beginning-of-text id 2147483647 is not in the vocabulary"},
      {"eos_minus_2_to_40",
       [](Llama& m) {
         m.records["tokenizer.ggml.eos_token_id"] =
             key("tokenizer.ggml.eos_token_id", 11, Bytes().put(-(std::int64_t{1} << 40)));
       },
       "[f.gguf] the end-of-text id -1 is not in the vocabulary"},
      {"pre_unknown", [](Llama& m) { m.text("tokenizer.ggml.pre", "nobody-knows"); },
       "[f.gguf] the pre-tokenizer 'nobody-knows' is not known (default llama3"},
      {"a_token_twice",
       [](Llama& m) {
         std::vector<std::string> tokens(300, "a");
         m.texts("tokenizer.ggml.tokens", tokens);
       },
       "[f.gguf] tokens 0 and 1 are the same: 'a'"},
  };
  return all;
}

class Place {
 public:
  Place() : folder_(fs::temp_directory_path() / fmt::format("embscope-claims-{}", getpid())) {
    fs::create_directories(folder_);
  }
  ~Place() { fs::remove_all(folder_); }
  fs::path path(const char* name) const { return folder_ / name; }

 private:
  fs::path folder_;
};

class ModelClaim : public ::testing::TestWithParam<Claim> {};

TEST_P(ModelClaim, is_refused_when_the_model_is_opened) {
  const Place place;
  Llama model;
  GetParam().change(model);
  write_file(place.path("f.gguf"), model.bytes());
  EXPECT_THAT(refusal([&] { Model::open(place.path("f.gguf").string()); }), ::testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(gguf, ModelClaim, ::testing::ValuesIn(claims()),
                         [](const auto& c) { return std::string(c.param.name); });

class TokenizerClaim : public ::testing::TestWithParam<Claim> {};

TEST_P(TokenizerClaim, is_refused_when_the_tokenizer_is_asked_for) {
  const Place place;
  Llama model;
  GetParam().change(model);
  write_file(place.path("f.gguf"), model.bytes());
  EXPECT_THAT(refusal([&] { Model::open(place.path("f.gguf").string())->tokenizer(); }),
              ::testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(gguf, TokenizerClaim, ::testing::ValuesIn(tokenizer_claims()),
                         [](const auto& c) { return std::string(c.param.name); });

TEST(ModelClaims, the_model_that_they_start_from_opens) {
  const Place place;
  write_file(place.path("f.gguf"), Llama().bytes());
  const auto model = Model::open(place.path("f.gguf").string());
  EXPECT_EQ(model->config().vocab, 260);
  EXPECT_EQ(model->tokenizer().encode("abc").size(), 2u);
}

// Common in files to which a padding token was added: it harms nobody who does not use it.
TEST(ModelClaims, of_fewer_rows_than_tokens_open) {
  const Place place;
  Llama model;
  model.file.tensors[0].sizes = {4, 259};
  write_file(place.path("f.gguf"), model.bytes());
  const auto opened = Model::open(place.path("f.gguf").string());
  EXPECT_EQ(opened->tokenizer().size(), 260);
  EXPECT_EQ(opened->embedding(258).size(), 4);
  EXPECT_THAT(refusal([&] { opened->embedding(259); }),
              ::testing::HasSubstr("token id 259: the vocabulary has ids 0..258"));
}

TEST(ModelClaims, of_a_tokenizer_are_what_it_does) {
  const Place place;
  Llama model;
  model.text("tokenizer.ggml.pre", "llama-bpe");
  std::vector<std::int64_t> kinds(260, 1);
  kinds[257] = kinds[258] = 3, kinds[259] = 4;  // llama.cpp's control and user-defined tokens
  model.integers("tokenizer.ggml.token_type", kinds);
  model.number("tokenizer.ggml.bos_token_id", 257), model.number("tokenizer.ggml.eos_token_id", 258);
  model.records["tokenizer.ggml.add_bos_token"] = key("tokenizer.ggml.add_bos_token", 7, Bytes().raw("\x01"));
  write_file(place.path("f.gguf"), model.bytes());
  const auto tokenizer = open_tokenizer(place.path("f.gguf").string());
  EXPECT_EQ(tokenizer->pre_tokenizer(), PreTokenizer::llama3);
  EXPECT_EQ(tokenizer->bos(), 257);
  EXPECT_EQ(tokenizer->eos(), 258);
  EXPECT_TRUE(tokenizer->is_special(257));
  EXPECT_FALSE(tokenizer->is_special(259));
  EXPECT_THAT(tokenizer->encode("ab<p>", true).ids, ::testing::ElementsAre(256, 259));
  EXPECT_THAT(tokenizer->with_bos("ab").ids, ::testing::ElementsAre(257, 256));
}

TEST(TokenizerFile, an_id_far_beyond_the_number_of_tokens_is_refused_before_it_takes_memory) {
  const Place place;
  fs::create_directories(place.path("folder"));
  const auto refused = [&](const char* json, const char* message) {
    write_file(place.path("folder") / "tokenizer.json", json);
    EXPECT_THAT(refusal([&] { open_tokenizer(place.path("folder").string()); }), ::testing::HasSubstr(message));
  };
  refused(R"({"model":{"type":"BPE","vocab":{"a":0,"b":16777215},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}})",
          "token 'b': expected an id below 1028, found 16777215");
  refused(R"({"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"added_tokens":[{"id":16777215,"content":"<s>"}]})",
          "expected an id below 1028, found 16777215");
}

}  // namespace
}  // namespace embscope
