// Gradient x activation sums what `gradient` gives; estimated patches are the slope of real ones.
#include <cmath>

#include <algorithm>

#include <gtest/gtest.h>

#include "embscope/runs/attribution.h"
#include "embscope/runs/patching.h"

namespace embscope {
namespace {

const std::vector<TokenId> clean = {9, 1, 77, 30, 2, 61, 13}, corrupt = {9, 1, 50, 30, 2, 61, 13};
constexpr TokenId target = 11, against = 42;

class GradientAttribution : public ::testing::TestWithParam<const char*> {
 protected:
  const Transformer transformer_{Model::open(EMBSCOPE_TEST_DATA "/reference/" + std::string(GetParam()))};
};

TEST_P(GradientAttribution, has_a_row_for_each_place_and_each_is_a_sum_of_products) {
  GradientRequest r;
  r.ids = clean, r.target = target;
  r.sites = {{Point::wte, -1}, {Point::z, 1}, {Point::mlp_out, 0}, {Point::pattern, 2}};
  const auto found = attribute_by_gradient(transformer_, r);
  const auto heads = static_cast<std::size_t>(transformer_.config().heads), t = clean.size();
  const auto &site = found.parts.column("site").texts(), &token = found.parts.column("token").texts();
  const auto &head = found.parts.column("head").numbers(), &position = found.parts.column("position").numbers();
  const auto &value = found.parts.column("value").numbers(), &norm = found.parts.column("gradient").numbers();
  ASSERT_EQ(found.parts.rows(), t + heads * t + t + heads * t);
  std::vector<double> total(4);
  for (std::size_t i = 0; i < found.parts.rows(); ++i) {
    const std::size_t s = site[i] == "wte" ? 0 : site[i] == "z" ? 1 : site[i] == "mlp_out" ? 2 : 3;
    EXPECT_EQ(std::isnan(head[i]), s == 0 || s == 2);
    EXPECT_EQ(token[i], transformer_.model().label(clean[static_cast<std::size_t>(position[i])]));
    EXPECT_GE(norm[i], 0);
    total[s] += value[i];
  }
  for (std::size_t s = 0; s < 4; ++s) {
    double sum = 0;
    for (std::int64_t i = 0; i < found.gradient.gradients[s].size(); ++i)
      sum += static_cast<double>(found.gradient.gradients[s].data()[i]) *
             static_cast<double>(found.gradient.activations[s].data()[i]);
    EXPECT_NEAR(total[s], sum, 1e-9) << s;
  }
}

// The logit difference of the corrupt run, a site moved `share` of the way to the clean one.
double moved(const Transformer& transformer, const Site& site, int position, int head, double share) {
  Request request;
  request.rows = {clean}, request.capture = {site}, request.logits = LogitsAt::none;
  const Tensor vectors = std::move(transformer.run(request).rows[0].captured[0]);
  const std::int64_t width = vectors.size() / vectors.shape()[0], k = transformer.config().head_width;
  Request patched;
  patched.rows = {corrupt}, patched.tokens = {target, against};
  for (int t = 0; t < static_cast<int>(clean.size()); ++t) {
    if (position >= 0 && t != position) continue;
    Edit edit;
    edit.site = site, edit.change = Change::mix, edit.amount = static_cast<float>(1 - share), edit.positions = {t};
    const float* from = vectors.data() + t * width + (head < 0 ? 0 : head * k);
    edit.vector.assign(from, from + (head < 0 ? width : k));
    if (head >= 0) edit.heads = {head};
    patched.edits.push_back(edit);
  }
  const Tensor logits = std::move(transformer.run(patched).rows[0].logits);
  return static_cast<double>(logits.data()[0]) - static_cast<double>(logits.data()[1]);
}

TEST_P(GradientAttribution, estimates_of_patches_are_the_slope_towards_the_clean_vector) {
  PatchRequest r;
  r.clean = clean, r.corrupt = corrupt, r.target = target, r.against = against;
  const PatchResult estimate = patch_approximately(transformer_, r), real = patch(transformer_, r);
  EXPECT_NEAR(estimate.clean, real.clean, 1e-6);
  EXPECT_NEAR(estimate.corrupt, real.corrupt, 1e-6);
  ASSERT_EQ(estimate.grid.rows(), real.grid.rows());
  ASSERT_EQ(estimate.heads.rows(), real.heads.rows());
  auto slope = [&](const Site& site, int position, int head) {
    const double h = 0.01;
    return (moved(transformer_, site, position, head, h) - moved(transformer_, site, position, head, -h)) / (2 * h);
  };
  for (std::size_t i = 0; i < estimate.grid.rows(); i += 5) {
    const Site site =
        parse_site("blocks." + std::to_string(static_cast<int>(estimate.grid.column("block").numbers()[i])) + "." +
                       estimate.grid.column("site").texts()[i],
                   transformer_.config());
    const int position = static_cast<int>(estimate.grid.column("position").numbers()[i]);
    const double expected = slope(site, position, -1);
    EXPECT_NEAR(estimate.grid.column("difference").numbers()[i] - estimate.corrupt, expected,
                0.01 * std::abs(expected) + 2e-3)
        << i;
  }
  for (std::size_t i = 0; i < estimate.heads.rows(); i += 2) {
    const Site site{Point::z, static_cast<int>(estimate.heads.column("block").numbers()[i])};
    const double expected = slope(site, -1, static_cast<int>(estimate.heads.column("head").numbers()[i]));
    EXPECT_NEAR(estimate.heads.column("difference").numbers()[i] - estimate.corrupt, expected,
                0.01 * std::abs(expected) + 2e-3)
        << i;
  }
}

// Positions 0 and 1 of the texts are equal: what is not run there must be what a run gives.
TEST_P(GradientAttribution, each_patch_is_the_run_of_its_own_also_before_the_texts_differ) {
  PatchRequest r;
  r.clean = clean, r.corrupt = corrupt, r.target = target, r.against = against;
  const PatchResult real = patch(transformer_, r);
  for (std::size_t i = 0; i < real.grid.rows(); ++i) {
    const Site site = parse_site("blocks." + std::to_string(static_cast<int>(real.grid.column("block").numbers()[i])) +
                                     "." + real.grid.column("site").texts()[i],
                                 transformer_.config());
    const int position = static_cast<int>(real.grid.column("position").numbers()[i]);
    EXPECT_EQ(real.grid.column("difference").numbers()[i], moved(transformer_, site, position, -1, 1)) << i;
    if (position < 2) { EXPECT_EQ(real.grid.column("restored").numbers()[i], 0) << i; }
  }
  for (std::size_t i = 0; i < real.heads.rows(); ++i) {
    const Site site{Point::z, static_cast<int>(real.heads.column("block").numbers()[i])};
    const int head = static_cast<int>(real.heads.column("head").numbers()[i]);
    EXPECT_EQ(real.heads.column("difference").numbers()[i], moved(transformer_, site, -1, head, 1)) << i;
  }
}

TEST_P(GradientAttribution, what_is_seen_of_the_grid_is_how_it_begins) {
  PatchRequest r;
  r.clean = clean, r.corrupt = corrupt, r.target = target, r.against = against;
  const PatchResult real = patch(transformer_, r);
  std::size_t most = 0;
  r.seen = [&](const PatchResult& so_far) {
    ASSERT_GT(so_far.grid.rows() + so_far.heads.rows(), most);
    most = so_far.grid.rows() + so_far.heads.rows();
    for (std::size_t i = 0; i < so_far.grid.rows(); ++i)
      EXPECT_EQ(so_far.grid.column("restored").numbers()[i], real.grid.column("restored").numbers()[i]);
    for (std::size_t i = 0; i < so_far.heads.rows(); ++i)
      EXPECT_EQ(so_far.heads.column("restored").numbers()[i], real.heads.column("restored").numbers()[i]);
  };
  std::vector<double> shares;
  patch(transformer_, r, [&](double fraction, std::string_view) {
    shares.push_back(fraction);
    return true;
  });
  EXPECT_EQ(most, real.grid.rows() + real.heads.rows());
  EXPECT_TRUE(std::ranges::is_sorted(shares));
  EXPECT_EQ(shares.back(), 1);
}

TEST_P(GradientAttribution, agreement_compares_patch_with_patch) {
  PatchRequest r;
  r.clean = clean, r.corrupt = corrupt, r.target = target, r.against = against;
  const PatchResult real = patch(transformer_, r);
  const PatchAgreement same = agreement(real, real), found = agreement(real, patch_approximately(transformer_, r));
  ASSERT_EQ(same.sites.rows(), 4u);  // three points, and heads
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(same.sites.column("correlation").numbers()[i], 1, 1e-12);
    EXPECT_EQ(same.sites.column("largest error").numbers()[i], 0);
    EXPECT_GT(found.sites.column("correlation").numbers()[i], 0.3);
    EXPECT_LT(found.sites.column("correlation").numbers()[i], 1);
  }
  EXPECT_EQ(found.patches.rows(), real.grid.rows() + real.heads.rows());
}

INSTANTIATE_TEST_SUITE_P(Models, GradientAttribution, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& tested) { return std::string(tested.param).substr(5); });

}  // namespace
}  // namespace embscope
