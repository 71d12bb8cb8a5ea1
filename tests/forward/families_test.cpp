// Every family against transformers in fp32: logits, what each module gives, an edited run, a text as long as the
// context; every feature and every tensor must show. tests/reference/make_families.py made the numbers.
#include "forward/families.h"

#include <cmath>

#include <gmock/gmock.h>

#include "embscope/base/threads.h"
#include "embscope/forward/transformer.h"
#include "refusal.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

class FamilyTest : public ::testing::TestWithParam<const char*> {
 protected:
  const families::Family family_{GetParam()};
  const std::shared_ptr<const Model> model_ = family_.open();
  const Transformer transformer_{model_};

  static Tensor logits(const Transformer& transformer, const std::vector<TokenId>& ids, std::vector<Edit> edits = {}) {
    Request request;
    request.rows = {ids}, request.logits = LogitsAt::all, request.edits = std::move(edits);
    return std::move(transformer.run(request).rows[0].logits);
  }

  static double difference(std::span<const float> a, std::span<const float> b) {
    double most = 0;
    for (std::size_t i = 0; i < b.size(); ++i)
      most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    return most;
  }
};

TEST_P(FamilyTest, gives_transformers_logits) {
  const Tensor expected = decode(family_.expected->at("logits")), found = logits(transformer_, family_.ids("text"));
  ASSERT_EQ(found.shape(), expected.shape());
  EXPECT_LT(difference(found.values(), expected.values()), 1e-4);
  const Tensor of_last = decode(family_.expected->at("long")), whole = logits(transformer_, family_.ids("long"));
  EXPECT_LT(difference(whole.values().last(of_last.values().size()), of_last.values()), 1e-4)
      << "a text as long as the context";
}

TEST_P(FamilyTest, gives_what_each_module_gives_under_its_name) {
  int found = 0;
  Request request;
  request.rows = {family_.ids("text")};
  std::vector<std::string> modules;
  for (const Archive::Entry& entry : family_.expected->tensors()) {
    if (entry.name.starts_with("gradient/") || entry.name == "logits" || entry.name == "long" || entry.name == "edited")
      continue;
    if (refusal([&] { request.capture.push_back(parse_site(entry.name, model_->config())); }) == "no error")
      modules.push_back(entry.name);
  }
  const Result result = transformer_.run(request);
  for (std::size_t m = 0; m < modules.size(); ++m, ++found) {
    const Tensor expected = decode(family_.expected->at(modules[m]));
    const auto values = result.rows[0].captured[m].values();
    ASSERT_EQ(values.size(), expected.values().size()) << modules[m];
    double size = 0;
    for (float x : expected.values()) size = std::max(size, std::abs(static_cast<double>(x)));
    EXPECT_LT(difference(values, expected.values()), 5e-5 * std::max(1.0, size))
        << modules[m] << ", here " << request.capture[m].name();
  }
  EXPECT_GE(found, 5);
}

TEST_P(FamilyTest, edited_gives_transformers_logits) {
  Edit edit;
  edit.site = {Point::resid_post, 0}, edit.change = Change::add, edit.positions = {3};
  for (std::int64_t i = 0; i < model_->config().width; ++i)
    edit.vector.push_back(0.5f * std::sin(static_cast<float>(i)));
  const Tensor expected = decode(family_.expected->at("edited")),
               found = logits(transformer_, family_.ids("text"), {edit});
  EXPECT_LT(difference(found.row(found.rows() - 1), expected.values()), 1e-4);
}

TEST_P(FamilyTest, has_the_same_bits_in_a_batch_cached_captured_and_with_any_threads) {
  const auto ids = family_.ids("text");
  const Tensor alone = logits(transformer_, ids);
  const int before = threads();
  for (int count : {1, 3}) {
    set_threads(count);
    for (bool share : {true, false}) {
      Request request;
      request.rows = {family_.ids("long"), ids}, request.logits = LogitsAt::all, request.share = share;
      for (const SiteInfo& info : sites(model_->config())) {
        if (share && has_site(model_->config(), {info.point, 1})) request.capture.push_back({info.point, 1});
      }
      const Tensor together = std::move(transformer_.run(request).rows[1].logits);
      EXPECT_TRUE(std::ranges::equal(together.values(), alone.values())) << count << " threads";
    }
  }
  set_threads(before);
  Cache cache;
  for (std::size_t t = 0; t < ids.size(); t += 3) {
    Request request;
    request.rows = {{ids.begin() + static_cast<std::ptrdiff_t>(t),
                     ids.begin() + static_cast<std::ptrdiff_t>(std::min(t + 3, ids.size()))}};
    request.cache = &cache, request.logits = LogitsAt::all;
    const Tensor part = std::move(transformer_.run(request).rows[0].logits);
    EXPECT_TRUE(std::ranges::equal(
        part.values(), alone.values().subspan(t * static_cast<std::size_t>(alone.columns()), part.values().size())))
        << "from " << t;
  }
}

