// The choice of tokens, exact in small cases and right in its shares; stop words; full contexts; conversations.
#include "embscope/runs/generate.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <gmock/gmock.h>

#include "embscope/runs/conversation.h"
#include "embscope/runs/predict.h"
#include "forward/tiny.h"
#include "refusal.h"
#include "runs/sampler.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Probabilities 0.4, 0.3, 0.2, 0.1 of the ids 2, 0, 3, 1.
std::vector<float> logits_of(std::initializer_list<double> p) {
  std::vector<float> logits;
  for (double x : p) logits.push_back(static_cast<float>(std::log(x)));
  return logits;
}
const std::vector<float> four = logits_of({0.3, 0.1, 0.4, 0.2});

std::vector<std::pair<TokenId, double>> among(const GenerateRequest& s, std::vector<TokenId> text = {}) {
  std::vector<std::pair<TokenId, double>> out;
  for (const Candidate& c : candidates(four, text, s)) out.emplace_back(c.id, std::round(c.probability * 1e4) / 1e4);
  return out;
}

GenerateRequest with(void (*change)(GenerateRequest&)) {
  GenerateRequest s;
  s.temperature = 1;
  change(s);
  return s;
}

TEST(Candidates, of_each_choice_alone) {
  using P = std::pair<TokenId, double>;
  EXPECT_THAT(among(with([](GenerateRequest&) {})), ElementsAre(P{2, 0.4}, P{0, 0.3}, P{3, 0.2}, P{1, 0.1}));
  EXPECT_THAT(among(with([](GenerateRequest& s) { s.top_k = 2; })), ElementsAre(P{2, 0.5714}, P{0, 0.4286}));
  EXPECT_THAT(among(with([](GenerateRequest& s) { s.top_p = 0.65; })), ElementsAre(P{2, 0.5714}, P{0, 0.4286}));
  EXPECT_THAT(among(with([](GenerateRequest& s) { s.top_p = 1e-9; })), ElementsAre(P{2, 1}));
  EXPECT_THAT(among(with([](GenerateRequest& s) { s.min_p = 0.4; })),
              ElementsAre(P{2, 0.4444}, P{0, 0.3333}, P{3, 0.2222}));
  EXPECT_THAT(among(with([](GenerateRequest& s) { s.min_p = 1; })), ElementsAre(P{2, 1}));
  EXPECT_THAT(among(with([](GenerateRequest& s) { s.temperature = 0.5; })),
              ElementsAre(P{2, 0.5333}, P{0, 0.3}, P{3, 0.1333}, P{1, 0.0333}));
}

TEST(Candidates, of_the_choices_in_their_order) {
  using P = std::pair<TokenId, double>;
  // Of three, the shares are 0.444, 0.333, 0.222: two hold 0.7, which of all four would take three.
  EXPECT_THAT(among(with([](GenerateRequest& s) { s.top_k = 3, s.top_p = 0.7; })),
              ElementsAre(P{2, 0.5714}, P{0, 0.4286}));
  // At temperature 0.5 token 3 has 0.25 of the likeliest's probability, before it 0.5.
  EXPECT_THAT(among(with([](GenerateRequest& s) { s.temperature = 0.5, s.min_p = 0.4; })),
              ElementsAre(P{2, 0.64}, P{0, 0.36}));
}

TEST(Candidates, with_a_repetition_penalty_are_those_of_changed_logits) {
  GenerateRequest s = with([](GenerateRequest& one) { one.repetition_penalty = 2; });
  const std::vector<float> logits = {2, -1, 0, 4};
  const std::vector<TokenId> text = {3, 1, 3};
  const auto found = candidates(logits, text, s);
  const auto p = softmax(std::vector<float>{2, -2, 0, 2});
  ASSERT_EQ(found.size(), 4u);
  for (const Candidate& c : found) EXPECT_NEAR(c.probability, p[static_cast<std::size_t>(c.id)], 1e-12);
  EXPECT_THAT(std::vector<TokenId>({found[0].id, found[1].id}), ElementsAre(0, 3));
  s.temperature = 0;
  EXPECT_EQ(Sampler(s).next(logits, text), 0);
  s.repetition_penalty = 1;
  EXPECT_EQ(Sampler(s).next(logits, text), 3);
}

TEST(Sampler, draws_in_the_shares_of_its_candidates) {
  const GenerateRequest s = with([](GenerateRequest& one) { one.top_k = 3; });
  Sampler sampler(s);
  constexpr int draws = 20'000;
  std::map<TokenId, int> count;
  for (int i = 0; i < draws; ++i) ++count[sampler.next(four, {})];
  EXPECT_EQ(count.size(), 3u);
  for (const Candidate& c : candidates(four, {}, s)) {
    const double spread = std::sqrt(c.probability * (1 - c.probability) * draws);
    EXPECT_NEAR(count[c.id], c.probability * draws, 4 * spread) << c.id;
  }
}

