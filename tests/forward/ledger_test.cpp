// Every tensor of a model is read or named in an error, and so is every key of its configuration that can change the
// numbers: held by taking each tensor out, putting foreign ones in, and changing every key, with transformers' logits
// beside (tests/reference/make_keys.py).
#include <cmath>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "embscope/forward/transformer.h"
#include "forward/tiny.h"
#include "model/rewritten.h"
#include "refusal.h"

namespace embscope {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
const fs::path reference = EMBSCOPE_TEST_DATA "/reference";

std::vector<float> logits(const std::shared_ptr<const Model>& model) {
  Request request;
  request.rows = {{5, 17, 3, 3, 88, 41, 0, 12, 96, 7, 29, 64, 50}};
  const Tensor values = std::move(Transformer(model).run(request).rows[0].logits);
  return {values.values().begin(), values.values().end()};
}

struct Form {
  const char* name;
  const char* model;
  bool gguf;
};
void PrintTo(const Form& form, std::ostream* out) { *out << form.name; }

class EveryTensor : public ::testing::TestWithParam<Form> {
 protected:
  Rewritten whole() const {
    return Rewritten(
        *Archive::open(reference / GetParam().model / (GetParam().gguf ? "tiny-llama.gguf" : "model.safetensors")));
  }

  std::shared_ptr<const Model> open(const Rewritten& changed) const {
    if (GetParam().gguf) {
      changed.write_gguf(folder_.path() / "m.gguf");
      return Model::open((folder_.path() / "m.gguf").string());
    }
    fs::copy_file(reference / GetParam().model / "config.json", folder_.path() / "config.json",
                  fs::copy_options::overwrite_existing);
    changed.write_safetensors(folder_.path() / "model.safetensors");
    return Model::open(folder_.path().string());
  }

  std::string refused(const Rewritten& changed) const {
    return refusal([&] { open(changed); });
  }

  tiny::Folder folder_;
};

TEST_P(EveryTensor, is_needed) {
  const Rewritten all = whole();
  EXPECT_EQ(refused(all), "no error");
  const bool untied =
      all.tensors.end() != std::ranges::find_if(all.tensors, [](const auto& e) { return e.name == "output.weight"; });
  for (const Rewritten::Entry& entry : all.tensors) {
    Rewritten changed = all;
    changed.erase(entry.name);
    if (untied && entry.name == "output.weight") continue;  // llama.cpp then ties it to token_embd
    EXPECT_THAT(refused(changed), HasSubstr("no tensor '" + entry.name + "'"));
  }
}

TEST_P(EveryTensor, that_is_foreign_is_named) {
  const Rewritten all = whole();
  const bool gguf = GetParam().gguf;
  const std::string block = gguf                                                   ? "blk.0."
                            : all.tensors.front().name.starts_with("transformer.") ? "transformer.h.0."
                                                                                   : "model.layers.0.";
  const std::vector<std::string> hugging_face = {"self_attn.q_norm.weight",
                                                 "self_attn.k_norm.weight",
                                                 "self_attn.sinks",
                                                 "pre_feedforward_layernorm.weight",
                                                 "input_layernorm.bias",
                                                 "ln_3.weight",
                                                 "mlp.experts.0.gate_proj.weight",
                                                 "mlp.gate.weight",
                                                 "attn.bias",
                                                 "self_attn.q_proj.weight_scale",
                                                 "self_attn.q_proj.lora_A.weight"};
  const std::vector<std::string> ggml = {"attn_q_norm.weight",   "attn_k_norm.weight",         "attn_sinks.weight",
                                         "attn_q.scale",         "post_attention_norm.weight", "attn_norm.bias",
                                         "ffn_gate_exps.weight", "ffn_gate_inp.weight",        "attn_qkv.bias"};
  for (const std::string& name : gguf ? ggml : hugging_face) {
    Rewritten changed = all;
    changed.add(block + name, {8}, 1);
    EXPECT_THAT(refused(changed), HasSubstr("tensor '" + block + name + "' (8) has no place in this model")) << name;
  }
  for (const char* name :
       {"lm_head.bias", "output.bias", "score.weight", "model.layers.3.input_layernorm.weight", "h.3.attn.bias",
        "blk.3.attn_norm.weight", "model.layers.12.self_attn.rotary_emb.inv_freq", "visual.patch_embed.weight"}) {
    Rewritten changed = all;
    changed.add(name, {4}, 0);
    EXPECT_THAT(refused(changed), HasSubstr(fmt::format("tensor '{}' (4) has no place in this model", name)));
  }
}

TEST_P(EveryTensor, that_is_a_known_buffer_changes_nothing) {
  if (GetParam().gguf) GTEST_SKIP() << "GGUF has no buffers";
  const Rewritten all = whole();
  const auto expected = logits(open(all));
  Rewritten changed = all;
  const bool gpt2 = std::string(GetParam().model).starts_with("tiny-gpt2");
  if (gpt2)
    changed.add("transformer.h.0.attn.bias", {1, 1, 64, 64}, 1),
        changed.add("transformer.h.0.attn.masked_bias", {1}, -1e4f);
  if (!gpt2)
    changed.add("model.layers.1.self_attn.rotary_emb.inv_freq", {4}, 7),
        changed.add("model.rotary_emb.inv_freq", {4}, 7);
  EXPECT_EQ(logits(open(changed)), expected);
}

TEST_P(EveryTensor, of_the_unembedding_is_the_file_s_own_even_where_the_configuration_ties_it) {
  if (GetParam().gguf) GTEST_SKIP() << "a GGUF file ties by leaving it out";
  Rewritten changed = whole();
  const bool gpt2 = std::string(GetParam().model).starts_with("tiny-gpt2");
  const Rewritten::Entry wte = *changed.find(gpt2 ? "transformer.wte.weight" : "model.embed_tokens.weight");
  changed.erase("lm_head.weight");
  changed.tensors.push_back({"lm_head.weight", wte.shape, wte.values});
  const auto tied = [&] {
    changed.write_safetensors(folder_.path() / "model.safetensors");
    bj::object config =
        bj::parse((std::ostringstream() << std::ifstream(reference / GetParam().model / "config.json").rdbuf()).str())
            .as_object();
    config["tie_word_embeddings"] = true;
    tiny::write(folder_.path() / "config.json", bj::serialize(config));
    return Model::open(folder_.path().string());
  };
  const auto same = tied();
  EXPECT_TRUE(same->config().tied);
  const auto before = logits(same);
  for (float& x : changed.find("lm_head.weight")->values) x *= 2;
  const auto own = tied();
  EXPECT_FALSE(own->config().tied);
  const auto after = logits(own);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i], 2 * before[i], 1e-4);
}

