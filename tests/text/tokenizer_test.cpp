// The whole tokenizer over a small vocabulary, held to a plain one: words by the patterns, merges by rank, no cache.
#include <algorithm>
#include <map>
#include <thread>

#include <gmock/gmock.h>

#include "embscope/base/error.h"
#include "embscope/text/tokenizer.h"
#include "plain_words.h"
#include "random_text.h"
#include "refusal.h"
#include "text/typed_tokens.h"

namespace embscope {
namespace {

constexpr std::string_view sample =
    "It's the capital of Germany, isn't it? The words of the text are the words that the others read.\n"
    "    for word in words:\n        if word is None:\n            return [0, 10, 100, 1000]\n"
    "Привет, мир! Это не так. naïve café 漢字漢字 ________ ====== \t\t\n\n";

// The 256 bytes, and the most frequent pairs of `sample` merged again and again.
struct Small {
  Small() {
    for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)));
    std::vector<TokenId> text;
    for (const unsigned char byte : sample) text.push_back(byte);
    for (int rank = 0; rank < 150; ++rank) {
      std::map<std::pair<TokenId, TokenId>, int> counts;
      for (std::size_t i = 0; i + 1 < text.size(); ++i) ++counts[{text[i], text[i + 1]}];
      const auto best =
          std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) { return a.second < b.second; });
      const auto pair = best->first;
      merges.push_back(pair);
      add(bytes[at(pair.first)] + bytes[at(pair.second)]);
      text = merge(text, pair, static_cast<TokenId>(bytes.size() - 1));
    }
    for (const std::string& token : bytes) alphabet.push_back(in_alphabet(token));
  }

  TokenizerSpec spec(PreTokenizer pre) const {
    TokenizerSpec spec;
    spec.tokens.assign(alphabet.begin(), alphabet.end());
    for (const auto& [left, right] : merges) spec.merges.emplace_back(alphabet[at(left)], alphabet[at(right)]);
    spec.pre = pre;
    return spec;
  }

  std::vector<TokenId> plain(std::string_view text, PreTokenizer pre) const {
    std::vector<TokenId> ids;
    std::size_t begin = 0;
    for (const std::size_t end : PlainWords(text, pre).ends()) {
      std::vector<TokenId> word;
      for (; begin < end; ++begin) word.push_back(static_cast<unsigned char>(text[begin]));
      for (std::size_t rank = 0; rank < merges.size(); ++rank) {  // ranks only grow: each merge's parts come before it
        word = merge(word, merges[rank], static_cast<TokenId>(256 + rank));
      }
      ids.insert(ids.end(), word.begin(), word.end());
    }
    return ids;
  }

  static std::size_t at(TokenId id) { return static_cast<std::size_t>(id); }

  static std::vector<TokenId> merge(const std::vector<TokenId>& text, std::pair<TokenId, TokenId> pair,
                                    TokenId merged) {
    std::vector<TokenId> out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool here = i + 1 < text.size() && text[i] == pair.first && text[i + 1] == pair.second;
      out.push_back(here ? merged : text[i]);
      i += here;
    }
    return out;
  }

  // bytes_to_unicode of openai/gpt-2
  static std::string in_alphabet(std::string_view token) {
    std::string out;
    for (const unsigned char byte : token) {
      const auto printable = [](int b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; };
      int code = byte, next = 256;
      for (int b = 0; b < byte; ++b) next += !printable(b);
      if (!printable(byte)) code = next;
      if (code < 128) {
        out += static_cast<char>(code);
      } else {
        out += {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
      }
    }
    return out;
  }

  void add(std::string token) { bytes.push_back(std::move(token)); }

  std::vector<std::string> bytes, alphabet;  // by id
  std::vector<std::pair<TokenId, TokenId>> merges;
};

const Small& small() {
  static const Small made;
  return made;
}

constexpr PreTokenizer patterns[] = {PreTokenizer::gpt2, PreTokenizer::smollm, PreTokenizer::llama3};

void expect_complete(const Tokenizer& tokenizer, std::string_view text, const Tokens& tokens) {
  ASSERT_EQ(tokens.ids.size(), tokens.ranges.size());
  ASSERT_EQ(tokenizer.decode(tokens.ids), text);
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    ASSERT_EQ(tokens.ranges[i], (ByteRange{at, at + tokenizer.bytes(tokens.ids[i]).size()}));
    at = tokens.ranges[i].end;
  }
}

