#include "embscope/vocabulary/similarity.h"
#include "embscope/model/named_token.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gmock/gmock.h>

#include "base/random.h"
#include "embscope/base/threads.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor random_rows(std::int64_t vocab, std::int64_t width, double offset = 0) {
  Random random(11);
  Tensor rows({vocab, width});
  for (float& x : rows.values()) x = static_cast<float>(random.normal() + offset);
  return rows;
}

double naive_cosine(std::span<const float> a, std::span<const float> b) {
  long double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<long double>(a[i]) * b[i];
    aa += static_cast<long double>(a[i]) * a[i];
    bb += static_cast<long double>(b[i]) * b[i];
  }
  return aa == 0 || bb == 0 ? 0 : static_cast<double>(ab / std::sqrt(aa * bb));
}

TEST(Cosine, is_the_angle_and_not_the_length) {
  const std::vector<float> x = {3, 0, 4}, y = {0, 7, 0}, near = {3, 0, 4.5f};
  EXPECT_EQ(cosine(x, x), 1);
  EXPECT_EQ(cosine(x, y), 0);
  EXPECT_EQ(cosine(x, std::vector<float>{-6, 0, -8}), -1);
  EXPECT_NEAR(cosine(x, near), 27 / (5 * std::sqrt(29.25)), 1e-15);
}

TEST(Cosine, of_long_vectors_is_summed_in_double) {
  const Tensor rows = random_rows(2, 100003, 0.5);
  EXPECT_NEAR(cosine(rows.row(0), rows.row(1)), naive_cosine(rows.row(0), rows.row(1)), 1e-14);
}

TEST(Cosine, of_very_long_and_very_short_vectors_neither_overflows_nor_vanishes) {
  const std::vector<float> large = {1e30f, 2e30f}, small = {1e-30f, 2e-30f}, other = {2, -1};
  EXPECT_NEAR(cosine(large, small), 1, 1e-12);
  EXPECT_NEAR(cosine(large, other), 0, 1e-7);
}

TEST(Cosine, of_a_zero_vector_and_of_unequal_lengths_is_refused) {
  const std::vector<float> zero(4), x = {1, 2, 3, 4};
  for (const auto& [a, b] : {std::pair{zero, x}, std::pair{x, zero}, std::pair{zero, zero}}) {
    try {
      cosine(a, b);
      ADD_FAILURE() << "accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Code::range);
      EXPECT_THAT(e.what(), HasSubstr("a zero vector has no direction"));
    }
  }
  try {
    cosine(x, std::vector<float>{1, 2});
    FAIL() << "accepted";
  } catch (const Error& e) { EXPECT_EQ(e.code(), Code::shape); }
}

class Words : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { model_ = tiny::open(GetParam()); }
  std::shared_ptr<const Model> model_;
};

TEST_P(Words, vectors_are_the_rows_of_the_final_tokens) {
  const std::vector<std::string> words = {" cat", "cats"};
  const Table table = vectors(*model_, words);
  ASSERT_EQ(table.columns().size(), 3u);
  ASSERT_EQ(static_cast<std::int64_t>(table.rows()), model_->config().width);
  for (std::size_t w = 0; w < 2; ++w) {
    const TokenId id = model_->tokenizer().find(w == 0 ? " cat" : "s").value();
    const Tensor row = model_->embedding(id);
    EXPECT_TRUE(std::ranges::equal(table.columns()[w + 1].numbers(), row.values()));
  }
  EXPECT_EQ(table.columns()[1].name, "␣cat");
  EXPECT_EQ(table.column("dimension").numbers().back(), static_cast<double>(model_->config().width - 1));
}

TEST_P(Words, the_matrix_of_cosines_is_symmetric_with_ones_on_its_diagonal) {
  const std::vector<std::string> words = {" cat", " dog", "The", "!"};
  const Table table = cosines(*model_, words);
  for (std::size_t i = 0; i < words.size(); ++i) {
    EXPECT_NEAR(table.columns()[i + 1].numbers()[i], 1, 1e-15);
    for (std::size_t j = 0; j < words.size(); ++j) {
      const Tensor a = model_->embedding(token_named(*model_, words[i]).id);
      const Tensor b = model_->embedding(token_named(*model_, words[j]).id);
      EXPECT_NEAR(table.columns()[j + 1].numbers()[i], naive_cosine(a.values(), b.values()), 1e-14);
      EXPECT_EQ(table.columns()[j + 1].numbers()[i], table.columns()[i + 1].numbers()[j]);
    }
  }
}

