// GGUF files of many architectures against llama.cpp, which read the same bytes: tests/reference/make_llama_cpp.py made
// the numbers.
#include <cmath>
#include <fstream>

#include <gmock/gmock.h>

#include "embscope/forward/transformer.h"
#include "forward/families.h"
#include "model/rewritten.h"
#include "refusal.h"

namespace embscope {
namespace {

namespace bj = families::bj;

const bj::object& references() {
  static const bj::object all = [] {
    std::ifstream file(EMBSCOPE_TEST_DATA "/families/llama_cpp.json");
    return bj::parse(std::string(std::istreambuf_iterator<char>(file), {})).as_object();
  }();
  return all;
}

std::vector<std::string> reference_names() {
  std::vector<std::string> names;
  for (const auto& [name, reference] : references()) {
    if (reference.is_object()) names.emplace_back(name);
  }
  return names;
}

std::vector<TokenId> integers(std::string_view key) {
  std::vector<TokenId> list;
  for (const auto& item : references().at(bj::string_view(key.data(), key.size())).as_array())
    list.push_back(static_cast<TokenId>(item.as_int64()));
  return list;
}

MetaValue meta_value(const bj::value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_int64()) return static_cast<std::uint64_t>(value.as_int64());
  if (value.is_string()) return std::string_view(value.as_string());
  if (value.is_double()) return value.as_double();
  std::vector<double> list;
  for (const auto& item : value.as_array()) list.push_back(item.is_bool() ? item.as_bool() : item.to_number<double>());
  return list;
}

Rewritten::Entry tensor_of(std::string_view name, const bj::array& recipe) {
  std::vector<std::int64_t> sizes;
  for (const auto& size : recipe.at(0).as_array()) sizes.push_back(size.as_int64());
  Rewritten::Entry entry{std::string(name), Shape(sizes), {}};
  const auto scale = static_cast<float>(recipe.at(1).to_number<double>()),
             shift = static_cast<float>(recipe.at(2).to_number<double>());
  const std::uint64_t seed = families::seed_of(name);
  for (std::int64_t i = 0; i < entry.shape.elements(); ++i)
    entry.values.push_back(families::weight(seed, static_cast<std::uint64_t>(i)) * scale + shift);
  return entry;
}

Rewritten file_of(const bj::object& reference) {
  Rewritten file;
  const std::string architecture(reference.at("architecture").as_string());
  auto key = [&](const std::string& name, const MetaValue& value) {
    file.records[name] = Rewritten::record(name, value);
  };
  key("general.architecture", std::string_view(architecture));
  for (const auto& [name, value] : reference.at("metadata").as_object())
    key((name.starts_with('.') ? architecture : "") + std::string(name), meta_value(value));
  for (const auto& [name, recipe] : reference.at("tensors").as_object())
    file.tensors.push_back(tensor_of(name, recipe.as_array()));
  return file;
}

class LlamaCpp : public ::testing::TestWithParam<std::string> {
 protected:
  const bj::object& reference_ = references().at(GetParam()).as_object();
  const tiny::Folder folder_;

  std::shared_ptr<const Model> open(const Rewritten& file) const {
    file.write_gguf(folder_.path() / "m.gguf");
    return Model::open((folder_.path() / "m.gguf").string());
  }
  static Tensor logits_of(const std::shared_ptr<const Model>& model) {
    Request request;
    request.rows = {integers("text")}, request.logits = LogitsAt::all;
    return std::move(Transformer(model).run(request).rows[0].logits);
  }
};

double log_of_sum(std::span<const float> logits) {
  const float most = *std::ranges::max_element(logits);
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x) - static_cast<double>(most));
  return static_cast<double>(most) + std::log(sum);
}

// `table`: its GELU comes from a table in half precision, or is another one than the model's, or it turns positions of
// several parts less exactly.
void expect_log_probabilities(const Tensor& logits, const bj::object& reference) {
  const double allowed = reference.at("table").as_bool() ? 5e-3 : 1e-4;
  const auto texts = integers("texts");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::span<const float> row = logits.row(texts[i] - 1);
    const auto& expected = reference.at("log_probabilities").as_array()[i].as_array();
    ASSERT_EQ(row.size(), expected.size());
    const double whole = log_of_sum(row);
    for (std::size_t v = 0; v < row.size(); ++v)
      ASSERT_NEAR(static_cast<double>(row[v]) - whole, expected[v].to_number<double>(), allowed)
          << "token " << v << " after " << texts[i];
  }
}

TEST_P(LlamaCpp, computes_the_same) { expect_log_probabilities(logits_of(open(file_of(reference_))), reference_); }

