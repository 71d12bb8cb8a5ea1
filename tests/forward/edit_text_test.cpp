// The text form of edits: what each part means, and at which character a wrong one is refused.
#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "embscope/forward/transformer.h"
#include "forward/tiny.h"
#include "refusal.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class EditText : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_ = tiny::open(GetParam());
    transformer_ = std::make_unique<Transformer>(model_);
    prompt_ = make_prompt(model_->tokenizer(), "The cat is a dog");  // 5 tokens
  }
  std::vector<Edit> parse(std::string_view text) const {
    return parse_edit(text, *transformer_, prompt_, {.files = Files::allowed});
  }
  Edit one(std::string_view text) const {
    auto edits = parse(text);
    EXPECT_THAT(edits, SizeIs(1)) << text;
    return edits.front();
  }
  std::vector<float> wte(std::string_view word) const {
    const Tensor v = model_->embedding(model_->tokenizer().find(word).value());
    return {v.values().begin(), v.values().end()};
  }
  /// The vector that a text has at a site and position.
  std::vector<float> at(std::string_view text, const Site& site, int position) const {
    Request r;
    r.rows = {model_->tokenizer().encode(text).ids};
    r.capture = {site};
    const Tensor t = std::move(transformer_->run(r).rows[0].captured[0]);
    const std::int64_t width = t.size() / t.shape()[0];
    return {t.data() + position * width, t.data() + (position + 1) * width};
  }
  void expect_refused(std::string_view text, Code code, const std::string& says) const {
    try {
      parse(text);
      ADD_FAILURE() << "\"" << text << "\" was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      EXPECT_THAT(e.what(), HasSubstr(says)) << "\"" << text << "\"";
    }
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Transformer> transformer_;
  Prompt prompt_;
};

TEST_P(EditText, names_a_place_and_a_change) {
  const Edit set = one("wte@3 set 0");
  EXPECT_EQ(set.site, (Site{Point::wte, -1}));
  EXPECT_EQ(set.change, Change::set);
  EXPECT_THAT(set.positions, ElementsAre(3));
  EXPECT_THAT(set.heads, IsEmpty());
  EXPECT_THAT(set.vector, ElementsAre(0));

  const Edit scale = one("blocks.2.resid_post@-1 scale 2");
  EXPECT_EQ(scale.site, (Site{Point::resid_post, 2}));
  EXPECT_EQ(scale.change, Change::scale);
  EXPECT_THAT(scale.positions, ElementsAre(4));
  EXPECT_EQ(scale.amount, 2);

  const Edit zero = one("blocks.2.z@3,-2/0,1 zero");
  EXPECT_EQ(zero.change, Change::zero);
  EXPECT_THAT(zero.positions, ElementsAre(3, 3));
  EXPECT_THAT(zero.heads, ElementsAre(0, 1));

  EXPECT_EQ(one("wte   scale   +.5  ").amount, 0.5f);
  EXPECT_EQ(one("wte scale -1e-2").amount, -0.01f);
  EXPECT_EQ(one("wte project_out 1").change, Change::project_out);
}