TEST_P(Words, the_nearest_are_those_of_a_plain_search) {
  const Tensor own = model_->embedding(token_named(*model_, " dog").id);
  const TokenId id = token_named(*model_, " dog").id;
  std::vector<std::pair<double, TokenId>> expected;
  for (TokenId t = 0; t < model_->config().vocab; ++t) {
    if (t != id) expected.emplace_back(-naive_cosine(own.values(), model_->embedding(t).values()), t);
  }
  std::sort(expected.begin(), expected.end());
  const Table table = similar(*model_, " dog", 12);
  ASSERT_EQ(table.rows(), 12u);
  for (std::size_t r = 0; r < 12; ++r) {
    EXPECT_EQ(table.column("rank").numbers()[r], static_cast<double>(r + 1));
    EXPECT_EQ(table.column("id").numbers()[r], expected[r].second);
    EXPECT_NEAR(table.column("cosine").numbers()[r], -expected[r].first, 1e-12);
  }
  EXPECT_EQ(similar(*model_, " dog", 5).column("id").numbers(),
            std::vector<double>(table.column("id").numbers().begin(), table.column("id").numbers().begin() + 5));
}

TEST_P(Words, asking_for_more_neighbours_than_there_are_gives_all_but_the_word_itself) {
  const Table table = similar(*model_, " cat", 100000);
  EXPECT_EQ(static_cast<std::int64_t>(table.rows()), model_->config().vocab - 1);
  EXPECT_THAT(table.column("id").numbers(),
              ::testing::Not(::testing::Contains(model_->tokenizer().find(" cat").value())));
  EXPECT_THROW(similar(*model_, " cat", 0), Error);
  EXPECT_THROW(similar(*model_, "", 3), Error);
}

TEST_P(Words, a_token_without_a_text_is_named_by_its_id) {
  const Table table = similar(*model_, " cat", 100000);
  for (std::size_t r = 0; r < table.rows(); ++r) {
    const auto id = static_cast<TokenId>(table.column("id").numbers()[r]);
    const std::string expected =
        id < model_->tokenizer().size() ? model_->tokenizer().label(id) : fmt::format("<{}>", id);
    EXPECT_EQ(table.column("token").texts()[r], expected);
  }
}

INSTANTIATE_TEST_SUITE_P(tiny, Words, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& p) { return std::string(p.param).substr(5); });

TEST(Similar, equal_cosines_are_listed_by_id) {
  Tensor rows({80, 2});
  for (std::int64_t i = 0; i < 80; ++i) rows.row(i)[static_cast<std::size_t>(i % 2)] = 1;  // ids of two directions
  const Table table = similar(*tiny::embedding_only(rows), "a", 5);
  EXPECT_THAT(table.column("id").numbers(), ElementsAre(2, 4, 6, 8, 10));
}

TEST(Similar, a_word_whose_vector_is_zero_has_no_neighbours) {
  Tensor rows = random_rows(80, 6);
  std::ranges::fill(rows.row(0), 0.0f);  // the row of "a"
  try {
    const Table table = similar(*tiny::embedding_only(rows), "a", 3);
    FAIL() << "a list:\n" << table.text();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::range);
    EXPECT_THAT(e.what(), HasSubstr("no direction"));
  }
}

TEST(Similar, a_zero_vector_is_nobody_s_neighbour) {
  Tensor rows = random_rows(80, 6);
  std::ranges::fill(rows.row(5), 0.0f);
  const Table table = similar(*tiny::embedding_only(rows), "a", 100);
  EXPECT_THAT(table.column("id").numbers(), ::testing::Not(::testing::Contains(::testing::AnyOf(0, 5))));
  for (double c : table.column("cosine").numbers()) EXPECT_TRUE(c >= -1 && c <= 1) << c;
}

