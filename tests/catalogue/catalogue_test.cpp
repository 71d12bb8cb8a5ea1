// The catalogue says of itself what is true, and reads what clients give.
#include "embscope/catalogue/catalogue.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <gmock/gmock.h>

#include "embscope/files/archive.h"
#include "forward/tiny.h"
#include "refusal.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Tiny : public Subject {
 public:
  Tiny() : model_(tiny::open("tiny-gpt2")), transformer_(model_) {}
  const Transformer& transformer() const override { return transformer_; }
  const Model& model() const override { return *model_; }
  const Space& space() const override {
    if (!space_) space_ = std::make_unique<const Space>(space_of(model_));
    return *space_;
  }

 private:
  std::shared_ptr<const Model> model_;
  Transformer transformer_;
  mutable std::unique_ptr<const Space> space_;
};

/// Vectors with labels, and no model.
class Vectors : public Subject {
 public:
  Vectors() {
    space_.name = "vectors";
    space_.vectors = Tensor({5, 2});
    const float values[] = {0, 0, 1, 0.1F, 0.9F, 0.2F, 0.1F, 1, 0, 0.9F};
    std::ranges::copy(values, space_.vectors.values().begin());
    space_.labels = {"<pad>", "cat", "dog", "car", "bus"};
  }
  const Transformer& transformer() const override { throw Error(Code::unsupported, "model", "none"); }
  const Model& model() const override { throw Error(Code::unsupported, "model", "none"); }
  const Space& space() const override { return space_; }
  bool has_model() const override { return false; }

 private:
  Space space_;
};

Value::List words(std::initializer_list<const char*> list) {
  Value::List values;
  for (const char* word : list) values.push_back({std::string(word)});
  return values;
}

std::string file_of(const char* name, std::string_view text) {
  const auto path = std::filesystem::path(::testing::TempDir()) / (std::string("catalogue-") + name);
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

const std::filesystem::path& folder() {
  static const tiny::Folder folder;
  return folder.path();
}

Value text_of(const char* text) { return {std::string(text)}; }

Values training(const char* out) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += "abcdefgh";
  Values values = {{"text", {text}}, {"out", {(folder() / out).string()}}};
  for (const char* size : {"layers", "heads", "batch", "steps", "snapshot"}) values[size] = {std::int64_t{1}};
  for (const char* size : {"width", "context"}) values[size] = {std::int64_t{4}};
  return values;
}

/// A run that was trained, and activations that were written.
std::string run_folder() {
  static const AnalysisResult made = analysis_named("train")->ask(training("run")).run(Vectors(), {});
  return (folder() / "run").string();
}

std::string activations() {
  const Tensor values({1, 48});
  const std::vector<std::int64_t> ids = {1};
  const std::vector<NamedArray> arrays = {{"wte", values.shape(), values.values()},
                                          {"ids", {1}, std::span<const std::int64_t>(ids)}};
  write_arrays(folder() / "a.npz", arrays);
  return (folder() / "a.npz").string();
}

// The questions that name files, folders and other models.
std::map<std::string_view, Values> questions_with_files() {
  Values seeds = training("runs");
  seeds["seeds"] = {Value::List{{std::int64_t{1}}, {std::int64_t{2}}}};
  const Value other = {std::shared_ptr<const Subject>(std::make_shared<Tiny>())};
  return {{"compare", {{"other", other}, {"k", {std::int64_t{2}}}}},
          {"compare_sites", {{"text", text_of("The cat is a dog")}, {"sites", {words({"blocks.0.resid_post"})}}}},
          {"verify", {{"against", {activations()}}}},
          {"quantisation", {{"reference", other}}},
          {"extract",
           {{"corpus", {file_of("corpus.txt", "The cat\n")}},
            {"folder", {(folder() / "extracted").string()}},
            {"sites", {words({"wte"})}}}},
          {"generate", {{"text", text_of("The cat")}, {"tokens", {std::int64_t{2}}}}},
          {"train", training("another")},
          {"resume", {{"out", {run_folder()}}}},
          {"train_seeds", seeds},
          {"train_tokenizer", {{"text", text_of("a cat and a cat")}, {"folder", {(folder() / "bpe").string()}}}},
          {"growth", {{"run", {run_folder()}}, {"method", text_of("pca")}, {"mapped", {std::int64_t{2}}}}}};
}

