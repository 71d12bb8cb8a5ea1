// Architectures of GGUF: a model of Hugging Face's form, renamed and rearranged as llama.cpp's converter does it,
// computes the same.
#include <cmath>
#include <fstream>

#include <gmock/gmock.h>

#include "embscope/forward/transformer.h"
#include "forward/families.h"
#include "model/rewritten.h"
#include "refusal.h"

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

Tensor logits_of(const std::shared_ptr<const Model>& model) {
  Request request;
  request.rows = {{5, 17, 3, 3, 38, 31, 0, 12, 36, 7, 29}};
  request.logits = LogitsAt::all;
  return std::move(Transformer(model).run(request).rows[0].logits);
}

double difference(const Tensor& a, const Tensor& b) {
  double most = 0;
  for (std::int64_t i = 0; i < a.size(); ++i)
    most = std::max(most, std::abs(static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i])));
  return most;
}

void expect_same(const std::shared_ptr<const Model>& one, const std::shared_ptr<const Model>& two) {
  const Tensor a = logits_of(one), b = logits_of(two);
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_LT(difference(a, b), 2e-5);
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

// What tests/reference/make_gguf.py says of how a model is written: each tensor of GGUF is made of those of Hugging
// Face's form.
class Converter {
 public:
  Converter(const families::Family& family, const Config& config) : all_(family.tensors()), config_(config) {}

  Rewritten::Entry entry(const std::string& name, const families::bj::object& how) const {
    const auto& names = how.at("from").as_array();
    families::Family::Values made = all_.at(std::string(names[0].as_string()));
    if (how.contains("stack")) made = stacked(names);
    if (how.contains("turn")) made = every_other(made, how.at("turn").as_int64(), made.shape.rank() == 2);
    if (how.at("from").as_array().size() == 1 && how.contains("transpose") && how.at("transpose").as_bool())
      made = transposed(made);
    if (how.contains("half")) made = half(made, how.at("half").as_int64());
    if (how.contains("row")) made.shape = {made.shape.last()};
    for (float& x : made.values) x += how.contains("plus") ? 1.0f : 0.0f;
    Rewritten::Entry entry{name, made.shape, made.values};
    if (how.contains("interleave"))
      interleave(entry, how.at("interleave").as_string() == "q" ? config_.heads : config_.kv_heads);
    if (how.contains("sorted")) in_three(entry);
    return entry;
  }

 private:
  using Values = families::Family::Values;

  Values stacked(const families::bj::array& names) const {
    Values made;
    for (const auto& name : names) {
      const Values& part = all_.at(std::string(name.as_string()));
      made.values.insert(made.values.end(), part.values.begin(), part.values.end());
      const auto count = static_cast<std::int64_t>(names.size());
      made.shape = part.shape.rank() == 1 ? Shape{count, part.shape[0]} : Shape{count, part.shape[0], part.shape[1]};
    }
    return made;
  }

  // Of the last axis: values 0, 2, 4, ... or 1, 3, 5, ...
  static Values every_other(const Values& from, std::int64_t first, bool vector) {
    Values made;
    for (std::size_t i = static_cast<std::size_t>(first); i < from.values.size(); i += 2)
      made.values.push_back(from.values[i]);
    const std::int64_t half = from.shape.last() / 2;
    made.shape = vector ? Shape{from.shape[0], half} : Shape{from.shape[0], from.shape[1], half};
    return made;
  }

  static Values transposed(const Values& from) {
    const std::int64_t count = from.shape[0], rows = from.shape[1], columns = from.shape[2];
    Values made{{count, columns, rows}, std::vector<float>(from.values.size())};
    for (std::int64_t e = 0; e < count; ++e) {
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t c = 0; c < columns; ++c)
          made.values[static_cast<std::size_t>((e * columns + c) * rows + r)] =
              from.values[static_cast<std::size_t>((e * rows + r) * columns + c)];
      }
    }
    return made;
  }

  // Of the rows of each matrix.
  static Values half(const Values& from, std::int64_t which) {
    const bool one = from.shape.rank() == 2;
    const std::int64_t count = one ? 1 : from.shape[0], rows = from.shape[one ? 0 : 1] / 2, columns = from.shape.last();
    Values made{one ? Shape{rows, columns} : Shape{count, rows, columns}, {}};
    for (std::int64_t e = 0; e < count; ++e) {
      const auto begin = from.values.begin() + (2 * e + which) * rows * columns;
      made.values.insert(made.values.end(), begin, begin + rows * columns);
    }
    return made;
  }

  // Rows sorted by key-value heads, each with its queries before it, become all queries, all keys, all values.
  void in_three(Rewritten::Entry& entry) const {
    const std::int64_t width = entry.shape.rank() == 1 ? 1 : entry.shape.last(), head = config_.head_width * width;
    const std::int64_t group = config_.heads / config_.kv_heads;
    std::vector<float> parts[3];
    for (std::int64_t h = 0; h < config_.heads + 2 * config_.kv_heads; ++h) {
      const std::int64_t within = h % (group + 2);
      auto& part = parts[within < group ? 0 : within - group + 1];
      part.insert(part.end(), entry.values.begin() + h * head, entry.values.begin() + (h + 1) * head);
    }
    entry.values.clear();
    for (const auto& part : parts) entry.values.insert(entry.values.end(), part.begin(), part.end());
  }

  std::map<std::string, Values> all_;
  const Config& config_;
};

families::bj::object written_models() {
  std::ifstream file(EMBSCOPE_TEST_DATA "/families/gguf.json");
  return families::bj::parse(std::string(std::istreambuf_iterator<char>(file), {})).as_object();
}

