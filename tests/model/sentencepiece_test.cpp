// SentencePiece's tokenizer.model: models that the library made, held to it (tests/reference/make_pieces.py), and
// others made byte by byte.
#include <cmath>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "embscope/base/error.h"
#include "embscope/model/model.h"
#include "files/makers.h"
#include "forward/tiny.h"
#include "model/base64.h"
#include "refusal.h"

namespace embscope {
namespace {

namespace bj = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Ids = std::vector<TokenId>;

const bj::object& reference() {
  static const bj::value value = [] {
    std::ifstream file(EMBSCOPE_TEST_DATA "/reference/pieces.json");
    return bj::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return value.as_object();
}

std::string model_named(std::string_view name) {
  for (const bj::value& one : reference().at("models").as_array())
    if (one.at("name").as_string() == name) return base64(std::string_view(one.at("model").as_string())).value();
  return "";
}

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string number(int field, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(value);
}
std::string bytes(int field, const std::string& value) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(value.size()) + value;
}
std::string real(int field, float value) {
  std::string out(4, '\0');
  std::memcpy(out.data(), &value, 4);
  return varint(static_cast<std::uint64_t>(field) << 3 | 5) + out;
}
std::string piece(const std::string& text, float score, std::uint64_t type = 1) {
  return bytes(1, bytes(1, text) + real(2, score) + number(3, type));
}

class SentencePiece : public ::testing::Test {
 protected:
  std::string pieces() const {
    std::string all = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3);
    for (int byte = 0; byte < 256; ++byte) all += piece(fmt::format("<0x{:02X}>", byte), 0, 6);
    int score = 0;
    for (const char* text : {"ab", "▁a", "▁ab", "<ud>"})
      all += piece(text, static_cast<float>(--score), text[0] == '<' ? 4 : 1);                      // 259 to 262
    for (const char* text : {"▁", "a", "b", "c"}) all += piece(text, static_cast<float>(--score));  // 263 to 266
    return all;
  }
  std::string trainer(std::uint64_t kind = 2) const { return bytes(2, number(3, kind) + number(35, 1)); }
  std::string normalizer(bool prefix = true, bool extra = false, const std::string& rules = "") const {
    return bytes(3,
                 bytes(1, "identity") + (rules.empty() ? "" : bytes(2, rules)) + number(3, prefix) + number(4, extra));
  }
  std::shared_ptr<const Tokenizer> open(const std::string& model) const {
    tiny::write(folder_.path() / "tokenizer.model", model);
    return open_tokenizer(folder_.path().string());
  }
  std::string refused(const std::string& model) const {
    return refusal([&] { open(model); });
  }
  tiny::Folder folder_;
};

TEST_F(SentencePiece, merges_by_score_and_falls_back_to_bytes) {
  const auto tokenizer = open(pieces() + trainer() + normalizer());
  EXPECT_THAT(tokenizer->encode("ab").ids, ElementsAre(261));
  EXPECT_THAT(tokenizer->encode("c ab").ids, ElementsAre(263, 266, 261));
  EXPECT_THAT(tokenizer->encode("a<ud>b").ids, ElementsAre(260, 262, 265));
  EXPECT_THAT(tokenizer->encode("<ud>").ids, ElementsAre(263, 262))
      << "the space before a text stands before any piece";
  EXPECT_THAT(tokenizer->encode("\n").ids, ElementsAre(263, 3 + '\n'));
  EXPECT_THAT(tokenizer->encode("ab").ranges, ElementsAre(ByteRange{0, 2}));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("ab c\xff").ids), "ab c\xff");
  EXPECT_THAT(tokenizer->with_bos("ab").ids, ElementsAre(261));
  EXPECT_THAT(open(pieces() + trainer() + normalizer(false))->encode("ab").ids, ElementsAre(259));
}

TEST_F(SentencePiece, has_an_end_of_text_by_its_class) {
  tiny::write(folder_.path() / "tokenizer_config.json", R"({"tokenizer_class":"T5Tokenizer"})");
  EXPECT_THAT(open(pieces() + trainer() + normalizer())->with_bos("ab").ids, ElementsAre(261, 2));
}

