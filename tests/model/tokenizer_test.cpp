// The tokenizers of GPT-2 and SmolLM2, held to Hugging Face's (tests/reference/make_tokens.py).
#include <chrono>
#include <cmath>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "embscope/base/error.h"
#include "embscope/model/model.h"
#include "forward/tiny.h"
#include "refusal.h"

namespace embscope {
namespace {

const Tokenizer& gpt2() {
  static const auto tokenizer = open_tokenizer("gpt2");
  return *tokenizer;
}

const Tokenizer& smollm2() {
  static const auto tokenizer = open_tokenizer("smollm2");
  return *tokenizer;
}

TEST(Tokenizer, equals_hugging_face) {
  std::ifstream file(EMBSCOPE_TEST_DATA "/reference/tokens.json");
  const auto cases = boost::json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  ASSERT_GT(cases.as_array().size(), 200u);
  for (const auto& one : cases.as_array()) {
    const std::string text(one.at("text").as_string());
    for (const auto& [name, tokenizer] : {std::pair{"gpt2", &gpt2()}, std::pair{"smollm2", &smollm2()}}) {
      if (!one.as_object().contains(name)) continue;
      const auto expected = boost::json::value_to<std::vector<TokenId>>(one.at(name));
      EXPECT_EQ(tokenizer->encode(text).ids, expected) << name << ": " << visible(text);
    }
  }
}

TEST(Tokenizer, knows_the_words_of_the_article) {
  EXPECT_EQ(gpt2().encode(" apple").ids, (std::vector<TokenId>{17180}));
  EXPECT_EQ(gpt2().encode(" pear").ids, (std::vector<TokenId>{25286}));
  EXPECT_EQ(smollm2().encode("The capital of Germany is").ids, (std::vector<TokenId>{504, 3575, 282, 4521, 314}));
}

TEST(Tokenizer, gives_any_bytes_back_and_ranges_without_gaps) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::string text(random() % 60, '\0');
    for (char& c : text) c = static_cast<char>(random() % (round % 2 == 0 ? 256 : 128));
    const Tokens tokens = gpt2().encode(text);
    ASSERT_EQ(gpt2().decode(tokens.ids), text);
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      ASSERT_EQ(tokens.ranges[i].begin, at);
      ASSERT_EQ(text.substr(at, tokens.ranges[i].end - at), gpt2().bytes(tokens.ids[i]));
      at = tokens.ranges[i].end;
    }
    ASSERT_EQ(at, text.size());
  }
}

TEST(Tokenizer, a_word_of_a_million_letters_is_not_quadratic) {
  const std::string word(1'000'000, 'a');
  const auto start = std::chrono::steady_clock::now();
  const Tokens tokens = gpt2().encode(word);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_EQ(gpt2().decode(tokens.ids), word);
  EXPECT_LT(seconds, 5);  // a quadratic merge would take hours
  RecordProperty("milliseconds", static_cast<int>(seconds * 1000));
}

TEST(Tokenizer, special_tokens_only_when_asked_for) {
  EXPECT_EQ(gpt2().encode("a<|endoftext|>b", true).ids, (std::vector<TokenId>{64, 50256, 65}));
  EXPECT_GT(gpt2().encode("a<|endoftext|>b").size(), 3u);
  EXPECT_TRUE(gpt2().is_special(50256));
}

TEST(Tokenizer, shows_what_is_no_text) {
  EXPECT_EQ(visible(" a\tb\n"), "␣a⇥b⏎");
  EXPECT_EQ(visible("\xff\xc3\xa9"), "<0xFF>é");
  EXPECT_EQ(visible(std::string_view("\0", 1)), "<0x00>");
  EXPECT_EQ(visible("\u200b"), "<0xE2><0x80><0x8B>");
}

TEST(Word, within_a_text_is_one_token_or_several) {
  EXPECT_EQ(gpt2().encode_within(" apple").size(), 1u);
  EXPECT_GT(gpt2().encode_within(" unfathomableness").size(), 1u);
}