TEST_P(EditText, positions_are_numbers_ranges_or_words) {
  EXPECT_THAT(one("wte@1..3 zero").positions, ElementsAre(1, 2, 3));
  EXPECT_THAT(one("wte@' cat'..-1 zero").positions, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(one("wte@' dog',0 zero").positions, ElementsAre(4, 0));
  EXPECT_THAT(one("wte zero").positions, IsEmpty());
}

TEST_P(EditText, changes_have_their_own_numbers) {
  const Edit rotate = one("wte@1 rotate 30 ' dog'");
  EXPECT_EQ(rotate.change, Change::rotate);
  EXPECT_EQ(rotate.amount, 30);
  EXPECT_EQ(rotate.vector, wte(" dog"));

  const Edit clamp = one("wte@1 clamp 2,5 -1 1.5");
  EXPECT_EQ(clamp.change, Change::clamp);
  EXPECT_THAT(clamp.dimensions, ElementsAre(2, 5));
  EXPECT_EQ(clamp.low, -1);
  EXPECT_EQ(clamp.high, 1.5f);
  EXPECT_THAT(one("wte@1 clamp * 0 1").dimensions, IsEmpty());

  EXPECT_EQ(one("wte noise 0.1").change, Change::noise);
  EXPECT_EQ(one("wte noise 0.1").seed, 1u);
  EXPECT_EQ(one("wte noise 0.1 seed 7").seed, 7u);
  EXPECT_EQ(one("wte noise 0.1 seed 18446744073709551615").seed, UINT64_MAX);
}

TEST(Changes, are_known_by_the_names_that_their_forms_begin_with) {
  for (std::size_t i = 0; i < changes().size(); ++i) {
    const ChangeInfo& info = changes()[i];
    EXPECT_EQ(change_named(info.name), Change{static_cast<int>(i)});
    EXPECT_EQ(info.form.substr(0, info.form.find(' ')), info.name);
    EXPECT_EQ(takes_vector(change_named(info.name)), info.form.ends_with(" V")) << info.name;
    EXPECT_FALSE(info.meaning.empty());
  }
  EXPECT_EQ(changes().size(), static_cast<std::size_t>(Change::noise) + 1);
  EXPECT_THAT(refusal([] { change_named("rotat"); }), HasSubstr("no change 'rotat'"));
  EXPECT_THAT(refusal([] { change_named("rotat"); }), HasSubstr("rotate"));
}

TEST_P(EditText, a_quoted_word_is_the_row_of_its_final_token) {
  const Edit mix = one("wte@3 mix 0.25 ' cat'");
  EXPECT_EQ(mix.change, Change::mix);
  EXPECT_EQ(mix.amount, 0.25f);
  EXPECT_EQ(mix.vector, wte(" cat"));
  EXPECT_EQ(one("wte set \" cats\"").vector, wte("s"));
  EXPECT_EQ(one("wte set \"'\"").vector, wte("'"));
}

TEST_P(EditText, vectors_are_added_scaled_and_averaged) {
  const auto cat = wte(" cat"), dog = wte(" dog"), the = wte("The");
  auto expect_near = [](const std::vector<float>& found, auto&& expected) {
    for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected(i), 1e-6f) << i;
  };
  expect_near(one("wte set ' cat' - ' dog' + 'The'").vector, [&](std::size_t i) { return cat[i] - dog[i] + the[i]; });
  expect_near(one("wte set -2 * (' cat' - ' dog')").vector, [&](std::size_t i) { return -2 * (cat[i] - dog[i]); });
  const auto id = model_->tokenizer().find(" cat").value();
  EXPECT_EQ(one("wte set #" + std::to_string(id)).vector, one("wte set ' cat'").vector);
  EXPECT_EQ(one("wte set 2 * #" + std::to_string(id) + " - ' dog'").vector, one("wte set 2 * ' cat' - ' dog'").vector);
  expect_refused("wte set #100000000", Code::range, "100000000");
  expect_near(one("wte set 3 ' cat'").vector, [&](std::size_t i) { return 3 * cat[i]; });
  expect_near(one("wte set mean(' cat', ' dog', 'The')").vector,
              [&](std::size_t i) { return (cat[i] + dog[i] + the[i]) / 3; });
  expect_near(one("wte add 2 + ' cat'").vector, [&](std::size_t i) { return 2 + cat[i]; });
  EXPECT_THAT(one("wte add 2.5").vector, ElementsAre(2.5f));
}

TEST_P(EditText, a_vector_by_itself_is_as_wide_as_the_model) {
  EXPECT_EQ(parse_vector("' dog'", *transformer_), wte(" dog"));
  EXPECT_EQ(parse_vector("0.5", *transformer_),
            std::vector<float>(static_cast<std::size_t>(model_->config().width), 0.5f));
}

TEST_P(EditText, run_takes_what_another_text_has_at_the_site) {
  const Site site{Point::resid_post, 1};
  EXPECT_EQ(one("blocks.1.resid_post@-1 set run('The dog'@1)").vector, at("The dog", site, 1));
  EXPECT_EQ(one("blocks.1.resid_post@-1 set run('The dog'@' dog')").vector, at("The dog", site, 1));
  const auto each = parse("blocks.1.resid_post@0,1 set run('The dog is')");  // at the same position, one for each
  ASSERT_THAT(each, SizeIs(2));
  for (int p : {0, 1}) EXPECT_EQ(each[static_cast<std::size_t>(p)].vector, at("The dog is", site, p));
  EXPECT_THAT(parse("blocks.1.resid_post set run('a a a a a')"), SizeIs(5));
}

