// Every picture is valid Vega-Lite with its data inside, whatever the words in it are.
#include "embscope/figure/figure.h"

#include <cmath>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "figure/page.h"
#include "figure/spec.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

// What a word, a path or a text may hold.
const std::vector<std::string> hostile = {"</script><script>alert(1)</script>",
                                          "<!-- --> <![CDATA[ ]]>",
                                          "\"quoted\" and 'quoted' \\ \\u0041",
                                          "two\nlines\tand a tab\r",
                                          "a.b[0] datum.x ${y} {{z}}",
                                          std::string("zero \0 byte", 11),
                                          "\xe2\x80\xa8 line separator \xe2\x80\xa9",
                                          "&lt;b&gt; &amp;"};
// Tokens may be parts of a character; texts come from a command line. Neither need be UTF-8.
const std::vector<std::string> no_text = {"\xff\xfe",   "cut off \xe2\x82", "\xc3(",
                                          "\x80 alone", "\xed\xa0\x80",     "\xf4\x90\x80\x80"};

std::vector<double> ramp(std::size_t n) {
  std::vector<double> v;
  for (std::size_t i = 0; i < n; ++i) v.push_back(std::sin(static_cast<double>(i)));
  return v;
}

// Those of training: two runs or two snapshots, one after the other; and of gradients.
void add_training_figures(std::vector<Figure>& all, const std::vector<std::string>& words, double value) {
  const std::size_t n = words.size();
  std::vector<double> run(n, 1), step(n), second(2 * n, 5), place = ramp(2 * n), nowhere(n, NAN), position(n);
  for (std::size_t i = 0; i < n; ++i) step[i] = position[i] = static_cast<double>(i), second[i] = 0;
  place[0] = value;
  std::vector<std::string> twice = words;
  twice.insert(twice.end(), words.begin(), words.end());
  std::vector<double> numbers = ramp(n);
  numbers[0] = value;

  Table log("training"), map("map"), seeds("maps"), frequency("frequency"), shape("growth");
  log.add("seed", run).add("step", step).add("loss", numbers).add("held-out", nowhere);
  all.push_back(figure_training(log));
  map.add("step", second).add("token", twice).add("x", place).add("y", ramp(2 * n));
  all.push_back(figure_growth_map(map));
  all.push_back(figure_growth_map(map, 5));
  seeds.add("seed", second).add("token", twice).add("x", place).add("y", ramp(2 * n));
  all.push_back(figure_seed_maps(seeds));
  frequency.add("token", words).add("count", ramp(n)).add("norm at last", numbers);
  all.push_back(figure_frequency(frequency));

  Table parts("gradient"), patches("patches"), sites("sites");
  parts.add("site", std::vector<std::string>(n, "z"))
      .add("block", step)
      .add("head", step)
      .add("position", position)
      .add("token", words)
      .add("value", numbers);
  all.push_back(figure_gradient(parts, words.front(), words.back()));
  patches.add("site", std::vector<std::string>(n, "z"))
      .add("block", step)
      .add("head", step)
      .add("position", nowhere)
      .add("restored", numbers)
      .add("estimated", ramp(n));
  sites.add("site", std::vector<std::string>{"z"}).add("correlation", std::vector<double>{value});
  all.push_back(figure_patch_agreement(patches, sites, words.front(), words.back()));
}