// A small question for each, which a new analysis needs too.
std::map<std::string_view, Values> questions() {
  const std::string text = "The cat is a dog";
  const Values mix = {{"text", {text}},
                      {"replace", {std::string(" cat")}},
                      {"with", {words({" dog"})}},
                      {"targets", {words({" a", " is"})}},
                      {"steps", {std::int64_t{3}}}};
  const Values pair = {{"clean", {text}},
                       {"corrupt", {std::string("The dog is a dog")}},
                       {"target", {std::string(" a")}},
                       {"against", {std::string(" is")}}};
  const Values two = {{"words", {words({" cat", " dog"})}}};
  return {{"mix", mix},
          {"toy", {}},
          {"models", {}},
          {"families", {}},
          {"vectors", two},
          {"cosine", two},
          {"similar", {{"word", {std::string(" cat")}}, {"k", {std::int64_t{3}}}}},
          {"neighbours", {{"k", {std::int64_t{2}}}}},
          {"heatmap", {}},
          {"geometry", {{"k", {std::int64_t{2}}}}},
          {"pairs", {}},
          {"quantiles", {}},
          {"dimensions", {}},
          {"spectrum", {}},
          {"norms", {}},
          {"hubs", {{"k", {std::int64_t{2}}}}},
          {"undertrained", {{"unused", {std::string("0:3")}}}},
          {"analogies", {{"file", {file_of("q.txt", ": kind\n cat  dog  is  a\n")}}}},
          {"analogy", {{"a", {std::string(" cat")}}, {"b", {std::string(" dog")}}, {"c", {std::string(" is")}}}},
          {"judgements", {{"file", {file_of("j.txt", " cat, dog,9\n dog, is,2\n is, a,4\n")}}}},
          {"categories", {{"file", {file_of("c.txt", ": one\n cat\n dog\n: two\n is\n a\n")}}}},
          {"odd_one_out", {{"words", {words({" cat", " dog", " is"})}}}},
          {"map", {{"tokens", {std::string("0:12")}}, {"perplexity", {2.0}}, {"steps", {std::int64_t{9}}}}},
          {"mix_every_block", mix},
          {"edit", {{"text", {text}}, {"edits", {words({"wte@1 zero"})}}}},
          {"patch", pair},
          {"patch_agreement", pair},
          {"steer",
           {{"text", {text}},
            {"towards", {words({"The cat"})}},
            {"away", {words({"The dog"})}},
            {"tokens", {std::int64_t{2}}}}}};
}

Values question_of(const Analysis& analysis) {
  auto all = questions();
  all.merge(questions_with_files());
  const auto found = all.find(analysis.about().name);
  return found == all.end() ? Values{{"text", {std::string("The cat is a dog")}}} : found->second;
}

TEST(Catalogue, every_analysis_answers_what_it_says) {
  const Tiny on;
  for (const Analysis* analysis : analyses()) {
    SCOPED_TRACE(analysis->about().name);
    if (analysis->about().name == "chat") continue;  // the tiny model has no template: tests/cli/generate_test.py
    if (analysis->about().name == "tour") continue;  // it trains a model: tests/cli/cli_test.py
    const AnalysisResult found = analysis->ask(question_of(*analysis)).run(on, {});
    ASSERT_EQ(found.parts().size(), analysis->parts().size());
    for (std::size_t i = 0; i < found.parts().size(); ++i) {
      const auto& [name, thing] = found.parts()[i];
      const Part& part = analysis->parts()[i];
      EXPECT_EQ(name, part.name);
      EXPECT_EQ(std::holds_alternative<Table>(thing), part.kind == Kind::table) << name;
      EXPECT_EQ(std::holds_alternative<AnalysisResult::Draw>(thing), part.kind == Kind::figure) << name;
      EXPECT_EQ(std::holds_alternative<AnalysisResult::Arrays>(thing), part.kind == Kind::arrays) << name;
      if (part.kind != Kind::figure) continue;
      EXPECT_THAT(found.figure(name).spec, HasSubstr("vega-lite"));
    }
  }
}

