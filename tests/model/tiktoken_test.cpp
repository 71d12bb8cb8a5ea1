// tiktoken's files and tekken.json, held to tiktoken and mistral-common (tests/reference/make_tiktoken.py).
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "embscope/base/error.h"
#include "embscope/model/model.h"
#include "forward/tiny.h"
#include "refusal.h"

namespace embscope {
namespace {

namespace bj = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<TokenId>;

const bj::object& reference() {
  static const bj::value value = [] {
    std::ifstream file(EMBSCOPE_TEST_DATA "/reference/tiktoken.json");
    return bj::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return value.as_object();
}

std::string ranks() {
  std::string lines;
  int rank = 0;
  for (const bj::value& token : reference().at("ranks").as_array())
    lines += fmt::format("{} {}\n", std::string(token.as_string()), rank++);
  return lines;
}

class Tiktoken : public ::testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> open(const std::string& name, const std::string& text,
                                        const std::string& config = "{}") const {
    for (const auto& old : std::filesystem::directory_iterator(folder_.path())) std::filesystem::remove(old.path());
    tiny::write(folder_.path() / name, text);
    tiny::write(folder_.path() / "tokenizer_config.json", config);
    return open_tokenizer(folder_.path().string());
  }
  std::string refused(const std::string& name, const std::string& text, const std::string& config = "{}") const {
    return refusal([&] { open(name, text, config); });
  }
  static bj::object tekken() {
    bj::array vocab;
    for (const bj::value& token : reference().at("ranks").as_array())
      vocab.push_back(bj::object{{"rank", vocab.size()}, {"token_bytes", token}, {"token_str", nullptr}});
    return {{"config", reference().at("tekken").at("config")}, {"vocab", vocab}};
  }
  tiny::Folder folder_;
};

TEST_F(Tiktoken, gives_the_ids_of_tiktoken) {
  const bj::array& texts = reference().at("texts").as_array();
  for (const bj::value& one : reference().at("encodings").as_array()) {
    const std::string file(one.at("file").as_string());
    const auto* config = one.as_object().if_contains("config");
    const auto tokenizer = open(file, ranks(), config == nullptr ? "{}" : bj::serialize(*config));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string text(texts[i].as_string());
      EXPECT_EQ(tokenizer->encode(text).ids, bj::value_to<Ids>(one.at("ids").at(i))) << file << ": " << visible(text);
      if (file != "qwen.tiktoken") { EXPECT_EQ(tokenizer->decode(tokenizer->encode(text).ids), text); }
    }
  }
}

TEST_F(Tiktoken, keeps_any_bytes) {
  std::string bytes;
  for (int i = 0; i < 512; ++i) bytes += static_cast<char>(i * 7);
  const auto tokenizer = open("cl100k_base.tiktoken", ranks());
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(bytes).ids), bytes);
}

TEST_F(Tiktoken, has_the_special_tokens_of_its_encoding_or_of_the_configuration) {
  const auto llama3 = open("llama3.tiktoken", ranks());
  EXPECT_THAT(llama3->with_bos("a<|eot_id|>", true).ids, ElementsAre(128000, 'a', 128009));
  EXPECT_EQ(llama3->bytes(128255), "<|reserved_special_token_250|>");
  EXPECT_EQ(llama3->size(), 128256);
  EXPECT_EQ(open("qwen.tiktoken", ranks())->find("<|extra_204|>"), 151850);
  EXPECT_EQ(open("o200k_harmony.tiktoken", ranks())->find("<|reserved_201087|>"), 201087);
  const auto glm = open(
      "tokenizer.model", ranks(),
      R"({"tokenizer_class":"ChatGLM4Tokenizer","added_tokens_decoder":{"600":{"content":"[gMASK]","special":true},"601":{"content":"<sop>","special":true}}})");
  EXPECT_THAT(glm->with_bos("a").ids, ElementsAre(600, 601, 'a'));
}

