// Analogies: small worlds where the answer is known, file formats, and the set that ships.
#include "embscope/vocabulary/analogy.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "embscope/base/threads.h"
#include "embscope/vocabulary/similarity.h"
#include "embscope/vocabulary/words.h"
#include "forward/tiny.h"
#include "vocabulary/spaces.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Royalty along one axis, sex along another, and a word of neither.
Space royals() {
  return spaces::of({"man", "woman", "king", "queen", "apple"}, {5, 3},
                    {1, 0.1f, 0, 1, -0.1f, 0, 1, 0.1f, 1, 1, -0.1f, 1, -1, 0, 0.2f});
}

class Files : public ::testing::Test {
 protected:
  Files() { fs::create_directories(folder_); }
  ~Files() override { fs::remove_all(folder_); }
  fs::path file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  fs::path folder_ = fs::temp_directory_path() / fmt::format("embscope-analogy-{}", getpid());
};
using AnalogyFiles = Files;
using JudgementFiles = Files;

TEST(Analogy, KingLessManPlusWomanIsQueen) {
  const Table table = analogy(royals(), {"man", "king", "woman", {}}, 3);
  EXPECT_EQ(table.column("token").texts()[0], "queen");
  EXPECT_NEAR(table.column("cosine").numbers()[0], 1, 0.01);
  EXPECT_THROW(analogy(royals(), {"man", "king", "lady", {}}, 3), Error);
}

TEST(Analogies, SharesAreOfTheKnown) {
  const Relation relations[] = {
      {"gender",
       {{"man", "king", "woman", {"queen"}}, {"king", "man", "queen", {"woman"}}, {"man", "king", "lady", {"queen"}}}},
      {"empty", {{"x", "y", "z", {"w"}}}}};
  const Analogies found = analogies(royals(), relations);
  const auto numbers = [&](const char* name) { return found.relations.column(name).numbers(); };
  EXPECT_THAT(numbers("questions"), ElementsAre(3, 1, 4));
  EXPECT_THAT(numbers("known"), ElementsAre(2, 0, 2));
  EXPECT_EQ(numbers("add")[0], 1);
  EXPECT_EQ(numbers("mrr")[0], 1);
  EXPECT_TRUE(std::isnan(numbers("add")[1]));
  EXPECT_THAT(found.unknown, ElementsAre("lady", "x", "y", "z", "w"));
  EXPECT_THAT(found.verdict, HasSubstr("king - man + woman is nearest to 'queen'"));
  const Relation unknown[] = {{"none", {{"x", "y", "z", {"w"}}}}};
  EXPECT_THROW(analogies(royals(), unknown), Error);
}

TEST(Analogies, AreThePlainDefinitionQuestionByQuestion) {
  Space a = spaces::open("a");
  for (std::size_t i = 0; i < a.labels.size(); ++i) a.labels[i] = fmt::format("w{}", i);
  Relation relation{"all", {}};
  for (int q = 0; q < 40; ++q)
    relation.questions.push_back({fmt::format("w{}", q),
                                  fmt::format("w{}", q + 7),
                                  fmt::format("w{}", 2 * q + 1),
                                  {fmt::format("w{}", 89 - q)}});
  const Analogies found = analogies(a, {&relation, 1});
  const auto cos = [&](std::int64_t i, std::int64_t j) { return cosine(a.vectors.row(i), a.vectors.row(j)); };
  for (std::int64_t q = 0; q < 40; ++q) {
    const std::int64_t words[] = {q, q + 7, 2 * q + 1}, answer = 89 - q;
    const auto score = [&](std::int64_t x) { return cos(x, words[1]) - cos(x, words[0]) + cos(x, words[2]); };
    std::int64_t best = -1, above = 0;
    for (std::int64_t x = 0; x < a.size(); ++x) {
      if (std::ranges::find(words, x) != std::end(words)) continue;
      if (best < 0 || score(x) > score(best)) best = x;
      above += score(x) > score(answer) ? 1 : 0;
    }
    EXPECT_EQ(found.questions.column("add").texts()[static_cast<std::size_t>(q)],
              a.labels[static_cast<std::size_t>(best)])
        << q;
    EXPECT_EQ(found.questions.column("rank").numbers()[static_cast<std::size_t>(q)], static_cast<double>(above + 1))
        << q;
  }
}

TEST(Analogies, AWordInAnotherCaseIsTheSameWordUnlessAskedForExactly) {
  const Space space = spaces::of({"man", "woman", "king", "King", "queen"}, {5, 3},
                                 {1, 0.1f, 0, 1, -0.1f, 0, 1, 0.1f, 1, 1, -0.18f, 1, 1, -0.4f, 1});
  const Relation relation{"gender", {{"man", "king", "woman", {"queen"}}}};
  EXPECT_EQ(analogies(space, {&relation, 1}).questions.column("add").texts()[0], "queen");
  EXPECT_EQ(analogies(space, {&relation, 1}, {.fold = false}).questions.column("add").texts()[0], "King");
}

TEST(Analogies, DoNotDependOnThreadsAndCanStop) {
  const Space space = royals();
  const Relation relation{"gender", {{"man", "king", "woman", {"queen"}}}};
  const int before = threads();
  set_threads(1);
  const std::string one = analogies(space, {&relation, 1}).questions.csv();
  set_threads(3);
  EXPECT_EQ(analogies(space, {&relation, 1}).questions.csv(), one);
  set_threads(before);
  EXPECT_THROW(analogies(space, {&relation, 1}, {}, [](double, std::string_view) { return false; }), Error);
}