TEST(Catalogue, names_are_said_once_and_flags_belong_to_a_command) {
  std::set<std::string_view> names;
  for (const Analysis* analysis : analyses()) {
    const auto& about = analysis->about();
    EXPECT_TRUE(names.insert(about.name).second) << about.name;
    EXPECT_EQ(analysis_named(about.name), analysis);
    if (!about.flag.empty()) {  // a form of a command that is another's own
      EXPECT_TRUE(std::ranges::any_of(analyses(), [&](const Analysis* other) {
        return other->about().flag.empty() && command_of(*other) == about.command;
      })) << about.name;
    }
    std::set<std::string_view> fields;
    for (const Field& field : analysis->fields()) {
      EXPECT_TRUE(fields.insert(field.name).second) << about.name << " " << field.name;
      if (!field.old.empty()) { EXPECT_TRUE(fields.insert(field.old).second) << about.name << " " << field.old; }
      EXPECT_FALSE(field.what.empty()) << about.name << " " << field.name;
    }
  }
  EXPECT_EQ(analysis_named("none"), nullptr);
}

std::string refused(std::string_view name, Values more) {
  const Analysis& analysis = *analysis_named(name);
  Values values = question_of(analysis);
  for (auto& [field, value] : more) values[field] = value;
  return refusal([&] { analysis.ask(values); });
}

TEST(Catalogue, what_a_client_gives_is_checked_and_the_place_is_the_field) {
  EXPECT_EQ(refusal([] { analysis_named("trace")->ask({}); }), "[text] is missing");
  EXPECT_THAT(refused("trace", {{"words", {true}}}),
              HasSubstr("[words] no such field of trace: it has text, position, top"));
  EXPECT_EQ(refused("trace", {{"top", {std::int64_t{0}}}}), "[top] 0: choose 1 to 1000");
  EXPECT_EQ(refused("trace", {{"top", {1.5}}}), "[top] must be a whole number");
  EXPECT_EQ(refused("trace", {{"top", {2.0}}}), "no error");  // what JSON cannot tell apart
  EXPECT_EQ(refused("trace", {{"position", {std::int64_t{1} << 40}}}),
            "[position] 1099511627776: too large or too small");
  EXPECT_EQ(refused("trace", {{"text", {true}}}), "[text] must be a text in quotes");
  EXPECT_EQ(refused("predict", {{"k", {std::int64_t{0}}}}), "[k] 0: choose at least 1");
  EXPECT_EQ(refused("steer", {{"temperature", {NAN}}}), "[temperature] must be a number");
  EXPECT_EQ(refused("steer", {{"away", {Value::List{}}}}), "[towards, away] name at least one text for each");
  EXPECT_EQ(refused("steer", {{"strengths", {Value::List(65, {1.0})}}}), "[strengths] 65 of them: at most 64");
  EXPECT_EQ(refused("attribute", {{"sorted", {std::int64_t{1}}}}), "[sorted] must be true or false");
  EXPECT_EQ(refused("patch", {{"heads", {false}}, {"heads_only", {true}}}),
            "[heads_only] cannot stand beside heads that are left out");
}

TEST(Catalogue, old_names_are_understood_but_not_beside_the_new) {
  EXPECT_EQ(refused("edit", {{"follow", {words({" a"})}}}), "no error");
  EXPECT_EQ(refused("edit", {{"follow", {words({" a"})}}, {"targets", {words({" a"})}}}),
            "[follow] is the old name of targets: give one of them");
}