// Where it opens without one, that one is optional there too, and shows.
TEST_P(LlamaCpp, file_needs_each_of_its_tensors) {
  const Rewritten whole = file_of(reference_);
  const Tensor expected = logits_of(open(whole));
  for (const Rewritten::Entry& entry : whole.tensors) {
    if (entry.name.starts_with("blk.") && !entry.name.starts_with("blk.1.")) continue;
    Rewritten less = whole;
    less.erase(entry.name);
    std::shared_ptr<const Model> model;
    if (refusal([&] { model = open(less); }) != "no error") continue;
    EXPECT_FALSE(std::ranges::equal(logits_of(model).values(), expected.values())) << entry.name;
  }
}

TEST_P(LlamaCpp, file_with_another_tensor_or_key_is_refused) {
  Rewritten more = file_of(reference_);
  more.tensors.push_back({"blk.1.attn_extra.weight", {3}, {1, 2, 3}});
  EXPECT_THAT(refusal([&] { open(more); }), ::testing::HasSubstr("'blk.1.attn_extra.weight' (3) has no place"));
  more = file_of(reference_);
  const std::string key = std::string(reference_.at("architecture").as_string()) + ".attention.new_kind";
  more.records[key] = Rewritten::record(key, 2.5);
  EXPECT_THAT(refusal([&] { open(more); }), ::testing::HasSubstr("'" + key + "': 2.5"));
}

using Values = families::Family::Values;

// Each head's rows in turn, one of its first half and one of its second -> one half below the other.
Values halves_below_each_other(const Rewritten::Entry& entry, std::int64_t head) {
  Values to{entry.shape, std::vector<float>(entry.values.size())};
  const std::int64_t width = entry.shape[1];
  for (std::int64_t j = 0; j < entry.shape[0]; ++j) {
    const std::int64_t within = j % head, from = j - within + 2 * (within % (head / 2)) + within / (head / 2);
    std::copy_n(entry.values.begin() + from * width, width, to.values.begin() + j * width);
  }
  return to;
}

// The tensors of a file under the hub's names, as they were before the converter: `module` says what a tensor of a
// block is called, {} is an expert.
std::map<std::string, Values> under_hub_names(const Rewritten& file, const std::map<std::string, std::string>& module) {
  std::map<std::string, Values> all;
  for (const Rewritten::Entry& entry : file.tensors) {
    std::string name = entry.name.substr(0, entry.name.rfind('.')), at = "model.";
    if (name.starts_with("blk.")) at += "layers." + name.substr(4, 2), name = name.substr(6);
    if (name == "output") at.clear();
    const std::string to = at + module.at(name);
    const bool turned = name == "attn_q" || name == "attn_k";
    if (entry.shape.rank() < 3) {
      all[to + ".weight"] = turned ? halves_below_each_other(entry, 6) : Values{entry.shape, entry.values};
      continue;
    }
    const Shape one{entry.shape[1], entry.shape[2]};
    for (std::int64_t e = 0; e < entry.shape[0]; ++e) {
      const auto first = entry.values.begin() + e * one.elements();
      all[fmt::format(fmt::runtime(to), e) + ".weight"] = {one, {first, first + one.elements()}};
    }
  }
  return all;
}

const std::map<std::string, std::string> llama_modules = {{"token_embd", "embed_tokens"},
                                                          {"output_norm", "norm"},
                                                          {"output", "lm_head"},
                                                          {"attn_norm", "input_layernorm"},
                                                          {"ffn_norm", "post_attention_layernorm"},
                                                          {"attn_q", "self_attn.q_proj"},
                                                          {"attn_k", "self_attn.k_proj"},
                                                          {"attn_v", "self_attn.v_proj"},
                                                          {"attn_output", "self_attn.o_proj"},
                                                          {"ffn_gate", "mlp.gate_proj"},
                                                          {"ffn_up", "mlp.up_proj"},
                                                          {"ffn_down", "mlp.down_proj"},
                                                          {"ffn_gate_inp", "mlp.gate"},
                                                          {"ffn_gate_exps", "mlp.experts.{}.gate_proj"},
                                                          {"ffn_up_exps", "mlp.experts.{}.up_proj"},
                                                          {"ffn_down_exps", "mlp.experts.{}.down_proj"},
                                                          {"ffn_gate_shexp", "mlp.shared_experts.gate_proj"},
                                                          {"ffn_up_shexp", "mlp.shared_experts.up_proj"},
                                                          {"ffn_down_shexp", "mlp.shared_experts.down_proj"}};