TEST(Spec, that_contradicts_itself_is_refused) {
  const auto refuses = [](TokenizerSpec spec) { EXPECT_THROW(Tokenizer{std::move(spec)}, Error); };
  refuses({});
  refuses({.tokens = {"a", "a"}});
  refuses({.tokens = {"a", "b"}, .merges = {{"a", "b"}}});
  refuses({.tokens = {"a", "b", "ab"}, .merges = {{"a", "c"}}});
  refuses({.tokens = {"a"}, .added = {{5, true}}});
  refuses({.tokens = {"a"}, .added = {{-1, true}}});
  refuses({.tokens = {"a"}, .bos = 3});
  EXPECT_NO_THROW(Tokenizer(TokenizerSpec{.tokens = {"a", "b", "ab"}, .merges = {{"a", "b"}}}));
}

// vocab.json is read in one pass where it is written as usual, and by the JSON parser where it is not.
class VocabularyFile : public ::testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> open(const std::string& vocabulary) {
    tiny::write(folder_.path() / "vocab.json", vocabulary);
    tiny::write(folder_.path() / "merges.txt", "#version: 0.2\n\xc4\xa0 a\n");
    return open_tokenizer(folder_.path().string());
  }
  tiny::Folder folder_;
};

TEST_F(VocabularyFile, says_the_same_however_it_is_written) {
  for (const char* written :
       {"{\"a\":0,\"\xc4\xa0\":1,\"\xc4\xa0"
        "a\":2,\"\\\"\":3,\"\\\\\":4,\"\xc3\xa9\":5}",
        "{ \"a\" : 0 ,\r\n\t\"\\u0120\": 1, \"\\u0120a\": 2, \"\\u0022\": 3, \"\\u005c\": 4, \"\\u00e9\": 5 }\n",
        "{\"a\":0,\"\\u0120\":1,\"\\u0120a\":2,\"\\\"\":3,\"\\\\\":4,\"\xc3\xa9\":5,\"\\/\":6,\"\\t\":7}",
        "{\"\\u0061\":0,\"\xc4\xa0\":1,\"\xc4\xa0"
        "a\":2,\"\\\"\":3,\"\\\\\":4,\"\\u00E9\":5,\"\\ud83d\\ude00\":6}"}) {
    const auto tokenizer = open(written);
    EXPECT_EQ(tokenizer->encode("a a\"\\\xe9").ids, (std::vector<TokenId>{0, 2, 3, 4, 5})) << written;
  }
}

TEST_F(VocabularyFile, that_is_damaged_is_refused_with_its_place) {
  for (const char* written : {"{\"a\":0",
                              "{\"a\":0,}",
                              "{\"a\":01}",
                              "{\"a\":0 \"b\":1}",
                              "{\"a\":-1}",
                              "{\"a\":\"0\"}",
                              "[0]",
                              "{\"\xff\":0}",
                              "{\"a\":0} x",
                              "{\"a\":0,\"b\":0}",
                              "{\"a\":0,\"a\":1}",
                              "{\"a\n\":0}",
                              "{\"\\u12\":0}",
                              "{\"\\u00zz\":0}",
                              "{\"a",
                              "{\"a\\",
                              "{\"a\":1500}",
                              "{\"a\" 0}",
                              "{1:0}",
                              "{\"a\":99999999999}",
                              ""}) {
    try {
      open(written);
      ADD_FAILURE() << written << ": accepted";
    } catch (const Error& e) { EXPECT_NE(std::string(e.what()).find("vocab.json"), std::string::npos) << e.what(); }
  }
}

TEST_F(VocabularyFile, goes_with_merges_of_any_line_end_and_without_a_header) {
  tiny::write(folder_.path() / "vocab.json", R"({"a":0,"b":1,"c":2,"ab":3,"abc":4})");
  for (const char* merges : {"a b\nab c\n", "a b\r\n\r\nab c", "#version: 0.2\na b\n\nab c"}) {
    tiny::write(folder_.path() / "merges.txt", merges);
    EXPECT_EQ(open_tokenizer(folder_.path().string())->encode("abc").ids, (std::vector<TokenId>{4})) << merges;
  }
}