TEST(Sampler, of_a_seed_repeats_itself) {
  const GenerateRequest s = with([](GenerateRequest& one) { one.seed = 7; });
  Sampler a(s), b(s);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(four, {}), b.next(four, {}));
}

TEST(GenerateRequest, that_is_none_is_refused) {
  const std::pair<void (*)(GenerateRequest&), const char*> cases[] = {
      {[](GenerateRequest& s) { s.min_p = -0.1; }, "min-p"},
      {[](GenerateRequest& s) { s.min_p = NAN; }, "min-p"},
      {[](GenerateRequest& s) { s.repetition_penalty = 0; }, "repetition penalty"},
      {[](GenerateRequest& s) { s.repetition_penalty = INFINITY; }, "repetition penalty"},
      {[](GenerateRequest& s) { s.stop = {""}; }, "stop word"},
      {[](GenerateRequest& s) { s.stop.assign(65, "x"); }, "64 stop words"},
      {[](GenerateRequest& s) { s.shift = true, s.edits = {{.positions = {1}}}; }, "positions"},
  };
  for (const auto& [change, message] : cases) EXPECT_THAT(refusal([&] { check(with(change)); }), HasSubstr(message));
  GenerateRequest greedy;
  EXPECT_THAT(refusal([&] { candidates(four, {}, greedy); }), HasSubstr("temperature"));
}

class Generate : public ::testing::Test {
 protected:
  Generate() : model_(tiny::open("tiny-gpt2")), transformer_(model_) {}

  // What greedy text would be without its stop words, and where they would end it.
  std::string plain(int tokens) const {
    GenerateRequest s;
    s.tokens = tokens;
    s.temperature = 2;
    return continue_text(transformer_, "The cat", s).text;
  }
  Generated stopped(std::vector<std::string> stop, std::string* told = nullptr) const {
    GenerateRequest s;
    s.tokens = 40;
    s.temperature = 2;
    s.stop = std::move(stop);
    return continue_text(transformer_, "The cat", s, [told](TokenId, std::string_view bytes, double) {
      if (told != nullptr) *told += bytes;
      return true;
    });
  }

  std::shared_ptr<const Model> model_;
  Transformer transformer_;
};

TEST_F(Generate, ends_before_a_stop_word_wherever_tokens_cut_it) {
  const std::string whole = plain(40);
  ASSERT_GT(whole.size(), 12u);
  for (std::size_t at = 0; at + 6 < whole.size(); ++at) {
    for (std::size_t size : {1u, 2u, 5u}) {
      const std::string stop = whole.substr(at, size);
      std::string told;
      const Generated made = stopped({"not there", stop}, &told);
      EXPECT_EQ(made.text, whole.substr(0, whole.find(stop))) << stop;
      EXPECT_EQ(told, made.text);
      EXPECT_EQ(made.ended, Ended::stop_word);
    }
  }
}

TEST_F(Generate, sends_everything_where_no_stop_word_comes) {
  std::string told;
  const std::string whole = plain(40);
  const Generated made = stopped({whole.substr(whole.size() - 3) + "x", "~~~"}, &told);
  EXPECT_EQ(made.text, whole);
  EXPECT_EQ(told, whole);
  EXPECT_EQ(made.ended, Ended::tokens);
}

TEST_F(Generate, says_that_the_context_is_full_or_shifts_it) {
  GenerateRequest s;
  s.tokens = 200;
  const Generated full = continue_text(transformer_, "The cat", s);
  ASSERT_EQ(full.ended, Ended::context);
  EXPECT_EQ(static_cast<std::int64_t>(full.ids.size()) + 2, model_->config().context + 1);
  s.shift = true;
  const Generated more = continue_text(transformer_, "The cat", s);
  EXPECT_EQ(more.ended, Ended::tokens);
  EXPECT_EQ(more.ids.size(), 200u);
  EXPECT_TRUE(std::equal(full.ids.begin(), full.ids.end(), more.ids.begin()));
}

TEST_F(Generate, behind_a_shift_goes_on_as_its_later_half_would) {
  GenerateRequest s;
  s.tokens = 100;
  s.shift = true;
  const auto start = model_->tokenizer().with_bos("The cat").ids;
  const Generated made = continue_tokens(transformer_, start, s);
  std::vector<TokenId> text = start;
  text.insert(text.end(), made.ids.begin(), made.ids.end());
  const auto context = static_cast<std::ptrdiff_t>(model_->config().context);
  const std::vector<TokenId> half(text.begin() + context + 1 - context / 2, text.begin() + context + 1);
  GenerateRequest one;
  one.tokens = 10;
  EXPECT_TRUE(std::ranges::equal(continue_tokens(transformer_, half, one).ids,
                                 std::span(text).subspan(static_cast<std::size_t>(context) + 1, 10)));
}

