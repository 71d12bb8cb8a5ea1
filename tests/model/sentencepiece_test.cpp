// SentencePiece's tokenizer.model, made byte by byte. Real ones (Mistral's) were compared with the library itself.
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "embscope/base/error.h"
#include "embscope/model/model.h"
#include "forward/tiny.h"
#include "refusal.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  EXPECT_THAT(tokenizer->encode("a<ud>b").ids, ElementsAre(260, 262, 263, 265));
  EXPECT_THAT(tokenizer->encode("\n").ids, ElementsAre(263, 3 + '\n'));
  EXPECT_THAT(tokenizer->encode("ab").ranges, ElementsAre(ByteRange{0, 2}));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("ab c\xff").ids), "ab c\xff");
  EXPECT_THAT(tokenizer->with_bos("ab").ids, ElementsAre(261));
  EXPECT_THAT(open(pieces() + trainer() + normalizer(false))->encode("ab").ids, ElementsAre(259));
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
  EXPECT_THAT(refused(pieces() + trainer(1) + normalizer()), HasSubstr("a SentencePiece model of kind 1"));
  EXPECT_THAT(refused(pieces() + trainer() + normalizer(true, true)), HasSubstr("removes extra white space"));
  EXPECT_THAT(refused(pieces() + trainer() + normalizer(true, false, "xyz")), HasSubstr("rules of normalization"));
  EXPECT_THAT(refused(pieces() + piece("odd", 0, 5) + trainer() + normalizer()), HasSubstr("is of type 5"));
  EXPECT_THAT(refused(pieces() + piece("odd", std::nanf("")) + trainer() + normalizer()),
              HasSubstr("has the score nan"));
}

}  // namespace
}  // namespace embscope
