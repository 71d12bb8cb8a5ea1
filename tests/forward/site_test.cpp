// What a name that is not a site of a model is answered.
#include <algorithm>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "embscope/forward/site.h"
#include "forward/families.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

std::string answer(const char* model, std::string_view name) {
  try {
    return parse_site(name, Model::open(std::string(EMBSCOPE_TEST_DATA) + "/reference/" + model)->config()).name();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::not_found);
    return error.what();
  }
}

TEST(Sites, under_the_names_of_others_are_found) {
  for (const char* name : {"blocks.1.hook_resid_mid", "ffn_inp-1"})
    EXPECT_EQ(answer("tiny-gpt2", name), "blocks.1.resid_mid");
  EXPECT_EQ(answer("tiny-gpt2", "transformer.h.1.ln_2"), "blocks.1.ln2");
  EXPECT_EQ(answer("tiny-llama", "model.layers.1.mlp.gate_proj"), "blocks.1.mlp_pre");
  EXPECT_EQ(answer("tiny-llama", "blk.1.attn_q"), "blocks.1.q");
}

// TransformerLens's two namings (HookedTransformer's and its bridge's) and transformers' modules, of a model with
// experts and with norms of queries and keys.
TEST(Sites, of_routers_experts_and_head_norms_have_the_names_of_others) {
  const Config config = families::Family("sarvam_moe").open()->config();
  for (const auto& [name, own] : {std::pair{"blocks.1.attn.q_norm.hook_out", "blocks.1.normed_q"},
                                  {"model.layers.1.attention.key_layernorm", "blocks.1.normed_k"},
                                  {"blocks.1.mlp.gate.hook_out", "blocks.1.router.logits"},
                                  {"model.layers.1.mlp.gate", "blocks.1.router.logits"},
                                  {"blocks.1.mlp.hook_expert_weights", "blocks.1.router.probabilities"},
                                  {"blocks.1.mlp.hook_expert_indices", "blocks.1.router.chosen"},
                                  {"blocks.1.mlp.gate.hook_expert_indices", "blocks.1.router.chosen"},
                                  {"ffn_moe_weighted-1", "blocks.1.experts.out"},
                                  {"blocks.1.mlp.shared_experts.hook_out", "blocks.1.experts.shared"},
                                  {"model.layers.1.mlp.shared_experts", "blocks.1.experts.shared"}})
    EXPECT_EQ(parse_site(name, config).name(), own) << name;
  EXPECT_THAT(answer("tiny-llama", "model.layers.1.mlp.experts"), HasSubstr("blocks.1.experts.out has each"));
  EXPECT_THAT(answer("tiny-llama", "blocks.0.mlp.gate.hook_expert_weights"), HasSubstr("blocks.0.router.weights has"));
}

TEST(Sites, say_their_shapes_in_numbers) {
  const Config config = Model::open(std::string(EMBSCOPE_TEST_DATA) + "/reference/tiny-llama")->config();
  ASSERT_NE(config.heads, config.kv_heads);
  const auto shape = [&](Point point) {
    const auto all = sites(config);
    return std::ranges::find(all, point, &SiteInfo::point)->shape;
  };
  EXPECT_EQ(shape(Point::resid_mid), fmt::format("T x {}", config.width));
  EXPECT_EQ(shape(Point::k), fmt::format("T x {} x {}", config.kv_heads, config.head_width));
  EXPECT_EQ(shape(Point::z), fmt::format("T x {} x {}", config.heads, config.head_width));
  EXPECT_EQ(shape(Point::pattern), fmt::format("{} x T x T", config.heads));
  EXPECT_EQ(shape(Point::logits), fmt::format("T x {}", config.vocab));
}

TEST(Sites, that_this_model_lacks_say_why) {
  EXPECT_THAT(answer("tiny-gpt2", "blocks.0.attn.hook_rot_q"), HasSubstr("learned position vectors, not rotary ones"));
  EXPECT_THAT(answer("tiny-llama", "hook_pos_embed"), HasSubstr("rotary positions, not learned position vectors"));
  EXPECT_THAT(answer("tiny-gpt2", "blocks.0.mlp.hook_pre_linear"), HasSubstr("has no gate"));
}

TEST(Sites, that_are_none_here_say_what_to_ask_for) {
  EXPECT_THAT(answer("tiny-gpt2", "transformer.h.1.attn.c_attn"), HasSubstr("blocks.1.q, blocks.1.k and blocks.1.v"));
  EXPECT_THAT(answer("tiny-gpt2", "transformer.h.0.attn.c_proj"), HasSubstr("what it gives is blocks.0.attn_out"));
  EXPECT_THAT(answer("tiny-llama", "model.layers.0.mlp.down_proj"), HasSubstr("what it gives is blocks.0.mlp_out"));
  EXPECT_THAT(answer("tiny-llama", "model.layers.0.mlp.act_fn"),
              HasSubstr("blocks.0.mlp_post is it times blocks.0.mlp_up"));
  EXPECT_THAT(answer("tiny-gpt2", "blocks.1.attn.hook_result"),
              HasSubstr("blocks.1.z is what the heads give before W_O"));
  EXPECT_THAT(answer("tiny-gpt2", "blocks.1.hook_q_input"), HasSubstr("all read blocks.1.ln1"));
  EXPECT_THAT(answer("tiny-gpt2", "blocks.1.hook_mlp_in"), HasSubstr("it is blocks.1.resid_mid"));
  EXPECT_THAT(answer("tiny-gpt2", "transformer.drop"), HasSubstr("dropout does nothing"));
}

TEST(Sites, misspelt_are_answered_with_the_nearest) {
  EXPECT_THAT(answer("tiny-gpt2", "blocks.1.resid_pots"), HasSubstr("did you mean 'blocks.1.resid_post'"));
}

}  // namespace
}  // namespace embscope
