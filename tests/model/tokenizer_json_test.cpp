// Every kind of step of tokenizer.json, held to Hugging Face's tokenizers (tests/reference/make_tokenizers.py).
#include <fstream>

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

const bj::object& reference() {
  static const bj::value value = [] {
    std::ifstream file(EMBSCOPE_TEST_DATA "/reference/tokenizers.json");
    return bj::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return value.as_object();
}

void put_charsmap(bj::value& value) {
  if (value.is_object())
    for (auto& [key, inner] : value.as_object()) put_charsmap(inner);
  else if (value.is_array())
    for (auto& inner : value.as_array()) put_charsmap(inner);
  else if (value.is_string() && value.as_string() == "CHARSMAP")
    value = reference().at("charsmap");
}

TokenId size_of(const char* base) {
  return static_cast<TokenId>(reference().at("bases").at(base).at("vocab").as_object().size());
}

// A base of the reference with parts of the file changed.
bj::object file_of(std::string_view base, const bj::object& changes) {
  bj::object model = reference().at("bases").at(bj::string_view(base.data(), base.size())).as_object(), file;
  for (const auto& [key, value] : changes) file[key] = value;
  if (const auto* options = changes.if_contains("model"))
    for (const auto& [key, value] : options->as_object()) model[key] = value;
  file["model"] = model;
  bj::value whole = file;
  put_charsmap(whole);
  return whole.as_object();
}

class TokenizerSteps : public ::testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> open_text(const std::string& file) const {
    tiny::write(folder_.path() / "tokenizer.json", file);
    return open_tokenizer(folder_.path().string());
  }
  std::shared_ptr<const Tokenizer> open(const bj::object& file) const { return open_text(bj::serialize(file)); }
  std::shared_ptr<const Tokenizer> open(std::string_view base, const bj::object& changes) const {
    return open(file_of(base, changes));
  }
  std::string refused(std::string_view base, const bj::object& changes) const {
    return refusal([&] { open(base, changes); });
  }
  tiny::Folder folder_;
};

TEST_F(TokenizerSteps, give_the_ids_of_hugging_face) {
  ASSERT_GT(reference().at("cases").as_array().size(), 80u);
  for (const bj::value& one : reference().at("cases").as_array()) {
    const std::string name(one.at("name").as_string());
    const auto tokenizer = open(std::string(one.at("base").as_string()), one.at("changes").as_object());
    const auto expected = [&](const char* key, std::size_t i) {
      const auto* ids = one.as_object().if_contains(key);
      return bj::value_to<std::vector<TokenId>>((ids == nullptr ? one.at("ids") : *ids).at(i));
    };
    const bj::array& texts = reference().at("texts").as_array();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string text(texts[i].as_string());
      EXPECT_EQ(tokenizer->encode(text).ids, expected("ids", i)) << name << ": " << visible(text);
      EXPECT_EQ(tokenizer->encode(text, true).ids, expected("special", i)) << name << ": " << visible(text);
      EXPECT_EQ(tokenizer->with_bos(text, true).ids, expected("around", i)) << name << ": " << visible(text);
      EXPECT_EQ(tokenizer->encode_ids(text), tokenizer->encode(text).ids) << name;
    }
  }
}

TEST_F(TokenizerSteps, give_ranges_that_follow_one_another_for_any_bytes) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (const bj::value& one : reference().at("cases").as_array()) {
    const auto tokenizer = open(std::string(one.at("base").as_string()), one.at("changes").as_object());
    for (const bj::value& value : reference().at("texts").as_array()) {
      for (const std::string& text :
           {std::string(value.as_string()), bytes + std::string(value.as_string()) + "\xe2\x82" + bytes}) {
        const Tokens tokens = tokenizer->with_bos(text, true);
        ASSERT_EQ(tokens.ids.size(), tokens.ranges.size());
        std::uint64_t at = 0;
        for (const ByteRange& range : tokens.ranges) {
          ASSERT_LE(at, range.begin) << one.at("name") << ": " << visible(text);
          ASSERT_LE(range.begin, range.end);
          at = range.end;
        }
        ASSERT_LE(at, text.size());
      }
    }
  }
}

