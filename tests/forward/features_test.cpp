// Each family's reference model shows each feature that its Config has: without it, the logits would be further from
// transformers' than the tests allow.
#include <cmath>

#include <gmock/gmock.h>

#include "embscope/forward/transformer.h"
#include "forward/families.h"

namespace embscope {
namespace {

struct Feature {
  const char* name;
  bool (*has)(const Config&);
  void (*leave_out)(Config&);
};

template <class Has>
bool any_layer(const Config& c, Has&& has) {
  return std::ranges::any_of(c.layers, has);
}

float usual_scale(const Config& c) { return static_cast<float>(1 / std::sqrt(static_cast<double>(c.head_width))); }

const Feature features[] = {
    {"score_cap", [](const Config& c) { return c.score_cap != 0; }, [](Config& c) { c.score_cap = 0; }},
    {"logit_cap", [](const Config& c) { return c.logit_cap != 0; }, [](Config& c) { c.logit_cap = 0; }},
    {"attn_scale", [](const Config& c) { return std::abs(c.attn_scale / usual_scale(c) - 1) > 1e-6f; },
     [](Config& c) { c.attn_scale = usual_scale(c); }},
    {"embedding_scale", [](const Config& c) { return c.embedding_scale != 1; },
     [](Config& c) { c.embedding_scale = 1; }},
    {"residual_scale", [](const Config& c) { return c.residual_scale != 1; }, [](Config& c) { c.residual_scale = 1; }},
    {"logit_scale", [](const Config& c) { return c.logit_scale != 1; }, [](Config& c) { c.logit_scale = 1; }},
    {"qkv_clip", [](const Config& c) { return c.qkv_clip != 0; }, [](Config& c) { c.qkv_clip = 0; }},
    {"windows", [](const Config& c) { return any_layer(c, [](const Layer& l) { return l.window > 0; }); },
     [](Config& c) {
       for (Layer& l : c.layers) l.window = 0;
     }},
    {"chunks", [](const Config& c) { return any_layer(c, [](const Layer& l) { return l.chunk > 0; }); },
     [](Config& c) {
       for (Layer& l : c.layers) l.chunk = 0;
     }},
    {"growth", [](const Config& c) { return any_layer(c, [](const Layer& l) { return l.grows; }); },
     [](Config& c) {
       for (Layer& l : c.layers) l.grows = false;
     }},
    {"scale of a layer", [](const Config& c) { return any_layer(c, [](const Layer& l) { return l.scale != 1; }); },
     [](Config& c) {
       for (Layer& l : c.layers) l.scale = 1;
     }},
    {"rotation",
     [](const Config& c) { return any_layer(c, [](const Layer& l) { return l.rope >= 0; }) && !c.ropes.empty(); },
     [](Config& c) {
       for (Rope& rope : c.ropes) std::ranges::fill(rope.frequencies, 0.0);
     }},
    {"blocks without a rotation",
     [](const Config& c) { return !c.ropes.empty() && any_layer(c, [](const Layer& l) { return l.rope < 0; }); },
     [](Config& c) {
       for (Layer& l : c.layers) l.rope = std::max(l.rope, 0);
     }},
    {"the second base", [](const Config& c) { return any_layer(c, [](const Layer& l) { return l.rope == 1; }); },
     [](Config& c) {
       for (Layer& l : c.layers) l.rope = std::min(l.rope, 0);
     }},
    {"pairs that turn", [](const Config& c) { return !c.ropes.empty() && c.ropes[0].pairs; },
     [](Config& c) {
       for (Rope& rope : c.ropes) rope.pairs = false;
     }},
    {"scale of the rotation", [](const Config& c) { return !c.ropes.empty() && c.ropes[0].scale != 1; },
     [](Config& c) {
       for (Rope& rope : c.ropes) rope.scale = 1;
     }},
    {"alibi", [](const Config& c) { return !c.alibi_slopes.empty(); },
     [](Config& c) { std::ranges::fill(c.alibi_slopes, 0.0); }},
    {"qk_norm", [](const Config& c) { return c.qk_norm != QkNorm::none; }, [](Config& c) { c.qk_norm = QkNorm::none; }},
    {"v_norm", [](const Config& c) { return c.v_norm; }, [](Config& c) { c.v_norm = false; }},
    {"per-layer embeddings", [](const Config& c) { return c.per_layer.width > 0; },
     [](Config& c) { c.per_layer.width = 0; }},
    {"scale of their rows", [](const Config& c) { return c.per_layer.width > 0; },
     [](Config& c) { c.per_layer.row_scale = 1; }},
    {"scale behind a layer",
     [](const Config& c) { return any_layer(c, [](const Layer& l) { return l.out_scale != 1; }); },
     [](Config& c) {
       for (Layer& l : c.layers) l.out_scale = 1;
     }},
    {"keys of another layer", [](const Config& c) { return c.layers.back().keys_of > 0; },
     [](Config& c) { c.layers.back().keys_of = 0; }},
    {"norm_sums", [](const Config& c) { return c.norm_sums; }, [](Config& c) { c.norm_sums = false; }},
    {"embedding_norm", [](const Config& c) { return c.embedding_norm; }, [](Config& c) { c.embedding_norm = false; }},
    {"norm_after", [](const Config& c) { return c.norm_after; }, [](Config& c) { c.norm_after = false; }},
    {"activation", [](const Config& c) { return c.experts.limit == 0; },
     [](Config& c) { c.activation = c.activation == Activation::relu ? Activation::silu : Activation::relu; }},
    {"its own GELU",
     [](const Config& c) { return c.activation == Activation::gelu_tanh || c.activation == Activation::gelu_exact; },
     [](Config& c) {
       c.activation = c.activation == Activation::gelu_tanh ? Activation::gelu_exact : Activation::gelu_tanh;
     }},
    {"experts.normalised", [](const Config& c) { return c.experts.normalised && c.experts.chosen > 1; },
     [](Config& c) { c.experts.normalised = false; }},
    {"experts.scale", [](const Config& c) { return c.experts.count > 0 && c.experts.scale != 1; },
     [](Config& c) { c.experts.scale = 1; }},
    {"experts.groups", [](const Config& c) { return c.experts.groups > 1; },
     [](Config& c) { c.experts.groups = c.experts.groups_chosen = 1; }},
    {"experts.router", [](const Config& c) { return c.experts.count > 0 && !c.experts.normalised; },
     [](Config& c) {
       c.experts.router = c.experts.router == RouterKind::softmax ? RouterKind::sigmoid : RouterKind::softmax;
     }},
    {"experts.of_input", [](const Config& c) { return c.experts.of_input; },
     [](Config& c) { c.experts.of_input = false; }},
    {"experts.nearness", [](const Config& c) { return c.experts.nearness != 0; },
     [](Config& c) { c.experts.nearness = 0.001f; }},
    {"experts.limit", [](const Config& c) { return c.experts.limit != 0; }, [](Config& c) { c.experts.limit = 1e6f; }}};

// What a norm behind takes away again, or a sum of weights that is 1.
bool cannot_show(const std::string& family, const std::string& feature) {
  return ((family == "flex_olmo" || family == "gemma4_experts") && feature == "experts.normalised") ||
         (family == "hyperclovax" && feature == "embedding_scale") ||
         (family == "llama4_chunks" && feature == "growth");  // which llama4_text shows
}

Tensor logits_of(const std::shared_ptr<const Model>& model, const families::Family& family) {
  Request request;
  request.rows = {family.ids("text")}, request.logits = LogitsAt::all;
  return std::move(Transformer(model).run(request).rows[0].logits);
}

double difference(const Tensor& a, const Tensor& b) {
  double most = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const double apart = std::abs(static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i]));
    most = std::isnan(apart) ? INFINITY : std::max(most, apart);
  }
  return most;
}