// Those of one text's pass: the lens, its attention, what its parts add, edits and steering.
void add_pass_figures(std::vector<Figure>& all, const std::vector<std::string>& words, double value) {
  const std::size_t n = words.size();
  const std::string &first = words.front(), &last = words.back();
  std::vector<double> place(n), zero(n, 0), numbers = ramp(n);
  for (std::size_t i = 0; i < n; ++i) place[i] = static_cast<double>(i);
  numbers[0] = value;

  Table cells("lens"), parts("attribution"), changes("edit"), grid("patch"), heads("patch"), runs("steer"),
      mixed("mix"), crossings("mix");
  cells.add("block", zero).add("position", place).add("token", words).add("top", words).add("probability", numbers);
  cells.add("target_rank", place).add("target_probability", numbers);
  all.push_back(figure_lens(cells));
  all.push_back(figure_lens(cells, first));
  Tensor patterns({1, static_cast<std::int64_t>(n), static_cast<std::int64_t>(n)});
  patterns.values()[0] = static_cast<float>(value);
  all.push_back(figure_attention(patterns, std::vector<int>{0}, 0, words));
  parts.add("part", std::vector<std::string>{"wte", "z", "mlp", "ln_final_bias"})
      .add("block", {NAN, 0, 0, NAN})
      .add("head", {NAN, 0, NAN, NAN});
  parts.add("value", {0.5, value, value, -0.5});
  all.push_back(figure_attribution(parts, first, last));
  changes.add("token", words)
      .add("probability_before", numbers)
      .add("probability_after", ramp(n))
      .add("change", numbers);
  all.push_back(figure_intervention(changes, first));
  grid.add("site", std::vector<std::string>(n, "resid_pre"))
      .add("block", zero)
      .add("position", place)
      .add("token", words)
      .add("restored", numbers);
  grid.add("difference", ramp(n));
  heads.add("block", zero).add("head", place).add("restored", numbers).add("difference", ramp(n));
  all.push_back(figure_patch(grid, heads, first, last));
  runs.add("strength", place)
      .add("divergence", ramp(n))
      .add(first, numbers)
      .add("top", words)
      .add("top_probability", ramp(n))
      .add("text", words);
  all.push_back(figure_steer(runs, "blocks.0.resid_post"));
  mixed.add("block", zero).add("p", place).add(first, numbers).add(last, ramp(n)).add("top", words);
  crossings.add("block", {0, 1}).add("p", {0.5, NAN});
  all.push_back(figure_mix_layers(mixed, crossings, first, last));
}

// Those of a whole space, of two beside each other, and of lists of words.
void add_space_figures(std::vector<Figure>& all, const std::vector<std::string>& words, double value) {
  const std::size_t n = words.size();
  std::vector<double> place(n), numbers = ramp(n);
  for (std::size_t i = 0; i < n; ++i) place[i] = static_cast<double>(i);
  numbers[0] = value;
  const auto table = [&](std::initializer_list<const char*> texts, std::initializer_list<const char*> columns) {
    Table out(words.front());
    for (const char* name : texts) out.add(name, words);
    for (const char* name : columns) out.add(name, numbers);
    return out;
  };
  all.push_back(figure_spectrum(table({}, {"variance", "cumulated"}).add("component", place)));
  all.push_back(figure_norms(table({}, {"from", "to", "vectors"})));
  all.push_back(figure_hubs(table({"token"}, {"occurrence"})));
  all.push_back(figure_undertrained(table({"token"}, {"indicator", "distance", "norm"}), words.front()));
  all.push_back(
      figure_layers(table({}, {"mean_cosine", "centred_cosine", "self_similarity", "effective_rank", "mean_norm"})
                        .add("layer", place),
                    words.front()));
  all.push_back(figure_analogies(table({"relation"}, {"add", "mul", "add_raw", "nearest_c"}), words.front()));
  all.push_back(figure_judgements(table({"a", "b"}, {"people", "cosine"}), value));
  all.push_back(figure_categories(table({"category", "other"}, {"cosine"})));
  all.push_back(figure_compare(table({"measure"}, {"value"}), table({}, {"a", "b"}), words.front(), words.back()));
  all.push_back(
      figure_layer_similarity(table({}, {"cka"}).add("a", place).add("b", place), words.front(), words.back()));
  all.push_back(figure_trajectory(table({"site"}, {"x", "y"}).add("block", place), words.front(), words.back()));
  all.push_back(
      figure_growth(table({}, {"norm", "mean cosine", "positive share", "frequency and norm"}).add("step", place)));
}