TEST(Catalogue, a_share_is_one_text_or_two_numbers) {
  EXPECT_EQ(refused("extract", {{"shard", text_of("1/8")}}), "no error");
  EXPECT_EQ(refused("extract", {{"shard", {std::int64_t{1}}}, {"shards", {std::int64_t{8}}}}), "no error");
  EXPECT_EQ(refused("extract", {{"shard", text_of("1-8")}}), "[shard] '1-8': expected i/N, such as 0/8");
}

TEST(Catalogue, what_is_wrong_is_told_by_the_name_that_was_given) {
  EXPECT_EQ(refused("train", {{"learning_rate", {-1.0}}}), "[learning_rate] -1: choose at least 0");
  EXPECT_EQ(refused("train", {{"rate", {-1.0}}}), "[rate] -1: choose at least 0");
}

TEST(Catalogue, what_only_the_command_line_has_is_refused_elsewhere) {
  const Analysis& train = *analysis_named("train");
  Values values = training("quiet");
  values["quiet"] = {true};
  EXPECT_EQ(refusal([&] { train.ask(values); }), "no error");
  EXPECT_THAT(refusal([&] { train.ask(values, Files::refused); }), HasSubstr("no such field of train"));
  EXPECT_FALSE(over_http(train));
}

/// What a model writes.
class Listening : public Tiny {
 public:
  bool wrote(TokenId id, std::string_view bytes, double) const override {
    heard += bytes;
    return id < 0 || ++tokens < 3;
  }
  mutable std::string heard;
  mutable int tokens = 0;
};

TEST(Catalogue, a_text_is_told_as_it_is_written_and_may_be_ended) {
  const Listening on;
  const AnalysisResult found =
      analysis_named("generate")->ask({{"text", text_of("The cat")}, {"tokens", {std::int64_t{9}}}}).run(on, {});
  EXPECT_EQ(on.heard, "The cat" + found.get<std::string>("text"));
  EXPECT_EQ(found.get<std::int64_t>("count"), 3);
  EXPECT_EQ(found.get<std::string>("ended"), "cancelled");
}

TEST(Catalogue, texts_and_ids_are_one_question) {
  const Tiny on;
  const Analysis& lens = *analysis_named("lens");
  Value::List ids;
  for (const TokenId id : make_prompt(on.model().tokenizer(), "The cat is a dog").tokens.ids)
    ids.emplace_back().is = std::int64_t{id};
  const AnalysisResult by_words = lens.ask({{"text", {std::string("The cat is a dog")}}}).run(on, {});
  const AnalysisResult by_ids = lens.ask({{"text", {ids}}}).run(on, {});
  EXPECT_EQ(by_words.table("cells").csv(), by_ids.table("cells").csv());
  const std::string empty = refusal([&] { lens.ask({{"text", {Value::List{}}}}).run(on, {}); });
  EXPECT_EQ(empty, "[text] the text is empty");
  ids.assign(200, {std::int64_t{1}});
  EXPECT_THAT(refusal([&] {
                lens.ask({{"text", {ids}}}).run(on, {});
              }),
              HasSubstr("[text] 200 tokens: longer than the model's context"));
}

TEST(Catalogue, a_window_is_asked_for_in_one_way) {
  const Tiny on;
  const Analysis& lens = *analysis_named("lens");
  const auto first = [&](Values more) {
    more["text"] = {std::string("The cat is a dog")};
    return lens.ask(more).run(on, {}).get<std::int64_t>("first");
  };
  EXPECT_EQ(first({{"positions", {std::string("-2:")}}}), 3);
  EXPECT_EQ(first({{"first", {std::int64_t{1}}}}), 1);
  EXPECT_EQ(first({}), 0);
  EXPECT_THAT(refusal([&] {
                first({{"positions", {std::string("1:")}}, {"first", {std::int64_t{1}}}});
              }),
              HasSubstr("either positions, or first and last"));
}