TEST_F(Tiktoken, whose_pattern_nobody_says_or_that_is_damaged_is_refused) {
  EXPECT_THAT(refused("other.tiktoken", ranks()), HasSubstr("does not say at which pattern text is cut"));
  EXPECT_THAT(refused("tokenizer.model", ranks()), HasSubstr("does not say at which pattern text is cut"));
  EXPECT_THAT(refused("qwen.tiktoken", "IQ== 0\nIg==\n"), HasSubstr("line 2: expected a token in base64 and its rank"));
  EXPECT_THAT(refused("qwen.tiktoken", "IQ== 0\nIg== 0\n"), HasSubstr("line 2: the rank 0 is there twice"));
  EXPECT_THAT(refused("qwen.tiktoken", "IQ== 0\nIQ== 1\n"), HasSubstr("tokens 0 and 1 are the same: '!'"));
  EXPECT_THAT(refused("qwen.tiktoken", "IQ== 99999999\n"), HasSubstr("the rank 99999999 is beyond"));
  EXPECT_THAT(refused("qwen.tiktoken", "I*== 0\n"), HasSubstr("found 'I*=="));
  EXPECT_THAT(refused("qwen.tiktoken", ""), HasSubstr("holds no tokens"));
  EXPECT_THAT(refused("qwen.tiktoken", ranks(), R"({"added_tokens_decoder":{"7":{"content":"<s>"}}})"),
              HasSubstr("the special token '<s>' has the id 7, which the token"));
  EXPECT_THAT(refused("qwen.tiktoken", ranks(), R"({"added_tokens_decoder":{"99999":{"content":"<s>"}}})"),
              HasSubstr("expected ids below"));
  const auto few = open("qwen.tiktoken", "IQ== 0\nIg== 1\n");
  EXPECT_THAT(few->encode("!\"").ids, ElementsAre(0, 1));
  EXPECT_THAT(refusal([&] { few->encode("!a"); }), HasSubstr("no token for the byte 0x61 at 1"));
}

TEST_F(Tiktoken, of_mistral_gives_the_ids_of_mistral_common) {
  const auto tokenizer = open("tekken.json", bj::serialize(tekken()));
  const bj::array& texts = reference().at("texts").as_array();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string text(texts[i].as_string());
    EXPECT_EQ(tokenizer->with_bos(text).ids, bj::value_to<Ids>(reference().at("tekken").at("ids").at(i)))
        << visible(text);
  }
  EXPECT_THAT(tokenizer->encode("[INST]a", true).ids, ElementsAre(3, 30 + 'a'));
  EXPECT_EQ(tokenizer->bytes(29), "<SPECIAL_29>");
  EXPECT_EQ(tokenizer->size(), static_cast<TokenId>(reference().at("ranks").as_array().size()) + 20);
}

TEST_F(Tiktoken, of_mistral_that_is_damaged_is_refused) {
  const auto with = [](const char* key, const bj::value& value) {
    bj::object file = tekken();
    file["config"].as_object()[key] = value;
    return bj::serialize(file);
  };
  EXPECT_THAT(refused("tekken.json", with("default_vocab_size", 99999)), HasSubstr("99999 tokens, of which 30"));
  EXPECT_THAT(refused("tekken.json", with("default_num_special_tokens", -1)), HasSubstr("of which -1 are special"));
  EXPECT_THAT(refused("tekken.json", with("version", "v13")), HasSubstr("the version 'v13' without 'special_tokens'"));
  EXPECT_THAT(refused("tekken.json", with("pattern", "(a")), HasSubstr("is not a regular expression"));
  EXPECT_THAT(refused("tekken.json", with("pattern", "\\s+$|.")), HasSubstr("with $ or }+ is not supported"));
  EXPECT_THAT(refused("tekken.json", with("dropout", 1)), HasSubstr("the key 'dropout' is not known"));
  bj::object file = tekken();
  file["vocab"].as_array()[5].as_object()["rank"] = 6;
  EXPECT_THAT(refused("tekken.json", bj::serialize(file)), HasSubstr("token 5: expected its rank"));
  file = tekken();
  file["special_tokens"] = bj::array{bj::object{{"rank", 40}, {"token_str", "<s>"}, {"is_control", true}}};
  EXPECT_THAT(refused("tekken.json", bj::serialize(file)), HasSubstr("expected a rank below 30, found 40"));
}

}  // namespace
}  // namespace embscope