// One of each figure, with `words` wherever a text goes.
std::vector<Figure> all_figures(const std::vector<std::string>& words, double value = 0.25) {
  const std::size_t n = words.size();
  const std::string &first = words.front(), &last = words.back();
  auto numbers = [&](double head) {
    auto v = ramp(n);
    v[0] = head;
    return v;
  };
  std::vector<Figure> all;

  Table two("vectors"), many("vectors"), matrix("cosines"), list("list"), pairs("pairs"), offsets("dimensions"),
      sweep("mix"), life("life"), toy("toy");
  two.add("dimension", ramp(n)).add(first, numbers(value)).add(last, ramp(n));
  many.add("dimension", ramp(n));
  matrix.add("word", words);
  for (const std::string& word : words) many.add(word, numbers(value)), matrix.add(word, numbers(value));
  all.push_back(figure_vectors(two));
  all.push_back(figure_vectors(many));
  all.push_back(figure_cosines(matrix));

  list.add("rank", ramp(n))
      .add("token", words)
      .add("id", ramp(n))
      .add("cosine", numbers(value))
      .add("probability", numbers(value));
  all.push_back(figure_similar(list, first));
  all.push_back(figure_predict(list, first));

  pairs.add("from", ramp(n)).add("to", ramp(n)).add("pairs", numbers(value));
  all.push_back(figure_pairs(pairs, value, 0.97));
  offsets.add("dimension", ramp(n))
      .add("mean", numbers(value))
      .add("deviation", numbers(value))
      .add("ratio", numbers(value));
  all.push_back(figure_dimensions(offsets));

  sweep.add("p", ramp(n))
      .add(first, numbers(value))
      .add(last, ramp(n))
      .add("top", words)
      .add("top_probability", ramp(n));
  all.push_back(figure_mix(sweep, std::vector<double>{value}, first, last));

  life.add("block", ramp(n));
  for (const char* change : {"ln1", "attn_out", "ln2", "mlp_out"})
    life.add(fmt::format("length_{}", change), numbers(NAN)).add(fmt::format("cosine_{}", change), numbers(NAN));
  life.add("cosine_own", numbers(value))
      .add("cosine_predicted", numbers(value))
      .add("rank_own", numbers(value))
      .add("rank_predicted", numbers(value))
      .add("top", words);
  all.push_back(figure_trace(life, first, last));

  Tensor points({static_cast<std::int64_t>(n), 2});
  points.values()[0] = static_cast<float>(value);
  all.push_back(figure_map(points, words, first));
  toy.add("animal", words).add("size", numbers(value)).add("friendliness", ramp(n)).add("moved", ramp(n));
  all.push_back(figure_toy(toy));

  add_training_figures(all, words, value);
  add_pass_figures(all, words, value);
  add_space_figures(all, words, value);

  Heatmap map;
  map.png = {0x89, 'P', 'N', 'G'};
  map.range = value;
  all.push_back(figure_heatmap(map, offsets, 97, 48, first));
  return all;
}

const std::vector<std::string> harmless = {"cat", "pear", "tree"};

// Every object below `value`, the roots of data and views alike.
template <class F>
void for_objects(const bj::value& value, F&& f) {
  if (const auto* object = value.if_object()) {
    f(*object);
    for (const auto& member : *object) for_objects(member.value(), f);
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array) for_objects(element, f);
  }
}

bj::value parsed(const Figure& figure) {
  boost::system::error_code error;
  bj::value value = bj::parse(figure.spec, error);
  EXPECT_FALSE(error) << figure.name << " is not JSON: " << error.message();
  return value;
}

TEST(Figures, are_vega_lite_with_a_title_and_a_name_for_files) {
  for (const Figure& figure : all_figures(harmless)) {
    const bj::value spec = parsed(figure);
    EXPECT_EQ(spec.at("$schema").as_string(), "https://vega.github.io/schema/vega-lite/v6.json") << figure.name;
    EXPECT_EQ(std::string(spec.at("title").at("text").as_string()), figure.title);
    EXPECT_FALSE(figure.title.empty());
    EXPECT_EQ(figure.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string::npos) << figure.name;
  }
}