TEST(ShippedRelations, AreFourteenAndAThousandAtLeast) {
  const auto relations = shipped_relations();
  std::size_t questions = 0;
  for (const Relation& relation : relations) questions += relation.questions.size();
  EXPECT_GE(relations.size(), 14u);
  EXPECT_GE(questions, 1000u);
  EXPECT_GE(shipped_categories().size(), 4u);
}

TEST_F(AnalogyFiles, GooglesQuestionsAndPairs) {
  const auto relations = read_relations(file(
      "q.txt",
      "# ours\n: capital-common-countries\nAthens Greece Paris France\r\n: plural\ncat cats\ndog dogs\nman men\n"));
  ASSERT_EQ(relations.size(), 2u);
  EXPECT_EQ(relations[0].questions[0].c, "Paris");
  EXPECT_THAT(relations[0].questions[0].answers, ElementsAre("France"));
  EXPECT_EQ(relations[1].questions.size(), 6u) << "every ordered choice of two of three pairs";
}

TEST_F(AnalogyFiles, BatsFolders) {
  file("I01 [noun - plural].txt", "album\talbums\nchild\tchildren/kids\n");
  file("L02.txt", "cat\tfeline\ndog\tcanine\n");
  const auto relations = read_relations(folder_);
  ASSERT_EQ(relations.size(), 2u);
  EXPECT_EQ(relations[0].name, "I01 [noun - plural]");
  EXPECT_THAT(relations[0].questions[0].answers, ElementsAre("children", "kids"));
  EXPECT_EQ(relations[0].questions[1].b, "children");
}

TEST_F(AnalogyFiles, WhatIsNoFileOfQuestions) {
  const auto error_of = [&](const std::string& text) {
    try {
      read_relations(file("bad.txt", text));
    } catch (const Error& error) { return error.message(); }
    return std::string("read");
  };
  EXPECT_EQ(error_of(": x\na b c\n"), "line 2: 3 words: 2 (a pair) or 4 (a question) are needed");
  EXPECT_EQ(error_of(""), "holds no questions: at least 2 pairs or one line of 4 words");
  EXPECT_EQ(error_of("a\tb\nc\n"), "line 2: expected 'word<tab>answer/answer'");
}

TEST(Spearman, SharesRanksAmongTies) {
  const auto x = spaces::numbers(spaces::expected().at("x")), y = spaces::numbers(spaces::expected().at("y"));
  EXPECT_NEAR(spearman(x, y), spaces::expected().at("spearman").as_double(), 1e-12);
  EXPECT_TRUE(std::isnan(spearman(std::vector<double>{1, 1}, std::vector<double>{1, 2})));
  EXPECT_THROW(spearman(x, std::vector<double>{1}), Error);
}

TEST_F(JudgementFiles, WordSimAndSimLex) {
  const auto wordsim =
      read_judgements(file("combined.csv", "Word 1,Word 2,Human (mean)\nlove,sex,6.77\ntiger,cat,7.35\r\n"));
  ASSERT_EQ(wordsim.size(), 2u);
  EXPECT_EQ(wordsim[1].b, "cat");
  EXPECT_EQ(wordsim[1].score, 7.35);
  const auto simlex =
      read_judgements(file("SimLex-999.txt", "word1\tword2\tPOS\tSimLex999\tconc(w1)\nold\tnew\tA\t1.58\t2.72\n"));
  ASSERT_EQ(simlex.size(), 1u);
  EXPECT_EQ(simlex[0].score, 1.58);
  EXPECT_THROW(read_judgements(file("bad", "a b 1\nc d x\n")), Error);
  EXPECT_THROW(read_judgements(file("bad", "")), Error);
}

TEST(Judge, CountsWhatItKnows) {
  const Judgement judgements[] = {{"man", "woman", 9}, {"king", "queen", 8}, {"man", "apple", 1}, {"man", "lady", 5}};
  const JudgementFit found = judge(royals(), judgements);
  EXPECT_EQ(found.known, 3);
  EXPECT_EQ(found.asked, 4);
  EXPECT_THAT(found.unknown, ElementsAre("lady"));
  EXPECT_GT(found.spearman, 0);
  EXPECT_THROW(judge(royals(), std::span(judgements).subspan(2)), Error);
}

TEST(Separate, SilhouettesAreThoseOfScikitLearn) {
  Space a = spaces::open("a");
  std::vector<Category> categories(6);
  for (std::size_t i = 0; i < 90; ++i) {
    a.labels[i] = fmt::format("w{}", i);
    categories[i / 15].name = fmt::format("group {}", i / 15);
    categories[i / 15].words.push_back(a.labels[i]);
  }
  categories[0].words.push_back("absent");
  const Separation found = separate(a, categories);
  const auto expected = spaces::numbers(spaces::expected().at("silhouette"));
  for (std::size_t i = 0; i < 90; ++i) EXPECT_NEAR(found.words.column("silhouette").numbers()[i], expected[i], 1e-9);
  EXPECT_THAT(found.unknown, ElementsAre("absent"));
  EXPECT_EQ(found.categories.column("known").numbers().back(), 90);
  EXPECT_EQ(found.between.rows(), 36u);
}

TEST(OddOneOut, IsTheWordFarFromTheOthers) {
  const std::vector<std::string> words = {"man", "apple", "king", "woman"};
  EXPECT_EQ(odd_one_out(royals(), words).column("word").texts()[0], "apple");
  EXPECT_THROW(odd_one_out(royals(), std::span(words).first(2)), Error);
}

}  // namespace
}  // namespace embscope
