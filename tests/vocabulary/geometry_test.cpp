// The shape of a space, against NumPy, SciPy and scikit-learn, and at its edges.
#include "embscope/vocabulary/geometry.h"

#include <cmath>
#include <cstdlib>
#include <numeric>

#include <gmock/gmock.h>

#include "embscope/base/threads.h"
#include "forward/tiny.h"
#include "vocabulary/spaces.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<double> by(const Table& table, const char* key, const char* value) {
  std::vector<double> out(table.rows());
  for (std::size_t i = 0; i < table.rows(); ++i)
    out[static_cast<std::size_t>(table.column(key).numbers()[i])] = table.column(value).numbers()[i];
  return out;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], tolerance) << i;
}

TEST(Geometry, MeasuresAreThoseOfNumPy) {
  for (const char* name : {"a", "b"}) {
    GeometryOptions options;
    options.k = 5;
    const Table table = geometry(spaces::open(name), options);
    const auto& expected = spaces::expected().at(name).as_object();
    int compared = 0;
    for (const auto& [measure, value] : expected) {
      if (value.is_array()) continue;
      const double wanted = value.to_number<double>();
      EXPECT_NEAR(spaces::measure(table, measure), wanted, 2e-6 * std::max(1.0, std::abs(wanted))) << name << measure;
      ++compared;
    }
    EXPECT_EQ(compared, 18);
  }
}

TEST(Geometry, TablesAreThoseOfNumPy) {
  const Space a = spaces::open("a");
  const auto& expected = spaces::expected().at("a").as_object();
  expect_near(spectrum(a).column("variance").numbers(), spaces::numbers(expected.at("eigenvalues")), 1e-6);
  expect_near(by(dimensions(a), "dimension", "cosine_share"), spaces::numbers(expected.at("cosine parts")), 1e-6);
  expect_near(by(dimensions(a), "dimension", "mean"), spaces::numbers(expected.at("dimension means")), 1e-6);
  expect_near(by(dimensions(a), "dimension", "deviation"), spaces::numbers(expected.at("dimension deviations")), 1e-6);
  expect_near(by(hubs(a, 5), "id", "occurrence"), spaces::numbers(expected.at("occurrence")), 0);
  EXPECT_EQ(pair_cosines(a.vectors, false, 20).histogram.column("pairs").numbers(),
            spaces::numbers(expected.at("histogram")));
}

TEST(Geometry, DoesNotDependOnThreads) {
  const Space a = spaces::open("a");
  const int before = threads();
  set_threads(1);
  const std::string one = geometry(a).csv();
  set_threads(3);
  const std::string three = geometry(a).csv();
  set_threads(before);
  EXPECT_EQ(one, three);
}

TEST(Geometry, ZeroRowsAreCountedAndLeftOut) {
  const Space space = spaces::of({"a", "0", "b", "0", "c"}, {5, 2}, {1, 0, 0, 0, 0, 1, 0, 0, -1, 0});
  const Table table = geometry(space);
  EXPECT_EQ(spaces::measure(table, "zero vectors"), 2);
  EXPECT_NEAR(spaces::measure(table, "mean cosine"), -1.0 / 3, 1e-12);
  EXPECT_THROW(geometry(spaces::of({"a", "b"}, {2, 2}, {0, 0, 1, 0})), Error);
}

TEST(Geometry, ManyEqualRowsGiveNumbers) {
  std::vector<float> values;
  std::vector<std::string> labels;
  for (int i = 0; i < 50; ++i) values.insert(values.end(), {1, 2, 3}), labels.push_back("same");
  const Table same = geometry(spaces::of(labels, {50, 3}, values));
  EXPECT_EQ(spaces::measure(same, "repeated vectors"), 49);
  EXPECT_NEAR(spaces::measure(same, "mean cosine"), 1, 1e-12);
  EXPECT_NEAR(spaces::measure(same, "variance"), 0, 1e-12);
  values.insert(values.end(), {-3, 1, 0}), labels.push_back("other");
  const Table table = geometry(spaces::of(labels, {51, 3}, values));
  for (double x : table.column("value").numbers()) EXPECT_TRUE(std::isfinite(x));
  EXPECT_NEAR(spaces::measure(table, "effective rank"), 1, 1e-6);
}