// Families whose code is on the hub beside their weights, and that transformers does not have.
bj::object hub_config(const char* type, std::int64_t kv_heads) {
  return {{"model_type", type},
          {"hidden_size", 24},
          {"intermediate_size", 40},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", kv_heads},
          {"vocab_size", 40},
          {"rms_norm_eps", 1e-5},
          {"max_position_embeddings", 32},
          {"rope_theta", 10000.0},
          {"tie_word_embeddings", false},
          {"hidden_act", "silu"}};
}

void add(bj::object& config, const bj::object& more) {
  for (const auto& [key, value] : more) config[key] = value;
}

Tensor logits_under_hub_names(const std::map<std::string, Values>& tensors, const bj::object& config) {
  Request request;
  request.rows = {integers("text")}, request.logits = LogitsAt::all;
  return std::move(Transformer(families::Family::open_as(tensors, config)).run(request).rows[0].logits);
}

TEST(HubNames, of_xverse_and_aquila_compute_what_llama_cpp_does) {
  const bj::object& reference = references().at("xverse").as_object();
  const auto tensors = under_hub_names(file_of(reference), llama_modules);
  for (const char* type : {"xverse", "aquila"}) {
    bj::object config = hub_config(type, 4);
    if (type == std::string_view("xverse")) config["max_tokenizer_truncation"] = 6144;
    expect_log_probabilities(logits_under_hub_names(tensors, config), reference);
  }
}

TEST(HubNames, of_deepseek_s_first_mixture_compute_what_llama_cpp_does) {
  const bj::object& reference = references().at("deepseek").as_object();
  const auto tensors = under_hub_names(file_of(reference), llama_modules);
  bj::object config = hub_config("deepseek", 4);
  add(config, {{"n_routed_experts", 6},
               {"n_shared_experts", 2},
               {"num_experts_per_tok", 2},
               {"moe_intermediate_size", 12},
               {"first_k_dense_replace", 1},
               {"moe_layer_freq", 1},
               {"norm_topk_prob", false},
               {"scoring_func", "softmax"},
               {"aux_loss_alpha", 0.001},
               {"seq_aux", true},
               {"attention_bias", false},
               {"pretraining_tp", 1}});
  const Tensor logits = logits_under_hub_names(tensors, config);
  expect_log_probabilities(logits, reference);
  for (const auto& [key, value] : bj::object{{"norm_topk_prob", true}, {"num_experts_per_tok", 3}}) {
    bj::object other = config;
    other[key] = value;
    const Tensor changed = logits_under_hub_names(tensors, other);
    EXPECT_FALSE(std::ranges::equal(logits.values(), changed.values())) << key;
  }
  config["scoring_func"] = "sigmoid";
  EXPECT_THAT(refusal([&] { families::Family::open_as(tensors, config); }),
              ::testing::HasSubstr("scoring_func 'sigmoid': 'softmax' is known for this family"));
}

TEST(HubNames, of_ling_compute_what_llama_cpp_does) {
  const bj::object& reference = references().at("bailingmoe").as_object();
  auto modules = llama_modules;
  modules["token_embd"] = "word_embeddings", modules["attn_output"] = "attention.dense";
  auto tensors = under_hub_names(file_of(reference), modules);
  for (const char* block : {"model.layers.0.", "model.layers.1."}) {
    Values all{{48, 24}, {}};
    for (const char* part : {"q", "k", "v"}) {
      const auto own = tensors.extract(fmt::format("{}self_attn.{}_proj.weight", block, part));
      all.values.insert(all.values.end(), own.mapped().values.begin(), own.mapped().values.end());
    }
    tensors[std::string(block) + "attention.query_key_value.weight"] = std::move(all);
  }
  bj::object config = hub_config("bailing_moe", 2);
  add(config, {{"num_experts", 6},
               {"num_shared_experts", 1},
               {"num_experts_per_tok", 2},
               {"moe_intermediate_size", 12},
               {"first_k_dense_replace", 0},
               {"norm_topk_prob", true},
               {"use_bias", false},
               {"use_qkv_bias", false},
               {"norm_head", false},
               {"norm_softmax", false},
               {"output_dropout", 0.0},
               {"embedding_dropout", 0.0}});
  expect_log_probabilities(logits_under_hub_names(tensors, config), reference);
  config["norm_head"] = true;
  EXPECT_THAT(refusal([&] { families::Family::open_as(tensors, config); }),
              ::testing::HasSubstr("'norm_head': only false is supported for this model"));
}

INSTANTIATE_TEST_SUITE_P(files, LlamaCpp, ::testing::ValuesIn(reference_names()), [](const auto& tested) {
  std::string name = tested.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace embscope