TEST(Dimensions, equal_plain_moments_largest_ratio_first) {
  Tensor rows = random_rows(2500, 7);  // more than two chunks of the sum
  for (std::int64_t i = 0; i < rows.rows(); ++i) rows.row(i)[4] += 8, rows.row(i)[2] -= 20;
  const Table table = dimensions(*tiny::embedding_only(rows));
  ASSERT_EQ(table.rows(), 7u);
  for (std::size_t r = 0; r < 7; ++r) {
    const auto d = static_cast<std::size_t>(table.column("dimension").numbers()[r]);
    double mean = 0, square = 0;
    for (std::int64_t i = 0; i < rows.rows(); ++i) mean += static_cast<double>(rows.row(i)[d]) / 2500;
    for (std::int64_t i = 0; i < rows.rows(); ++i)
      square += std::pow(static_cast<double>(rows.row(i)[d]) - mean, 2) / 2500;
    EXPECT_NEAR(table.column("mean").numbers()[r], mean, 1e-12);
    EXPECT_NEAR(table.column("deviation").numbers()[r], std::sqrt(square), 1e-10);
    EXPECT_NEAR(table.column("ratio").numbers()[r], std::abs(mean) / std::sqrt(square), 1e-8);
  }
  EXPECT_EQ(table.column("dimension").numbers()[0], 2);
  EXPECT_EQ(table.column("dimension").numbers()[1], 4);
  EXPECT_TRUE(std::ranges::is_sorted(table.column("ratio").numbers(), std::greater<>()));
}

TEST(Dimensions, an_offset_without_any_deviation_is_the_largest_of_all) {
  Tensor rows = random_rows(90, 4);
  for (std::int64_t i = 0; i < rows.rows(); ++i) rows.row(i)[1] = 2, rows.row(i)[3] = 0;
  const Table table = dimensions(*tiny::embedding_only(rows));
  EXPECT_EQ(table.column("dimension").numbers()[0], 1);
  EXPECT_EQ(table.column("dimension").numbers()[3], 3);  // nothing at all is not an offset
  EXPECT_EQ(table.column("ratio").numbers()[3], 0);
}

struct NaivePairs {
  double mean = 0, positive = 0, pairs = 0;
  std::vector<double> counts;
};

NaivePairs naive_pairs(const Model& model, int bins) {
  const std::int64_t vocab = model.config().vocab;
  std::vector<Tensor> rows;
  for (TokenId id = 0; id < vocab; ++id) rows.push_back(model.embedding(id));
  NaivePairs out;
  out.counts.resize(static_cast<std::size_t>(bins));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = i + 1; j < rows.size(); ++j) {
      const double c = naive_cosine(rows[i].values(), rows[j].values());
      out.mean += c;
      out.positive += c > 0;
      ++out.pairs;
      ++out.counts[static_cast<std::size_t>(std::clamp(static_cast<int>((c + 1) / 2 * bins), 0, bins - 1))];
    }
  }
  out.mean /= out.pairs;
  out.positive /= out.pairs;
  return out;
}

void expect_pairs(const Model& model, int bins) {
  const NaivePairs expected = naive_pairs(model, bins);
  const PairCosines found = pair_cosines(model, bins);
  EXPECT_EQ(found.pairs, expected.pairs);
  EXPECT_NEAR(found.mean, expected.mean, 1e-7);
  EXPECT_EQ(found.positive_share, expected.positive);
  const auto &from = found.histogram.column("from").numbers(), &to = found.histogram.column("to").numbers();
  EXPECT_EQ(found.histogram.column("pairs").numbers(), expected.counts);
  EXPECT_EQ(from.front(), -1);
  EXPECT_EQ(to.back(), 1);
  for (std::size_t b = 0; b + 1 < from.size(); ++b) EXPECT_EQ(to[b], from[b + 1]);
}

TEST(PairCosines, equal_a_plain_loop_over_the_reference_models) {
  for (const char* name : {"tiny-gpt2", "tiny-llama"}) {
    for (int bins : {2, 7, 200}) expect_pairs(*tiny::open(name), bins);
  }
}