TEST(Catalogue, files_are_no_fields_where_they_are_refused) {
  const Analysis& map = *analysis_named("map");
  EXPECT_EQ(refusal([&] { map.ask({{"file", {std::string("words.txt")}}}); }), "no error");
  const std::string refused = refusal([&] { map.ask({{"file", {std::string("words.txt")}}}, Files::refused); });
  EXPECT_THAT(refused, HasSubstr("[file] no such field of map: it has tokens, words, site"));
  EXPECT_THAT(refused, ::testing::Not(HasSubstr("resume")));
  EXPECT_TRUE(over_http(map));
  EXPECT_FALSE(over_http(*analysis_named("judgements")));  // it is nothing without its file
}

TEST(Catalogue, seeds_are_whole_numbers_of_64_bits) {
  EXPECT_EQ(seed_of("seed", {UINT64_MAX}), UINT64_MAX);
  EXPECT_EQ(seed_of("seed", {std::int64_t{7}}), 7u);
  EXPECT_EQ(refusal([] { seed_of("seed", {std::int64_t{-1}}); }), "[seed] -1: choose 0 to 18446744073709551615");
  EXPECT_EQ(refusal([] { seed_of("seed", {1e30}); }), "[seed] 1e+30: choose 0 to 18446744073709551615");
  EXPECT_EQ(refusal([] { seed_of("seed", {1.5}); }), "[seed] must be a whole number");
  EXPECT_EQ(refusal([] { seed_of("seed", {std::string("1")}); }), "[seed] must be a whole number");
}

std::vector<std::string> tokens(const AnalysisResult& found, std::string_view table,
                                std::string_view column = "token") {
  return found.table(table).column(column).texts();
}

TEST(Looks, words_of_vectors_without_a_model_are_its_labels) {
  const Vectors on;
  const auto asked = [&](std::string_view name, const Values& values) {
    return analysis_named(name)->ask(values).run(on, {});
  };
  const AnalysisResult near = asked("similar", {{"word", {std::string("cat")}}, {"k", {std::int64_t{2}}}});
  EXPECT_THAT(tokens(near, "nearest"), ElementsAre("dog", "car"));
  EXPECT_THAT(near.remarks, ElementsAre(HasSubstr("1 vector is zero")));
  const AnalysisResult without =
      asked("similar", {{"word", {std::string("cat")}}, {"exclude", {words({"dog"})}}, {"k", {std::int64_t{1}}}});
  EXPECT_THAT(tokens(without, "nearest"), ElementsAre("car"));
  const AnalysisResult two = asked("vectors", {{"words", {words({"cat", "bus"})}}});
  EXPECT_EQ(two.table("vectors").column("bus").numbers()[0], 0);
  EXPECT_NEAR(two.get<AnalysisResult::Lists>("cosines")[0][1], 0.0995, 1e-4);
  EXPECT_THAT(refusal([&] { asked("cosine", {{"words", {words({"cow"})}}}); }), HasSubstr("vectors has no such word"));
  EXPECT_THAT(refusal([&] {
                asked("map", {{"site", {std::string("ln_final")}}, {"tokens", {std::string("all")}}});
              }),
              HasSubstr("are of a model"));
}

TEST(Looks, an_expression_has_other_neighbours_than_its_words) {
  const Tiny on;
  const Analysis& similar = *analysis_named("similar");
  const auto rows = static_cast<std::int64_t>(on.model().config().vocab);
  const AnalysisResult found = similar.ask({{"vector", {std::string("' cat' - ' dog'")}}, {"k", {rows}}}).run(on, {});
  EXPECT_EQ(std::ranges::count(tokens(found, "nearest"), "␣cat"), 0);
  const AnalysisResult own =
      similar.ask({{"vector", {std::string("#5")}}, {"exclude", {Value::List{}}}, {"k", {std::int64_t{1}}}})
          .run(on, {});
  EXPECT_EQ(own.table("nearest").column("id").numbers()[0], 5);
  EXPECT_EQ(refusal([&] { similar.ask({}); }), "[vector] is missing: give a word or a vector");
  EXPECT_THAT(refusal([&] {
                similar.ask({{"word", {std::string("a")}}, {"metric", {std::string("l1")}}});
              }),
              HasSubstr("choose cosine, euclidean or dot"));
}

