// Mixtures of experts: what routers choose can be read, changed and is refused where it is not an expert; the same
// model opens from a tensor for each expert and from one of all.
#include "forward/families.h"

#include <cmath>
#include <tuple>

#include <gmock/gmock.h>

#include "embscope/forward/transformer.h"
#include "refusal.h"

namespace embscope {
namespace {

using families::Family;
using families::bj::object;
using ::testing::AllOf;
using ::testing::HasSubstr;

RowResult run(const std::shared_ptr<const Model>& model, const std::vector<TokenId>& ids,
              std::vector<Site> capture = {}, std::vector<Edit> edits = {}) {
  Request request;
  request.rows = {ids}, request.logits = LogitsAt::all, request.capture = std::move(capture),
  request.edits = std::move(edits);
  return std::move(Transformer(model).run(request).rows[0]);
}

Edit set(Point point, std::vector<float> values, int position) {
  Edit edit;
  edit.site = {point, 1}, edit.change = Change::set, edit.positions = {position}, edit.vector = std::move(values);
  return edit;
}

TEST(Experts, what_they_add_is_what_the_block_adds) {
  for (const char* name : {"mixtral", "qwen2_moe", "gpt_oss", "deepseek_v3"}) {
    SCOPED_TRACE(name);
    const Family family(name);
    const auto model = family.open();
    const bool shared = model->config().experts.shared_width > 0;
    std::vector<Site> capture = {{Point::experts_out, 1}, {Point::mlp_out, 1}};
    if (shared) capture.push_back({Point::experts_shared, 1});
    const RowResult found = run(model, family.ids("text"), capture);
    const Tensor &each = found.captured[0], &all = found.captured[1];
    const std::int64_t d = model->config().width, chosen = model->config().experts.chosen;
    ASSERT_EQ(each.shape(), (Shape{all.rows(), chosen, d}));
    for (std::int64_t i = 0; i < all.size(); ++i) {
      double sum = shared ? found.captured[2].data()[i] : 0;
      for (std::int64_t j = 0; j < chosen; ++j) sum += each.data()[(i / d * chosen + j) * d + i % d];
      ASSERT_NEAR(all.data()[i], sum, 1e-5) << i;
    }
  }
}

TEST(Experts, that_are_chosen_are_the_most_probable_and_their_weights_sum_to_1) {
  const Family family("mixtral");
  const RowResult found =
      run(family.open(), family.ids("text"),
          {{Point::router_probabilities, 1}, {Point::router_chosen, 1}, {Point::router_weights, 1}});
  const Tensor &p = found.captured[0], &chosen = found.captured[1], &weights = found.captured[2];
  for (std::int64_t t = 0; t < p.rows(); ++t) {
    std::vector<float> sorted(p.row(t).begin(), p.row(t).end());
    std::ranges::sort(sorted, std::greater<>());
    double sum = 0, likely = 0;
    for (float x : p.row(t)) likely += static_cast<double>(x);
    EXPECT_NEAR(likely, 1, 1e-6);
    for (std::size_t j = 0; j < 2; ++j) {
      EXPECT_EQ(p.row(t)[static_cast<std::size_t>(chosen.row(t)[j])], sorted[j]);
      sum += static_cast<double>(weights.row(t)[j]);
    }
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

TEST(Experts, can_be_chosen_by_an_edit) {
  const Family family("mixtral");
  const auto model = family.open();
  const auto ids = family.ids("text");
  const RowResult plain = run(model, ids, {{Point::router_chosen, 1}});
  const auto own = plain.captured[0].row(4);
  const RowResult same = run(model, ids, {}, {set(Point::router_chosen, {own[0], own[1]}, 4)});
  EXPECT_TRUE(std::ranges::equal(same.logits.values(), plain.logits.values()));
  float other = 0;
  while (other == own[0] || other == own[1]) ++other;
  const RowResult edited = run(model, ids, {{Point::router_chosen, 1}, {Point::router_weights, 1}},
                               {set(Point::router_chosen, {other, own[0]}, 4)});
  EXPECT_EQ(edited.captured[0].row(4)[0], other);
  EXPECT_LT(edited.captured[1].row(4)[0], edited.captured[1].row(4)[1]) << "the router holds it for less likely";
  EXPECT_TRUE(std::ranges::equal(edited.logits.row(3), plain.logits.row(3)));
  EXPECT_FALSE(std::ranges::equal(edited.logits.row(4), plain.logits.row(4)));
  // a likely expert of the router's own making is chosen first
  const RowResult likely =
      run(model, ids, {{Point::router_chosen, 1}}, {set(Point::router_logits, {0, 0, 0, 9, 8}, 4)});
  EXPECT_EQ(likely.captured[0].row(4)[0], 3);
  EXPECT_EQ(likely.captured[0].row(4)[1], 4);
}

TEST(Experts, that_there_are_not_or_are_chosen_twice_are_refused) {
  const Family family("mixtral");
  const auto model = family.open();
  for (const auto& [values, why] : {std::pair<std::vector<float>, const char*>{{5, 0}, "expert 5: there are 0..4"},
                                    {{-1, 0}, "expert -1"},
                                    {{0.5f, 0}, "expert 0.5"},
                                    {{2, 2}, "expert 2 is chosen twice"}}) {
    EXPECT_THAT(refusal([&] { run(model, family.ids("text"), {}, {set(Point::router_chosen, values, 4)}); }),
                HasSubstr(why));
  }
}

TEST(Experts, are_sites_of_the_blocks_that_have_them) {
  const Config config = Family("deepseek_v3").open()->config();
  EXPECT_EQ(parse_sites("router.probabilities", config), (std::vector<Site>{{Point::router_probabilities, 1}}));
  EXPECT_EQ(parse_sites("blocks.*.mlp_post", config), (std::vector<Site>{{Point::mlp_post, 0}}));
  EXPECT_EQ(parse_site("blocks.1.mlp.hook_expert_weights", config).point, Point::router_probabilities);
  EXPECT_EQ(parse_site("blocks.1.mlp.hook_expert_indices", config).point, Point::router_chosen);
  EXPECT_EQ(parse_site("ffn_moe_topk-1", config).point, Point::router_chosen);
  EXPECT_EQ(parse_site("model.layers.1.mlp.gate", config).point, Point::router_logits);
  EXPECT_EQ(parse_site("model.layers.1.mlp.shared_experts", config).point, Point::experts_shared);
  EXPECT_THAT(refusal([&] { parse_site("blocks.0.router.logits", config); }),
              HasSubstr("block 0 has an MLP and no experts, so no router.logits"));
  EXPECT_THAT(refusal([&] { parse_site("blocks.1.mlp_post", config); }),
              HasSubstr("block 1 has experts in place of an MLP, so no mlp_post"));
  EXPECT_THAT(refusal([&] { parse_site("blocks.0.router.logits", Family("mistral").open()->config()); }),
              HasSubstr("this model has no experts"));
  EXPECT_THAT(refusal([&] { parse_site("blocks.0.mlp_up", Family("mixtral").open()->config()); }),
              HasSubstr("experts in place of its MLPs"));
}

// Tensors of each expert -> those of all, gate and up one behind the other, as transformers 5 has them in memory.
std::map<std::string, Family::Values> fused(const Family& family, const std::string& module,
                                            const std::array<const char*, 3>& parts) {
  auto tensors = family.tensors();
  std::map<std::string, Family::Values> all;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t at = name.find(module + ".experts.");
    if (at == std::string::npos) {
      const std::size_t own = name.find(module + ".");
      all[own == std::string::npos ? name : name.substr(0, own) + "mlp." + name.substr(own + module.size() + 1)] =
          tensor;
      continue;
    }
    const std::string block = name.substr(0, at) + "mlp.experts.", rest = name.substr(at + module.size() + 9);
    const bool down = rest.find(parts[2]) != std::string::npos;
    if (rest.find(parts[1]) != std::string::npos) continue;  // behind its gate
    Family::Values& to = all[block + (down ? "down_proj" : "gate_up_proj")];
    auto append = [&to](const Family::Values& more) {
      to.values.insert(to.values.end(), more.values.begin(), more.values.end());
    };
    append(tensor);
    const std::string up =
        name.substr(0, at + module.size() + 9) + rest.substr(0, rest.find('.') + 1) + parts[1] + ".weight";
    if (!down) append(tensors.at(up));
    const std::int64_t rows = tensor.shape[0] * (down ? 1 : 2), columns = tensor.shape[1];
    to.shape = {static_cast<std::int64_t>(to.values.size()) / (rows * columns), rows, columns};
  }
  return all;
}

TEST(Experts, of_one_tensor_and_of_one_for_each_are_the_same_model) {
  for (const auto& [name, module, parts] : {std::tuple<const char*, const char*, std::array<const char*, 3>>{
                                                "mixtral", "block_sparse_moe", {"w1", "w3", "w2"}},
                                            {"qwen2_moe", "mlp", {"gate_proj", "up_proj", "down_proj"}},
                                            {"qwen3_moe", "mlp", {"gate_proj", "up_proj", "down_proj"}},
                                            {"minimax_m2", "block_sparse_moe", {"w1", "w3", "w2"}}}) {
    SCOPED_TRACE(name);
    const Family family(name);
    const Tensor one = run(family.open(), family.ids("text")).logits;
    const Tensor other = run(family.open(fused(family, module, parts)), family.ids("text")).logits;
    EXPECT_TRUE(std::ranges::equal(one.values(), other.values()));
  }
}

TEST(Experts, of_a_hostile_file_are_refused_by_name) {
  const Family mixtral("mixtral"), deepseek("deepseek_v3");
  const std::pair<object, const char*> counts[] = {
      {{{"num_local_experts", 0}}, "0 experts: expected 1 to 65536"},
      {{{"num_local_experts", -3}}, "-3 experts"},
      {{{"num_local_experts", std::int64_t{1} << 40}}, "experts: expected 1 to 65536"},
      {{{"num_experts_per_tok", 0}}, "0 experts chosen of 5"},
      {{{"num_experts_per_tok", 6}}, "6 experts chosen of 5"},
      {{{"num_local_experts", 6}},
       "tensor 'model.layers.0.block_sparse_moe.gate.weight': expected 6 x 24, found 5 x 24"},
      {{{"num_local_experts", 4}},
       "tensor 'model.layers.0.block_sparse_moe.gate.weight': expected 4 x 24, found 5 x 24"}};
  for (const auto& [changes, why] : counts) EXPECT_THAT(refusal([&] { mixtral.open(changes); }), HasSubstr(why));
  const std::pair<object, const char*> groups[] = {
      {{{"n_group", 3}}, "8 experts do not divide into 3 groups"},
      {{{"n_group", 0}}, "0 groups"},
      {{{"topk_group", 5}}, "2 experts chosen from 5 groups of 2"},
      {{{"topk_group", 0}}, "chosen from 0 groups"},
      {{{"n_group", 8}, {"topk_group", 1}}, "2 experts chosen from 1 groups of 1"},
      {{{"routed_scaling_factor", 0}}, "weights scaled by 0"},
      {{{"moe_intermediate_size", -1}}, "experts -1 wide"},
      {{{"kv_lora_rank", 0}}, "a part of 0 values"},
      {{{"v_head_dim", 1 << 20}}, "a part of 1048576 values"},
      {{{"scoring_func", "softmax"}}, "scoring_func 'softmax': 'sigmoid' is known"}};
  for (const auto& [changes, why] : groups) EXPECT_THAT(refusal([&] { deepseek.open(changes); }), HasSubstr(why));
  auto wider = mixtral.tensors();
  wider["model.layers.1.block_sparse_moe.gate.weight"] = {{5, 25}, std::vector<float>(125)};
  EXPECT_THAT(refusal([&] { mixtral.open(wider); }), HasSubstr("gate.weight': expected 5 x 24, found 5 x 25"));
  EXPECT_THAT(refusal([&] { mixtral.open({}, "", "model.layers.1.block_sparse_moe.experts.5.w1.weight"); }),
              HasSubstr("has no place in this model"));
  auto of_all = fused(mixtral, "block_sparse_moe", {"w1", "w3", "w2"});
  Family::Values& down = of_all.at("model.layers.1.mlp.experts.down_proj");
  down.shape = {4, 24, 40}, down.values.resize(4 * 24 * 40);
  EXPECT_THAT(refusal([&] { mixtral.open(of_all); }),
              HasSubstr("experts.down_proj': expected 5 x 24 x 40, found 4 x 24 x 40"));
}

// Blocks after the last that predict further tokens belong to training; what the configuration does not declare is
// refused.
TEST(Experts, of_blocks_that_predict_further_are_left_unread) {
  const Family family("glm4_moe");
  const Tensor expected = run(family.open(), family.ids("text")).logits;
  auto more = family.tensors();
  for (const auto& [name, tensor] : family.tensors()) {
    if (name.starts_with("model.layers.1.")) more["model.layers.2." + name.substr(15)] = tensor;
  }
  more["model.layers.2.eh_proj.weight"] = {{3}, {1, 2, 3}};
  const Tensor found = run(family.open(more, {{"num_nextn_predict_layers", 1}}), family.ids("text")).logits;
  EXPECT_TRUE(std::ranges::equal(found.values(), expected.values()));
  EXPECT_THAT(refusal([&] {
                family.open(more, {{"num_nextn_predict_layers", 0}});
              }),
              HasSubstr("tensor 'model.layers.2."));
  EXPECT_THAT(refusal([&] {
                family.open({{"num_nextn_predict_layers", 1 << 20}});
              }),
              HasSubstr("1048576 blocks that predict"));
}

TEST(Experts, of_llama_4_have_a_tuning_that_is_true_or_a_number) {
  const Family family("llama4_text");
  const Tensor expected = run(family.open(), family.ids("text")).logits;
  EXPECT_TRUE(std::ranges::equal(run(family.open({{"attn_temperature_tuning", 4}}), family.ids("text")).logits.values(),
                                 expected.values()));
  EXPECT_FALSE(std::ranges::equal(
      run(family.open({{"attn_temperature_tuning", 0}}), family.ids("text")).logits.values(), expected.values()));
}

TEST(Experts, that_are_not_finite_are_named) {
  const Family family("mixtral");
  auto tensors = family.tensors();
  tensors["model.layers.1.block_sparse_moe.experts.2.w2.weight"].values[7] = NAN;
  const auto model = family.open(tensors);
  EXPECT_THAT(refusal([&] { run(model, family.ids("text")); }),
              AllOf(HasSubstr("block 1: expert 2's down"), HasSubstr("NaN")));
}

// A gpt-oss 32 wide, so that rows divide into blocks, with its experts as given.
struct WideGptOss {
  static constexpr std::int64_t width = 32;
  const Family family{"gpt_oss"};
  object config = family.description.at("config").as_object();

  WideGptOss() { config["hidden_size"] = config["intermediate_size"] = width; }

  std::map<std::string, Family::Values> without_experts() const {
    std::map<std::string, Family::Values> all;
    for (const auto& [name, tensor] : family.tensors()) {
      if (name.ends_with("experts.gate_up_proj") || name.ends_with("experts.down_proj")) continue;
      std::vector<std::int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
      const bool words = name.ends_with("embed_tokens.weight") || name.ends_with("lm_head.weight");  // 40 of them
      for (std::int64_t& size : sizes)
        size = size == 24 || (size == 40 && !words) ? width : size == 80 ? 2 * width : size;
      Family::Values values{Shape(sizes), {}};
      for (std::int64_t i = 0; i < values.shape.elements(); ++i)
        values.values.push_back(0.3f * families::weight(families::seed_of(name), static_cast<std::uint64_t>(i)));
      all[name] = values;
    }
    return all;
  }
};

struct Bytes {
  std::vector<std::int64_t> shape;
  std::string bytes;
};

// [5, out, 1, 16] of any nibbles and [5, out, 1] of scales about 1 / 8; and what they are worth, [5, in, out].
std::pair<Bytes, Bytes> packed(const std::string& name, std::int64_t out, Family::Values& worth) {
  constexpr float values[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  Bytes blocks{{5, out, 1, 16}, {}}, scales{{5, out, 1}, {}};
  worth = {{5, 32, out}, std::vector<float>(static_cast<std::size_t>(5 * 32 * out))};
  for (std::int64_t row = 0; row < 5 * out; ++row) {
    const int exponent = 123 + static_cast<int>(row % 3);
    scales.bytes += static_cast<char>(exponent);
    for (std::int64_t k = 0; k < 16; ++k) {
      const auto byte = static_cast<unsigned>(
          127.9f * (families::weight(families::seed_of(name), static_cast<std::uint64_t>(row * 16 + k)) + 1));
      blocks.bytes += static_cast<char>(byte);
      for (std::int64_t half : {0, 1}) {
        const std::int64_t in = 2 * k + half, e = row / out;
        worth.values[static_cast<std::size_t>((e * 32 + in) * out + row % out)] =
            std::ldexp(values[half == 0 ? byte & 15 : byte >> 4], exponent - 127);
      }
    }
  }
  return {blocks, scales};
}

void write_mixed(const families::fs::path& path, const std::map<std::string, Family::Values>& floats,
                 const std::map<std::string, Bytes>& bytes) {
  object header;
  std::string data;
  auto add = [&](const std::string& name, const char* type, const auto& shape, std::string_view content) {
    families::bj::array sizes;
    for (std::int64_t size : shape) sizes.push_back(size);
    header[name] = {{"dtype", type}, {"shape", sizes}, {"data_offsets", {data.size(), data.size() + content.size()}}};
    data += content;
  };
  for (const auto& [name, tensor] : floats)
    add(name, "F32", tensor.shape, {reinterpret_cast<const char*>(tensor.values.data()), 4 * tensor.values.size()});
  for (const auto& [name, tensor] : bytes) add(name, "U8", tensor.shape, tensor.bytes);
  std::string json = families::bj::serialize(header);
  json.resize((json.size() + 7) / 8 * 8, ' ');
  std::string length(8, 0);
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(json.size() >> (8 * i));
  tiny::write(path, length + json + data);
}

TEST(Experts, of_gpt_oss_in_mxfp4_are_the_decoded_ones) {
  WideGptOss wide;
  auto floats = wide.without_experts(), decoded = floats;
  std::map<std::string, Bytes> bytes;
  for (int l = 0; l < 2; ++l) {
    for (const auto& [part, out] : {std::pair{"gate_up_proj", 64}, {"down_proj", 32}}) {
      const std::string name = fmt::format("model.layers.{}.mlp.experts.{}", l, part);
      std::tie(bytes[name + "_blocks"], bytes[name + "_scales"]) = packed(name, out, decoded[name]);
    }
  }
  const Tensor expected = run(Family::open_as(decoded, wide.config), wide.family.ids("text")).logits;
  const tiny::Folder folder;
  object config = wide.config;
  config["quantization_config"] = {{"quant_method", "mxfp4"}, {"modules_to_not_convert", {"model.layers.*.self_attn"}}};
  auto open = [&] {
    write_mixed(folder.path() / "model.safetensors", floats, bytes);
    tiny::write(folder.path() / "config.json", families::bj::serialize(config));
    return Model::open(folder.path().string());
  };
  const Tensor found = run(open(), wide.family.ids("text")).logits;
  EXPECT_TRUE(std::ranges::equal(found.values(), expected.values()));
  config["quantization_config"] = {{"quant_method", "gptq"}};
  EXPECT_THAT(refusal(open), HasSubstr("quant_method 'gptq' is not supported"));
  config.erase("quantization_config");
  Bytes& scales = bytes.at("model.layers.1.mlp.experts.down_proj_scales");
  scales.shape[1] = 16, scales.bytes.resize(80);
  EXPECT_THAT(refusal(open), HasSubstr("down_proj_scales': expected 5 x 32 x 1, found 5 x 16 x 1"));
  bytes.erase("model.layers.1.mlp.experts.down_proj_scales");
  EXPECT_THAT(refusal(open), HasSubstr("no tensor 'model.layers.1.mlp.experts.down_proj_scales'"));
}

}  // namespace
}  // namespace embscope
