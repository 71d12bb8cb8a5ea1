// Which token a text names: the one rule of all clients.
#include <gmock/gmock.h>

#include "embscope/model/named_token.h"
#include "forward/tiny.h"
#include "refusal.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;
using Read = NamedToken::Read;

// " cat" is token 69 and "The" 76; "cat", "The " and "dogs" are several. 66 characters and 12 words have a text, more
// rows have none.
class NamedTokenTest : public ::testing::TestWithParam<const char*> {
 protected:
  NamedToken named(std::string_view text) const { return token_named(*model_, text); }
  std::string refused(std::string_view text) const {
    return refusal([&] { named(text); });
  }
  TokenId id_of(std::string_view bytes) const { return model_->tokenizer().find(bytes).value(); }
  std::shared_ptr<const Model> model_ = tiny::open(GetParam());
};

TEST_P(NamedTokenTest, a_word_is_read_as_it_is_written_where_that_is_one_token) {
  for (const char* word : {" cat", "The", "c", "7", "'"}) {
    const NamedToken token = named(word);
    EXPECT_EQ(token.id, id_of(word)) << word;
    EXPECT_EQ(token.read, Read::as_written) << word;
    EXPECT_TRUE(token.single()) << word;
    EXPECT_EQ(token.text, word);
  }
}

TEST_P(NamedTokenTest, with_its_space_where_that_is_one_token_and_the_word_itself_is_several) {
  const NamedToken token = named("cat");
  EXPECT_EQ(token.id, id_of(" cat"));
  EXPECT_EQ(token.read, Read::with_space);
  EXPECT_TRUE(token.single());
  EXPECT_EQ(reading(*model_, token), "␣cat: the word with its space, 1 token");
}

TEST_P(NamedTokenTest, by_its_last_piece_where_neither_is_one_token) {
  for (const char* word : {"cats", " cats", "  cat", "cat dog"}) {
    const NamedToken token = named(word);
    EXPECT_EQ(token.pieces, model_->tokenizer().encode(word).ids) << word;
    EXPECT_EQ(token.id, token.pieces.back()) << word;
    EXPECT_FALSE(token.single()) << word;
    EXPECT_EQ(token.read, Read::as_written) << word;
  }
  EXPECT_EQ(reading(*model_, named(" cats")), "s: the last of 2 tokens (␣cat | s)");
}

TEST_P(NamedTokenTest, a_number_sign_and_digits_are_an_id) {
  const std::int64_t rows = model_->config().vocab;
  for (TokenId id : {TokenId{0}, TokenId{69}, static_cast<TokenId>(rows - 1)}) {
    const NamedToken token = named("#" + std::to_string(id));
    EXPECT_EQ(token.id, id);
    EXPECT_EQ(token.read, Read::by_id);
    EXPECT_TRUE(token.single());
  }
  EXPECT_EQ(named("#069").id, 69);
  for (const std::string& beyond : {"#" + std::to_string(rows), std::string("#-1"), std::string("#+1"),
                                    std::string("#2147483648"), std::string("#99999999999999999999")})
    EXPECT_THAT(refused(beyond),
                HasSubstr("token '" + beyond + "'] the embedding matrix has rows 0:" + std::to_string(rows)));
}

// The letters have no '#': a text that was read as one is refused, and one that was read as an id is not.
TEST(NamedTokenInSmolLM2, a_doubled_sign_is_the_text) {
  const auto model = Model::open("smollm2");
  const auto& tokenizer = model->tokenizer();
  const auto word = [&](std::string_view text) { return token_named(*model, text); };
  EXPECT_EQ(word("##5").pieces, tokenizer.encode("#5").ids);
  EXPECT_EQ(word("###12").pieces, tokenizer.encode("##12").ids);
  for (const char* text : {"#", "##", "#a", "##a", "#5a", " #5", "# 5", "#5 ", "#5.", "C#5", "#٣"})
    EXPECT_EQ(word(text).pieces, tokenizer.encode(text).ids) << text;
  EXPECT_EQ(word_named(*model, "#5").pieces, tokenizer.encode("#5").ids);
  EXPECT_EQ(word("##5").read, Read::as_written);
}

TEST(NamedTokenInSmolLM2, words_of_the_article) {
  const auto model = Model::open("smollm2");
  const auto label = [&](std::string_view text) { return model->label(token_named(*model, text).id); };
  EXPECT_EQ(label(" Germany"), "␣Germany");
  EXPECT_EQ(label("banana"), "␣banana") << "b, an and ana without its space";
  EXPECT_EQ(label("\n"), "⏎");
}

TEST_P(NamedTokenTest, an_empty_text_names_nothing) { EXPECT_THAT(refused(""), HasSubstr("a word is empty")); }

INSTANTIATE_TEST_SUITE_P(Models, NamedTokenTest, ::testing::Values("tiny-gpt2", "tiny-llama"));

TEST(NamedToken, of_a_model_without_a_tokenizer_is_named_by_id_alone) {
  const tiny::Folder folder;
  std::filesystem::copy(std::string(EMBSCOPE_TEST_DATA) + "/reference/tiny-llama", folder.path(),
                        std::filesystem::copy_options::recursive);
  for (const char* file : {"vocab.json", "merges.txt", "tokenizer.json"}) std::filesystem::remove(folder.path() / file);
  const auto model = Model::open(folder.path().string());
  ASSERT_FALSE(model->has_tokenizer());
  EXPECT_EQ(token_named(*model, "#3").id, 3);
  EXPECT_EQ(reading(*model, token_named(*model, "#3")), "<3>: token 3");
  EXPECT_THROW(token_named(*model, "cat"), Error);
}

// A word of which the normalizer leaves nothing.
TEST(NamedToken, of_a_word_without_any_token_is_refused) {
  const tiny::Folder folder;
  tiny::copy_reference("tiny-llama", folder.path());
  tiny::write(folder.path() / "tokenizer.json",
              R"({"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]},"pre_tokenizer":{"type":"ByteLevel",
                  "add_prefix_space":false},"normalizer":{"type":"Strip","strip_left":true,"strip_right":true}})");
  const auto model = Model::open(folder.path().string());
  EXPECT_EQ(token_named(*model, " b ").id, 1);
  EXPECT_EQ(refusal([&] { token_named(*model, " \n"); }), "[word '␣⏎'] has no token");
}

}  // namespace
}  // namespace embscope
