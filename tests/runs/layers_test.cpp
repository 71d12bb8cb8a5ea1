// Vectors in context, layer by layer: against NumPy, and against what a vocabulary's own measures say.
#include "embscope/runs/layers.h"

#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>

#include "embscope/runs/in_context.h"
#include "embscope/vocabulary/compare.h"
#include "embscope/vocabulary/geometry.h"
#include "vocabulary/spaces.h"

namespace embscope {
namespace {

TEST(LayerGeometry, FirstLayerIsWhatTheEmbeddingSays) {
  const auto model = Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-llama");
  const Transformer transformer(model);
  const std::vector<std::vector<TokenId>> rows = {{1, 2, 3, 4, 2}, {5, 6, 2}};
  const Table table = layer_geometry(transformer, rows);
  EXPECT_EQ(table.rows(), static_cast<std::size_t>(model->config().blocks) + 2);
  Space space{"rows", Tensor::uninitialised({8, model->config().width}), std::vector<std::string>(8), nullptr};
  std::int64_t at = 0;
  for (const auto& row : rows) {
    for (TokenId id : row) std::ranges::copy(model->embedding(id).values(), space.vectors.row(at++).begin());
  }
  GeometryOptions options;
  options.k = 0;
  const Table expected = geometry(space, options);  // tiny-llama adds no positions to the embedding
  EXPECT_NEAR(table.column("mean_cosine").numbers()[0], spaces::measure(expected, "mean cosine"), 1e-12);
  EXPECT_NEAR(table.column("effective_rank").numbers()[0], spaces::measure(expected, "effective rank"), 1e-9);
  EXPECT_NEAR(table.column("self_similarity").numbers()[0], 1, 1e-6) << "token 2 three times, always the same vector";
  EXPECT_LT(table.column("self_similarity").numbers()[1], 1);
  EXPECT_EQ(table.column("site").texts().back(), "ln_final");
  LayerOptions skip;
  skip.skip_first = true;
  EXPECT_EQ(layer_geometry(transformer, rows, skip).column("vectors").numbers()[0], 6);
  LayerOptions few;
  few.positions = 6;
  EXPECT_EQ(layer_geometry(transformer, rows, few).column("vectors").numbers()[0], 6);
}

// The vectors by transformers, the measures by NumPy (tests/reference/make_layers.py).
TEST(LayerGeometry, MeasuresAreThoseOfNumPy) {
  const Transformer transformer(Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-gpt2"));
  std::vector<std::vector<TokenId>> rows;
  const auto ids = spaces::parsed("tiny-gpt2/ids.json"), expected = spaces::parsed("layers.json");
  for (const auto& row : ids.as_array()) {
    rows.emplace_back();
    for (const auto& id : row.as_array()) rows.back().push_back(id.to_number<TokenId>());
  }
  const Table table = layer_geometry(transformer, rows);
  ASSERT_EQ(table.rows(), expected.as_object().size());
  for (std::size_t layer = 0; layer < table.rows(); ++layer) {
    const std::string& site = table.column("site").texts()[layer];
    for (const auto& [measure, value] : expected.at(site).as_object()) {
      const double wanted = value.to_number<double>();
      EXPECT_NEAR(table.column(measure).numbers()[layer], wanted, 2e-5 * std::max(1.0, std::abs(wanted)))
          << site << ", " << measure;
    }
  }
}

TEST(LayerGeometry, RefusesTooLittleTextAndStops) {
  const Transformer transformer(Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-llama"));
  EXPECT_THROW(layer_geometry(transformer, {}), Error);
  EXPECT_THROW(layer_geometry(transformer, std::vector<std::vector<TokenId>>{{1}}), Error);
  try {
    layer_geometry(transformer, std::vector<std::vector<TokenId>>{{1, 2}}, {},
                   [](double, std::string_view) { return false; });
    FAIL();
  } catch (const Error& error) { EXPECT_EQ(error.code(), Code::cancelled); }
}

// Ethayarajh (2019) samples words of sentence-similarity text; over any English text the shape of the curve is what
// holds.
TEST(LayerGeometry, Gpt2sLastLayerIsANarrowCone) {
  const char* gpt2 = std::getenv("EMBSCOPE_GPT2");
  if (gpt2 == nullptr) GTEST_SKIP() << "EMBSCOPE_GPT2 does not name GPT-2 small";
  const Transformer transformer(Model::open(gpt2));
  std::vector<std::vector<TokenId>> rows;
  for (const char* text : {"A man is playing a large flute.", "A woman is slicing an onion in the kitchen.",
                           "The stock market fell sharply on Tuesday.", "Two dogs are running through the snow.",
                           "The president will visit Germany next week."})
    rows.push_back(transformer.model().tokenizer().encode_ids(text));
  const auto cosines = layer_geometry(transformer, rows).column("mean_cosine").numbers();
  ASSERT_EQ(cosines.size(), 14u);
  for (std::size_t layer = 0; layer < 12; ++layer) EXPECT_LT(cosines[layer], 0.9) << layer;
  EXPECT_GT(cosines.back(), 0.9) << "published: .978 after the last layer";
}

TEST(LayerSimilarity, OfAModelWithItself) {
  const Transformer transformer(Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-gpt2"));
  const std::vector<std::vector<TokenId>> rows = {{1, 2, 3, 4, 5, 6, 7}};
  const Table table = layer_similarity(transformer, rows, transformer, rows);
  const auto& a = table.column("a").numbers();
  const auto& b = table.column("b").numbers();
  const auto& cka = table.column("cka").numbers();
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_LE(cka[i], 1 + 1e-9);
    EXPECT_GE(cka[i], 0);
    EXPECT_EQ(cka[i] > 1 - 1e-9, a[i] == b[i]) << i;
  }
  const Site site{Point::resid_post, 0};
  const Space space = text_space(transformer, rows, site);
  EXPECT_EQ(space.labels[2], "2 " + transformer.model().label(3));
  // the Gram form and the covariance form are one number
  const Comparison found = compare(text_space(transformer, rows, {Point::resid_pre, 0}), space, {.k = 2});
  EXPECT_NEAR(spaces::measure(found.measures, "linear CKA"), cka[1], 1e-6);
  EXPECT_THROW(text_space(transformer, rows, {Point::q, 0}), Error);
  EXPECT_THROW(layer_similarity(transformer, rows, transformer, std::vector<std::vector<TokenId>>{{1, 2}}), Error);
}

}  // namespace
}  // namespace embscope