TEST(Figures, a_map_in_growth_moves_between_snapshots_and_a_still_does_not) {
  Table map("map");
  map.add("step", std::vector<double>{0, 0, 7, 7}).add("token", std::vector<std::string>{"a", "b", "a", "b"});
  map.add("x", std::vector<double>{1, 2, 4, 0}).add("y", std::vector<double>{0, 0, 1, 1});
  const auto moving = parsed(figure_growth_map(map)), still = parsed(figure_growth_map(map, 7));
  const auto& rows = moving.at("data").at("values").as_array();
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].at("dx").to_number<double>(), 3);  // to where it is in the next snapshot
  EXPECT_EQ(rows[1].at("dx").to_number<double>(), -2);
  EXPECT_EQ(rows[3].at("dy").to_number<double>(), 0);  // the last stays
  EXPECT_EQ(moving.at("usermeta").at("animate").at("last").to_number<double>(), 1);
  EXPECT_FALSE(still.as_object().contains("usermeta"));
  EXPECT_EQ(still.at("data").at("values").as_array().size(), 2u);
  // axes do not move from picture to picture
  EXPECT_EQ(still.at("layer").at(0).at("encoding").at("x").at("scale"),
            moving.at("layer").at(0).at("encoding").at("x").at("scale"));
  const std::string page = page_of(figure_growth_map(map)), quiet = page_of(figure_growth_map(map, 7));
  EXPECT_THAT(page, HasSubstr("role=\"group\""));
  EXPECT_THAT(page, HasSubstr("then(r => playButton('figure'"));
  EXPECT_THAT(quiet, HasSubstr("role=\"img\""));
  EXPECT_THAT(quiet, ::testing::Not(HasSubstr("then(r => playButton(")));
}

TEST(Figures, carry_their_data_and_fetch_nothing) {
  for (const Figure& figure : all_figures(harmless)) {
    int sources = 0;
    for_objects(parsed(figure), [&](const bj::object& object) {
      const auto* data = object.if_contains("data");
      if (data == nullptr) return;
      ++sources;
      ASSERT_TRUE(data->is_object() && data->as_object().contains("values")) << figure.name;
      EXPECT_FALSE(data->at("values").as_array().empty()) << figure.name;
      EXPECT_FALSE(data->as_object().contains("url")) << figure.name;
    });
    EXPECT_GT(sources, 0) << figure.name;
    // the only address in it is that of the schema
    const std::size_t http = figure.spec.find("http");
    EXPECT_EQ(figure.spec.find("http", http + 1), std::string::npos) << figure.name;
  }
}

TEST(Figures, every_field_that_is_drawn_is_in_the_data) {
  for (const Figure& figure : all_figures(harmless)) {
    std::set<std::string> fields, keys = {"place", "label", "across", "up"};  // computed by a transform
    for_objects(parsed(figure), [&](const bj::object& object) {
      if (const auto* field = object.if_contains("field")) fields.insert(std::string(field->as_string()));
      if (const auto* values = object.if_contains("values")) {
        for (const auto& row : values->as_array()) {
          if (row.is_number()) continue;  // a legend's
          for (const auto& member : row.as_object()) keys.insert(std::string(member.key()));
        }
      }
    });
    for (const std::string& field : fields) {
      EXPECT_TRUE(keys.contains(field)) << figure.name << " draws " << field;
      // Vega reads dots and brackets as paths
      EXPECT_EQ(field.find_first_of(".[]"), std::string::npos) << field;
    }
  }
}

