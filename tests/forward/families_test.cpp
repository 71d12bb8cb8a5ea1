// Every family against transformers in fp32: logits, what each module gives, an edited run, a text as long as the
// context; every feature and every tensor must show. tests/reference/make_families.py made the numbers.
#include "forward/families.h"

#include <cmath>
#include <fstream>

#include <gmock/gmock.h>

#include "embscope/base/threads.h"
#include "embscope/forward/transformer.h"
#include "forward/cache_writer.h"
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

// A pass ends at the last site that somebody looks at: in the order of this model, which norms its queries and keys
// before or after it turns them.
TEST_P(FamilyTest, has_at_each_site_alone_what_it_has_there_among_all) {
  Request all;
  all.rows = {family_.ids("text"), family_.ids("long")}, all.logits = LogitsAt::none;
  for (const SiteInfo& info : sites(model_->config())) {
    for (int block : {-1, 0, static_cast<int>(model_->config().blocks) - 1}) {
      const Site site{info.point, block};
      if (has_site(model_->config(), site)) all.capture.push_back(site);
    }
  }
  const Result together = transformer_.run(all);
  for (std::size_t s = 0; s < all.capture.size(); ++s) {
    Request one = all;
    one.capture = {all.capture[s]};
    const Result alone = transformer_.run(one);
    for (std::size_t r = 0; r < all.rows.size(); ++r) {
      EXPECT_TRUE(std::ranges::equal(alone.rows[r].captured[0].values(), together.rows[r].captured[s].values()))
          << all.capture[s].name() << " of row " << r;
    }
  }
}

// Keys and values of all positions, and of those that each block's window or run can still reach.
std::pair<double, double> cache_sizes(const Config& c, std::int64_t positions) {
  double all = 0, kept = 0;
  for (const Layer& layer : c.layers) {
    if (layer.keys_of >= 0) continue;  // reads those of another block
    const std::int64_t window = layer.window == 0 ? positions : std::min(positions, layer.window),
                       reached = layer.chunk == 0 ? window : std::min(window, layer.chunk);
    const auto bytes = static_cast<double>(4 * layer.kv_heads * (layer.head_width + layer.value_width));
    all += bytes * static_cast<double>(positions), kept += bytes * static_cast<double>(reached);
  }
  return {all, kept};
}

TEST_P(FamilyTest, keeps_in_a_cache_what_its_windows_reach_with_the_same_bits) {
  const auto ids = family_.ids("long");
  const Tensor alone = logits(transformer_, ids);
  for (const std::size_t piece : {1, 2, 5, 19}) {
    Cache cache;
    for (std::size_t t = 0; t < ids.size(); t += piece) {
      Request request;
      request.rows = {{ids.begin() + static_cast<std::ptrdiff_t>(t),
                       ids.begin() + static_cast<std::ptrdiff_t>(std::min(t + piece, ids.size()))}};
      request.cache = &cache, request.logits = LogitsAt::all;
      Hooks failing;  // in the last block: those before it have their keys already
      failing.read({Point::resid_post, static_cast<int>(model_->config().blocks) - 1},
                   [](const SiteValues&) { throw std::runtime_error("a hook"); });
      request.hooks = &failing;
      EXPECT_THROW(transformer_.run(request), std::runtime_error);
      request.hooks = nullptr;
      const Tensor part = std::move(transformer_.run(request).rows[0].logits);
      ASSERT_TRUE(std::ranges::equal(
          part.values(), alone.values().subspan(t * static_cast<std::size_t>(alone.columns()), part.values().size())))
          << piece << " at once, from " << t;
      EXPECT_EQ(cache.bytes(), cache_sizes(model_->config(), cache.positions()).second);
      EXPECT_EQ(cache.bytes(), transformer_.cache_bytes(cache.positions()));
    }
  }
}