TEST(PairCosines, equal_a_plain_loop_across_tiles) {
  expect_pairs(*tiny::embedding_only(random_rows(1100, 9, 0.3)), 50);  // two tiles and a rest
  expect_pairs(*tiny::embedding_only(random_rows(513, 9, 0.3)), 50);   // a tile and one row
}

TEST(PairCosines, do_not_depend_on_threads_by_a_bit) {
  const auto model = tiny::embedding_only(random_rows(1100, 9));
  const int before = threads();
  set_threads(1);
  const PairCosines one = pair_cosines(*model);
  set_threads(3);
  const PairCosines three = pair_cosines(*model);
  set_threads(before);
  EXPECT_EQ(one.mean, three.mean);
  EXPECT_EQ(one.positive_share, three.positive_share);
  EXPECT_EQ(one.histogram.csv(), three.histogram.csv());
}

TEST(PairCosines, the_ends_of_the_scale_belong_to_the_first_and_the_last_bin) {
  Tensor rows({80, 3});
  for (std::int64_t i = 0; i < 80; ++i) {  // one line through the origin: 40 one way, 40 the other
    const float sign = i < 40 ? 1 : -1;
    rows.row(i)[0] = 0.3f * sign, rows.row(i)[1] = 0.7f * sign, rows.row(i)[2] = -1.1f * sign;
  }
  const PairCosines found = pair_cosines(*tiny::embedding_only(rows), 10);
  const auto& pairs = found.histogram.column("pairs").numbers();
  EXPECT_EQ(pairs.front(), 40 * 40);
  EXPECT_EQ(pairs.back(), 2 * (40 * 39 / 2));
  EXPECT_EQ(std::accumulate(pairs.begin(), pairs.end(), 0.0), found.pairs);
}

TEST(PairCosines, a_zero_vector_points_no_way) {
  Tensor rows({80, 2});
  for (std::int64_t i = 0; i < 79; ++i) rows.row(i)[0] = 1;
  const PairCosines found = pair_cosines(*tiny::embedding_only(rows), 4);
  EXPECT_EQ(found.positive_share, 79.0 * 78 / 2 / found.pairs);
  EXPECT_EQ(found.histogram.column("pairs").numbers()[2], 79);  // cosine 0 lies in 0..0.5
}

TEST(PairCosines, refuses_bins_that_show_nothing_and_stops_when_asked) {
  const auto model = tiny::open("tiny-gpt2");
  for (int bins : {-1, 0, 1, 100001}) EXPECT_THROW(pair_cosines(*model, bins), Error) << bins;
  try {
    pair_cosines(*model, 10, [](double, std::string_view) { return false; });
    FAIL() << "not stopped";
  } catch (const Error& e) { EXPECT_EQ(e.code(), Code::cancelled); }
}

TEST(ToySpace, has_the_animals_of_the_article_where_it_puts_them) {
  const Table toy = toy_space();
  const auto& animals = toy.column("animal").texts();
  const auto at = [&](std::string_view animal) {
    const auto row = static_cast<std::size_t>(std::ranges::find(animals, animal) - animals.begin());
    EXPECT_LT(row, animals.size()) << animal;
    return std::pair(toy.column("size").numbers()[row], toy.column("friendliness").numbers()[row]);
  };
  const auto [cat_size, cat_friendliness] = at("cat");
  const auto [dog_size, dog_friendliness] = at("dog");
  EXPECT_NEAR(cat_size, dog_size, 0.1) << "alike in size";
  EXPECT_NEAR(cat_friendliness, dog_friendliness, 0.1) << "and in friendliness";
  const auto ladybug = at("ladybug"), mosquito = at("mosquito");
  EXPECT_GT(ladybug.first, mosquito.first);
  EXPECT_NEAR(ladybug.first, mosquito.first, 0.05) << "hardly larger";
  EXPECT_GT(ladybug.second, mosquito.second + 0.4) << "and much friendlier";
  EXPECT_EQ(at("cat, in context"), std::pair(cat_size, 0.6)) << "the hissing cat has its size still";
  EXPECT_EQ(cat_size, 0.4);
  EXPECT_GT(cat_friendliness, 0.6);
}

}  // namespace
}  // namespace embscope