class FamilyFeatures : public ::testing::TestWithParam<const char*> {
 protected:
  const families::Family family_{GetParam()};
  const Tensor whole_ = logits_of(family_.open(), family_);
};

// Models are not const when they are made, so a test may change one before it runs.
TEST_P(FamilyFeatures, show_in_the_logits) {
  for (const Feature& feature : features) {
    const auto model = family_.open();
    if (!feature.has(model->config()) || cannot_show(GetParam(), feature.name)) continue;
    feature.leave_out(const_cast<Config&>(model->config()));
    EXPECT_GT(difference(logits_of(model, family_), whole_), 2e-4) << "without " << feature.name;
  }
}

TEST_P(FamilyFeatures, biases_and_gains_show_in_the_logits) {
  using Part = Vector& (*)(BlockWeights&);
  const std::pair<const char*, Part> parts[] = {
      {"q_bias", [](BlockWeights& b) -> Vector& { return b.q.bias; }},
      {"v_bias", [](BlockWeights& b) -> Vector& { return b.v.bias; }},
      {"o_bias", [](BlockWeights& b) -> Vector& { return b.o.bias; }},
      {"up_bias", [](BlockWeights& b) -> Vector& { return b.up.bias; }},
      {"down_bias", [](BlockWeights& b) -> Vector& { return b.down.bias; }},
      {"ln1 bias", [](BlockWeights& b) -> Vector& { return b.ln1.bias; }},
      {"ln1 gain", [](BlockWeights& b) -> Vector& { return b.ln1.gain; }},
      {"ln2 gain", [](BlockWeights& b) -> Vector& { return b.ln2.gain; }},
      {"q_norm gain", [](BlockWeights& b) -> Vector& { return b.q_norm.gain; }},
      {"k_norm gain", [](BlockWeights& b) -> Vector& { return b.k_norm.gain; }},
      {"per_layer_ln gain", [](BlockWeights& b) -> Vector& { return b.per_layer_ln.gain; }},
      {"per_layer_post gain", [](BlockWeights& b) -> Vector& { return b.per_layer_post.gain; }},
      {"experts' scales", [](BlockWeights& b) -> Vector& { return b.experts.scales; }},
      {"experts' gain", [](BlockWeights& b) -> Vector& { return b.experts.ln.gain; }},
      {"router's gain", [](BlockWeights& b) -> Vector& { return b.experts.router_ln.gain; }},
      {"gain after the experts", [](BlockWeights& b) -> Vector& { return b.experts.ln_post.gain; }},
      {"gain after the MLP beside them", [](BlockWeights& b) -> Vector& { return b.experts.mlp_post.gain; }},
      {"sinks", [](BlockWeights& b) -> Vector& { return b.sinks; }}};
  for (const auto& [name, part] : parts) {
    const auto model = family_.open();
    BlockWeights& block = const_cast<Weights&>(model->weights()).blocks[1];
    if (part(block).empty()) continue;
    part(block) = {};
    EXPECT_GT(difference(logits_of(model, family_), whole_), 2e-4) << "without " << name;
  }
}

INSTANTIATE_TEST_SUITE_P(families, FamilyFeatures, ::testing::ValuesIn(families::names),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace embscope