TEST_P(FamilyTest, last_resid_post_through_the_lens_is_the_logits) {
  Request request;
  request.rows = {family_.ids("text")};
  request.capture = {{Point::resid_post, static_cast<int>(model_->config().blocks) - 1}};
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
  const auto* declared = family_.description.at("config").as_object().if_contains("num_nextn_predict_layers");
  const bool none = declared == nullptr || declared->is_null();
  const std::int64_t beyond =
      model_->config().blocks + (none ? 0 : declared->as_int64());  // those predict further tokens
  for (const std::string& name :
       std::vector<std::string>{"lm_head.bias", "model.layers.0.self_attn.sinks", "transformer.h.1.ln_3.weight",
                                fmt::format("model.layers.{}.input_layernorm.weight", beyond)}) {
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

Tensor logits_of(const std::shared_ptr<const Model>& model, const families::Family& family) {
  Request request;
  request.rows = {family.ids("text")}, request.logits = LogitsAt::all;
  return std::move(Transformer(model).run(request).rows[0].logits);
}

// What the hub's own files have beside: the same again, of training, or of other programs.
TEST(KeysOfTheHub, that_say_nothing_new_change_nothing) {
  using families::bj::object;
  const std::pair<const char*, object> cases[] = {
      {"stablelm", {{"num_heads", 4}, {"rope_pct", 0.67}, {"rotary_scaling_factor", 1.0}}},
      {"cohere", {{"model_max_length", 131072}, {"position_embedding_type", "rope_gptj"}}},
      {"cohere2", {{"_sliding_window_pattern", 4}, {"layer_switch", 4}, {"rotary_pct", 1.0}}},
      {"opt", {{"output_projection", true}, {"prefix", "</s>"}}},
      {"nemotron", {{"partial_rotary_percent", 0.5}, {"rope_percent", 0.5}, {"head_size", 8}}},
      {"phi3", {{"full_attn_mod", 1}, {"interpolate_factor", 1}, {"lm_head_bias", false}}},
      {"starcoder2", {{"activation_function", "gelu"}, {"layer_norm_epsilon", 1e-5}, {"mlp_type", "default"}}},
      {"gpt_neox", {{"custom_pipelines", {{"text-generation", {{"impl", "instruct_pipeline"}}}}}}},
      {"gpt2_inverse", {{"n_special", 0}, {"predict_special_tokens", true}, {"_num_labels", 1}}},
      {"mistral", {{"is_llama_config", true}, {"max_sequence_length", 2048}, {"pruned_heads", object()}}},
      {"dots1", {{"scoring_func", "noaux_tc"}, {"moe_layer_freq", 1}}},
      {"ernie4_5_moe", {{"num_nextn_predict_layers", 1}, {"moe_gate", "topk"}, {"moe_use_aux_free", true}}},
      {"minimax_m2",
       {{"attn_type_list", {1, 1}}, {"num_mtp_modules", 3}, {"qk_norm_type", "per_layer"}, {"use_qk_norm", true}}},
      {"hunyuan_v1_moe", {{"moe_intermediate_size", {12, 12}}, {"num_shared_expert", {1, 1}}, {"n_group", false}}}};
  for (const auto& [name, keys] : cases) {
    const families::Family family(name);
    std::shared_ptr<const Model> model;
    ASSERT_EQ(refusal([&] { model = family.open(keys); }), "no error") << name;
    EXPECT_TRUE(std::ranges::equal(logits_of(model, family).values(), logits_of(family.open(), family).values()))
        << name;
  }
  const std::pair<const char*, object> refused[] = {{"stablelm", {{"num_heads", 2}}},
                                                    {"phi3", {{"interpolate_factor", 2}}},
                                                    {"minimax_m2", {{"attn_type_list", {1, 0}}}},
                                                    {"minimax_m2", {{"qk_norm_type", "per_head"}}},
                                                    {"hunyuan_v1_moe", {{"num_shared_expert", {1, 2}}}}};
  for (const auto& [name, keys] : refused)
    EXPECT_THAT(refusal([&] { families::Family(name).open(keys); }), HasSubstr(keys.begin()->key())) << name;
}

// The configurations of well-known models, as large as the tiny ones: none of their keys is refused. A size is a key
// that both have, but for rotations, which are kept.
TEST(KeysOfTheHub, of_well_known_models_open) {
  std::ifstream file(EMBSCOPE_TEST_DATA "/families/hub.json");
  const families::bj::object hub =
      families::bj::parse(std::string(std::istreambuf_iterator<char>(file), {})).as_object();
  EXPECT_GT(hub.size(), 30u);
  for (const auto& [model, described] : hub) {
    const families::Family family(std::string(described.at("family").as_string()));
    families::bj::object config = described.at("config").as_object();
    for (const auto& [key, own] : family.description.at("config").as_object()) {
      if (config.contains(key) && (own.is_number() || own.is_array() || own.is_bool()) && !key.starts_with("rope"))
        config[key] = own;
    }
    std::shared_ptr<const Model> opened;
    EXPECT_EQ(refusal([&] { opened = families::Family::open_as(family.tensors(), config); }), "no error") << model;
    if (opened == nullptr) continue;
    EXPECT_TRUE(std::isfinite(logits_of(opened, family).values()[0])) << model;
    config["some_new_key"] = 3;
    EXPECT_THAT(refusal([&] { families::Family::open_as(family.tensors(), config); }), HasSubstr("'some_new_key'"));
  }
}

TEST(FalconByItsFirstName, is_the_same_model) {
  const families::Family family("falcon");
  families::bj::object config = family.description.at("config").as_object();
  for (const char* key : {"new_decoder_architecture", "num_kv_heads", "num_attention_heads", "num_hidden_layers"})
    config.erase(key);
  config["model_type"] = "RefinedWebModel", config["n_head"] = 4, config["n_layer"] = 2;
  const auto model = families::Family::open_as(family.tensors(), config);
  EXPECT_TRUE(std::ranges::equal(logits_of(model, family).values(), logits_of(family.open(), family).values()));
}

using Tensors = std::map<std::string, families::Family::Values>;

template <class Rename>
Tensors renamed(const families::Family& family, Rename&& rename) {
  Tensors all;
  for (auto& [name, tensor] : family.tensors()) all[rename(name)] = tensor;
  return all;
}

TEST(NamesThatCirculate, open_as_the_family_s_own) {
  for (const char* name : {"mistral", "gpt_neox", "bloom", "falcon", "mixtral"}) {
    const families::Family family(name);
    const Tensor expected = logits_of(family.open(), family);
    for (const char* around : {"_orig_mod.", "module."}) {
      const auto model = family.open(renamed(family, [&](const std::string& own) { return around + own; }));
      EXPECT_TRUE(std::ranges::equal(logits_of(model, family).values(), expected.values())) << around << name;
    }
  }
  for (const char* name : {"gpt_neox", "bloom", "falcon"}) {  // saved without its head's frame
    const families::Family family(name);
    const Tensor expected = logits_of(family.open(), family);
    const auto model = family.open(renamed(family, [](const std::string& own) {
      const bool head = own.starts_with("lm_head") || own.starts_with("embed_out");
      return head ? own : own.substr(own.find('.') + 1);
    }));
    EXPECT_TRUE(std::ranges::equal(logits_of(model, family).values(), expected.values())) << name;
  }
}

TEST(TextModels, open_from_inside_their_image_models) {
  for (const auto& [outer, inner] : {std::pair{"gemma3", "gemma3_text"},
                                     {"gemma4", "gemma4_text"},
                                     {"llama4", "llama4_text"},
                                     {"mistral3", "mistral"},
                                     {"llava", "mistral"},
                                     {"llava_onevision", "qwen2"}}) {
    SCOPED_TRACE(outer);
    const families::Family family(inner);
    const Tensor expected = logits_of(family.open(), family);
    families::bj::object text = family.description.at("config").as_object();
    const families::bj::object config = {{"model_type", outer},
                                         {"text_config", text},
                                         {"vision_config", {{"hidden_size", 8}}},
                                         {"image_token_index", 3}};
    Tensors hub = renamed(family, [](const std::string& own) { return "language_model." + own; });
    Tensors five = renamed(family, [](const std::string& own) {
      return own.starts_with("model.") ? "model.language_model." + own.substr(6) : own;
    });
    hub["vision_tower.patch.weight"] = hub["multi_modal_projector.linear.weight"] = {{3}, {1, 2, 3}};
    five["model.vision_tower.patch.weight"] = five["model.audio_tower.layers.0.weight"] = {{3}, {1, 2, 3}};
    for (const Tensors* tensors : {&hub, &five}) {
      const auto model = families::Family::open_as(*tensors, config);
      EXPECT_TRUE(std::ranges::equal(logits_of(model, family).values(), expected.values()));
      EXPECT_EQ(model->config().family, inner);
    }
    hub["sound_tower.weight"] = {{3}, {1, 2, 3}};
    EXPECT_THAT(refusal([&] { families::Family::open_as(hub, config); }),
                HasSubstr("tensor 'sound_tower.weight' (3) has no place"));
  }
}

// Google's files of Gemma 3 leave out what its class takes for granted.
TEST(TextModels, of_gemma_3_need_not_say_their_vocabulary) {
  const families::Family family("gemma3_text");
  families::bj::object config = family.description.at("config").as_object();
  for (const char* key : {"vocab_size", "num_attention_heads", "max_position_embeddings"}) config.erase(key);
  EXPECT_THAT(refusal([&] { families::Family::open_as(family.tensors(), config); }),
              HasSubstr("embed_tokens.weight': expected 262208 x 24, found 40 x 24"));
}

// LLaVA's files say of their text model only what its class does not take for granted.
TEST(TextModels, of_llava_need_not_say_their_sizes) {
  const families::Family family("mistral");
  const families::bj::object config = {{"model_type", "llava"},
                                       {"text_config", families::bj::object{{"vocab_size", 40}}}};
  EXPECT_THAT(refusal([&] { families::Family::open_as(family.tensors(), config); }),
              HasSubstr("embed_tokens.weight': expected 40 x 4096, found 40 x 24"));
}

// Qwen's, whose positions have parts of images; the first files have the text model's keys beside the others.
TEST(TextModels, of_qwen_open_from_inside_their_image_models) {
  const families::bj::array sections = {1, 1, 1};
  for (const auto& [outer, inner, flat] :
       {std::tuple{"qwen2_vl", "qwen2", true}, {"qwen2_5_vl", "qwen2", true}, {"qwen3_vl", "qwen3", false}}) {
    SCOPED_TRACE(outer);
    const families::Family family(inner);
    const families::bj::object plain = {{"rope_type", "default"}, {"rope_theta", 10000.0}};
    const Tensor expected = logits_of(family.open({{"rope_parameters", plain}}), family);
    families::bj::object text = family.description.at("config").as_object();
    text.erase("rope_parameters");
    text["rope_theta"] = 10000.0, text["rope_scaling"] = {{"type", "mrope"}, {"mrope_section", sections}};
    text["model_type"] = std::string(outer) + "_text";
    families::bj::object config = {{"model_type", outer}, {"text_config", text}, {"image_token_id", 7}};
    const Tensors five = renamed(family, [](const std::string& own) {
      return own.starts_with("model.") ? "model.language_model." + own.substr(6) : own;
    });
    EXPECT_TRUE(
        std::ranges::equal(logits_of(families::Family::open_as(five, config), family).values(), expected.values()));
    if (!flat) continue;
    for (const auto& [key, value] :
         families::bj::object{{"vision_config", {{"depth", 2}}}, {"vision_token_id", 5}, {"video_token_id", 8}})
      text[key] = value;
    text["model_type"] = outer;
    Tensors hub = family.tensors();
    hub["visual.blocks.0.attn.qkv.weight"] = {{3}, {1, 2, 3}};
    EXPECT_TRUE(
        std::ranges::equal(logits_of(families::Family::open_as(hub, text), family).values(), expected.values()));
    text["rope_scaling"] = {{"type", "spiral"}};
    EXPECT_THAT(refusal([&] { families::Family::open_as(hub, text); }), HasSubstr("rope scaling 'spiral'"));
  }
  EXPECT_THAT(refusal([&] {
                families::Family("mistral").open({{"rope_parameters", {{"type", "mrope"}, {"rope_theta", 1e4}}}});
              }),
              HasSubstr("rope scaling 'mrope'"));
}

TEST(OtherModels, are_refused_by_their_type_and_its_reason) {
  const families::Family family("mistral");
  for (const auto& [type, why] :
       {std::pair{"mamba", "model_type 'mamba' is a recurrent model"},
        {"jamba", "'jamba' is a model with recurrent blocks"},
        {"lfm2", "'lfm2' is a model with convolutional blocks"},
        {"bert", "'bert' is an encoder"},
        {"t5", "'t5' is an encoder with a decoder"},
        {"clip", "'clip' is a model of images or sound"},
        {"gemma3n", "'gemma3n' is a model with several residual streams (AltUp)"},
        {"gemma4_assistant", "'gemma4_assistant' is a model that drafts for another one"},
        {"bitnet", "'bitnet' is a model that rounds its activations to eight bits"},
        {"mllama", "'mllama' is a model of images and texts whose blocks attend to the images"},
        {"paligemma", "'paligemma' is a model that reads images, or sounds, and texts"},
        {"whisper", "'whisper' is an encoder with a decoder"},
        {"longcat_flash", "'longcat_flash' is a model with two attentions in a block"},
        {"jetmoe", "'jetmoe' is a model with a mixture of attention heads"},
        {"grand_unified", "model_type 'grand_unified' is not supported: 'embscope families' lists those that are"}})
    EXPECT_THAT(refusal([&] { family.open({{"model_type", type}}); }), HasSubstr(why));
}

TEST(BadModels, are_refused_by_what_is_wrong) {
  using families::bj::object;
  struct Case {
    const char* family;
    object changes;
    const char* message;
  };
  const Case cases[] = {
      {"phi3", {{"num_hidden_layers", 3}}, "no tensor 'model.layers.2."},
      {"gemma4_text", {{"num_kv_shared_layers", 5}}, "5 of 5 blocks read the keys of others"},
      {"gemma4_text", {{"num_kv_shared_layers", 3}}, "block 2: no block of its kind before it has keys of its own"},
      {"gemma4_text",
       {{"vocab_size_per_layer_input", 30}},
       "'vocab_size_per_layer_input' of 30 beside a vocabulary of 40"},
      {"gemma4_text",
       {{"hidden_size_per_layer_input", 7}},
       "embed_tokens_per_layer.weight': expected 40 x 35, found 40 x 30"},
      {"gemma4_text", {{"use_double_wide_mlp", false}}, "gate_proj.weight': expected 40 x 24, found 80 x 24"},
      {"gemma4_text", {{"use_bidirectional_attention", "all"}}, "texts are read from left to right alone"},
      {"gemma4_text", {{"per_layer_config", {{"0", {{"intermediate_size", 30}}}}}}, "'intermediate_size': 30"},
      {"gemma4_text", {{"per_layer_config", {{"0", {{"head_dim", 12}}}}}}, "block 1: a head width of 8"},
      {"gemma4_dense", {{"attention_k_eq_v", false}}, "no tensor 'model.layers.1.self_attn.v_proj.weight'"},
      {"gemma4_experts", {{"num_experts", 5}}, "router.proj.weight': expected 5 x 24, found 4 x 24"},
      {"opt_350m", {{"word_embed_proj_dim", 9}}, "embed_tokens.weight': expected 40 x 9, found 40 x 10"},
      {"openai_gpt", {{"n_inner", 30}}, "'n_inner': the MLP of a GPT is four times as wide as the model"},
      {"phi3", {{"num_hidden_layers", 1}}, "tensor 'model.layers.1.input_layernorm.weight' (24) has no place"},
      {"mixtral", {{"num_local_experts", 6}}, "block_sparse_moe.gate.weight': expected 6 x 24, found 5 x 24"},
      {"mixtral", {{"num_experts_per_tok", 6}}, "6 experts chosen of 5"},
      {"mixtral", {{"num_experts_per_tok", 0}}, "0 experts chosen of 5"},
      {"deepseek_v3", {{"n_group", 3}}, "8 experts do not divide into 3 groups"},
      {"phimoe", {{"num_local_experts", 7}}, "block_sparse_moe.gate.weight': expected 7 x 24, found 6 x 24"},
      {"dbrx", {{"n_layers", 3}, {"num_hidden_layers", 3}}, "no tensor 'transformer.blocks.2."},
      {"apertus", {{"hidden_act", "gelu"}}, "'hidden_act': an Apertus without xielu is not supported"},
      {"internlm2", {{"num_key_value_heads", 4}}, "wqkv.weight': expected 72 x 24, found 48 x 24"},
      {"minicpm3", {{"dim_model_base", 0}}, "a dim_model_base of"},
      {"minicpm", {{"scale_emb", -1}}, "a scale_emb of -1: expected a positive number"},
      {"exaone_moe", {{"mlp_layer_types", {"dense"}}}, "'mlp_layer_types' has 1 blocks, the model 2"},
      {"hunyuan_v1_moe", {{"moe_topk", {2, 3}}}, "'moe_topk' differs from block to block"},
      {"hy_v3", {{"num_experts", 7}, {"num_local_experts", 7}}, "router.gate.weight': expected 7 x 24, found 6 x 24"},
      {"flint", {{"num_experts", 7}}, "gate.weight': expected 7 x 24, found 6 x 24"},
      {"flint", {{"num_experts", 5}}, "gate.weight': expected 5 x 24, found 6 x 24"},
      {"sarvam_moe", {{"num_hidden_layers", 3}}, "no tensor 'model.layers.2."},
      {"mellum", {{"mlp_layer_types", {"sparse", "dense", "dense"}}}, "'mlp_layer_types' has 3 blocks, the model 2"},
      {"mellum", {{"num_experts_per_tok", 7}}, "7 experts chosen of 6"},
      {"granite_swa", {{"layer_rope_theta", {100.0}}}, "'layer_rope_theta' has 1 blocks, the model 2"},
      {"granite_swa", {{"layer_rope_theta", {100.0, -5}}}, "a rotary frequency of"},
      {"granite_swa",
       {{"rope_parameters", {{"rope_type", "linear"}, {"factor", 2}}}},
       "only a plain rotation is supported here"},
      {"chatglm", {{"num_layers", 3}}, "no tensor 'transformer.encoder.layers.2."},
      {"chatglm", {{"num_layers", 1}}, "tensor 'transformer.encoder.layers.1."},
      {"chatglm", {{"rope_ratio", 0}}, "rope_theta 0: must be positive"},
      {"chatglm", {{"rmsnorm", false}}, "'rmsnorm': only true is supported for this model"},
      {"chatglm", {{"position_encoding_2d", true}}, "that reads its prompt in both directions (ChatGLM-6B)"},
      {"qwen", {{"intermediate_size", 81}}, "an intermediate_size of 81 for two halves"},
      {"qwen", {{"kv_channels", 7}}, "rotary positions need an even head width, found 7"},
      {"qwen", {{"seq_length", 0}}, "context of 0: expected 1 to"},
      {"baichuan", {{"num_attention_heads", 5}}, "o_proj.weight': expected 24 x 20, found 24 x 24"},
      {"internlm", {{"rotary", {{"type", "spiral"}}}}, "rotary type 'spiral': origin and dynamic are known"},
      {"ctrl", {{"layer_norm_epsilon", 0.01}}, "'layer_norm_epsilon' of 0.01: only that of the blocks' norms"},
      {"bailing_moe_v2", {{"num_experts", 12}}, "gate.weight': expected 12 x 24, found 8 x 24"},
      {"bailing_moe_v2", {{"n_group", 3}}, "8 experts do not divide into 3 groups"},
      {"bailing_moe_v2", {{"score_function", "softmax"}}, "score_function 'softmax': 'sigmoid' is known"},
      {"ctrl", {{"n_layer", 3}, {"num_hidden_layers", 3}}, "no tensor 'transformer.h.2."},
      {"phi3",
       {{"rope_parameters", {{"rope_type", "spiral"}, {"rope_theta", 1e4}}}},
       "rope scaling 'spiral': default, linear, dynamic, llama3, yarn and longrope are known"}};
  for (const Case& c : cases) {
    EXPECT_THAT(refusal([&] { families::Family(c.family).open(c.changes); }), HasSubstr(c.message)) << c.family;
  }
}

TEST(BadModels, with_numbers_of_xielu_that_are_nan_are_refused) {
  const families::Family family("apertus");
  auto tensors = family.tensors();
  tensors.at("model.layers.1.mlp.act_fn.alpha_p").values = {NAN};
  EXPECT_THAT(refusal([&] { family.open(tensors); }), HasSubstr("block 1: xIELU's numbers are NaN or infinite"));
}

TEST(Windows, of_no_key_are_refused) {
  for (const char* name :
       {"mistral", "mixtral", "gemma2", "gemma3_text", "gpt_oss", "olmo3", "exaone4", "cwm", "ministral", "cohere2",
        "starcoder2", "phi3", "granite_swa", "granitemoe_swa", "mellum", "flint"}) {
    for (int window : {0, -1})
      EXPECT_THAT(refusal([&] {
                    families::Family(name).open({{"sliding_window", window}});
                  }),
                  HasSubstr(fmt::format("sliding_window of {}", window)))
          << name;
  }
  EXPECT_THAT(refusal([&] {
                families::Family("llama4_text").open({{"attention_chunk_size", -2}});
              }),
              HasSubstr("an attention_chunk_size of -2"));
  EXPECT_THAT(refusal([&] {
                families::Family("llama4_text").open({{"floor_scale", 0}});
              }),
              HasSubstr("a floor_scale of 0"));
}

// Each was found by changing one key of a configuration at a time and comparing with transformers.
TEST(Configurations, that_contradict_themselves_are_refused) {
  using families::bj::array;
  const std::tuple<const char*, const char*, families::bj::value, const char*> cases[] = {
      {"gemma2", "final_logit_softcapping", 0.0, "'final_logit_softcapping' of 0: expected a positive number or null"},
      {"gemma2", "attn_logit_softcapping", 0.0, "'attn_logit_softcapping' of 0: expected"},
      {"gemma3_text", "attn_logit_softcapping", 0.5, "a cap of scores is not known for Gemma 3"},
      {"olmo", "clip_qkv", 0.0, "'clip_qkv' of 0: expected a positive number or null"},
      {"olmoe", "clip_qkv", 0.0, "'clip_qkv' of 0: expected a positive number or null"},
      {"gpt_neo", "window_size", 0, "a window_size of 0"},
      {"qwen2_moe", "layer_types", array{"sliding_attention", "full_attention"},
       "gives block 0 a sliding window, and the other keys none"},
      {"deepseek_v3", "head_dim", 2, "head_dim 2 beside a qk_rope_head_dim of 4"},
      {"llama4_text", "layer_types", array{"full_attention", "sliding_attention"}, "'sliding_attention' with"},
      {"llama4_text", "layer_types", array{"full_attention"}, "'layer_types' has 1 blocks, the model 2"},
      {"llama4_text", "attention_chunk_size", nullptr, "'chunked_attention' with an attention_chunk_size of 0"}};
  for (const auto& [name, key, value, why] : cases) {
    EXPECT_THAT(refusal([&] { families::Family(name).open({{key, value}}); }), HasSubstr(why)) << name << " " << key;
  }
}

TEST(Windows, bound_the_cache) {
  for (const char* name : {"mistral", "gemma2", "gemma3_text", "cohere2", "gpt_oss", "llama4_text"}) {
    const families::Family family(name);
    const auto model = family.open();
    const auto length = static_cast<std::int64_t>(family.ids("long").size());
    const auto [all, kept] = cache_sizes(model->config(), length);
    EXPECT_LT(kept, all) << name;
    EXPECT_EQ(Transformer(model).cache_bytes(length), kept) << name;
  }
}

TEST(Windows, leave_a_cache_its_beginning_until_they_have_let_go) {
  for (const char* name : {"mistral", "gemma3_text", "llama4_text"}) {
    const families::Family family(name);
    const Transformer transformer(family.open());
    const Config& config = transformer.config();
    const auto ids = family.ids("long");
    const auto continued = [&](Cache& cache, std::ptrdiff_t from) {
      Request request;
      request.rows = {{ids.begin() + from, ids.end()}}, request.cache = &cache;
      return std::move(transformer.run(request).rows[0].logits);
    };
    Cache none, few;
    const Tensor expected = continued(none, 0);
    Request beginning;
    beginning.rows = {{ids.begin(), ids.begin() + 3}}, beginning.cache = &few;
    transformer.run(beginning);
    EXPECT_EQ(CacheWriter::beginning(config, few, 4).positions(), 0) << name;
    Cache two = CacheWriter::beginning(config, few, 2);
    ASSERT_EQ(two.positions(), 2) << name;
    EXPECT_EQ(few.positions(), 3) << name;
    EXPECT_EQ(3 * two.bytes(), 2 * few.bytes()) << name;
    EXPECT_TRUE(std::ranges::equal(continued(two, 2).values(), expected.values())) << name;
    EXPECT_EQ(CacheWriter::beginning(config, two, 2).positions(), 0) << name;  // its windows are full
    EXPECT_EQ(CacheWriter::beginning(config, two, std::ssize(ids)).positions(), std::ssize(ids)) << name;
  }
}

// With an edit and a capture of the maps, which have a column for each key.
TEST(Windows, leave_maps_of_all_keys_where_a_cache_has_let_go_of_some) {
  for (const char* name : {"mistral", "gemma3_text", "gpt_oss", "llama4_text"}) {
    const families::Family family(name);
    const Transformer transformer(family.open());
    const auto ids = family.ids("long");
    Edit edit;
    edit.site = {Point::scores, 0}, edit.change = Change::scale, edit.amount = 0.5f;
    edit.positions = {static_cast<int>(ids.size()) - 2};
    Request whole;
    whole.rows = {ids}, whole.edits = {edit};
    whole.capture = {{Point::scores, 0}, {Point::pattern, 0}, {Point::pattern, 1}, {Point::z, 1}};
    const Result expected = transformer.run(whole);
    Cache cache;
    Request before, rest = whole;
    before.rows = {{ids.begin(), ids.end() - 3}}, rest.rows = {{ids.end() - 3, ids.end()}};
    before.cache = rest.cache = &cache;
    transformer.run(before);
    const Result found = transformer.run(rest);
    EXPECT_TRUE(std::ranges::equal(found.rows[0].logits.values(), expected.rows[0].logits.values())) << name;
    for (std::size_t s = 0; s < whole.capture.size(); ++s) {
      const Tensor &last = found.rows[0].captured[s], &all = expected.rows[0].captured[s];
      if (!is_attention_map(whole.capture[s].point)) {
        EXPECT_TRUE(std::ranges::equal(last.values(), all.values().last(last.values().size()))) << name;
        continue;
      }
      ASSERT_EQ(last.shape()[2], all.shape()[2]) << name;
      for (std::int64_t h = 0; h < last.shape()[0]; ++h) {
        for (std::int64_t t = 0; t < 3; ++t) {
          EXPECT_TRUE(std::ranges::equal(last.row(h * 3 + t), all.row((h + 1) * all.shape()[1] - 3 + t)))
              << name << " " << whole.capture[s].name();
        }
      }
    }
  }
}

TEST(Windows, beyond_the_context_change_nothing) {
  const families::Family family("mistral");
  const Tensor all = logits_of(family.open({{"sliding_window", nullptr}}), family);
  const Tensor wide = logits_of(family.open({{"sliding_window", 1 << 20}}), family);
  EXPECT_TRUE(std::ranges::equal(all.values(), wide.values()));
  for (const char* name : {"granite_swa", "mellum"}) {
    const families::Family sinks(name);
    const Tensor at_context = logits_of(sinks.open({{"sliding_window", 32}}), sinks);
    EXPECT_TRUE(
        std::ranges::equal(at_context.values(), logits_of(sinks.open({{"sliding_window", 1 << 20}}), sinks).values()));
  }
}

TEST(BadModels, with_one_expert_missing_are_refused_by_its_name) {
  for (const auto& [name, tensor] : {std::pair{"flint", "model.layers.0.mlp.experts.4.up_proj.weight"},
                                     {"hy_v3", "model.layers.1.mlp.experts.5.down_proj.weight"},
                                     {"mellum", "model.layers.0.mlp.experts.3.gate_proj.weight"},
                                     {"sarvam_mla", "model.layers.1.mlp.experts.7.gate_proj.weight"}}) {
    const families::Family family(name);
    ASSERT_TRUE(family.tensors().contains(tensor)) << name;
    EXPECT_THAT(refusal([&] { family.open({}, tensor); }), HasSubstr(fmt::format("no tensor '{}'", tensor))) << name;
  }
}

// Beyond the trained length it would stretch what comes before.
TEST(Qwen1, reads_texts_of_the_trained_length) {
  const families::Family family("qwen");
  EXPECT_EQ(family.open()->config().context, 32);
  EXPECT_EQ(family.open({{"use_dynamic_ntk", false}, {"use_logn_attn", false}})->config().context, 128);
}

INSTANTIATE_TEST_SUITE_P(families, FamilyTest, ::testing::ValuesIn(families::names),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace embscope
