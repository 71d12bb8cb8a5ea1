// Architectures of GGUF: a model of Hugging Face's form, renamed and rearranged as llama.cpp's converter does it,
// computes the same.
#include <cmath>

#include <gtest/gtest.h>

#include "embscope/forward/transformer.h"
#include "forward/families.h"
#include "model/rewritten.h"

namespace embscope {
namespace {

// A tensor's name there and here; {} is the block.
constexpr std::pair<const char*, const char*> renamed[] = {{"model.embed_tokens", "token_embd"},
                                                           {"model.norm", "output_norm"},
                                                           {"lm_head", "output"},
                                                           {"input_layernorm", "attn_norm"},
                                                           {"post_attention_layernorm", "ffn_norm"},
                                                           {"self_attn.q_proj", "attn_q"},
                                                           {"self_attn.k_proj", "attn_k"},
                                                           {"self_attn.v_proj", "attn_v"},
                                                           {"self_attn.o_proj", "attn_output"},
                                                           {"self_attn.q_norm", "attn_q_norm"},
                                                           {"self_attn.k_norm", "attn_k_norm"},
                                                           {"mlp.gate_proj", "ffn_gate"},
                                                           {"mlp.up_proj", "ffn_up"},
                                                           {"mlp.down_proj", "ffn_down"}};

std::string gguf_name(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  std::string module = name.substr(0, dot), prefix;
  if (module.starts_with("model.layers.")) {
    const std::size_t end = module.find('.', 13);
    prefix = "blk." + module.substr(13, end - 13) + ".", module = module.substr(end + 1);
  }
  for (const auto& [theirs, ours] : renamed) {
    if (module == theirs) return prefix + ours + name.substr(dot);
  }
  return "?" + name;
}

// Rows of each head: first half, second half -> one of each in turn.
void interleave(Rewritten::Entry& entry, std::int64_t heads) {
  const std::int64_t rows = entry.shape[0], width = entry.shape.rank() == 1 ? 1 : entry.shape[1], head = rows / heads;
  const std::vector<float> from = entry.values;
  for (std::int64_t j = 0; j < rows; ++j) {
    const std::int64_t within = j % head, to = j / head * head + 2 * (within % (head / 2)) + within / (head / 2);
    std::copy_n(from.begin() + j * width, width, entry.values.begin() + to * width);
  }
}

std::shared_ptr<const Model> as_gguf(const Model& model, const std::string& architecture, const tiny::Folder& folder) {
  const Config& c = model.config();
  Rewritten file(*model.archives().front());
  for (Rewritten::Entry& entry : file.tensors) {
    const bool q = entry.name.find("q_proj") != std::string::npos, k = entry.name.find("k_proj") != std::string::npos;
    if (architecture == "llama" && (q || k)) interleave(entry, q ? c.heads : c.kv_heads);
    if (architecture == "gemma" && entry.name.find("norm") != std::string::npos) {
      for (float& x : entry.values) x += 1;
    }
    entry.name = gguf_name(entry.name);
  }
  file.records.clear();
  auto key = [&](const std::string& name, const MetaValue& value) {
    file.records[name] = Rewritten::record(name, value);
  };
  key("general.architecture", std::string_view(architecture));
  for (const auto& [name, value] : {std::pair{"embedding_length", c.width},
                                    {"block_count", c.blocks},
                                    {"attention.head_count", c.heads},
                                    {"attention.head_count_kv", c.kv_heads},
                                    {"feed_forward_length", c.mlp_width},
                                    {"context_length", c.context},
                                    {"attention.key_length", c.head_width},
                                    {"attention.value_length", c.head_width}})
    key(architecture + "." + name, static_cast<std::uint64_t>(value));
  key(architecture + ".attention.layer_norm_rms_epsilon", static_cast<double>(c.epsilon));
  key(architecture + ".rope.freq_base", 10000.0);
  file.write_gguf(folder.path() / "m.gguf");
  return Model::open((folder.path() / "m.gguf").string());
}

void expect_same(const std::shared_ptr<const Model>& one, const std::shared_ptr<const Model>& two) {
  Request request;
  request.rows = {{5, 17, 3, 3, 38, 31, 0, 12, 36, 7, 29}};
  request.logits = LogitsAt::all;
  const Tensor a = std::move(Transformer(one).run(request).rows[0].logits),
               b = std::move(Transformer(two).run(request).rows[0].logits);
  ASSERT_EQ(a.shape(), b.shape());
  for (std::int64_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a.data()[i], b.data()[i], 1e-5) << i;
}

TEST(GgufOf, a_llama_with_all_its_biases_computes_what_hugging_face_s_form_does) {
  const tiny::Folder folder;
  const auto model = Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-llama-f16");
  expect_same(as_gguf(*model, "llama", folder), model);
}

TEST(GgufOf, qwen_2_and_3_and_gemma_computes_what_hugging_face_s_form_does) {
  const families::bj::object plain = {{"rope_theta", 10000.0}, {"rope_type", "default"}};
  const families::bj::array full = {"full_attention", "full_attention"};
  for (const auto& [name, changes] : {std::pair<const char*, families::bj::object>{"qwen2", {{"layer_types", full}}},
                                      {"qwen3", {{"rope_parameters", plain}}},
                                      {"gemma", {}}}) {
    SCOPED_TRACE(name);
    const tiny::Folder folder;
    const auto model = families::Family(name).open(changes);
    expect_same(as_gguf(*model, name, folder), model);
  }
}

}  // namespace
}  // namespace embscope