std::shared_ptr<const Model> written(const families::bj::object& how, const families::Family& family,
                                     const Model& model, const tiny::Folder& folder, const std::string& without = "") {
  const Converter converter(family, model.config());
  Rewritten file(*model.archives().front());
  file.tensors.clear(), file.records.clear();
  for (const auto& [name, from] : how.at("tensors").as_object()) {
    if (name != without) file.tensors.push_back(converter.entry(std::string(name), from.as_object()));
  }
  const std::string architecture(how.at("architecture").as_string());
  auto key = [&](const std::string& name, const MetaValue& value) {
    file.records[name] = Rewritten::record(name, value);
  };
  key("general.architecture", std::string_view(architecture));
  for (const auto& [name, value] : how.at("metadata").as_object()) {
    const std::string full = architecture + std::string(name);
    if (value.is_bool()) key(full, value.as_bool());
    if (value.is_int64()) key(full, static_cast<std::uint64_t>(value.as_int64()));
    if (value.is_double()) key(full, value.as_double());
    if (value.is_string()) key(full, std::string_view(value.as_string()));
  }
  file.write_gguf(folder.path() / "m.gguf");
  return Model::open((folder.path() / "m.gguf").string());
}

TEST(GgufOf, every_architecture_computes_what_hugging_face_s_form_does) {
  for (const auto& [name, how] : written_models()) {
    SCOPED_TRACE(std::string(name));
    const tiny::Folder folder;
    const families::Family family{std::string(name)};
    const auto model = family.open(how.at("changes").as_object());
    expect_same(written(how.as_object(), family, *model, folder), model);
  }
}

TEST(GgufOf, every_architecture_needs_each_of_its_tensors) {
  for (const auto& [name, how] : written_models()) {
    SCOPED_TRACE(std::string(name));
    const families::Family family{std::string(name)};
    const auto model = family.open(how.at("changes").as_object());
    const Tensor whole = logits_of(model);
    for (const auto& [tensor, from] : how.at("tensors").as_object()) {
      const std::string without(tensor);
      if (!without.starts_with("blk.1.") && without.starts_with("blk.")) continue;
      const tiny::Folder folder;
      std::shared_ptr<const Model> opened;
      const std::string error = refusal([&] { opened = written(how.as_object(), family, *model, folder, without); });
      // a bias that llama.cpp leaves to the file, or an output that is tied: other numbers, never the same ones
      EXPECT_TRUE(error != "no error" || difference(logits_of(opened), whole) > 1e-4) << without;
    }
  }
}

TEST(GgufOf, mixtral_with_a_tensor_for_each_expert_is_the_same_model) {
  families::bj::object how = written_models().at("mixtral").as_object(), tensors;
  for (const auto& [name, from] : how.at("tensors").as_object()) {
    const std::string whole(name);
    const std::size_t all = whole.find("_exps.weight");
    if (all == std::string::npos) {
      tensors[name] = from;
      continue;
    }
    int e = 0;
    for (const auto& one : from.at("from").as_array())
      tensors[fmt::format("{}.{}.weight", whole.substr(0, all), e++)] = {{"from", families::bj::array{one}}};
  }
  how["tensors"] = tensors;
  const tiny::Folder folder;
  const families::Family family("mixtral");
  const auto model = family.open();
  expect_same(written(how, family, *model, folder), model);
  EXPECT_THAT(refusal([&] { written(how, family, *model, folder, "blk.1.ffn_up.3.weight"); }),
              ::testing::HasSubstr("no tensor 'blk.1.ffn_up.3.weight'"));
}

// Texts up to the first context have the short factors, longer ones are refused.
TEST(GgufOf, phi_3_with_factors_of_its_rotation_computes_what_hugging_face_s_form_does) {
  const families::bj::object how = written_models().at("phi3").as_object();
  const families::Family family("phi3");
  const families::bj::object rope = {{"rope_type", "longrope"},         {"rope_theta", 10000.0},
                                     {"short_factor", {1.0, 1.5, 2.0}}, {"long_factor", {2.0, 3.0, 4.0}},
                                     {"attention_factor", 1.2},         {"original_max_position_embeddings", 16}};
  const auto model = family.open({{"rope_parameters", rope}});
  const tiny::Folder folder;
  written(how, family, *model, folder);
  Rewritten file(*Archive::open(folder.path() / "m.gguf"));
  file.tensors.push_back({"rope_factors_short.weight", {3}, {1, 1.5f, 2}});
  file.tensors.push_back({"rope_factors_long.weight", {3}, {2, 3, 4}});
  file.records["phi3.rope.scaling.attn_factor"] = Rewritten::record("phi3.rope.scaling.attn_factor", 1.2);
  file.records["phi3.rope.scaling.original_context_length"] =
      Rewritten::record("phi3.rope.scaling.original_context_length", std::uint64_t{16});
  file.write_gguf(folder.path() / "long.gguf");
  const auto opened = Model::open((folder.path() / "long.gguf").string());
  expect_same(opened, model);
  EXPECT_EQ(opened->config().context, 16);
  file.find("rope_factors_short.weight")->shape = {2}, file.find("rope_factors_short.weight")->values.pop_back();
  file.write_gguf(folder.path() / "bad.gguf");
  EXPECT_THAT(refusal([&] { Model::open((folder.path() / "bad.gguf").string()); }),
              ::testing::HasSubstr("rope_factors_short.weight: expected 3, found 2"));
}

}  // namespace
}  // namespace embscope
