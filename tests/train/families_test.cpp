// Gradients of every family against PyTorch's, under the names of its modules (tests/reference/make_families.py).
#include "forward/families.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "embscope/train/gradient.h"
#include "refusal.h"

namespace embscope {
namespace {

class FamilyGradient : public ::testing::TestWithParam<const char*> {
 protected:
  const families::Family family_{GetParam()};
  const Transformer transformer_{family_.open()};

  GradientRequest request() const {
    GradientRequest r;
    r.ids = family_.ids("text"), r.target = 11, r.against = 7, r.position = 9;
    return r;
  }
};

TEST_P(FamilyGradient, is_pytorchs_under_each_module_s_name) {
  GradientRequest r = request();
  std::vector<std::string> modules;
  for (const Archive::Entry& entry : family_.expected->tensors()) {
    if (!entry.name.starts_with("gradient/")) continue;
    const std::string module = entry.name.substr(9);
    if (refusal([&] { r.sites.push_back(parse_site(module, transformer_.config())); }) == "no error")
      modules.push_back(module);
  }
  ASSERT_GE(modules.size(), 5u);
  const GradientResult found = gradient(transformer_, r);
  for (std::size_t m = 0; m < modules.size(); ++m) {
    const Tensor expected = decode(family_.expected->at("gradient/" + modules[m]));
    double most = 0, difference = 0;
    for (std::int64_t i = 0; i < found.gradients[m].size(); ++i) {
      most = std::max(most, static_cast<double>(std::abs(expected.data()[i])));
      difference = std::max(difference, std::abs(static_cast<double>(expected.data()[i]) -
                                                 static_cast<double>(found.gradients[m].data()[i])));
    }
    EXPECT_LT(difference, 5e-5 * most + 1e-7) << modules[m] << ", here " << r.sites[m].name();
  }
}

// Every site, those also those that are not a module's: a step along the gradient moves the logits by its square.
TEST_P(FamilyGradient, is_what_a_small_step_does_at_every_site) {
  if (transformer_.config().activation == Activation::relu) GTEST_SKIP() << "differences step over its kinks";
  if (transformer_.config().qkv_clip != 0 || transformer_.config().experts.limit != 0)
    GTEST_SKIP() << "differences step over the clip's edges";
  if (transformer_.config().experts.nearness != 0) GTEST_SKIP() << "differences step over the edge of what is near";
  GradientRequest r = request();
  for (const SiteInfo& info : sites(transformer_.config())) {
    if (is_attention_map(info.point) || info.point == Point::logits || info.point == Point::router_chosen) continue;
    if (transformer_.config().v_norm && info.point == Point::ln1_scale) continue;  // all that it scales is normed again
    const int first = has_site(transformer_.config(), {info.point, 0}) ? 0 : 1;
    r.sites.push_back({info.point, in_block(info.point) ? first : -1});
  }
  const GradientResult found = gradient(transformer_, r);
  Request plain;  // what the routers choose, which is held fixed
  plain.rows = {{r.ids.begin(), r.ids.begin() + 10}};
  for (int l = 0; l < 2; ++l) {
    if (has_site(transformer_.config(), {Point::router_chosen, l})) plain.capture.push_back({Point::router_chosen, l});
  }
  const std::vector<Tensor> chosen = std::move(transformer_.run(plain).rows[0].captured);
  for (std::size_t s = 0; s < r.sites.size(); ++s) {
    const Tensor& g = found.gradients[s];
    double square = 0;
    for (float x : g.values()) square += static_cast<double>(x) * static_cast<double>(x);
    ASSERT_GT(square, 0) << r.sites[s].name();
    auto moved = [&](double step) {
      Hooks hooks;
      hooks.write(r.sites[s], [&](SiteValues& seen) {
        for (std::int64_t i = 0; i < g.size(); ++i) seen.rows[0].values[i] += static_cast<float>(step) * g.data()[i];
      });
      for (std::size_t c = 0; c < chosen.size(); ++c) {
        hooks.write(plain.capture[c],
                    [&chosen, c](SiteValues& seen) { std::ranges::copy(chosen[c].values(), seen.rows[0].values); });
      }
      Request run;
      run.rows = {{r.ids.begin(), r.ids.begin() + 10}}, run.hooks = &hooks;
      const Tensor logits = std::move(transformer_.run(run).rows[0].logits);
      return static_cast<double>(logits.data()[11]) - static_cast<double>(logits.data()[7]);
    };
    const double step = 0.01 / std::sqrt(square);
    const double slope = (8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step);
    EXPECT_NEAR(slope / square, 1, 0.01) << r.sites[s].name();
  }
}

INSTANTIATE_TEST_SUITE_P(families, FamilyGradient, ::testing::ValuesIn(families::names),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace embscope
