// The gradient at every site of the forward pass: against finite differences of the run itself, and against PyTorch.
#include "embscope/train/gradient.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "embscope/base/threads.h"
#include "embscope/files/archive.h"

namespace embscope {
namespace {

const std::vector<TokenId> text = {9, 1, 77, 30, 2, 61, 13};
constexpr TokenId target = 11, against = 42;
constexpr int position = 5;

class Gradient : public ::testing::TestWithParam<const char*> {
 protected:
  const Transformer transformer_{Model::open(EMBSCOPE_TEST_DATA "/reference/" + std::string(GetParam()))};

  std::vector<Site> every_site() const {
    std::vector<Site> all;
    for (const SiteInfo& info : sites(transformer_.config())) {
      for (const Site& site :
           parse_sites(info.name.starts_with("blocks.L.") ? "blocks.*." + info.name.substr(9) : info.name,
                       transformer_.config()))
        all.push_back(site);
    }
    return all;
  }

  GradientRequest request(std::vector<Site> wanted) const {
    GradientRequest r;
    r.ids = text, r.target = target, r.against = against, r.position = position, r.sites = std::move(wanted);
    return r;
  }

  GradientResult gradients(std::vector<Site> wanted) const {
    return gradient(transformer_, request(std::move(wanted)));
  }

