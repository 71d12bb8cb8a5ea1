// Comparisons, against NumPy and SciPy, and what must hold for spaces that are one another's rotation.
#include "embscope/vocabulary/compare.h"

#include <cmath>

#include <gmock/gmock.h>

#include "vocabulary/spaces.h"

namespace embscope {
namespace {

TEST(Compare, MeasuresAreThoseOfNumPyAndSciPy) {
  for (const char* other : {"b", "c"}) {
    const Comparison found = compare(spaces::open("a"), spaces::open(other));
    const auto& expected = spaces::expected().at(std::string("a and ") + other).as_object();
    for (const auto& [measure, value] : expected) {
      if (value.is_array()) continue;
      EXPECT_NEAR(spaces::measure(found.measures, measure), value.to_number<double>(), 2e-6) << other << measure;
    }
    const auto aligned = spaces::numbers(expected.at("aligned")), kept = spaces::numbers(expected.at("kept"));
    for (std::size_t i = 0; i < found.tokens.rows(); ++i) {
      const auto row = static_cast<std::size_t>(found.tokens.column("a").numbers()[i]);
      EXPECT_NEAR(found.tokens.column("aligned_cosine").numbers()[i], aligned[row], 1e-5);
      EXPECT_NEAR(found.tokens.column("kept").numbers()[i], kept[row], 1e-9);
    }
    EXPECT_EQ(std::isnan(spaces::measure(found.measures, "own cosine")), std::string(other) == "c");
  }
}

TEST(Compare, ARotationChangesCoordinatesAndNoRelation) {
  const Space a = spaces::of({"p", "q", "r", "s", "t"}, {5, 2}, {1, 0, 0, 1, -1, 1, 2, 1, 1, -3});
  const Space b = spaces::of({"t", "p", "q", "r", "s"}, {5, 2},
                             {3, 1, 0, 1, -1, 0, -1, -1, -1, 2});  // by 90 degrees, in another order
  CompareOptions options;
  options.k = 2;
  const Comparison found = compare(a, b, options);
  EXPECT_EQ(found.matched, 5);
  for (const char* one : {"linear CKA", "Procrustes similarity", "RSA (Spearman)", "RSA (Pearson)", "neighbours kept",
                          "own cosine, aligned"})
    EXPECT_NEAR(spaces::measure(found.measures, one), 1, 1e-6) << one;
  EXPECT_NEAR(spaces::measure(found.measures, "own cosine"), 0, 1e-9);
}

TEST(Compare, LabelsDecide) {
  const Space a = spaces::of({"p", "q", "r", "q", "x", "z"}, {6, 1}, {1, 2, -3, 9, 4, 0});
  const Space b = spaces::of({"r", "q", "p", "y", "z"}, {5, 1}, {-3, 2, 1, 5, 1});
  const Comparison found = compare(a, b);
  EXPECT_EQ(found.matched, 3);
  EXPECT_EQ(found.only_a, 1);
  EXPECT_EQ(found.only_b, 1);
  EXPECT_EQ(found.zero, 1);
  EXPECT_NEAR(spaces::measure(found.measures, "linear CKA"), 1, 1e-9);
  EXPECT_THROW(compare(a, spaces::of({"n", "m"}, {2, 1}, {1, 2})), Error);
}

TEST(Compare, EqualRowsHaveNothingToAlign) {
  const Space same = spaces::of({"p", "q", "r"}, {3, 2}, {1, 1, 1, 1, 1, 1});
  EXPECT_THROW(compare(same, same), Error);
}

TEST(Compare, ASampleOfPairsIsThatOfItsSeed) {
  const Space a = spaces::open("a"), b = spaces::open("b");
  CompareOptions options;
  options.pairs = 500, options.k = 0;
  const auto rsa = [&] { return spaces::measure(compare(a, b, options).measures, "RSA (Pearson)"); };
  const double first = rsa();
  EXPECT_EQ(rsa(), first);
  options.seed = 2;
  EXPECT_NE(rsa(), first);
  EXPECT_NEAR(rsa(), first, 0.1);
}

}  // namespace
}  // namespace embscope