// Vega groups by words in plain objects: `groups["constructor"]` is there before anything was put into it.
TEST(Figures, have_no_word_that_is_a_property_of_every_javascript_object) {
  const std::vector<std::string> words = {"constructor", "toString", "__proto__", "hasOwnProperty", "valueOf", "plain"};
  for (const Figure& figure : all_figures(words, 0.5)) {
    for (const std::string& word : words) {
      if (word == "plain") continue;
      EXPECT_EQ(figure.spec.find("\"" + word + "\""), std::string::npos) << figure.name << " " << word;
    }
  }
  Table similar("nearest");
  similar.add("rank", std::vector{1.0, 2.0})
      .add("token", std::vector<std::string>{"constructor", "plain"})
      .add("id", std::vector{7.0, 8.0})
      .add("cosine", std::vector{0.5, 0.25});
  const std::string spec = figure_similar(similar, "x").spec;
  EXPECT_THAT(spec, HasSubstr("\"token\":\"constructor\xe2\x81\xa0\""));
  EXPECT_THAT(spec, HasSubstr("\"token\":\"plain\""));
}

TEST(Figures, keep_hostile_words_as_data) {
  const auto figures = all_figures(hostile), plain = all_figures(harmless);
  for (std::size_t i = 0; i < figures.size(); ++i)
    EXPECT_EQ(parsed(figures[i]).as_object().size(), parsed(plain[i]).as_object().size()) << figures[i].name;
  for (const Figure& figure : figures) {
    if (figure.name != "map") continue;
    std::set<std::string> labels;
    for_objects(parsed(figure), [&](const bj::object& object) {
      const auto* label = object.if_contains("label");
      if (label != nullptr && label->is_string()) labels.insert(std::string(label->as_string()));
    });
    EXPECT_EQ(labels, std::set<std::string>(hostile.begin(), hostile.end()));
  }
}

TEST(Figures, each_hostile_word_alone_leaves_valid_json) {
  for (const std::string& word : hostile) {
    for (const Figure& figure : all_figures({word, word, word})) parsed(figure);
  }
}

TEST(Figures, bytes_that_are_no_text_leave_valid_json) {
  std::set<std::string> broken;  // Boost.JSON reads UTF-8 only, as browsers and Python do
  for (const std::string& word : no_text) {
    for (const Figure& figure : all_figures({word, word, word})) {
      boost::system::error_code error;
      bj::parse(figure.spec, error);
      if (error) broken.insert(figure.name);
      bj::parse(bj::serialize(bj::value(figure.title)), error);
      if (error) broken.insert(figure.name + "'s title");
    }
  }
  EXPECT_THAT(broken, ::testing::IsEmpty());
}

TEST(Figures, numbers_that_are_none_leave_valid_json) {
  std::set<std::string> broken;
  for (double bad : {static_cast<double>(NAN), static_cast<double>(INFINITY), -static_cast<double>(INFINITY)}) {
    for (const Figure& figure : all_figures(harmless, bad)) {
      boost::system::error_code error;
      bj::parse(figure.spec, error);
      const bool written = figure.spec.find("1e99999") != std::string::npos;  // how Boost.JSON writes infinity
      if (error || written) broken.insert(figure.name);
    }
  }
  EXPECT_THAT(broken, ::testing::IsEmpty());
}

TEST(Figures, two_words_are_also_drawn_one_against_the_other) {
  const auto all = all_figures(harmless);
  EXPECT_TRUE(parsed(all[0]).as_object().contains("hconcat"));
  EXPECT_FALSE(parsed(all[1]).as_object().contains("hconcat"));
}

TEST(Figures, the_mix_draws_its_targets_and_its_crossings_only) {
  Table sweep("mix");
  sweep.add("p", {0, 0.5, 1}).add(" Berlin", {0.9, 0.4, 0.1}).add(" Paris", {0.1, 0.5, 0.8});
  sweep.add("top", std::vector<std::string>{"B", "P", "P"}).add("top_probability", {0.9, 0.5, 0.8});
  const bj::value spec = parsed(figure_mix(sweep, std::vector<double>{0.25, 0.75}, " France", " Germany"));
  const auto& layers = spec.at("layer").as_array();
  ASSERT_EQ(layers.size(), 3u);
  const auto& rows = layers[0].at("data").at("values").as_array();
  EXPECT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[4], (bj::object{{"p", 0.5}, {"target", " Paris"}, {"probability", 0.5}}));
  EXPECT_EQ(layers[2].at("data").at("values").at(0).at("at").as_double(), 0.75);
  EXPECT_THAT(std::string(spec.at("title").at("subtitle").as_string()), HasSubstr("p = 0.250"));
}