TEST_F(SentencePiece, has_a_beginning_of_text_by_its_class) {
  tiny::write(folder_.path() / "tokenizer_config.json", R"({"tokenizer_class":"LlamaTokenizer"})");
  EXPECT_THAT(open(pieces() + trainer() + normalizer())->with_bos("ab").ids, ElementsAre(1, 261));
  tiny::write(folder_.path() / "tokenizer_config.json",
              R"({"tokenizer_class":"LlamaTokenizer","add_bos_token":false})");
  EXPECT_THAT(open(pieces() + trainer() + normalizer())->with_bos("ab").ids, ElementsAre(261));
}

TEST_F(SentencePiece, that_is_none_or_does_more_is_refused) {
  EXPECT_THAT(refused(""), HasSubstr("holds no pieces"));
  EXPECT_THAT(refused("This is a text, and no model.\n"), HasSubstr("is not what a SentencePiece model holds"));
  EXPECT_THAT(refused(bytes(9, "x")), HasSubstr("holds no pieces"));
  const std::string whole = pieces() + trainer() + normalizer();
  EXPECT_THAT(refused(whole.substr(0, whole.size() - 1)), HasSubstr("is not what a SentencePiece model holds"));
  EXPECT_THAT(refused("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
              HasSubstr("is not what a SentencePiece model holds"));
  EXPECT_THAT(refused(pieces() + trainer(3) + normalizer()), HasSubstr("a SentencePiece model of kind 3"));
  EXPECT_THAT(refused(pieces() + trainer(4) + normalizer()),
              HasSubstr("piece 259 ('ab') of a SentencePiece model of characters is several"));
  EXPECT_THAT(refused(pieces() + trainer() + normalizer(true, false, "xyz")), HasSubstr("the precompiled map"));
  EXPECT_THAT(refused(pieces() + piece("a b", 0, 4) + trainer() + normalizer()),
              HasSubstr("piece 267 ('a b') holds a space"));
  EXPECT_THAT(refused(pieces() + trainer() + bytes(3, number(4, 1) + number(5, 0))),
              HasSubstr("with rules for a text and no '▁' for its spaces"));
  EXPECT_THAT(refused(pieces() + piece("odd", 0, 5) + trainer() + normalizer()), HasSubstr("is of type 5"));
  EXPECT_THAT(refused(pieces() + piece("odd", std::nanf("")) + trainer() + normalizer()),
              HasSubstr("has the score nan"));
}

TEST_F(SentencePiece, of_every_kind_gives_the_ids_of_the_library) {
  const bj::array& texts = reference().at("texts").as_array();
  for (const bj::value& one : reference().at("models").as_array()) {
    const std::string name(one.at("name").as_string());
    const auto tokenizer = open(model_named(name));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string text(texts[i].as_string()), decoded(one.at("decoded").at(i).as_string());
      const Tokens tokens = tokenizer->encode(text);
      EXPECT_EQ(tokens.ids, bj::value_to<Ids>(one.at("ids").at(i))) << name << ": " << visible(text);
      if (decoded.find("⁇") == std::string::npos) { EXPECT_EQ(tokenizer->decode(tokens.ids), decoded) << name; }
      std::uint64_t last = 0;
      for (const ByteRange& range : tokens.ranges) {
        EXPECT_LE(last, range.begin) << name << ": " << visible(text);
        EXPECT_LE(range.begin, range.end) << name << ": " << visible(text);
        last = range.end;
      }
      EXPECT_LE(last, text.size());
    }
  }
}

// Sums in single precision lose their last bits in a long text, and begin anew.
TEST_F(SentencePiece, of_every_kind_gives_the_ids_of_the_library_for_a_long_text) {
  std::string text;
  for (int i = 0; i < 6000; ++i) text += reference().at("long").as_string();
  for (const bj::value& one : reference().at("models").as_array()) {
    std::uint64_t hash = 0;
    for (TokenId id : open(model_named(one.at("name").as_string()))->encode_ids(text))
      hash = hash * 1000003 + static_cast<std::uint64_t>(id);
    EXPECT_EQ(fmt::format("{:x}", hash), std::string(one.at("long").as_string())) << one.at("name");
  }
}

// Of the tokens that a rule makes of one character the last has its place; a space that is left out belongs to the one
// before it.
TEST_F(SentencePiece, places_of_pieces_are_in_the_source) {
  const auto tokenizer = open(model_named("bpe"));
  const std::string text = "  ½  the";
  const Tokens tokens = tokenizer->encode(text);
  std::string read;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    read += tokenizer->label(tokens.ids[i]) + "=" +
            text.substr(tokens.ranges[i].begin, tokens.ranges[i].end - tokens.ranges[i].begin) + "|";
  EXPECT_EQ(read, "␣1=|/2=½|␣=  |the=the|");
}

