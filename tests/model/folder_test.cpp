// What a model's folder says of it, in each way in which people write one, and where a name is looked for.
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <gmock/gmock.h>

#include "forward/tiny.h"
#include "refusal.h"

namespace embscope {
namespace {

namespace bj = boost::json;
namespace fs = std::filesystem;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const fs::path reference = EMBSCOPE_TEST_DATA "/reference";

class ModelFolder : public ::testing::Test {
 protected:
  std::string with(const char* name, const bj::object& changes) const {
    tiny::copy_reference(name, path(), changes);
    return path().string();
  }
  Config config(const char* name, const bj::object& changes) const {
    return Model::open(with(name, changes))->config();
  }
  const fs::path& path() const { return folder_.path(); }

  tiny::Folder folder_;
};

TEST_F(ModelFolder, gives_gpt2_s_activation_by_any_of_its_names) {
  const auto activation = [this](const char* name) {
    return config("tiny-gpt2", {{"activation_function", name}}).activation;
  };
  EXPECT_EQ(activation("gelu_new"), Activation::gelu_tanh);
  EXPECT_EQ(activation("gelu_pytorch_tanh"), Activation::gelu_tanh);
  EXPECT_EQ(activation("gelu"), Activation::gelu_exact);
  EXPECT_EQ(activation("relu"), Activation::relu);
  EXPECT_EQ(activation("silu"), Activation::silu);
  EXPECT_EQ(activation("swish"), Activation::silu);
}

TEST_F(ModelFolder, says_at_which_tokens_a_text_ends) {
  EXPECT_THAT(config("tiny-gpt2", {{"eos_token_id", 7}}).ends, ElementsAre(7));
  EXPECT_THAT(config("tiny-gpt2", {{"eos_token_id", {9, 8, -1, "x"}}}).ends, ElementsAre(8, 9));
  tiny::write(path() / "generation_config.json", R"({"eos_token_id": [5, 6]})");
  EXPECT_THAT(config("tiny-gpt2", {{"eos_token_id", nullptr}}).ends, ElementsAre(5, 6));
  tiny::write(path() / "generation_config.json", R"({"eos_token_id": )");
  EXPECT_THAT(refusal([&] { config("tiny-gpt2", {}); }), HasSubstr("generation_config.json"));
}

TEST_F(ModelFolder, says_whether_gpt2_scales_its_attention) {
  EXPECT_FLOAT_EQ(config("tiny-gpt2", {}).attn_scale, 1 / std::sqrt(12.0f));
  EXPECT_EQ(config("tiny-gpt2", {{"scale_attn_weights", false}}).attn_scale, 1);
}

TEST_F(ModelFolder, gives_gpt2_s_context_by_its_older_name_too) {
  EXPECT_EQ(config("tiny-gpt2", {{"n_positions", nullptr}, {"n_ctx", 64}}).context, 64);
}

TEST_F(ModelFolder, gives_theta_as_each_version_of_transformers_writes_it) {
  const bj::object flat = {{"rope_parameters", nullptr}, {"rope_theta", 256}};
  for (const auto& changes : {flat, bj::object{{"rope_parameters", {{"rope_theta", 256}}}}})
    EXPECT_THAT(config("tiny-llama", changes).ropes.at(0).frequencies, ElementsAre(1, 0.25, 0.0625, 0.015625));
}

TEST_F(ModelFolder, of_a_linear_scaling_divides_every_frequency) {
  const bj::object older = {
      {"rope_parameters", nullptr}, {"rope_theta", 256}, {"rope_scaling", {{"type", "linear"}, {"factor", 2}}}};
  EXPECT_THAT(config("tiny-llama", older).ropes.at(0).frequencies, ElementsAre(0.5, 0.125, 0.03125, 0.0078125));
}

// Wavelengths of 6, 63, 628 and 6283 tokens: two within 250, one between 250 and 1000, one beyond.
TEST_F(ModelFolder, of_llama_3_keeps_the_fast_rotations_and_divides_the_slow_ones) {
  const bj::object scaling = {{"rope_type", "llama3"}, {"rope_theta", 10000},
                              {"factor", 8},           {"low_freq_factor", 1},
                              {"high_freq_factor", 4}, {"original_max_position_embeddings", 1000}};
  const double smooth = (1000 * 0.01 / (2 * M_PI) - 1) / 3, between = 0.01 * ((1 - smooth) / 8 + smooth);
  const auto near = [](double x) { return DoubleNear(x, 1e-12); };
  EXPECT_THAT(config("tiny-llama", {{"rope_parameters", scaling}}).ropes.at(0).frequencies,
              ElementsAre(near(1), near(0.1), near(between), near(0.001 / 8)));
}

TEST_F(ModelFolder, with_a_scaling_that_leaves_no_frequency_is_refused) {
  const bj::object linear = {{"rope_parameters", {{"rope_type", "linear"}, {"rope_theta", 256}, {"factor", 0}}}};
  EXPECT_THAT(refusal([&] { config("tiny-llama", linear); }),
              HasSubstr("a rotary frequency of inf: expected a positive number"));
}

TEST_F(ModelFolder, without_weights_that_are_read_says_which_are_needed) {
  const auto opening = [this] { return refusal([this] { Model::open(path().string()); }); };
  EXPECT_THAT(opening(), HasSubstr("holds no model.safetensors, no pytorch_model.bin and no .gguf"));
  tiny::write(path() / "pytorch_model.bin", "PK");
  EXPECT_THAT(opening(), HasSubstr("pytorch_model.bin] neither GGUF, safetensors nor npy"));
}

TEST_F(ModelFolder, of_one_gguf_is_that_and_of_two_asks_for_one) {
  fs::copy(reference / "tiny-llama/tiny-llama.gguf", path() / "a.gguf");
  EXPECT_EQ(Model::open(path().string())->name(), "a");
  fs::copy(reference / "tiny-llama/tiny-llama.gguf", path() / "b.gguf");
  EXPECT_THAT(refusal([this] { Model::open(path().string()); }), HasSubstr("holds 2 .gguf files: name one of them"));
}

TEST_F(ModelFolder, has_shards_of_plain_names_beside_the_index_only) {
  const auto opening = [this](const char* index) {
    tiny::write(path() / "model.safetensors.index.json", index);
    return refusal([this] { Model::open(path().string()); });
  };
  EXPECT_THAT(opening(R"({"weight_map":{"wte.weight":"../elsewhere.safetensors"}})"),
              HasSubstr("a shard named '../elsewhere.safetensors'"));
  EXPECT_THAT(opening(R"({"weight_map":{"wte.weight":".hidden"}})"), HasSubstr("a shard named '.hidden'"));
  EXPECT_THAT(opening(R"({"weight_map":{"wte.weight":""}})"), HasSubstr("a shard named ''"));
  EXPECT_THAT(opening(R"({"weight_map":{"wte.weight":7}})"), HasSubstr("expected a string, found 7"));
  EXPECT_THAT(opening(R"({"weight_map":{}})"), HasSubstr("'weight_map' is empty"));
}

TEST_F(ModelFolder, without_a_tokenizer_names_tokens_by_their_ids) {
  const auto model = Model::open(with("tiny-gpt2", {}));
  EXPECT_FALSE(model->has_tokenizer());
  EXPECT_EQ(model->label(7), "<7>");
  EXPECT_THAT(refusal([&] { model->embedding(97); }), HasSubstr("token id 97: the vocabulary has ids 0..96"));
  EXPECT_THAT(refusal([&] { model->embedding(-1); }), HasSubstr("token id -1"));
}

// A folder whose weights are integers would read as a model of noise.
TEST_F(ModelFolder, of_integers_is_no_model) {
  const std::vector<std::int64_t> ids(97 * 48);
  const std::string folder = with("tiny-gpt2", {});
  write_arrays(path() / "model.safetensors",
               std::vector<NamedArray>{{"wte.weight", {97, 48}, std::span<const std::int64_t>(ids)}});
  EXPECT_THAT(refusal([&] { Model::open(folder); }),
              HasSubstr("tensor 'wte.weight': expected floating-point weights, found I64"));
}

// tokenizer.json of "a", "b", "ab" with these members changed.
class TokenizerJson : public ModelFolder {
 protected:
  std::shared_ptr<const Tokenizer> with_members(const bj::object& changes) const {
    bj::object json = {{"model",
                        {{"type", "BPE"},
                         {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}, {"1", 3}, {"2", 4}, {"12", 5}}},
                         {"merges", {"a b", "1 2"}}}},
                       {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}}};
    for (const auto& [key, value] : changes) json[key] = value;
    tiny::write(path() / "tokenizer.json", bj::serialize(json));
    return open_tokenizer(path().string());
  }
  std::string refused(const bj::object& changes) const {
    return refusal([&] { with_members(changes); });
  }
};