TEST_P(EditText, file_takes_a_row_of_an_array) {
  const tiny::Folder folder;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const std::vector<NamedArray> arrays = {{"a", {2, 3}, std::span<const float>(values)},
                                          {"b", {3, 2}, std::span<const float>(values)}};
  write_arrays(folder.path() / "x.safetensors", arrays);
  write_arrays(folder.path() / "x.npy", std::span(arrays).first(1));
  const std::string two = (folder.path() / "x.safetensors").string(), alone = (folder.path() / "x.npy").string();
  EXPECT_THAT(one(fmt::format("wte set file('{}', 1)", alone)).vector, ElementsAre(4, 5, 6));
  EXPECT_THAT(one(fmt::format("wte set file('{}', 'b', -1)", two)).vector, ElementsAre(5, 6));
  expect_refused(fmt::format("wte set file('{}', 1)", two), Code::usage, "holds 2 arrays: name one");
  expect_refused(fmt::format("wte set file('{}', 'c', 1)", two), Code::not_found, "c");
  expect_refused(fmt::format("wte set file('{}', 2)", alone), Code::range, "row 2: the array has rows 0..1");
  expect_refused("wte set file('/no/such.npy', 0)", Code::not_found, "/no/such.npy");
}

// Every way to write file(...), and to hide it between the two halves of an edit. `{}` is a path.
const std::vector<std::pair<std::string, std::string>> hidden_files = {
    {"wte", "set file('{}', 0)"},
    {"wte", "set file(\"{}\", 0)"},
    {"wte", "set   file  (  '{}' )"},
    {"wte", "set file('{}', 'a', -1)"},
    {"wte", "set -file('{}', 0)"},
    {"wte", "set 0 * file('{}', 0)"},
    {"wte", "set 0 file('{}', 0)"},
    {"wte", "set ' cat' - 0.5 * (2 * (file('{}', 0)))"},
    {"wte", "set mean(' cat', file('{}', 0))"},
    {"wte", "set ' file' + file('{}', 0)"},
    {"wte", "set \"'\" + file('{}', 0)"},
    {"wte", "set run('file('@0) + file('{}', 0)"},
    {"wte", "add file('{}')"},
    {"wte", "mix 0.5 file('{}', 0)"},
    {"wte", "project_out file('{}', 0)"},
    {"wte", "rotate 10 file('{}', 0)"},
    {"wte@' of", "Germany' set file('{}', 0)"},
    {"wte@\" of", "Germany\" set file('{}', 0)"},
    {"wte@0 set '", "' + file('{}', 0)"},
    {"wte@0 set", "file('{}', 0)"},
    {"wte@0 set fi", "le('{}', 0)"},
    {"wte@0 set file(", "'{}', 0)"},
    {"wte@0 set file('{}', 0)", ""},
    {"wte set file('{}', 0) +", "set ' cat'"},
    {"file('{}', 0)", "zero"},
    {"wte@file('{}', 0)", "zero"},
    {"wte@run('{}')", "zero"},
    {"wte/file('{}')", "zero"},
    {"wte", "clamp * file('{}', 0) 1"},
    {"wte", "noise file('{}', 0)"},
    {"wte", "scale file('{}', 0)"},
    {"wte", "zero file('{}', 0)"},
    {"wte", "set ' cat' file('{}', 0)"},
    {"wte", "set\tfile('{}', 0)"},
    {"wte", "set FILE('{}', 0)"},
    {"wte", "set file\n('{}', 0)"},
    {"wte", "set /* */ file('{}', 0)"},
    {"wte", "set # file('{}', 0)"},
    {"wte", "set file'{}'"},
};

// The answer to an edit that may read no file, and how often anything in a folder was opened for it.
class Watched {
 public:
  explicit Watched(const std::filesystem::path& folder) : queue_(inotify_init1(IN_NONBLOCK)) {
    if (inotify_add_watch(queue_, folder.c_str(), IN_OPEN | IN_ACCESS) < 0) throw std::runtime_error("no watch");
  }
  ~Watched() { close(queue_); }
  Watched(const Watched&) = delete;
  bool opened() const {
    char events[4096];
    return read(queue_, events, sizeof events) > 0;
  }

 private:
  int queue_;
};

