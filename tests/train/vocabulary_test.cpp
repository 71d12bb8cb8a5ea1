#include "embscope/train/vocabulary.h"
#include "embscope/train/toy_text.h"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "embscope/base/error.h"
#include "embscope/files/archive.h"
#include "embscope/model/model.h"
#include "forward/tiny.h"
#include "model/family.h"

namespace embscope {
namespace {

std::string reference_text() {
  std::ifstream in(std::string(EMBSCOPE_TEST_DATA) + "/training/text.txt", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What a spec becomes on the way through tokenizer.json.
Tokenizer written_and_read(const TokenizerSpec& spec) {
  const tiny::Folder folder;
  write_file(folder.path() / "tokenizer.json", tokenizer_json(spec));
  return Tokenizer(tokenizer_from_folder(folder.path()));
}

TEST(BpeVocabulary, has_the_merges_of_hugging_face_tokenizers) {
  const TokenizerSpec expected = tokenizer_from_folder(std::string(EMBSCOPE_TEST_DATA) + "/training/bpe");
  const TokenizerSpec found = bpe_vocabulary(reference_text(), 400);
  EXPECT_EQ(found.merges, expected.merges);
  EXPECT_EQ(found.tokens, expected.tokens);
}

TEST(BpeVocabulary, stops_where_no_pair_occurs_twice) {
  const TokenizerSpec spec = bpe_vocabulary("ab ab", 1000);
  ASSERT_EQ(spec.merges.size(), 1u);
  EXPECT_EQ(spec.tokens.size(), 257u);
  EXPECT_EQ(spec.merges[0], (std::pair<std::string_view, std::string_view>("a", "b")));
}

TEST(BpeVocabulary, refuses_an_empty_text_and_a_size_below_the_bytes) {
  EXPECT_THROW(bpe_vocabulary("", 300), Error);
  EXPECT_THROW(bpe_vocabulary("abc", 255), Error);
}

TEST(WordVocabulary, makes_every_word_that_occurs_twice_one_token_and_reads_any_other_text) {
  const Tokenizer tokenizer(word_vocabulary(toy_text()));
  for (const char* word : {" Berlin", " Germany", " elephant", " seven", " Wednesday"})
    EXPECT_EQ(tokenizer.encode_ids(word).size(), 1u) << word;
  EXPECT_EQ(tokenizer.decode(tokenizer.encode_ids("a zebra \xff!")), "a zebra \xff!");
  EXPECT_THROW(word_vocabulary(""), Error);
}

TEST(BytesVocabulary, gives_every_byte_its_own_token) {
  const Tokenizer tokenizer = written_and_read(bytes_vocabulary());
  ASSERT_EQ(tokenizer.size(), 256);
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const auto ids = tokenizer.encode_ids(all);
  ASSERT_EQ(ids.size(), 256u);
  for (std::size_t i = 0; i < 256; ++i) EXPECT_EQ(ids[i], static_cast<TokenId>(i));
  EXPECT_EQ(tokenizer.decode(ids), all);
}

TEST(CharacterVocabulary, gives_every_character_one_token_and_the_text_back) {
  const std::string text = "naïve\n日本語, 日光 😀😃 it's\t 12  end";
  const Tokenizer tokenizer = written_and_read(character_vocabulary(text));
  std::size_t characters = 0;
  for (char c : text) characters += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  const auto ids = tokenizer.encode_ids(text);
  EXPECT_EQ(ids.size(), characters);
  EXPECT_EQ(tokenizer.decode(ids), text);
}

TEST(CharacterVocabulary, of_ascii_has_as_many_tokens_as_characters) {
  const Tokenizer tokenizer = written_and_read(character_vocabulary("hello world"));
  EXPECT_EQ(tokenizer.size(), 8);
  EXPECT_THROW(tokenizer.encode_ids("x"), Error);
}

TEST(CharacterVocabulary, refuses_what_is_no_text) {
  EXPECT_THROW(character_vocabulary(""), Error);
  try {
    character_vocabulary("abc\xff\xfe");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::format);
    EXPECT_NE(std::string(e.what()).find("byte 3"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("--tokens bytes"), std::string::npos) << e.what();
  }
}

TEST(TokenizerJson, keeps_added_tokens_and_digits_alone) {
  TokenizerSpec spec = bytes_vocabulary();
  spec.tokens.push_back("<|end|>");
  spec.added.push_back({256, true});
  spec.pre = PreTokenizer::smollm;
  const Tokenizer tokenizer = written_and_read(spec);
  EXPECT_EQ(tokenizer.encode_ids("a<|end|>", true), (std::vector<TokenId>{'a', 256}));
  EXPECT_EQ(tokenizer.pre_tokenizer(), PreTokenizer::smollm);
}

TEST(TokenizerJson, keeps_what_is_put_around_a_text_and_refuses_what_it_does_not_write) {
  TokenizerSpec spec = bytes_vocabulary();
  spec.tokens.push_back("<s>");
  spec.added.push_back({256, true});
  spec.prefix = {256};
  EXPECT_EQ(written_and_read(spec).with_bos("a").ids, (std::vector<TokenId>{256, 'a'}));
  spec.pre = PreTokenizer::qwen2;
  EXPECT_THROW(tokenizer_json(spec), Error);
}

}  // namespace
}  // namespace embscope