TEST_F(Generate, goes_on_from_what_was_run) {
  GenerateRequest s;
  s.tokens = 5;
  GenerationState running;
  const auto start = model_->tokenizer().encode("The cat is").ids;
  const Generated first = continue_tokens(transformer_, start, s, {}, &running);
  std::vector<TokenId> text = start;
  text.insert(text.end(), first.ids.begin(), first.ids.end());
  for (TokenId id : model_->tokenizer().encode(" a dog").ids) text.push_back(id);
  const double before = transformer_.spent().asked;
  const auto again = continue_tokens(transformer_, text, s, {}, &running);
  const double cost = transformer_.spent().asked - before;
  EXPECT_EQ(again.ids, continue_tokens(transformer_, text, s).ids);
  EXPECT_LT(cost, transformer_.spent().asked - before - cost);
  EXPECT_EQ(static_cast<std::int64_t>(running.ids.size()), running.cache.positions());
}

class Talk : public Generate {
 protected:
  static ChatTemplate form() { return ChatTemplate("{% for m in messages %}{{ m.content }}. {% endfor %}"); }
  static GenerateRequest short_answers(bool shift = false) {
    GenerateRequest s;
    s.tokens = 8;
    s.shift = shift;
    return s;
  }
};

TEST_F(Talk, answers_as_a_whole_run_of_the_conversation_would) {
  Conversation talk(transformer_, form(), short_answers());
  talk.begin({{"system", "The dog"}});
  const Generated one = talk.say("a cat");
  EXPECT_EQ(one.ids, continue_text(transformer_, "The dog. a cat. ", short_answers()).ids);
  const Generated two = talk.say("is");
  EXPECT_EQ(two.ids, continue_text(transformer_, "The dog. a cat. " + one.text + ". is. ", short_answers()).ids);
  ASSERT_EQ(talk.messages().size(), 5u);
  EXPECT_EQ(talk.messages()[2].role, "assistant");
  EXPECT_EQ(talk.messages()[2].content, one.text);
}

TEST_F(Talk, has_edits_in_force_in_every_answer) {
  const auto zero = [&](const Prompt& prompt) {
    return std::vector<Edit>{parse_edit("blocks.0.mlp_out zero", transformer_, prompt)};
  };
  Conversation talk(transformer_, form(), short_answers(), zero), other(transformer_, form(), short_answers());
  GenerateRequest edited = short_answers();
  edited.edits = zero({});
  const Generated one = talk.say("The cat");
  EXPECT_EQ(one.ids, continue_text(transformer_, "The cat. ", edited).ids);
  EXPECT_NE(one.ids, other.say("The cat").ids);
  EXPECT_EQ(talk.say("is").ids, continue_text(transformer_, "The cat. " + one.text + ". is. ", edited).ids);
}

TEST_F(Talk, that_does_not_fit_is_refused_and_stays_or_forgets_the_oldest) {
  const std::string long_message(40, 'a');
  Conversation strict(transformer_, form(), short_answers());
  strict.begin({{"system", "The"}});
  strict.say(long_message);
  const auto before = strict.messages().size();
  EXPECT_THAT(refusal([&] { strict.say(long_message); }), HasSubstr("the conversation has"));
  EXPECT_EQ(strict.messages().size(), before);
  EXPECT_NO_THROW(strict.say("b"));
  Conversation forgetful(transformer_, form(), short_answers(true));
  forgetful.begin({{"system", "The"}});
  forgetful.say(long_message);
  forgetful.say(long_message);
  EXPECT_EQ(forgetful.forgotten(), 2);
  EXPECT_EQ(forgetful.messages()[0].role, "system");
  EXPECT_EQ(forgetful.messages().size(), 3u);
  EXPECT_THAT(refusal([&] { forgetful.say(std::string(100, 'b')); }), HasSubstr("the conversation has"));
}