TEST_P(FamilyTest, last_resid_post_through_the_lens_is_the_logits) {
  Request request;
  request.rows = {family_.ids("text")}, request.capture = {{Point::resid_post, 1}};
  request.logits = LogitsAt::all;
  const Result result = transformer_.run(request);
  EXPECT_TRUE(
      std::ranges::equal(transformer_.unembed(result.rows[0].captured[0]).values(), result.rows[0].logits.values()));
}

TEST_P(FamilyTest, shows_every_feature) {
  const Tensor with = logits(transformer_, family_.ids("text"));
  for (const auto& changes : family_.description.at("features").as_array()) {
    Tensor without;
    const std::string error =
        refusal([&] { without = logits(Transformer(family_.open(changes.as_object())), family_.ids("text")); });
    EXPECT_TRUE(without.empty() ? error != "no error" : difference(with.values(), without.values()) > 1e-3)
        << families::bj::serialize(changes);
  }
}

TEST_P(FamilyTest, needs_every_tensor_and_knows_no_other) {
  for (const auto& [name, values] : family_.tensors()) {
    EXPECT_THAT(refusal([&] { family_.open({}, name); }), HasSubstr("no tensor '")) << name;
  }
  for (const char* name : {"lm_head.bias", "model.layers.0.self_attn.sinks", "transformer.h.1.ln_3.weight",
                           "model.layers.2.input_layernorm.weight"}) {
    if (family_.tensors().contains(name)) continue;
    EXPECT_THAT(refusal([&] { family_.open({}, "", name); }),
                HasSubstr(fmt::format("tensor '{}' (3) has no place", name)));
  }
}

// What transformers 5 writes in one way, earlier versions wrote in others.
TEST(FamiliesOfOlderVersions, give_the_same_logits) {
  using families::bj::object;
  const std::pair<const char*, object> cases[] = {
      {"mistral", {{"rope_parameters", nullptr}, {"rope_theta", 10000.0}}},
      {"qwen2", {{"rope_parameters", nullptr}, {"rope_theta", 10000.0}, {"layer_types", nullptr}}},
      {"qwen3",
       {{"rope_parameters", nullptr},
        {"rope_theta", 10000.0},
        {"rope_scaling", {{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 8}}}}},
      {"gpt_neox", {{"rope_parameters", nullptr}, {"rotary_pct", 0.34}, {"rotary_emb_base", 10000}}},
      {"phi", {{"rope_parameters", nullptr}, {"rope_theta", 10000.0}, {"partial_rotary_factor", 0.67}}},
      {"gemma", {{"hidden_act", "gelu"}}},
      {"gemma2", {{"rope_parameters", nullptr}, {"rope_theta", 10000.0}, {"layer_types", nullptr}}},
      {"gemma3_text",
       {{"rope_parameters", nullptr},
        {"rope_theta", 1e6},
        {"rope_local_base_freq", 1e4},
        {"layer_types", nullptr},
        {"sliding_window_pattern", 2}}},
      {"cohere2", {{"layer_types", nullptr}, {"sliding_window_pattern", 2}}},
      {"smollm3", {{"no_rope_layers", nullptr}, {"no_rope_layer_interval", 2}, {"max_window_layers", 28}}}};
  for (const auto& [name, changes] : cases) {
    const families::Family family(name);
    const Tensor expected = decode(family.expected->at("logits"));
    Request request;
    request.rows = {family.ids("text")}, request.logits = LogitsAt::all;
    const Tensor found = std::move(Transformer(family.open(changes)).run(request).rows[0].logits);
    for (std::int64_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found.data()[i], expected.data()[i], 1e-4) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(families, FamilyTest, ::testing::ValuesIn(families::names),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace embscope