TEST(Figures, a_map_names_its_points_where_the_names_do_not_touch) {
  Tensor points({3, 2});
  points.row(1)[0] = 0.001f;  // upon the first
  points.row(2)[1] = 1;
  const std::vector<std::string> labels = {"one", "two", "three"};
  const bj::value spec = parsed(figure_map(points, labels, "map"));
  EXPECT_EQ(spec.at("layer").at(0).at("data").at("values").as_array().size(), 3u);  // circles
  const auto& names = spec.at("layer").at(1).at("data").at("values").as_array();
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0].at("label").as_string(), "one");
  EXPECT_EQ(names[1].at("label").as_string(), "three");
}

TEST(Figures, a_map_of_many_points_is_pixels_and_stays_small) {
  const std::int64_t n = 30000;
  Tensor points({n, 2});
  MapStyle look;
  std::vector<std::string> labels;
  for (std::int64_t i = 0; i < n; ++i) {
    points.row(i)[0] = static_cast<float>(i * 37 % 1009), points.row(i)[1] = static_cast<float>(i * 53 % 997);
    labels.push_back(i % 2 == 0 ? "␣word" : "42");
    look.kinds.emplace_back(token_kind(labels.back()));
  }
  look.added = 1;
  const Figure figure = figure_map(points, labels, "map", look);
  const bj::value spec = parsed(figure);
  EXPECT_LT(figure.spec.size(), 1'500'000u);
  EXPECT_THAT(std::string(spec.at("layer").at(0).at("data").at("values").at(0).at("url").as_string()),
              ::testing::StartsWith("data:image/png;base64,"));
  const auto& dots = spec.at("layer").at(1);
  EXPECT_LE(dots.at("data").at("values").as_array().size(), 160u);
  EXPECT_EQ(dots.at("encoding").at("color").at("scale").at("domain"), (bj::array{"word", "digits"}));
  EXPECT_EQ(spec.at("layer").as_array().back().at("data").at("values").as_array().size(), 1u);  // the added one
}

TEST(Figures, a_map_of_values_has_a_colour_for_each_fifth_of_them) {
  const std::int64_t few = 3, many = 30000;
  for (const std::int64_t n : {few, many}) {
    Tensor points({n, 2});
    MapStyle look;
    for (std::int64_t i = 0; i < n; ++i) {
      points.row(i)[0] = static_cast<float>(i * 37 % 1009), points.row(i)[1] = static_cast<float>(i * 53 % 997);
      look.values.push_back(i == 0 ? 1e6 : static_cast<double>(i));  // one far away takes no colour from the others
    }
    look.colour_title = "norm";
    const bj::value spec =
        parsed(figure_map(points, std::vector<std::string>(static_cast<std::size_t>(n), "x"), "map", look));
    const auto& dots = spec.at("layer").at(n == few ? 0 : 1);
    const auto& colour = dots.at("encoding").at("color");
    EXPECT_EQ(colour.at("title"), "norm");
    EXPECT_EQ(colour.at("scale").at("type"), "quantile");
    EXPECT_EQ(colour.at("scale").at("range").as_array().size(), 5u);
    if (n == few) { EXPECT_EQ(dots.at("data").at("values").at(2).at("colour").to_number<double>(), 2); }
  }
}

