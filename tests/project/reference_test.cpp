// The same data through scikit-learn and SciPy (tests/reference/make_map.py).
#include <cmath>
#include <fstream>

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "embscope/project/map_quality.h"
#include "embscope/project/projection.h"

namespace embscope {
namespace {

namespace bj = boost::json;

struct Reference {
  bj::value json;
  Tensor vectors;

  Reference() {
    std::ifstream file(EMBSCOPE_TEST_DATA "/reference/map.json");
    json = bj::parse(std::string{std::istreambuf_iterator<char>(file), {}});
    vectors = matrix(json.at("vectors"));
  }
  static Tensor matrix(const bj::value& rows) {
    const auto& all = rows.as_array();
    Tensor out({static_cast<std::int64_t>(all.size()), static_cast<std::int64_t>(all[0].as_array().size())});
    for (std::int64_t i = 0; i < out.rows(); ++i) {
      for (std::size_t k = 0; k < static_cast<std::size_t>(out.columns()); ++k)
        out.row(i)[k] = all[static_cast<std::size_t>(i)].at(k).to_number<float>();
    }
    return out;
  }
};

TEST(ScikitLearn, finds_the_same_neighbours) {
  const Reference reference;
  for (Metric metric : {Metric::cosine, Metric::euclidean}) {
    const Neighbours found = nearest_neighbours(reference.vectors, {6, metric});
    const auto& expected = reference.json.at("neighbours").at(name(metric)).as_array();
    for (std::int64_t i = 0; i < found.count; ++i) {
      for (std::size_t n = 0; n < 6; ++n)
        EXPECT_EQ(found.ids_of(i)[n], expected[static_cast<std::size_t>(i)].at(n).to_number<int>())
            << name(metric) << ", vector " << i;
    }
  }
}

TEST(ScikitLearn, finds_the_same_components) {
  const Reference reference;
  std::vector<double> explained;
  const Tensor found = pca(reference.vectors, 2, &explained),
               expected = Reference::matrix(reference.json.at("components"));
  for (std::size_t c = 0; c < 2; ++c)
    EXPECT_NEAR(explained[c], reference.json.at("explained").at(c).to_number<double>(), 1e-5);
  for (std::int64_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found.data()[i], expected.data()[i], 1e-3);
}

// After as many steps, of the same weights P: all pairs' with scikit-learn, 3 x perplexity neighbours' with openTSNE.
void expect_no_higher(const Reference& reference, const char* theirs, Gradient gradient) {
  for (bool cosine : {true, false}) {
    TsneOptions o;
    o.perplexity = 12;
    o.cosine = cosine;
    o.gradient = gradient;
    Tsne map(reference.vectors, o);
    while (map.step()) {}
    const double divergence = reference.json.at(theirs).at(cosine ? "cosine" : "euclidean").to_number<double>();
    EXPECT_LT(map.divergence(), 1.001 * divergence) << theirs << (cosine ? ", cosine" : ", euclidean");
    EXPECT_GT(map.divergence(), 0.9 * divergence);  // the same quantity, not another
  }
}

TEST(ScikitLearn, gets_no_lower_divergence) { expect_no_higher(Reference(), "tsne_divergence", Gradient::exact); }
TEST(OpenTsne, gets_no_lower_divergence) { expect_no_higher(Reference(), "opentsne_divergence", Gradient::fourier); }

TEST(ScikitLearn, judges_a_map_alike) {
  const Reference reference;
  QualityOptions o;
  o.metric = Metric::euclidean;
  const MapQuality found = map_quality(reference.vectors, Reference::matrix(reference.json.at("components")), o);
  EXPECT_NEAR(found.trustworthiness, reference.json.at("trustworthiness").to_number<double>(), 1e-6);
  EXPECT_NEAR(found.rank_correlation, reference.json.at("rank_correlation").to_number<double>(), 1e-5);
}

}  // namespace
}  // namespace embscope