TEST_F(VocabularyFile, has_its_pattern_from_the_class_of_the_tokenizer) {
  const auto refused = [&](const char* config) {
    tiny::write(folder_.path() / "tokenizer_config.json", config);
    return refusal([&] { open(R"({"a":0,"\u0120":1,"\u0120a":2})"); });
  };
  EXPECT_THAT(refused(R"({"tokenizer_class":"MyTokenizer"})"),
              ::testing::HasSubstr("the tokenizer's class 'MyTokenizer' is not known to cut text"));
  tiny::write(folder_.path() / "tokenizer_config.json", R"({"tokenizer_class":"Qwen2TokenizerFast"})");
  EXPECT_EQ(open(R"({"a":0,"\u0120":1,"\u0120a":2})")->pre_tokenizer(), PreTokenizer::qwen2);
  tiny::write(folder_.path() / "tokenizer_config.json",
              R"({"tokenizer_class":"GPT2Tokenizer","add_prefix_space":true})");
  EXPECT_EQ(open(R"({"a":0,"\u0120":1,"\u0120a":2})")->encode("a").ids, (std::vector<TokenId>{2}));
}

TEST_F(VocabularyFile, goes_with_added_tokens) {
  tiny::write(folder_.path() / "added_tokens.json", R"({"<pad>":3,"<x>":4})");
  tiny::write(folder_.path() / "tokenizer_config.json", R"({"pad_token":"<pad>"})");
  const auto tokenizer = open(R"({"a":0,"\u0120":1,"\u0120a":2})");
  EXPECT_EQ(tokenizer->encode("a<x>a").ids, (std::vector<TokenId>{0, 4, 0}));
  EXPECT_EQ(tokenizer->encode("a<pad>a", true).ids, (std::vector<TokenId>{0, 3, 0}));
  EXPECT_TRUE(tokenizer->is_special(3));
  tiny::write(folder_.path() / "added_tokens.json", R"({"<pad>":0})");
  EXPECT_THAT(refusal([&] { open(R"({"a":0,"\u0120":1,"\u0120a":2})"); }),
              ::testing::HasSubstr("'a' and '<pad>' have the same id 0"));
}

// A model's matrix may have fewer rows than its tokenizer has tokens.
TEST(Rows, that_are_not_there_are_refused_by_the_name_of_their_token) {
  TokenizerSpec spec{.tokens = {"a", "b", "<pad>"}, .added = {{2, false}}, .rows = 2};
  const Tokenizer tokenizer(spec);
  EXPECT_EQ(tokenizer.encode("ab").ids, (std::vector<TokenId>{0, 1}));
  EXPECT_THAT(refusal([&] { tokenizer.encode("a<pad>"); }),
              ::testing::HasSubstr("[token '<pad>'] has the id 2, but the model's matrix has 2 rows"));
  spec.rows = 3;
  EXPECT_EQ(Tokenizer(spec).encode("a<pad>").ids, (std::vector<TokenId>{0, 2}));
}

TEST(Scores, that_are_no_numbers_are_refused) {
  TokenizerSpec spec{.tokens = {"a", "b", "ab"},
                     .algorithm = TokenizerSpec::Algorithm::scores,
                     .scores = {-1, -2, std::nan("")},
                     .byte_level = false};
  EXPECT_THAT(refusal([&] { Tokenizer{spec}; }), ::testing::HasSubstr("token 2 ('ab') has the score nan"));
  spec.scores = {-1, -2};
  EXPECT_THAT(refusal([&] { Tokenizer{spec}; }), ::testing::HasSubstr("2 scores for 3 tokens"));
  spec.scores = {-1, -2, -3};
  EXPECT_EQ(Tokenizer(spec).encode("abba").ids, (std::vector<TokenId>{2, 1, 0}));
}

}  // namespace
}  // namespace embscope