INSTANTIATE_TEST_SUITE_P(tiny, EveryTensor,
                         ::testing::Values(Form{"gpt2", "tiny-gpt2", false}, Form{"gpt2_relu", "tiny-gpt2-relu", false},
                                           Form{"llama", "tiny-llama", false}, Form{"llama_gguf", "tiny-llama", true},
                                           Form{"llama_biases", "tiny-llama-f16", false}),
                         [](const auto& form) { return std::string(form.param.name); });

// Refused or equal to transformers, and refused only where there is something to refuse.
TEST(EveryKey, of_a_configuration_is_read_as_transformers_reads_it_or_refused_by_name) {
  std::ifstream file(reference / "keys.json");
  const bj::value cases = bj::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  // What other families would compute with, and what transformers drops in silence or with a warning. GPT-2's other
  // scale comes with its test.
  const std::set<std::string> may_be_refused = {"alibi",
                                                "attention_chunk_size",
                                                "attention_multiplier",
                                                "attn_logit_softcapping",
                                                "chunk_size_feed_forward",
                                                "clip_qkv",
                                                "embedding_multiplier",
                                                "final_logit_softcapping",
                                                "head_dim_v",
                                                "is_causal",
                                                "is_encoder_decoder",
                                                "kv_lora_rank",
                                                "layer_types",
                                                "logit_scale",
                                                "logits_scaling",
                                                "max_window_layers",
                                                "n_ctx",
                                                "n_head",
                                                "n_routed_experts",
                                                "no_rope_layers",
                                                "num_experts",
                                                "num_local_experts",
                                                "parallel_attn",
                                                "partial_rotary_factor",
                                                "per_layer_config",
                                                "position_embedding_type",
                                                "qk_layernorm",
                                                "quantization_config",
                                                "query_pre_attn_scalar",
                                                "residual_multiplier",
                                                "rope_interleaved",
                                                "rope_parameters",
                                                "rope_scaling",
                                                "rotary_pct",
                                                "scale_attn_by_inverse_layer_idx",
                                                "scale_emb",
                                                "sliding_window",
                                                "softcap",
                                                "some_new_key",
                                                "some_new_switch",
                                                "use_parallel_residual",
                                                "use_qk_norm",
                                                "use_sliding_window",
                                                "v_head_dim",
                                                "vision_config"};
  int refused = 0;
  int equal = 0;
  for (const bj::value& one : cases.as_array()) {
    const std::string name(one.at("model").as_string());
    const bj::object& changes = one.at("changes").as_object();
    std::ifstream source(reference / name / "config.json");
    bj::object config = bj::parse(std::string(std::istreambuf_iterator<char>(source), {})).as_object();
    for (const auto& [key, value] : changes)
      value == "(missing)" ? (void)config.erase(key) : (void)(config[key] = value);
    const tiny::Folder folder;
    fs::copy_file(reference / name / "model.safetensors", folder.path() / "model.safetensors");
    tiny::write(folder.path() / "config.json", bj::serialize(config));
    std::vector<float> found;
    const std::string error = refusal([&] { found = logits(Model::open(folder.path().string())); });
    if (found.empty()) {
      const std::string key = changes.empty() ? "" : std::string(changes.begin()->key());
      EXPECT_TRUE(one.at("logits").is_null() || may_be_refused.contains(key))
          << name << " " << bj::serialize(changes) << ": " << error;
      EXPECT_NE(error, "no error");
      ++refused;
      continue;
    }
    // transformers also refuses values of the wrong type in keys that change nothing here
    if (one.at("logits").is_null()) continue;
    ++equal;
    for (std::size_t i = 0; i < 8; ++i)
      ASSERT_NEAR(found[i], one.at("logits").as_array()[i].to_number<double>(), 1e-4)
          << name << " " << bj::serialize(changes);
  }
  EXPECT_GT(equal, 150);
  EXPECT_GT(refused, 100);
}