TEST_P(EditText, files_are_refused_by_the_grammar_however_they_are_written) {
  const tiny::Folder folder;
  const std::vector<float> values(static_cast<std::size_t>(model_->config().width), 1);
  const std::vector<NamedArray> arrays = {{"a", {1, model_->config().width}, std::span<const float>(values)}};
  write_arrays(folder.path() / "x.npy", arrays);
  const std::string there = (folder.path() / "x.npy").string(), absent = (folder.path() / "y.npy").string();
  const Watched watched(folder.path());
  const auto with_path = [](std::string text, const std::string& path) {
    const std::size_t at = text.find("{}");
    return at == std::string::npos ? text : text.replace(at, 2, path);
  };
  for (const auto& [at, action] : hidden_files) {
    const auto said = [&](const std::string& path) {
      return refusal([&] { parse_edit(with_path(at, path), with_path(action, path), *transformer_, prompt_); });
    };
    EXPECT_NE(said(there), "no error") << at << " | " << action;
    std::string of_absent = said(absent);
    if (const std::size_t name = of_absent.find("y.npy"); name != std::string::npos) of_absent[name] = 'x';
    EXPECT_EQ(said(there), of_absent) << "tells whether a file exists: " << at << " | " << action;
    EXPECT_NE(refusal([&] { parse_edit(with_path(at + " " + action, there), *transformer_, prompt_); }), "no error")
        << at << " " << action;
  }
  EXPECT_FALSE(watched.opened());
  EXPECT_EQ(
      parse_edit("wte", fmt::format("set file('{}', 0)", there), *transformer_, prompt_, {.files = Files::allowed})[0]
          .vector,
      values);
  EXPECT_TRUE(watched.opened()) << "the watch sees what is opened";
}

TEST_P(EditText, files_are_refused_in_every_form) {
  const auto forbidden = [](auto&& action) {
    try {
      action();
    } catch (const FilesRefused&) { return true; }
    return false;
  };
  const Site site{Point::wte, -1};
  EXPECT_TRUE(forbidden([&] { parse_edit("wte set file('x', 0)", *transformer_, prompt_); }));
  EXPECT_TRUE(forbidden([&] { parse_edits_json(R"~([["wte set file('x')"]])~", *transformer_, prompt_); }));
  EXPECT_TRUE(
      forbidden([&] { parse_edits_json(R"~({"at": "wte", "do": "set file('x')"})~", *transformer_, prompt_); }));
  EXPECT_TRUE(forbidden([&] { parse_vector("file('x')", *transformer_, site, 0); }));
  EXPECT_TRUE(forbidden([&] { parse_vector("2 * (' cat' + file('x'))", *transformer_); }));
}

TEST_P(EditText, two_parts_are_each_whole_by_themselves) {
  const auto both = [&](std::string_view at, std::string_view action) {
    return parse_edit(at, action, *transformer_, prompt_);
  };
  EXPECT_EQ(both("wte@' cat'", "set ' dog'")[0].vector, wte(" dog"));
  EXPECT_THAT(both("wte@' cat' ", " zero ")[0].positions, ElementsAre(1));
  const auto says = [&](std::string_view at, std::string_view action) { return refusal([&] { both(at, action); }); };
  EXPECT_THAT(says("wte@0 zero", ""), HasSubstr("expected nothing more than SITE[@POSITIONS][/HEADS] at character 7"));
  EXPECT_THAT(says("wte", "@0 zero"), HasSubstr("clamp or noise at character 1 of \"@0 zero\""));
  EXPECT_THAT(says("", "wte zero"), HasSubstr("expected a site"));
  EXPECT_THAT(says("wte@' cat", "' zero"), HasSubstr("the quotation is not closed"));
}

TEST_P(EditText, an_occurrence_or_a_token_names_a_position) {
  prompt_ = make_prompt(model_->tokenizer(), "The cat is a cat");
  const auto id = std::to_string(model_->tokenizer().find(" cat").value());
  EXPECT_THAT(one("wte@' cat'[2] zero").positions, ElementsAre(4));
  EXPECT_THAT(one("wte@' cat'[-1] zero").positions, ElementsAre(4));
  EXPECT_THAT(one("wte@' cat'[1],' cat'[2] zero").positions, ElementsAre(1, 4));
  EXPECT_THAT(one("wte@'cat'[2] zero").positions, ElementsAre(4)) << "with its space";
  EXPECT_THAT(one("wte@#" + id + "[2] zero").positions, ElementsAre(4));
  expect_refused("wte@#" + id + " zero", Code::usage, "occurs more than once, at positions 1, 4");
  expect_refused("wte@' cat'[3] zero", Code::range, "occurrence [3]");
  expect_refused("wte@' cat'[0] zero", Code::usage, "occurrences count from 1");
  expect_refused("wte@' cat'[2 zero", Code::usage, "expected ']'");
}