TEST_F(TokenizerSteps, give_a_token_the_source_of_what_it_is_made_of) {
  const bj::object nfc = {{"normalizer", {{"type", "NFC"}}},
                          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}}};
  const std::string text = "x e\u0301 y";  // two characters become one of two bytes
  const Tokens tokens = open("bytes", nfc)->encode(text);
  EXPECT_EQ(tokens.ranges.front(), (ByteRange{0, 1}));
  EXPECT_EQ(tokens.ranges.back().end, text.size());
  bool whole = false;
  for (const ByteRange& range : tokens.ranges) whole = whole || (range.end == 5 && range.begin <= 2);
  EXPECT_TRUE(whole);
  const bj::object metaspace = {
      {"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}}},
      {"model", {{"byte_fallback", true}}}};
  const Tokens marked = open("chars", metaspace)->encode("\xe6\xbc\xa2");
  EXPECT_EQ(marked.ranges.front(), (ByteRange{0, 0}));  // the space in front is not in the text
  EXPECT_EQ(marked.ranges.back().end, 3u);
}

TEST_F(TokenizerSteps, give_white_space_between_two_added_tokens_to_the_second) {
  const auto added = [](int i, const char* content, bool rstrip) {
    return bj::object{{"id", size_of("bytes") + i}, {"content", content}, {"rstrip", rstrip}};
  };
  const auto tokenizer = open("bytes", {{"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
                                        {"added_tokens", {added(0, "<m>", true), added(1, " <b>", false)}}});
  const Tokens tokens = tokenizer->encode("x<m> <b>y");
  EXPECT_THAT(tokens.ids, ElementsAre(tokens.ids[0], size_of("bytes"), size_of("bytes") + 1, tokens.ids[3]));
  EXPECT_THAT(tokens.ranges, ElementsAre(ByteRange{0, 1}, ByteRange{1, 4}, ByteRange{4, 8}, ByteRange{8, 9}));
}

TEST_F(TokenizerSteps, give_the_text_back) {
  const bj::object llama2 = {{"normalizer",
                              {{"type", "Sequence"},
                               {"normalizers",
                                {bj::object{{"type", "Prepend"}, {"prepend", "▁"}},
                                 bj::object{{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "▁"}}}}}},
                             {"decoder",
                              {{"type", "Sequence"},
                               {"decoders",
                                {bj::object{{"type", "Replace"}, {"pattern", {{"String", "▁"}}}, {"content", " "}},
                                 bj::object{{"type", "ByteFallback"}}, bj::object{{"type", "Fuse"}},
                                 bj::object{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
                             {"model", {{"byte_fallback", true}}}};
  const auto tokenizer = open("chars", llama2);
  for (const char* text : {"the capital", " the", "  the", "漢字\n", "", "a\xff\xe2\x82z"})
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text).ids), text);
}

TEST_F(TokenizerSteps, that_make_pieces_of_words_join_them_again) {
  const std::string text = "The capital of Germany, isn't it? 漢字 12345 . zz";
  const bj::object bert = {{"normalizer", {{"type", "BertNormalizer"}}},
                           {"pre_tokenizer", {{"type", "BertPreTokenizer"}}}};
  const auto back = [&](const bj::value& decoder) {
    bj::object changes = bert;
    if (!decoder.is_null()) changes["decoder"] = decoder;
    const auto tokenizer = open("pieces", changes);
    return tokenizer->decode(tokenizer->encode(text).ids);
  };
  EXPECT_EQ(back({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}),
            "the capital of germany, isn ' t it? 漢 字 12345. [UNK]");
  EXPECT_EQ(back({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", false}}),
            "the capital of germany , isn ' t it ? 漢 字 12345 . [UNK]");
  EXPECT_EQ(back(nullptr), "the cap ##ital of ger ##many , is ##n ' t it ? 漢 字 12 ##345 . [UNK]");
  EXPECT_TRUE(open("pieces", bert)->encode_within(" ").ids.empty());  // which word_named refuses
}

TEST_F(TokenizerSteps, give_an_ideograph_its_place_and_an_unknown_word_all_of_it) {
  const bj::object bert = {{"normalizer", {{"type", "BertNormalizer"}}},
                           {"pre_tokenizer", {{"type", "BertPreTokenizer"}}}};
  const Tokens tokens = open("pieces", bert)->encode("a漢É 🎉🎉");
  EXPECT_EQ(tokens.ranges, (std::vector<ByteRange>{{0, 1}, {1, 4}, {4, 6}, {7, 15}}));
}

TEST_F(TokenizerSteps, name_a_word_as_it_stands_within_a_text) {
  const bj::object metaspace = {
      {"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}}},
      {"model", {{"byte_fallback", true}}}};
  const auto tokenizer = open("chars", metaspace);
  const TokenId in_text = tokenizer->encode("a the").ids.back();
  EXPECT_EQ(tokenizer->encode_within(" the").ids, (std::vector<TokenId>{in_text}));
  EXPECT_EQ(tokenizer->label(in_text), "␣the");
  EXPECT_EQ(tokenizer->encode("the").ids.back(), in_text);
  EXPECT_NE(tokenizer->encode_within("the").ids, (std::vector<TokenId>{in_text}));
}

TEST_F(TokenizerSteps, that_are_not_known_are_refused_by_name) {
  const auto step = [](const char* type) { return bj::object{{"type", type}}; };
  EXPECT_THAT(refused("bytes", {{"normalizer", step("Reverse")}}), HasSubstr("the normalizer 'Reverse' is not known"));
  const bj::object behind = {{"type", "Sequence"}, {"normalizers", {step("ByteLevel"), step("NFC")}}};
  EXPECT_THAT(refused("bytes", {{"normalizer", behind}}), HasSubstr("the normalizer 'NFC' behind 'ByteLevel'"));
  EXPECT_THAT(refused("bytes", {{"pre_tokenizer", step("UnicodeScripts")}}),
              HasSubstr("the pre-tokenizer 'UnicodeScripts' is not known"));
  EXPECT_THAT(refused("bytes", {{"decoder", step("CTC")}}), HasSubstr("the decoder 'CTC' is not known"));
  EXPECT_THAT(refused("chars", {{"decoder", {{"type", "WordPiece"}, {"prefix", "##"}}}}),
              HasSubstr("the decoder 'WordPiece' with '##'"));
  EXPECT_THAT(refused("chars", {{"pre_tokenizer", {{"type", "FixedLength"}, {"length", 0}}}}),
              HasSubstr("parts of 0 characters"));
  EXPECT_THAT(refused("bytes", {{"post_processor", step("PairProcessing")}}),
              HasSubstr("the post-processor 'PairProcessing' is not known"));
  const bj::object level = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  const bj::object space = {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "always"}};
  EXPECT_THAT(refused("bytes", {{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", bj::array{level, space}}}}}),
              HasSubstr("'ByteLevel' before 'Metaspace'"));
  EXPECT_THAT(refused("unigram", {{"pre_tokenizer", level}}), HasSubstr("a Unigram model behind"));
  EXPECT_THAT(refused("pieces", {{"pre_tokenizer", level}}), HasSubstr("a WordPiece model behind"));
  EXPECT_THAT(refused("chars", {{"normalizer", {{"type", "Strip"}}},
                                {"added_tokens", bj::array{bj::object{{"id", size_of("chars")}, {"content", "  "}}}}}),
              HasSubstr("the normalizer leaves nothing of the added token '␣␣'"));
  EXPECT_THAT(refused("bytes", {{"pre_tokenizer", level}, {"decoder", step("Fuse")}}),
              HasSubstr("a decoder that leaves bytes in their alphabet"));
  EXPECT_THAT(refused("bytes", {{"pre_tokenizer", level}, {"decoder", space}}),
              HasSubstr("a decoder that replaces '▁', which the tokenizer's other steps do not put for a space"));
  const bj::object bert = {{"type", "BertProcessing"}, {"cls", {"a", 1}}, {"sep", {"b", 2}}};
  EXPECT_THAT(refused("bytes", {{"pre_tokenizer", level},
                                {"post_processor", {{"type", "Sequence"}, {"processors", bj::array{bert, bert}}}}}),
              HasSubstr("the post-processor 'BertProcessing' behind another"));
  EXPECT_THAT(refused("bytes", {{"normalizer", {{"type", "NFC"}, {"version", 2}}}}),
              HasSubstr("the key 'version' is not known"));
  EXPECT_THAT(refused("bytes", {{"model", {{"end_of_word_suffix", "</w>"}}}}),
              HasSubstr("'end_of_word_suffix' is '</w>'"));
  EXPECT_THAT(refused("bytes", {{"model", {{"continuing_subword_prefix", "##"}}}}),
              HasSubstr("'continuing_subword_prefix' is '##'"));
  EXPECT_THAT(refused("bytes", {{"model", {{"dropout", 0.1}}}}), HasSubstr("a dropout of 0.1"));
  EXPECT_THAT(refused("bytes", {{"model", {{"type", "Words"}}}}), HasSubstr("a tokenizer of type 'Words'"));
  EXPECT_THAT(refused("bytes", {{"model", {{"unk_token", "<none>"}}}}),
              HasSubstr("'<none>', is not in the vocabulary"));
  EXPECT_THAT(refused("chars", {{"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "ab"}}}}),
              HasSubstr("'replacement' must be one character"));
  EXPECT_THAT(
      refused("chars", {{"pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "last"}}}}),
      HasSubstr("the prepend scheme 'last'"));
  EXPECT_THAT(refused("unigram", {{"model", {{"vocab", {bj::array{"a", "b"}}}}}}),
              HasSubstr("token 0: expected a text and a score"));
}

TEST_F(TokenizerSteps, whose_pattern_is_none_or_has_no_end_are_refused) {
  const auto split = [](const char* pattern) {
    return bj::object{{"pre_tokenizer",
                       {{"type", "Sequence"},
                        {"pretokenizers",
                         {bj::object{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}},
                          bj::object{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}}}};
  };
  EXPECT_THAT(refused("bytes", split("(a")), HasSubstr("the pattern '(a' is not a regular expression"));
  EXPECT_THAT(refused("bytes", split("\\p{Nothing}")), HasSubstr("is not a regular expression"));
  const auto tokenizer = open("bytes", split("(a|a)*$c"));
  EXPECT_THAT(refusal([&] { tokenizer->encode(std::string(2000, 'a') + "c"); }),
              HasSubstr("cannot be searched for in this text"));
  EXPECT_EQ(tokenizer->encode("xyz").size(), 3u);
}

TEST_F(TokenizerSteps, name_tokens_that_there_are) {
  const bj::object text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
                   first = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}};
  const auto with = [&](const bj::array& single, const bj::object& tokens) {
    return bj::object{
        {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
        {"post_processor",
         {{"type", "TemplateProcessing"}, {"single", single}, {"pair", bj::array()}, {"special_tokens", tokens}}}};
  };
  EXPECT_THAT(refused("bytes", with({first, text}, {})),
              HasSubstr("names the token '<s>', which its 'special_tokens' do not have"));
  const auto ids = [](std::int64_t id) {
    return bj::object{{"<s>", {{"id", "<s>"}, {"ids", {id}}, {"tokens", {"<s>"}}}}};
  };
  EXPECT_THAT(refused("bytes", with({first, text}, ids(99999))),
              HasSubstr("has the id 99999, which the vocabulary does not have"));
  EXPECT_THAT(refused("bytes", with({first}, ids(0))), HasSubstr("does not hold it once"));
  EXPECT_EQ(open("bytes", with({first, text}, ids(7)))->with_bos("a").ids.front(), 7);
}

// A file above a megabyte is read without a tree of its vocabulary and merges.
TEST_F(TokenizerSteps, of_a_large_file_are_those_of_a_small_one) {
  const std::string space(std::size_t{1} << 20, ' ');
  const bj::object level = {{"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}}};
  const auto large = [&](std::string_view base, bj::object file) {
    return open_text(space + bj::serialize(file_of(base, std::move(file))));
  };
  const std::string text = "the capital of Germany\n\n naïve 漢字 \"x\"";
  EXPECT_EQ(large("bytes", level)->encode(text).ids, open("bytes", level)->encode(text).ids);
  const bj::object marks = {{"model", {{"byte_fallback", true}}}};
  EXPECT_EQ(large("chars", marks)->encode(text).ids, open("chars", marks)->encode(text).ids);
  const auto model = [](const char* vocab, const char* merges) {
    return std::string(R"("model":{"type":"BPE","vocab":)") + vocab + R"(,"merges":)" + merges + "}}";
  };
  const std::string start = space + "{";
  const auto tokens =
      open_text(start + model(R"({"\n":0,"\u00e9":1,"\ud83d\ude00":2,"a":3,"b":4,"ab":5})", R"([["a","b"]])"));
  EXPECT_THAT(tokens->encode("ab\n").ids, ElementsAre(5, 0));
  EXPECT_THAT(tokens->encode("é😀").ids, ElementsAre(1, 2));
  EXPECT_THAT(open_text(start + model(R"({"a":0,"b":1,"ab":2})", R"(["a b"])"))->encode("ab").ids, ElementsAre(2));
  const auto refused_text = [&](const std::string& file) { return refusal([&] { open_text(file); }); };
  EXPECT_THAT(refused_text(start + model(R"({"a":0,"b":0})", "[]")), HasSubstr("have the same id 0"));
  EXPECT_THAT(refused_text(start + model(R"({"a":0,"a":1})", R"(["a a"])")), HasSubstr("tokens 0 and 1 are the same"));
  EXPECT_THAT(refused_text(start + model(R"({"a":0})", R"(["a a"])")), HasSubstr("merge 0 ('a' + 'a')"));
  EXPECT_THAT(refused_text(start + model(R"({"a":0})", R"(["aa"])")), HasSubstr("expected two tokens and a space"));
  EXPECT_THAT(refused_text(start + model(R"({"a":0})", R"(["a a")")), HasSubstr("not valid JSON"));
  const std::string decoy = R"("normalizer":{"type":"NFC","vocab":{"b":0,"c":1},"merges":["b c"]},)";
  EXPECT_THAT(refused_text(start + decoy + model(R"({"a":0})", "[]")), HasSubstr("the key 'vocab' is not known"));
}

TEST_F(TokenizerSteps, give_added_tokens_the_ids_of_hugging_face_or_ask) {
  const bj::object changes = {{"pre_tokenizer", {{"type", "ByteLevel"}}},
                              {"added_tokens", {bj::object{{"id", 700}, {"content", "<s>"}, {"special", true}}}}};
  EXPECT_THAT(refused("bytes", changes),
              HasSubstr("the token '<s>' has the id 700, but Hugging Face's tokenizers would give it " +
                        std::to_string(size_of("bytes"))));
}

TEST_F(TokenizerSteps, that_leave_a_character_without_token_say_where) {
  const bj::object changes = {{"model", {{"unk_token", nullptr}}}};
  const auto tokenizer = open("chars", changes);
  EXPECT_THAT(refusal([&] { tokenizer->encode("the漢😀"); }),
              HasSubstr("the vocabulary has no token for '😀' at byte 6"));
  EXPECT_GT(tokenizer->encode("the").size(), 0u);
}

TEST_F(TokenizerSteps, find_added_tokens_in_time_that_grows_with_the_text) {
  bj::array added;
  for (int i = 0; i < 6415; ++i)
    added.push_back(bj::object{{"id", size_of("bytes") + i},
                               {"content", "<unused" + std::to_string(i) + ">"},
                               {"special", false},
                               {"normalized", false}});
  const auto tokenizer =
      open("bytes", {{"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}}, {"added_tokens", added}});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_GT(tokenizer->encode_ids(std::string(200'000, '<')).size(), 0u);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
            2.0);  // 0.01 s; each of them at each place took 9
  EXPECT_THAT(tokenizer->encode("<unused12>").ids, ElementsAre(size_of("bytes") + 12));
}

}  // namespace
}  // namespace embscope