TEST_F(SentencePiece, part_of_a_text_has_no_added_space) {
  for (const char* name : {"unigram", "bpe", "bpe, spaces behind", "unigram, spaces behind"}) {
    const auto tokenizer = open(model_named(name));
    EXPECT_EQ(tokenizer->decode(tokenizer->encode_within("of").ids), "of") << name;
    EXPECT_LT(tokenizer->encode_within("xx").size(), tokenizer->encode("xx").size() + 1) << name;
    EXPECT_THAT(tokenizer->encode_within("").ids, IsEmpty());
  }
}

// The pieces of a model in a GGUF file, as llama.cpp reads them.
std::string gguf_of_unigrams(const std::vector<std::string>& more) {
  const bj::object& model = reference().at("gguf").as_object();
  files::Bytes tokens, scores, types;
  for (const bj::value& token : model.at("tokens").as_array()) tokens.string(std::string_view(token.as_string()));
  for (const bj::value& score : model.at("scores").as_array()) scores.put(bj::value_to<float>(score));
  for (const bj::value& type : model.at("types").as_array()) types.u32(bj::value_to<std::uint64_t>(type));
  const std::uint64_t count = model.at("tokens").as_array().size();
  const std::string map = base64(std::string_view(model.at("map").as_string())).value();
  files::Gguf file;
  file.keys = {files::key("tokenizer.ggml.model", 8, files::Bytes().string("t5")),
               files::array("tokenizer.ggml.tokens", 8, count, tokens.text),
               files::array("tokenizer.ggml.scores", 6, count, scores.text),
               files::array("tokenizer.ggml.token_type", 5, count, types.text),
               files::array("tokenizer.ggml.precompiled_charsmap", 0, map.size(), map)};
  file.keys.insert(file.keys.end(), more.begin(), more.end());
  return file.bytes();
}

std::string truth(std::string_view name, bool value) {
  return files::key(name, 7, files::Bytes().put(static_cast<char>(value)));
}
std::string whole(std::string_view name, std::uint64_t value) { return files::key(name, 4, files::Bytes().u32(value)); }

TEST_F(SentencePiece, unigrams_in_gguf_give_the_ids_of_llama_cpp) {
  const std::string path = (folder_.path() / "one.gguf").string();
  const bj::array& texts = reference().at("texts").as_array();
  for (const bj::value& mode : reference().at("gguf").at("modes").as_array()) {
    tiny::write(path,
                gguf_of_unigrams({whole("tokenizer.ggml.unknown_token_id", 0),
                                  truth("tokenizer.ggml.add_space_prefix", mode.at("before").as_bool()),
                                  truth("tokenizer.ggml.remove_extra_whitespaces", mode.at("single").as_bool())}));
    const auto tokenizer = open_tokenizer(path);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string text(texts[i].as_string());
      EXPECT_EQ(tokenizer->encode(text).ids, bj::value_to<Ids>(mode.at("ids").at(i)))
          << mode.at("before") << mode.at("single") << ": " << visible(text);
    }
  }
}

TEST_F(SentencePiece, unigrams_in_gguf_end_a_text_unless_told_not_to) {
  const std::string path = (folder_.path() / "one.gguf").string();
  const auto ends = [&](const std::vector<std::string>& more) {
    tiny::write(path, gguf_of_unigrams(more));
    return open_tokenizer(path)->with_bos("").ids;
  };
  EXPECT_THAT(ends({}), ElementsAre(1));
  EXPECT_THAT(ends({whole("tokenizer.ggml.eos_token_id", 2)}), ElementsAre(2));
  EXPECT_THAT(ends({truth("tokenizer.ggml.add_eos_token", false)}), IsEmpty());
  EXPECT_THAT(ends({truth("tokenizer.ggml.add_bos_token", true), whole("tokenizer.ggml.bos_token_id", 3)}),
              ElementsAre(3, 1));
}

TEST_F(SentencePiece, of_a_class_with_other_ids_is_refused) {
  tiny::write(folder_.path() / "tokenizer_config.json", R"({"tokenizer_class":"XGLMTokenizer"})");
  EXPECT_THAT(refused(model_named("unigram as it is")),
              HasSubstr("XGLMTokenizer gives the pieces of a SentencePiece model other ids"));
}

}  // namespace
}  // namespace embscope