TEST_P(EditText, tells_the_tokens_that_it_names) {
  std::vector<NamedToken> tokens;
  parse_edit("wte", "set ' cat' - 0.5 * (mean('dog', #3) + run(' is'@-1)) + 'cats'", *transformer_, prompt_,
             {.tokens = &tokens});
  ASSERT_THAT(tokens, SizeIs(4));
  const auto id = [&](std::string_view word) { return model_->tokenizer().find(word).value(); };
  EXPECT_EQ(tokens[0].id, id(" cat"));
  EXPECT_EQ(tokens[1].id, id(" dog"));
  EXPECT_EQ(tokens[1].read, NamedToken::Read::with_space);
  EXPECT_EQ(tokens[2].id, 3);
  EXPECT_EQ(tokens[3].id, id("s"));
  EXPECT_THAT(tokens[3].pieces, SizeIs(4));
  expect_refused("wte set 0 * #-5", Code::range, "#-5");
}

TEST_P(EditText, a_pattern_of_sites_gives_one_edit_each) {
  const auto all = parse("resid_mid@-1 add 4 ' cat'");
  ASSERT_THAT(all, SizeIs(3));
  for (int b = 0; b < 3; ++b) {
    EXPECT_EQ(all[static_cast<std::size_t>(b)].site, (Site{Point::resid_mid, b}));
    EXPECT_EQ(all[static_cast<std::size_t>(b)].vector, all[0].vector);
  }
  EXPECT_THAT(parse("blocks.1-2.z zero"), SizeIs(2));
  EXPECT_THAT(parse("blocks.*.z zero"), SizeIs(3));
}

TEST_P(EditText, json_says_the_same) {
  const auto text = parse("wte@1 mix 0.25 ' dog'");
  for (const char* json : {R"("wte@1 mix 0.25 ' dog'")", R"({"at": "wte@1", "do": "mix 0.25 ' dog'"})",
                           R"([{"at": "wte@' cat'", "do": "mix 0.25 ' dog'"}])"}) {
    const auto edits = parse_edits_json(json, *transformer_, prompt_);
    ASSERT_THAT(edits, SizeIs(1)) << json;
    EXPECT_EQ(edits[0].vector, text[0].vector);
    EXPECT_EQ(edits[0].positions, text[0].positions);
  }
  EXPECT_THAT(parse_edits_json(R"(["wte zero", ["wte@1 zero", {"at": "wte", "do": "zero"}]])", *transformer_, prompt_),
              SizeIs(3));
  EXPECT_THAT(parse_edits_json("[]", *transformer_, prompt_), IsEmpty());
  for (const char* bad : {"", "{", "3", R"({"at": "wte"})", R"({"at": "wte", "do": 3})", "[[[[[[[[[[[[[[[[[",
                          R"({"at": "wte", "do": "zero", "when": "now"})", R"({"at": "wte", "do": "zero extra"})"}) {
    EXPECT_THROW(parse_edits_json(bad, *transformer_, prompt_), Error) << bad;
  }
}

struct Bad {
  const char* text;
  const char* says;
};