// The same model in GGUF, with the keys of llama.cpp: each refused by its name, or as the same thing said in
// config.json.
class MetaKey : public ::testing::Test {
 protected:
  std::shared_ptr<const Model> with(const std::string& name, const MetaValue& value) const {
    Rewritten changed(*Archive::open(reference / "tiny-llama/tiny-llama.gguf"));
    changed.records[name] = Rewritten::record(name, value);
    changed.write_gguf(folder_.path() / "m.gguf");
    return Model::open((folder_.path() / "m.gguf").string());
  }
  std::vector<float> in_config(const bj::object& changes) const {
    tiny::copy_reference("tiny-llama", folder_.path(), changes);
    return logits(Model::open(folder_.path().string()));
  }
  tiny::Folder folder_;
};

TEST_F(MetaKey, that_could_change_the_numbers_is_refused_by_name) {
  const std::pair<const char*, MetaValue> keys[] = {{"llama.attention.causal", false},
                                                    {"llama.expert_count", std::uint64_t{4}},
                                                    {"llama.expert_used_count", std::uint64_t{2}},
                                                    {"llama.attention.value_length", std::uint64_t{16}},
                                                    {"llama.rope.dimension_count", std::uint64_t{4}},
                                                    {"llama.attention.sliding_window", std::uint64_t{8}},
                                                    {"llama.attention.scale", 0.5},
                                                    {"llama.logit_scale", 0.5},
                                                    {"llama.residual_scale", 0.5},
                                                    {"llama.embedding_scale", 2.0},
                                                    {"llama.attn_logit_softcapping", 30.0},
                                                    {"llama.final_logit_softcapping", 30.0},
                                                    {"llama.attention.clamp_kqv", 8.0},
                                                    {"llama.attention.max_alibi_bias", 8.0},
                                                    {"llama.rope.scaling.type", std::string_view("longrope")},
                                                    {"llama.use_parallel_residual", true},
                                                    {"llama.pooling_type", std::uint64_t{1}},
                                                    {"llama.rope.scaling.yarn_log_multiplier", 0.1},
                                                    {"llama.attention.layer_norm_epsilon", 1e-5},
                                                    {"llama.some_new_key", std::uint64_t{3}},
                                                    {"clip.has_vision_encoder", true},
                                                    {"llama.rope.freq_base_swa", 1e4}};
  for (const auto& [name, value] : keys) EXPECT_THAT(refusal([&] { with(name, value); }), HasSubstr(name)) << name;
}

TEST_F(MetaKey, that_changes_nothing_is_left_alone) {
  const auto expected = logits(Model::open((reference / "tiny-llama/tiny-llama.gguf").string()));
  const std::pair<const char*, MetaValue> keys[] = {{"general.name", std::string_view("a name")},
                                                    {"general.sampling.top_k", std::uint64_t{3}},
                                                    {"quantize.imatrix.file", std::string_view("x")},
                                                    {"llama.attention.causal", true},
                                                    {"llama.expert_count", std::uint64_t{0}},
                                                    {"llama.attention.value_length", std::uint64_t{8}},
                                                    {"llama.rope.dimension_count", std::uint64_t{8}},
                                                    {"llama.rope.scaling.attn_factor", 1.0},
                                                    {"llama.rope.scaling.factor", 1.0},
                                                    {"llama.rope.scaling.type", std::string_view("none")},
                                                    {"llama.vocab_size", std::uint64_t{101}},
                                                    {"llama.rope.scaling.finetuned", true}};
  for (const auto& [name, value] : keys) EXPECT_EQ(logits(with(name, value)), expected) << name;
}

TEST_F(MetaKey, of_a_linear_rotation_means_that_in_each_of_its_spellings) {
  const auto near = [](const std::vector<float>& a, const std::vector<float>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-4);
  };
  const auto expected = in_config({{"rope_scaling", {{"rope_type", "linear"}, {"factor", 4}}}});
  for (const char* name : {"llama.rope.scaling.factor", "llama.rope.scale_linear"})
    near(logits(with(name, 4.0)), expected);
  near(logits(with("llama.rope.scaling.attn_factor", 1.25)), in_config({{"rope_scaling",
                                                                         {{"rope_type", "yarn"},
                                                                          {"factor", 1},
                                                                          {"attention_factor", 1.25},
                                                                          {"original_max_position_embeddings", 64}}}}));
  near(logits(with("llama.rope.freq_base", 500.0)), in_config({{"rope_parameters", {{"rope_theta", 500}}}}));
}

}  // namespace
}  // namespace embscope