TEST_F(TokenizerJson, may_write_a_merge_as_one_text_or_as_two) {
  const bj::object model = {{"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}}}, {"merges", {bj::array{"a", "b"}}}};
  EXPECT_THAT(with_members({{"model", model}})->encode("ab").ids, ElementsAre(2));
  for (const bj::array& merge : {bj::array{"a"}, bj::array{"a", "b", "c"}, bj::array{"a", 1}, bj::array{1, "b"}})
    EXPECT_THAT(refused({{"model", {{"vocab", {{"a", 0}, {"b", 1}}}, {"merges", {merge}}}}}),
                HasSubstr("merge 0: expected two tokens"));
}

TEST_F(TokenizerJson, may_split_digits_one_by_one_and_in_a_sequence_of_steps) {
  EXPECT_THAT(with_members({})->encode("ab12").ids, ElementsAre(2, 5));
  const bj::array steps = {bj::object{{"type", "Digits"}, {"individual_digits", true}},
                           bj::object{{"type", "ByteLevel"}, {"add_prefix_space", false}}};
  EXPECT_THAT(with_members({{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", steps}}}})->encode("ab12").ids,
              ElementsAre(2, 3, 4));
}

TEST_F(TokenizerJson, has_a_scanner_for_a_common_pattern_and_only_for_the_whole_of_it) {
  const auto split = [](const char* pattern) {
    const bj::object one = {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}};
    const bj::object bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
    return bj::object{{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {one, bytes}}}}};
  };
  const char* llama3 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  EXPECT_EQ(with_members(split(llama3))->pre_tokenizer(), PreTokenizer::llama3);
  const char* o200k =
      R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  EXPECT_EQ(with_members(split(o200k))->pre_tokenizer(), PreTokenizer::o200k);
  EXPECT_NE(with_members(split(R"(a\p{N}{1,3})"))->pre_tokenizer(),
            PreTokenizer::llama3);  // only a part of it is the same
  EXPECT_THAT(with_members(split("b1"))->encode("ab12").ids, ElementsAre(0, 1, 3, 4));
}

TEST_F(TokenizerJson, cannot_give_one_id_to_two_tokens) {
  EXPECT_THAT(refused({{"added_tokens", {bj::object{{"id", 0}, {"content", "<s>"}}}}}),
              HasSubstr("'a' and '<s>' have the same id 0"));
}

TEST_F(TokenizerJson, has_its_beginning_and_end_in_tokenizer_config_json) {
  const bj::object added = {{"added_tokens",
                             {bj::object{{"id", 6}, {"content", "<s>"}, {"special", true}},
                              bj::object{{"id", 7}, {"content", "</s>"}, {"special", true}}}}};
  tiny::write(path() / "tokenizer_config.json",
              R"({"bos_token":{"content":"<s>"},"eos_token":"</s>","add_bos_token":true})");
  const auto tokenizer = with_members(added);
  EXPECT_EQ(tokenizer->bos(), 6);
  EXPECT_EQ(tokenizer->eos(), 7);
  EXPECT_THAT(tokenizer->with_bos("b").ids,
              ElementsAre(6, 1));  // as transformers: what is said there wins over the post-processor
  tiny::write(path() / "tokenizer_config.json",
              R"({"bos_token":"<s>","eos_token":"</s>","add_bos_token":false,"add_eos_token":true})");
  EXPECT_THAT(with_members(added)->with_bos("b").ids, ElementsAre(1, 7));
  tiny::write(path() / "tokenizer_config.json", R"({"bos_token":"<unknown>","eos_token":null})");
  EXPECT_EQ(with_members(added)->bos(), std::nullopt);
  EXPECT_EQ(with_members(added)->eos(), std::nullopt);
}

TEST_F(ModelFolder, gives_a_tokenizer_from_any_of_its_files) {
  EXPECT_THAT(
      refusal([this] { open_tokenizer(path().string()); }),
      HasSubstr("holds no tokenizer.json, no vocab.json with merges.txt, no tekken.json, no tokenizer.model, no "
                ".tiktoken and no .gguf"));
  fs::copy(reference / "tiny-llama/tiny-llama.gguf", path() / "a.gguf");
  EXPECT_THAT(refusal([this] { open_tokenizer(path().string()); }), HasSubstr("key 'tokenizer.ggml.model' is missing"));
  EXPECT_THAT(refusal([this] { open_tokenizer((path() / "a.gguf").string()); }),
              HasSubstr("key 'tokenizer.ggml.model' is missing"));
  EXPECT_THAT(refusal([this] { open_tokenizer(with("tiny-gpt2", {}) + "/config.json"); }),
              HasSubstr("'model' is missing"));  // that file and no other
  tiny::write_tokenizer(path());
  EXPECT_THAT(open_tokenizer((path() / "vocab.json").string())->encode("The cat").ids, ElementsAre(76, 69));
}

// Sets variables of the environment, without a value to none, and puts back what was there.
class Environment {
 public:
  explicit Environment(std::vector<std::pair<const char*, std::optional<std::string>>> values) {
    for (const auto& [name, value] : values) {
      const char* before = std::getenv(name);
      before_.emplace_back(name, before == nullptr ? std::nullopt : std::optional<std::string>(before));
      set(name, value);
    }
  }
  ~Environment() {
    for (const auto& [name, value] : before_) set(name, value);
  }

 private:
  static void set(const char* name, const std::optional<std::string>& value) {
    value ? setenv(name, value->c_str(), 1) : unsetenv(name);
  }
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

TEST(CacheFolder, is_the_first_of_three_that_the_environment_names) {
  const auto folder = [](std::optional<std::string> own, std::optional<std::string> xdg,
                         std::optional<std::string> home) {
    const Environment set(
        {{"EMBSCOPE_CACHE", std::move(own)}, {"XDG_CACHE_HOME", std::move(xdg)}, {"HOME", std::move(home)}});
    return cache_folder();
  };
  EXPECT_EQ(folder("/own", "/xdg", "/home/me"), "/own");
  EXPECT_EQ(folder("", "/xdg", "/home/me"), "/xdg/embscope");
  EXPECT_EQ(folder({}, {}, "/home/me"), "/home/me/.cache/embscope");
  EXPECT_EQ(folder({}, {}, {}), "/root/.cache/embscope");
}

class NamedModel : public ModelFolder {
 protected:
  // A folder that holds what a whole model does, by its name.
  fs::path make(const fs::path& folder) const {
    partial(folder);
    tiny::write(path() / folder / "model.safetensors", "");
    return path() / folder;
  }
  fs::path partial(const fs::path& folder) const {
    fs::create_directories(path() / folder);
    tiny::write(path() / folder / "config.json", "{}");
    return path() / folder;
  }
  void refer(const fs::path& model, const fs::path& name, const std::string& hash) const {
    const fs::path file = path() / model / "refs" / name;
    fs::create_directories(file.parent_path());
    tiny::write(file, hash);
  }
  static std::string finding(const std::string& name) {
    return refusal([&] { find_model(name); });
  }

  const std::string a_ = std::string(40, 'a'), b_ = std::string(40, 'b'), ab_ = "a" + std::string(39, 'b');
  const fs::path tiny_ = "hf/hub/models--owner--tiny";
  Environment environment_{{{"EMBSCOPE_CACHE", (path() / "own").string()},
                            {"HF_HOME", (path() / "hf").string()},
                            {"HOME", path().string()},
                            {"HF_HUB_CACHE", {}},
                            {"HUGGINGFACE_HUB_CACHE", {}},
                            {"HF_HUB_OFFLINE", {}},
                            {"TRANSFORMERS_OFFLINE", {}},
                            {"XDG_CACHE_HOME", {}}}};
};

TEST_F(NamedModel, is_looked_for_in_the_cache_and_then_in_hugging_face_s) {
  const fs::path hub = make("hf/hub/models--owner--tiny/snapshots/0123");
  EXPECT_EQ(find_model("owner/tiny"), hub);
  const fs::path own = make("own/models/owner--tiny");
  EXPECT_EQ(find_model("owner/tiny"), own);
  EXPECT_EQ(find_model(hub.string()), hub);
}

TEST_F(NamedModel, of_gpt2_lies_below_its_owner_in_hugging_face_s_cache) {
  fs::create_directories(path() / "hf/hub/models--gpt2/snapshots/unfinished");
  const fs::path hub = make("hf/hub/models--openai-community--gpt2/snapshots/0123");
  EXPECT_EQ(find_model("gpt2"), hub);
}

TEST_F(NamedModel, is_the_snapshot_that_refs_main_names) {
  make(tiny_ / "snapshots" / a_);
  const fs::path b = make(tiny_ / "snapshots" / b_);
  refer(tiny_, "main", b_ + "\n");
  EXPECT_EQ(find_model("owner/tiny"), b);
  EXPECT_EQ(find_model((path() / tiny_).string()), b) << "the folder of the cache itself";
  EXPECT_EQ(find_model((path() / tiny_ / "").string()), b);
  refer(tiny_, "main", a_);
  EXPECT_EQ(find_model("owner/tiny"), path() / tiny_ / "snapshots" / a_);
}

TEST_F(NamedModel, is_a_whole_snapshot_before_a_partial_one) {
  const fs::path a = make(tiny_ / "snapshots" / a_);
  partial(tiny_ / "snapshots" / b_);
  refer(tiny_, "main", b_);
  EXPECT_EQ(find_model("owner/tiny"), a);
  make(tiny_ / "snapshots" / ab_);
  EXPECT_THAT(finding("owner/tiny"),
              HasSubstr("names no whole snapshot, and there are several: name one of owner/tiny@main"));
  fs::create_symlink(path() / "gone",
                     path() / tiny_ / "snapshots" / b_ / "model.safetensors");  // a blob that was deleted
  EXPECT_THAT(finding("owner/tiny"), HasSubstr("names no whole snapshot"));
}

TEST_F(NamedModel, of_several_files_is_whole_with_all_of_them) {
  const fs::path a = partial(tiny_ / "snapshots" / a_), b = make(tiny_ / "snapshots" / b_);
  refer(tiny_, "main", a_);
  tiny::write(a / "model.safetensors.index.json",
              R"({"weight_map": {"x": "m-1.safetensors", "y": "m-2.safetensors"}})");
  tiny::write(a / "m-1.safetensors", "");
  EXPECT_EQ(find_model("owner/tiny"), b);
  tiny::write(a / "m-2.safetensors", "");
  EXPECT_EQ(find_model("owner/tiny"), a);
}

TEST_F(NamedModel, in_parts_of_gguf_is_whole_with_all_of_them) {
  const fs::path folder = path() / "own/models/parts", hub = make("hf/hub/models--parts/snapshots/0");
  fs::create_directories(folder);
  tiny::write(folder / "m-00001-of-00002.gguf", "");
  EXPECT_EQ(find_model("parts"), hub);
  tiny::write(folder / "m-00002-of-00002.gguf", "");
  EXPECT_EQ(find_model("parts"), folder);
}

TEST_F(NamedModel, at_a_revision_is_a_branch_a_tag_or_a_hash) {
  const fs::path a = make(tiny_ / "snapshots" / a_), b = make(tiny_ / "snapshots" / b_),
                 ab = partial(tiny_ / "snapshots" / ab_);
  refer(tiny_, "main", a_), refer(tiny_, "v1.0", b_), refer(tiny_, "refs/pr/1", ab_);
  EXPECT_EQ(find_model("owner/tiny@main"), a);
  EXPECT_EQ(find_model("owner/tiny@v1.0"), b);
  EXPECT_EQ(find_model("owner/tiny@refs/pr/1"), ab);
  EXPECT_EQ(find_model("owner/tiny@" + b_), b);
  EXPECT_EQ(find_model("owner/tiny@bbbb"), b);
  EXPECT_EQ(find_model("owner/tiny@ab"), ab);
  EXPECT_THAT(finding("owner/tiny@a"), HasSubstr("is the beginning of " + a_ + " and " + ab_));
  for (const char* none : {"v2", "", "../snapshots", "c"})
    EXPECT_THAT(finding(std::string("owner/tiny@") + none), HasSubstr("which has owner/tiny@main, ")) << none;
  EXPECT_THAT(finding("other@main"), HasSubstr("does not have other"));
}

TEST_F(NamedModel, is_looked_for_where_huggingface_hub_looks) {
  const auto found = [&](const char* variable, const std::string& value) {
    const Environment set({{"HF_HOME", {}}, {variable, value}});
    return find_model("m");
  };
  const fs::path a = make("one/models--m/snapshots/0"), b = make("two/huggingface/hub/models--m/snapshots/0"),
                 c = make(".cache/huggingface/hub/models--m/snapshots/0");
  EXPECT_EQ(found("HF_HUB_CACHE", (path() / "one").string()), a);
  EXPECT_EQ(found("XDG_CACHE_HOME", (path() / "two").string()), b);
  EXPECT_EQ(found("HF_HOME", (path() / "two/huggingface").string()), b);
  EXPECT_EQ(found("HOME", path().string()), c);
  const Environment home({{"HOME", path().string()}});
  EXPECT_EQ(found("HF_HOME", "~/two/huggingface"), b);
  EXPECT_EQ(found("HF_HUB_CACHE", "${HOME}/one"), a);
  EXPECT_EQ(found("HF_HUB_CACHE", "$HOME/one"), a);
  const Environment both({{"HF_HOME", (path() / "two/huggingface").string()}});
  const Environment nearer({{"HF_HUB_CACHE", (path() / "one").string()}});
  EXPECT_EQ(find_model("m"), a) << "HF_HUB_CACHE before HF_HOME";
}

TEST_F(NamedModel, of_several_gguf_files_is_the_one_of_a_tag) {
  const fs::path own = path() / "own/models/owner--tiny", hub = path() / tiny_ / "snapshots" / a_;
  for (const fs::path& folder : {own, hub}) fs::create_directories(folder);
  tiny::write(own / "Tiny-Q4_K_M.gguf", ""), tiny::write(own / "tiny.q8_0-00001-of-00001.gguf", "");
  tiny::write(hub / "Tiny-IQ2_XS.gguf", "");
  EXPECT_EQ(find_model("owner/tiny:q4_k_m"), own / "Tiny-Q4_K_M.gguf");
  EXPECT_EQ(find_model("owner/tiny:Q8_0"), own / "tiny.q8_0-00001-of-00001.gguf");
  EXPECT_EQ(find_model("owner/tiny:Tiny-Q4_K_M.gguf"), own / "Tiny-Q4_K_M.gguf");
  EXPECT_EQ(find_model("owner/tiny:IQ2_XS"), hub / "Tiny-IQ2_XS.gguf");
  EXPECT_THAT(finding("owner/tiny:F16"), HasSubstr("has Q4_K_M, q8_0"));
}

TEST_F(NamedModel, is_not_hidden_by_what_a_fetch_left) {
  const fs::path hub = make(tiny_ / "snapshots" / a_);
  fs::create_directories(path() / "own/models/owner--tiny");
  EXPECT_EQ(find_model("owner/tiny"), hub);
  const fs::path own = partial("own/models/owner--tiny");
  tiny::write(own / "model.safetensors.part", "half");
  EXPECT_EQ(find_model("owner/tiny"), hub);
  fs::remove_all(path() / "hf");
  EXPECT_THAT(finding("owner/tiny"), HasSubstr("was not fetched to its end: 'embscope pull owner/tiny' goes on"));
  EXPECT_THAT(finding("other"), HasSubstr("the cache has no models"));
}

TEST_F(NamedModel, that_is_nowhere_is_answered_with_those_there_are_and_how_to_fetch_it) {
  EXPECT_THAT(finding("owner/tiny"), HasSubstr("the cache has no models; fetch it with 'embscope pull owner/tiny'"));
  make("own/models/one"), make("own/models/two"), partial("own/models/half"),
      fs::create_directories(path() / "own/models/empty");
  EXPECT_THAT(finding("tiny"), HasSubstr("the cache has one, two; fetch it"));
  make(tiny_ / "snapshots" / a_), partial("hf/hub/models--owner--half/snapshots/0"),
      make("hf/hub/datasets--owner--data/snapshots/0");
  EXPECT_THAT(finding("small"), HasSubstr("the cache has one, owner/tiny, two; fetch it"));
  EXPECT_THAT(finding("owner/tini"), HasSubstr("; did you mean 'owner/tiny'?"));
  for (const char* path : {"../one", "a/b/c", "/nowhere/at/all", "one/../two"})
    EXPECT_THAT(finding(path), Not(HasSubstr("pull"))) << path;
  EXPECT_THAT(finding(""), HasSubstr("the name is empty"));
  const Environment offline({{"HF_HUB_OFFLINE", std::string("1")}});
  EXPECT_THAT(finding("small"), Not(HasSubstr("pull")));
}

// What a model is called never is a hash, nor empty, however its path is written.
TEST_F(NamedModel, is_called_by_its_name) {
  const fs::path folder = path() / "my-model", snapshot = path() / tiny_ / "snapshots" / a_;
  for (const fs::path& one : {folder, snapshot, path() / a_}) {
    fs::create_directories(one);
    tiny::copy_reference("tiny-gpt2", one);
  }
  fs::create_symlink(folder, path() / "link");
  refer(tiny_, "v1", a_);
  const auto name = [](const std::string& model) { return Model::open(model)->name(); };
  EXPECT_EQ(name(folder.string()), "my-model");
  EXPECT_EQ(name(folder.string() + "/"), "my-model");
  EXPECT_EQ(name(folder.string() + "/."), "my-model");
  EXPECT_EQ(name(folder.string() + "/../my-model//"), "my-model");
  EXPECT_EQ(name((folder / "model.safetensors").string()), "my-model");
  EXPECT_EQ(name((path() / "link").string()), "link");
  EXPECT_EQ(name(snapshot.string() + "/"), "owner/tiny");
  EXPECT_EQ(name((snapshot / "model.safetensors").string()), "owner/tiny");
  EXPECT_EQ(name((path() / tiny_).string()), "owner/tiny");
  EXPECT_EQ(name("owner/tiny"), "owner/tiny");
  EXPECT_EQ(name("owner/tiny@v1"), "owner/tiny@v1");
  EXPECT_EQ(name("owner/tiny@" + a_), "owner/tiny@aaaaaaaaaaaa");
  EXPECT_EQ(name((path() / a_).string()), path().filename());
  const fs::path before = fs::current_path();
  for (const auto& [from, written, called] :
       std::vector<std::array<std::string, 3>>{{folder, ".", "my-model"},
                                               {folder, "./", "my-model"},
                                               {folder, "model.safetensors", "my-model"},
                                               {snapshot, ".", "owner/tiny"},
                                               {path(), "my-model", "my-model"}}) {
    fs::current_path(from);
    EXPECT_EQ(name(written), called) << written;
  }
  fs::create_directories(folder / "below");
  fs::current_path(folder / "below");
  EXPECT_EQ(name(".."), "my-model");
  fs::current_path(before);
}

}  // namespace
}  // namespace embscope