TEST_P(EditText, text_that_is_no_edit_is_refused_at_its_character) {
  for (const Bad& bad :
       {Bad{"", "expected a site at character 1"},
        Bad{"@3 zero", "expected a site at character 1"},
        Bad{"wte", "expected set, add, scale, mix, zero, project_out, rotate, clamp or noise"},
        Bad{"wte double", "clamp or noise at character 5"},
        Bad{"wte@ zero", "expected a whole number at character 6"},
        Bad{"wte@1, zero", "expected a whole number at character 8"},
        Bad{"wte@99999999999 zero", "expected a whole number at character 5"},
        Bad{"wte@3..1 zero", "the positions run backwards"},
        Bad{"wte@1.5 zero", "expected '.' at character 7"},
        Bad{"wte@'' zero", "the word is empty at character 5"},
        Bad{"wte@' cat zero", "the quotation is not closed at character 5"},
        Bad{"blocks.0.z/x zero", "expected a whole number at character 12"},
        Bad{"wte scale", "expected a number at character 10"},
        Bad{"wte scale two", "expected a number at character 11"},
        Bad{"wte scale 1e39", "expected a number that fits at character 11"},
        Bad{"wte scale nan", "expected a number at character 11"},
        Bad{"wte set inf", "at character 9"},
        Bad{"wte set", "expected a number, a word in quotes"},
        Bad{"wte mix 0.5", "at character 12"},
        Bad{"wte mix ' cat'", "expected a number at character 9"},
        Bad{"wte set ' cat", "the quotation is not closed at character 9"},
        Bad{"wte zero 1", "expected nothing more at character 10"},
        Bad{"wte set 1 2", "expected nothing more at character 11"},
        Bad{"wte add x", "at character 9"},
        Bad{"wte set ''", "the word is empty at character 9"},
        Bad{"wte set (' cat'", "expected ')' at character 16"},
        Bad{"wte set mean()", "at character 14"},
        Bad{"wte set median(' cat')", "expected a word in quotes, #ID, mean(...), run(...) or file(...)"},
        Bad{"wte set 2 median(' cat')", "expected a word in quotes, #ID, mean(...), run(...) or file(...)"},
        Bad{"wte set ' cat' -", "at character 17"},
        Bad{"wte set ' cat' ' dog'", "expected nothing more at character 16"},
        Bad{"wte rotate ' cat'", "expected a number at character 12"},
        Bad{"wte clamp 1 0", "expected a number"},
        Bad{"wte noise 1 sed 3", "expected 'seed' at character 13"},
        Bad{"wte noise 1 seed -1", "expected a seed from 0 to 18446744073709551615"},
        Bad{"wte noise 1 seed 18446744073709551616", "expected a seed from 0 to 18446744073709551615"}}) {
    expect_refused(bad.text, Code::usage, bad.says);
  }
}

TEST_P(EditText, places_that_the_text_or_model_lacks_are_refused) {
  expect_refused("blocks.0.resid_pots zero", Code::not_found, "blocks.0.resid_post");
  expect_refused("blocks.3.z zero", Code::not_found, "blocks 0..2");
  expect_refused("wte@5 zero", Code::range, "position 5");
  expect_refused("wte@-6 zero", Code::range, "position -6");
  expect_refused("wte@' cow' zero", Code::not_found, "'␣cow'");
  prompt_ = make_prompt(model_->tokenizer(), "The cat cat");
  expect_refused("wte@' cat' zero", Code::usage, "more than once");
  expect_refused("wte@' cat' zero", Code::usage, "1, 2");
}

TEST_P(EditText, vectors_that_do_not_fit_are_refused) {
  const tiny::Folder folder;
  const std::vector<float> values = {1, 2, 3};
  const std::vector<NamedArray> arrays = {{"a", {1, 3}, std::span<const float>(values)}};
  write_arrays(folder.path() / "x.npy", arrays);
  const std::string path = (folder.path() / "x.npy").string();
  expect_refused(fmt::format("wte set ' cat' + file('{}')", path), Code::shape, "values do not add up");
  Request r;
  r.rows = {prompt_.tokens.ids};
  r.edits = parse(fmt::format("wte@1 set file('{}')", path));
  EXPECT_THROW(transformer_->run(r), Error);
}

TEST_P(EditText, brackets_without_end_do_not_fill_the_stack) {
  const std::string many(100000, '(');
  expect_refused("wte set " + many, Code::usage, "brackets inside each other");
  std::string means;
  for (int i = 0; i < 10000; ++i) means += "mean(";
  expect_refused("wte set " + means, Code::usage, "brackets inside each other");
}

TEST_P(EditText, values_that_are_no_numbers_are_refused) {
  const tiny::Folder folder;
  const std::vector<float> values = {1, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<NamedArray> arrays = {{"a", {1, 2}, std::span<const float>(values)}};
  write_arrays(folder.path() / "x.npy", arrays);
  Request r;
  r.rows = {prompt_.tokens.ids};
  try {
    r.edits = parse(fmt::format("wte@1 set file('{}')", (folder.path() / "x.npy").string()));
    transformer_->run(r);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), ::testing::AnyOf(HasSubstr("not finite"), HasSubstr("NaN"), HasSubstr("values")));
  }
}

INSTANTIATE_TEST_SUITE_P(tiny, EditText, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& p) { return std::string(p.param).substr(5); });

}  // namespace
}  // namespace embscope