TEST(Figures, of_seven_heads_draw_the_axis_below_each_since_the_last_row_is_not_full) {
  const std::vector<std::string> labels = {"a", "b"};
  const auto attention = [&](int heads) {
    std::vector<int> numbers(static_cast<std::size_t>(heads));
    return parsed(figure_attention(Tensor({heads, 2, 2}), numbers, 0, labels));
  };
  EXPECT_EQ(attention(7).at("columns"), 3);
  EXPECT_EQ(attention(7).at("resolve").at("axis").at("x"), "independent");
  EXPECT_EQ(attention(10).at("columns"), 5);
  EXPECT_FALSE(attention(10).as_object().contains("resolve"));
}

TEST(Figures, a_map_of_more_kinds_than_colours_gives_each_colour_once) {
  Tensor points({400, 2});
  MapStyle look;
  std::vector<std::string> labels(400, "x");
  for (int i = 0; i < 400; ++i) look.kinds.push_back(i < 4 ? "word" : fmt::format("script {}", std::min(i / 4, 18)));
  const bj::value spec = parsed(figure_map(points, labels, "map", look));
  const auto& scale = spec.at("layer").at(0).at("encoding").at("color").at("scale");
  const auto& domain = scale.at("domain").as_array();
  ASSERT_EQ(domain.size(), 12u);
  EXPECT_EQ(domain[0], "word");
  EXPECT_EQ(domain[1], "script 18");     // the commonest of the others
  EXPECT_EQ(domain.back(), "8 others");  // 1 + 18 kinds, of which 11 have a colour of their own
  std::set<std::string> hues;
  for (const auto& hue : scale.at("range").as_array()) hues.insert(std::string(hue.as_string()));
  EXPECT_EQ(hues.size(), 12u);
  for (const auto& point : spec.at("layer").at(0).at("data").at("values").as_array())
    EXPECT_NE(std::ranges::find(domain, point.at("colour")), domain.end());
}

TEST(Figures, a_token_s_kind_is_read_from_its_label) {
  const std::pair<const char*, const char*> kinds[] = {{"␣apple", "word"},
                                                       {"␣Apple", "Word"},
                                                       {"ing", "piece"},
                                                       {"Foo", "Piece"},
                                                       {"1984", "digits"},
                                                       {"␣7", "digits"},
                                                       {"␣␣", "punctuation"},
                                                       {"--", "punctuation"},
                                                       {"", "punctuation"},
                                                       {"<0xE2><0x80>", "bytes"},
                                                       {"<|endoftext|>", "special"},
                                                       {"<", "punctuation"},
                                                       {"␣привет", "Cyrillic"},
                                                       {"漢字", "Han"},
                                                       {"한", "Hangul"},
                                                       {"ひ", "Kana"},
                                                       {"é", "piece"},
                                                       {"␣École", "Word"},
                                                       {"🎉", "emoji"},
                                                       {"␣n't", "word"}};
  for (const auto& [label, kind] : kinds) EXPECT_EQ(token_kind(label), kind) << label;
}

TEST(Figures, the_toy_space_draws_the_way_of_the_cat) {
  Table toy("toy");
  toy.add("animal", std::vector<std::string>{"dog", "cat", "cat, in context"}).add("size", {0.4, 0.2, 0.41});
  toy.add("friendliness", {0.9, 0.7, 0.6}).add("moved", {0, 0, 1});
  const bj::value spec = parsed(figure_toy(toy));
  const auto& way = spec.at("layer").at(0).at("data").at("values").as_array();
  ASSERT_EQ(way.size(), 2u);
  EXPECT_EQ(way[0].at("size").as_double(), 0.2);
  EXPECT_EQ(way[1].at("size").as_double(), 0.41);
}

TEST(Base64, is_that_of_rfc_4648) {
  auto encoded = [](std::string_view text) { return base64({text.begin(), text.end()}); };
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foob"), "Zm9vYg==");
  EXPECT_EQ(encoded("fooba"), "Zm9vYmE=");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\xff\xfe\xfd\xfb\xef"), "//79++8=");
}

}  // namespace
}  // namespace embscope