  // The logit difference when `step` x direction is added to a site: to positions 0..position, or to queries of a map.
  double moved(const Site& site, const Tensor& direction, double step) const {
    Hooks hooks;
    hooks.write(site, [&](SiteValues& seen) {
      float* values = seen.rows[0].values;
      if (is_attention_map(site.point)) {  // [H, T, S]: only what a query may see
        const std::int64_t t = direction.shape()[1];
        for (std::int64_t i = 0; i < direction.size(); ++i) {
          if (i % t <= i / t % t) values[i] += static_cast<float>(step) * direction.data()[i];
        }
        return;
      }
      for (std::int64_t i = 0; i < direction.size(); ++i) values[i] += static_cast<float>(step) * direction.data()[i];
    });
    Request request;
    request.rows = {{text.begin(), text.begin() + position + 1}};
    request.hooks = &hooks;
    const Tensor logits = std::move(transformer_.run(request).rows[0].logits);
    return static_cast<double>(logits.data()[target]) - static_cast<double>(logits.data()[against]);
  }
};

TEST_P(Gradient, is_what_finite_differences_say_at_every_site) {
  if (transformer_.config().activation == Activation::relu) GTEST_SKIP() << "differences step over its kinks";
  const std::vector<Site> all = every_site();
  const GradientResult found = gradients(all);
  ASSERT_EQ(found.gradients.size(), all.size());
  for (std::size_t s = 0; s < all.size(); ++s) {
    const Tensor& g = found.gradients[s];
    ASSERT_EQ(g.shape().text(), found.activations[s].shape().text()) << all[s].name();
    Tensor direction(g.shape());
    double expected = 0, size = 0;
    for (std::int64_t i = 0; i < g.size(); ++i) {
      direction.data()[i] = static_cast<float>(std::sin(1.7 * static_cast<double>(i) + static_cast<double>(s)));
      expected += static_cast<double>(direction.data()[i]) * static_cast<double>(g.data()[i]);
      size += std::abs(static_cast<double>(direction.data()[i]) * static_cast<double>(g.data()[i]));
    }
    ASSERT_GT(size, 0) << all[s].name();
    const double step = 0.004 / std::max(0.2, std::sqrt(size)), twice = 2 * step;
    // fourth order: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h
    const double near = moved(all[s], direction, step) - moved(all[s], direction, -step);
    const double far = moved(all[s], direction, twice) - moved(all[s], direction, -twice);
    EXPECT_NEAR((8 * near - far) / (12 * step), expected, 0.004 * size + 0.002) << all[s].name();
  }
}

TEST_P(Gradient, is_pytorchs) {
  const auto reference = Archive::open(EMBSCOPE_TEST_DATA "/reference/gradients.safetensors");
  const std::string prefix = std::string(GetParam()) + "/";
  std::vector<Site> wanted;
  std::vector<Tensor> expected;
  for (const Archive::Entry& entry : reference->tensors()) {
    if (!entry.name.starts_with(prefix)) continue;
    wanted.push_back(parse_site(entry.name.substr(prefix.size()), transformer_.config()));
    expected.push_back(decode(entry.view));
  }
  ASSERT_GT(wanted.size(), 15u);
  const GradientResult found = gradients(wanted);
  for (std::size_t s = 0; s < wanted.size(); ++s) {
    ASSERT_EQ(found.gradients[s].size(), expected[s].size()) << wanted[s].name();
    double most = 0, difference = 0;
    for (std::int64_t i = 0; i < expected[s].size(); ++i) {
      const bool hidden = is_attention_map(wanted[s].point) && expected[s].shape()[1] > 0 &&
                          i % expected[s].shape()[1] > i / expected[s].shape()[1] % expected[s].shape()[1];
      if (hidden) continue;  // autograd has a gradient by what a query may not see, which no run can have
      most = std::max(most, static_cast<double>(std::abs(expected[s].data()[i])));
      difference = std::max(difference, std::abs(static_cast<double>(expected[s].data()[i]) -
                                                 static_cast<double>(found.gradients[s].data()[i])));
    }
    EXPECT_LT(difference, 2e-5 * most + 1e-7) << wanted[s].name();
  }
}

TEST_P(Gradient, has_the_same_bits_for_any_threads_and_any_other_sites) {
  const std::vector<Site> all = every_site();
  const GradientResult one = gradients(all);
  const int before = threads();
  set_threads(1);
  const GradientResult two = gradients(all);
  set_threads(before);
  for (std::size_t s = 0; s < all.size(); ++s) {
    const GradientResult alone = gradients({all[s]});
    EXPECT_TRUE(std::ranges::equal(one.gradients[s].values(), two.gradients[s].values())) << all[s].name();
    EXPECT_TRUE(std::ranges::equal(one.gradients[s].values(), alone.gradients[0].values())) << all[s].name();
  }
}

// Of one block at a time, from the only residual stream that is kept; of two and more; and of all at once.
TEST_P(Gradient, has_the_same_bits_for_any_memory) {
  const std::vector<Site> all = every_site();
  const GradientResult whole = gradients(all);
  for (const double held : {1.0, 3e3, 3e4, 1e5}) {
    GradientRequest r = request(all);
    r.held = held;
    const GradientResult found = gradient(transformer_, r);
    EXPECT_EQ(found.logit, whole.logit);
    for (std::size_t s = 0; s < all.size(); ++s) {
      EXPECT_TRUE(std::ranges::equal(found.gradients[s].values(), whole.gradients[s].values())) << all[s].name();
      EXPECT_TRUE(std::ranges::equal(found.activations[s].values(), whole.activations[s].values())) << all[s].name();
    }
  }
}

TEST_P(Gradient, is_told_site_by_site_from_the_last_block_down) {
  const std::vector<Site> all = every_site();
  const GradientResult whole = gradients(all);
  GradientRequest r = request(all);
  std::vector<Site> told;
  r.seen = [&](const Site& site, const Tensor& x, const Tensor& g) {
    const auto s = static_cast<std::size_t>(std::ranges::find(all, site) - all.begin());
    EXPECT_TRUE(std::ranges::equal(g.values(), whole.gradients[s].values())) << site.name();
    EXPECT_TRUE(std::ranges::equal(x.values(), whole.activations[s].values())) << site.name();
    told.push_back(site);
  };
  const GradientResult found = gradient(transformer_, r);
  EXPECT_TRUE(found.gradients.empty() && found.activations.empty());
  EXPECT_EQ(told.size(), all.size());
  std::erase_if(told, [](const Site& site) { return site.block < 0; });
  EXPECT_TRUE(std::ranges::is_sorted(told, std::ranges::greater(), &Site::block));
}

INSTANTIATE_TEST_SUITE_P(Models, Gradient,
                         ::testing::Values("tiny-gpt2", "tiny-gpt2-relu", "tiny-llama", "tiny-llama-bf16"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(GradientOf, the_predicted_token_and_of_refusals) {
  const Transformer transformer(Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-gpt2"));
  GradientRequest r;
  r.ids = text, r.sites = {{Point::wte, -1}};
  const GradientResult found = gradient(transformer, r);
  Request run;
  run.rows = {text};
  const Tensor logits = std::move(transformer.run(run).rows[0].logits);
  EXPECT_EQ(found.target, std::ranges::max_element(logits.values()) - logits.values().begin());
  EXPECT_EQ(found.logit, static_cast<double>(logits.data()[found.target]));
  EXPECT_EQ(found.position, 6);
  auto refused = [&](auto&& change) {
    GradientRequest bad = r;
    change(bad);
    EXPECT_THROW(gradient(transformer, bad), Error);
  };
  refused([](auto& b) { b.ids.clear(); });
  refused([](auto& b) { b.position = 7; });
  refused([](auto& b) { b.target = 97; });
  refused([](auto& b) { b.target = 3, b.against = 3; });
  EXPECT_THROW(gradient(transformer, r, [](double, std::string_view) { return false; }), Error);
}

}  // namespace
}  // namespace embscope