TEST(Tokenizer, equals_a_plain_one_on_any_text) {
  std::mt19937 random(1);
  for (const PreTokenizer pre : patterns) {
    const Tokenizer tokenizer(small().spec(pre));
    for (int round = 0; round < 400; ++round) {
      std::string text = random_text(random, random() % 60);
      if (round % 3 == 0) text += sample.substr(random() % sample.size());
      const Tokens tokens = tokenizer.encode(text);
      ASSERT_EQ(tokens.ids, small().plain(text, pre)) << visible(text);
      ASSERT_EQ(tokenizer.encode_ids(text), tokens.ids);
      expect_complete(tokenizer, text, tokens);
    }
  }
}

TEST(Tokenizer, gives_random_bytes_back) {
  std::mt19937 random(2);
  for (const PreTokenizer pre : patterns) {
    const Tokenizer tokenizer(small().spec(pre));
    for (std::size_t size = 0; size < 300; ++size) {
      std::string text(size, '\0');
      for (char& c : text) c = static_cast<char>(random());
      expect_complete(tokenizer, text, tokenizer.encode(text));
    }
  }
}

TEST(Tokenizer, knows_words_of_every_length_again) {
  const Tokenizer tokenizer(small().spec(PreTokenizer::gpt2));
  std::mt19937 random(3);
  std::vector<std::string> words;
  for (std::size_t length = 1; length < 600; length += length < 40 ? 1 : 43) {
    std::string word(length, '\0');
    for (char& c : word) c = "eothwrds"[random() % 8];
    words.push_back(word);
    word.back() = 'x';  // differs in the last letter only
    words.push_back(word);
  }
  for (int time = 0; time < 3; ++time) {
    for (const std::string& word : words) {
      const std::vector<char> exact(word.begin(), word.end());  // nothing behind the text may be read
      ASSERT_EQ(tokenizer.encode_ids({exact.data(), exact.size()}), small().plain(word, PreTokenizer::gpt2)) << word;
    }
  }
}