TEST(Geometry, MoreDimensionsThanVectors) {
  const Table table = geometry(spaces::of({"a", "b", "c"}, {3, 5}, {1, 0, 0, 0, 2, 0, 1, 0, 0, 2, 0, 0, 1, 0, 2}));
  EXPECT_LE(spaces::measure(table, "effective rank"), 2 + 1e-9);
}

TEST(PairQuantiles, OfEvenlySpreadCosines) {
  PairCosines pairs;
  pairs.pairs = 4;
  pairs.histogram.add("from", {-1, -.5, 0, .5}).add("to", {-.5, 0, .5, 1}).add("pairs", {0, 2, 2, 0});
  const Table table = pair_quantiles(pairs);
  EXPECT_EQ(table.column("cosine").numbers().front(), -.5);
  EXPECT_EQ(table.column("cosine").numbers()[6], 0);  // the median
  EXPECT_EQ(table.column("cosine").numbers().back(), .5);
}

TEST(Undertrained, IsLandAndBartolosIndicator) {
  const Space a = spaces::open("a");
  const std::int64_t unused[] = {3, 5, 8};
  const Undertrained found = undertrained(a, unused);
  expect_near(by(found.tokens, "id", "indicator"), spaces::numbers(spaces::expected().at("undertrained")), 1e-12);
  EXPECT_TRUE(std::ranges::is_sorted(found.tokens.column("indicator").numbers()));
  const std::int64_t beyond[] = {90};
  EXPECT_THROW(undertrained(a, beyond), Error);
}

TEST(Undertrained, FindsTheBytesThatTextNeverHas) {
  const Space space =
      spaces::of({"a", "<0xC0>", "<0xF5>", "<0xE2>", "glitch"}, {5, 2}, {0, 1, 1, 0, 1, 0.2f, 0, 2, 3, 0.3f});
  const Undertrained found = undertrained(space);
  EXPECT_EQ(found.reference, "2 bytes that UTF-8 never has (C0 F5)");
  EXPECT_EQ(found.tokens.column("token").texts()[0], "glitch");
  const Undertrained unknown = undertrained(spaces::of({"a", "b", "c"}, {3, 1}, {1, 2, 6}));
  EXPECT_EQ(unknown.reference, "no row is known to be unused");
  EXPECT_EQ(unknown.tokens.column("token").texts()[0], "b") << "the nearest to the mean, 3";
}

TEST(Undertrained, RowsWithoutATokenAreUnusedAndAnUntiedModelIsLookedAtInItsUnembedding) {
  const Space space = space_of(tiny::open("tiny-llama"));
  const Undertrained found = undertrained(space);
  EXPECT_EQ(found.reference, "rows 78..100, which have no token, of the unembedding");
  Tensor unembedding({101, 48});
  for (std::int64_t i = 0; i < 101; ++i) space.model->weights().unembed.row(i, unembedding.row(i).data());
  std::vector<std::int64_t> unused(101 - 78);
  std::iota(unused.begin(), unused.end(), 78);
  const Undertrained expected = undertrained({"unembedding", std::move(unembedding), space.labels, nullptr}, unused);
  expect_near(by(found.tokens, "id", "indicator"), by(expected.tokens, "id", "indicator"), 0);
}

TEST(Undertrained, PublishedFiguresOfGpt2) {
  const char* gpt2 = std::getenv("EMBSCOPE_GPT2");
  if (gpt2 == nullptr) GTEST_SKIP() << "EMBSCOPE_GPT2 does not name GPT-2 small";
  const Undertrained found = undertrained(open_space(gpt2));
  EXPECT_NEAR(found.mean, 0.536, 0.0006);
  EXPECT_NEAR(found.deviation, 0.070, 0.0006);
  const auto indicator = by(found.tokens, "id", "indicator");
  for (const auto& [id, value] :
       {std::pair{40241, 0.00143921}, {30905, 0.00145763}, {39752, 0.00147873}, {30208, 0.00763935}})
    EXPECT_NEAR(indicator[static_cast<std::size_t>(id)], value, 2e-6) << id;
}

}  // namespace
}  // namespace embscope