// The letters and < | >, and the special token <|e|> of a template.
class Injected : public ::testing::Test {
 protected:
  Injected() {
    tiny::copy_reference("tiny-gpt2", folder_.path());
    tiny::write(folder_.path() / "tokenizer.json", R"({"model": {"type": "BPE", "merges": [],
      "vocab": {"<": 0, "|": 1, ">": 2, "e": 3, "a": 4, "b": 5, " ": 6, "/": 7, "s": 8}},
      "added_tokens": [{"id": 9, "content": "<|e|>", "special": true}, {"id": 10, "content": "</s>", "special": true}]})");
    model_ = Model::open(folder_.path().string());
  }
  std::vector<TokenId> ids(const std::string& form, const std::vector<Message>& messages) const {
    return conversation_prompt(*model_, ChatTemplate(form), messages).tokens.ids;
  }

  tiny::Folder folder_;
  std::shared_ptr<const Model> model_;
  const std::string form_ = "{% for m in messages %}<|e|>{{ m.content | trim }}<|e|>{% endfor %}";
};

TEST_F(Injected, special_tokens_that_somebody_typed_are_text_in_a_conversation) {
  EXPECT_THAT(ids(form_, {{"user", "a"}}), ElementsAre(9, 4, 9));
  EXPECT_THAT(ids(form_, {{"user", "a<|e|> "}}), ElementsAre(9, 4, 0, 1, 3, 1, 2, 9));
  EXPECT_THAT(ids(form_, {{"user", "<|e|><|e|>"}}), ElementsAre(9, 0, 1, 3, 1, 2, 0, 1, 3, 1, 2, 9));
  EXPECT_THAT(ids(form_, {{"system", "<|e|>"}, {"user", "b"}}), ElementsAre(9, 0, 1, 3, 1, 2, 9, 9, 5, 9));
  EXPECT_THAT(ids(form_, {{"user", "a"}, {"assistant", "<|e|>b"}}), ElementsAre(9, 4, 9, 9, 9, 5, 9))
      << "the model has written it";
  EXPECT_THAT(ids("{{ messages[0].content }}<|e|>{{ messages[0].content }}", {{"user", "<|e|>"}}),
              ElementsAre(0, 1, 3, 1, 2, 9, 0, 1, 3, 1, 2));
}

TEST_F(Injected, a_message_whose_special_tokens_the_template_looks_at_is_refused) {
  const std::string splits = "{{ messages[0].content.split('</s>')[-1] }}<|e|>";
  EXPECT_THAT(ids(splits, {{"user", "a"}}), ElementsAre(4, 9));
  EXPECT_THAT(refusal([&] {
                ids(splits, {{"user", "a</s>b"}});
              }),
              HasSubstr("a message of the user has a special token"));
  const std::string upper = "{{ messages[0].content | lower }}<|e|>";
  EXPECT_THAT(refusal([&] { ids(upper, {{"user", "a</s>b"}}); }), HasSubstr("leave the token out"));
}

TEST(ChatFiles, say_the_template_and_the_ends) {
  const tiny::Folder folder;
  tiny::copy_reference("tiny-gpt2", folder.path());
  tiny::write_tokenizer(folder.path());
  const auto open = [&] { return Model::open(folder.path().string()); };
  EXPECT_THAT(refusal([&] { chat_template(*open()); }), HasSubstr("has no chat template"));
  tiny::write(
      folder.path() / "tokenizer_config.json",
      R"({"eos_token": {"content": "a"}, "sep_token": "b", "chat_template": [{"name": "tool_use", "template": "no"},
                  {"name": "default", "template": "{{ eos_token }}{{ sep_token }}{{ messages[0].content }}"}]})");
  const std::vector<Message> one = {{"user", "The cat"}};
  EXPECT_EQ(chat_template(*open()).render(one), "abThe cat");
  tiny::write(folder.path() / "chat_template.jinja", "{{ messages[0].role }}\n");
  EXPECT_EQ(chat_template(*open()).render(one), "user");
  tiny::write(folder.path() / "special_tokens_map.json", R"({"sep_token": {"content": "c"}})");
  std::filesystem::remove(folder.path() / "chat_template.jinja");
  EXPECT_EQ(chat_template(*open()).render(one), "acThe cat") << "as transformers has it";
  tiny::write(folder.path() / "tokenizer_config.json",
              R"({"chat_template": [{"name": "tool_use", "template": "no"}, {"name": "rag", "template": "no"}]})");
  EXPECT_THAT(refusal([&] { chat_template(*open()); }), HasSubstr("named tool_use, rag and none named default"));
  tiny::write(folder.path() / "generation_config.json", R"({"eos_token_id": [5, 6]})");
  const auto ends = end_tokens(*open());
  EXPECT_TRUE(ends.contains(5) && ends.contains(6));
  tiny::write(folder.path() / "chat_template.jinja", "{% include 'x' %}");
  EXPECT_THAT(refusal([&] { chat_template(*open()); }), HasSubstr("include"));
}

}  // namespace
}  // namespace embscope