TEST(Tokenizer, outlasts_more_words_than_it_remembers) {
  const Tokenizer tokenizer(small().spec(PreTokenizer::gpt2));
  const auto word = [](int i) {
    return " w" + std::to_string(i * 7919LL) + (i % 100 == 0 ? std::string(80, 'r') : "e");
  };
  std::string text, tail;
  for (int i = 0; i < 80'000; ++i) text += word(i);
  for (int i = 0; i < 500; ++i) tail += word(i * 100);
  const Tokens tokens = tokenizer.encode(text + tail);
  expect_complete(tokenizer, text + tail, tokens);
  EXPECT_EQ(tokens.ids, tokenizer.encode_ids(text + tail));
  const std::vector<TokenId> expected = small().plain(tail, PreTokenizer::gpt2);
  EXPECT_TRUE(std::equal(expected.rbegin(), expected.rend(), tokens.ids.rbegin()));
}

TEST(Tokenizer, gives_all_threads_the_same) {
  const Tokenizer tokenizer(small().spec(PreTokenizer::gpt2));
  std::mt19937 random(4);
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.push_back(random_text(random, 100));
  std::vector<std::vector<TokenId>> expected;
  for (const std::string& text : texts) expected.push_back(small().plain(text, PreTokenizer::gpt2));
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 3 * texts.size(); ++i) {
        const std::size_t k = (i * 7 + t * 50) % texts.size();
        wrong[t] += tokenizer.encode(texts[k]).ids != expected[k];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

// Of a conversation: what the template writes counts, what somebody has typed does not.
TEST(Tokenizer, takes_special_tokens_as_text_where_somebody_typed_them) {
  for (const bool normalized : {false, true}) {
    TokenizerSpec spec;
    for (const char* token : {"<", "|", ">", "e", "a", "b", "Ġ", "<|e|>", "<e>"}) spec.tokens.emplace_back(token);
    spec.pre = PreTokenizer::none;
    const TokenId end = 7, plain = 8;
    spec.added = {{.id = end, .special = true, .normalized = normalized, .lstrip = true}, {plain, false}};
    const Tokenizer tokenizer(spec);
    const auto ids = [&](std::string_view text, std::vector<std::uint64_t> typed) {
      return encode_conversation(tokenizer, text, typed).ids;
    };
    const std::vector<TokenId> as_text = {0, 1, 3, 1, 2};
    EXPECT_EQ(ids("<|e|>", {}), std::vector<TokenId>{end});
    EXPECT_EQ(ids("<|e|>", {0}), as_text);
    EXPECT_EQ(ids("a <|e|><|e|>", {2}), (std::vector<TokenId>{4, 6, 0, 1, 3, 1, 2, end})) << "with its space";
    EXPECT_EQ(ids("a <|e|><|e|>", {7}), (std::vector<TokenId>{4, end, 0, 1, 3, 1, 2}));
    EXPECT_EQ(ids("<e><|e|>", {0, 3}), (std::vector<TokenId>{plain, 0, 1, 3, 1, 2})) << "others always count";
    EXPECT_EQ(ids("<|e|>", {1, 3}), std::vector<TokenId>{end}) << "it is the beginning that counts";
    const Tokens tokens = encode_conversation(tokenizer, "b<|e|>", std::vector<std::uint64_t>{1});
    EXPECT_EQ(tokens.ranges.back(), (ByteRange{5, 6}));
  }
}

TEST(Tokenizer, finds_added_tokens_first_and_the_longest) {
  TokenizerSpec spec = small().spec(PreTokenizer::gpt2);
  const auto id = static_cast<TokenId>(spec.tokens.size());
  spec.tokens.insert(spec.tokens.end(), {"<a>", "<a><b>", "<end>"});
  spec.added = {{id, false}, {id + 1, false}, {id + 2, true}};
  const Tokenizer tokenizer(std::move(spec));
  const std::string_view text = "the<a><b><a> words<end>";
  const Tokens tokens = tokenizer.encode(text, true);
  expect_complete(tokenizer, text, tokens);
  std::vector<TokenId> added;
  for (const TokenId token : tokens.ids) {
    if (token >= id) added.push_back(token - id);
  }
  EXPECT_EQ(added, (std::vector<TokenId>{1, 0, 2}));
  const Tokens plain = tokenizer.encode(text);
  expect_complete(tokenizer, text, plain);
  EXPECT_LT(plain.ids.back(), id);
}

TEST(Tokenizer, does_not_count_a_space_put_before_the_text) {
  TokenizerSpec spec = small().spec(PreTokenizer::gpt2);
  spec.add_prefix_space = true;
  const Tokenizer tokenizer(std::move(spec));
  EXPECT_EQ(tokenizer.encode_ids("the words"), small().plain(" the words", PreTokenizer::gpt2));
  EXPECT_EQ(tokenizer.encode_ids(" the words"), small().plain(" the words", PreTokenizer::gpt2));
  const Tokens tokens = tokenizer.encode("the words");
  EXPECT_EQ(tokens.ranges.front().begin, 0u);
  EXPECT_EQ(tokens.ranges.back().end, 9u);
  for (std::size_t i = 1; i < tokens.size(); ++i) EXPECT_EQ(tokens.ranges[i].begin, tokens.ranges[i - 1].end);
}

TEST(Tokenizer, takes_a_word_whole_when_merges_are_ignored) {
  TokenizerSpec spec = small().spec(PreTokenizer::gpt2);
  spec.tokens.push_back("xqz");  // no merge makes it
  EXPECT_EQ(Tokenizer(spec).encode_ids("xqz").size(), 3u);
  spec.ignore_merges = true;
  EXPECT_EQ(Tokenizer(spec).encode_ids("xqz").size(), 1u);
  EXPECT_GT(Tokenizer(spec).encode_ids("xqzq").size(), 1u);
}

TEST(Tokenizer, refuses_a_byte_without_token) {
  const Tokenizer tokenizer(TokenizerSpec{.tokens = {"a", "b"}});
  EXPECT_EQ(tokenizer.encode_ids("ab"), (std::vector<TokenId>{0, 1}));
  EXPECT_THROW(tokenizer.encode("abc"), Error);
  EXPECT_EQ(tokenizer.encode_ids("ab"), (std::vector<TokenId>{0, 1}));
}

TEST(TokenizerOfMerges, names_the_merge_whose_parts_or_whole_are_not_there) {
  TokenizerSpec spec;
  spec.tokens = {"a", "b", "ab"};
  spec.merges = {{"a", "b"}};
  EXPECT_EQ(Tokenizer(spec).encode("ab").ids, std::vector<TokenId>{2});
  for (std::size_t missing = 0; missing < 3; ++missing) {
    TokenizerSpec lacking = spec;
    lacking.tokens[missing] = "x";
    EXPECT_THAT(refusal([&] { Tokenizer{lacking}; }),
                ::testing::HasSubstr("merge 0 ('a' + 'b') refers to a token that is not in the vocabulary"))
        << "without " << spec.tokens[missing];
  }
}

}  // namespace
}  // namespace embscope