TEST(Looks, rows_are_a_range_all_or_their_numbers) {
  const Vectors on;
  const auto ids = [&](Value given) {
    return analysis_named("map")
        ->ask({{"tokens", std::move(given)}, {"method", {std::string("pca")}}})
        .run(on, {})
        .get<std::vector<int>>("ids");
  };
  EXPECT_THAT(ids({std::string("all")}), ElementsAre(1, 2, 3, 4));  // a row of zeros has no place
  EXPECT_THAT(ids({std::string("1:-1")}), ElementsAre(1, 2, 3));
  EXPECT_THAT(ids({std::string("4,1,2")}), ElementsAre(4, 1, 2));
  EXPECT_THAT(ids({Value::List{{std::int64_t{3}}, {std::int64_t{2}}}}), ElementsAre(3, 2));
  EXPECT_EQ(refusal([&] { ids({std::string("x")}); }), "[tokens] 'x': expected 0:100, all, or ids with commas");
  EXPECT_EQ(refusal([&] { ids({std::string("9:3")}); }), "[tokens] 9:3: the vocabulary has 0:5");
  EXPECT_EQ(refusal([&] { ids({Value::List{{std::int64_t{5}}}}); }), "[tokens] 5: the vocabulary has 0 to 4");
}

TEST(Entropy, is_that_of_the_runs_own_probabilities) {
  const Tiny on;
  const AnalysisResult found =
      analysis_named("entropy")->ask({{"text", {std::string("The cat is a dog")}}}).run(on, {});
  const Table& table = found.table("positions");
  const auto ids = make_prompt(on.model().tokenizer(), "The cat is a dog").tokens.ids;
  ASSERT_EQ(table.rows(), ids.size());
  Request request;
  request.rows = {ids};
  request.logits = LogitsAt::all;
  const Tensor logits = std::move(on.transformer().run(request).rows[0].logits);
  double entropies = 0, surprises = 0;
  for (std::size_t t = 0; t < ids.size(); ++t) {
    const auto p = softmax(logits.row(static_cast<std::int64_t>(t)));
    double bits = 0;
    for (const double x : p) bits -= x > 0 ? x * std::log2(x) : 0;
    EXPECT_NEAR(table.column("entropy").numbers()[t], bits, 1e-12);
    EXPECT_EQ(table.column("probability").numbers()[t], *std::max_element(p.begin(), p.end()));
    entropies += bits;
    if (t + 1 == ids.size()) continue;
    const double surprise = -std::log2(p[static_cast<std::size_t>(ids[t + 1])]);
    EXPECT_NEAR(table.column("surprise").numbers()[t + 1], surprise, 1e-12);
    surprises += surprise;
  }
  EXPECT_TRUE(std::isnan(table.column("surprise").numbers()[0]));
  EXPECT_NEAR(found.get<double>("mean_entropy"), entropies / static_cast<double>(ids.size()), 1e-12);
  EXPECT_NEAR(found.get<double>("mean_surprise"), surprises / static_cast<double>(ids.size() - 1), 1e-12);
}

TEST(Entropy, of_one_token_has_no_surprise) {
  const Tiny on;
  const AnalysisResult found = analysis_named("entropy")->ask({{"text", {Value::List{{std::int64_t{3}}}}}}).run(on, {});
  EXPECT_TRUE(std::isnan(found.get<double>("mean_surprise")));
  EXPECT_THAT(found.notes, ElementsAre(HasSubstr("bits in the mean")));
}

}  // namespace
}  // namespace embscope
