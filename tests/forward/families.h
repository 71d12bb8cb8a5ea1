// The tiny models of tests/data/families, written as files: their weights are a function of names
// (tests/reference/recipe.py).
#pragma once

#include <map>

#include "embscope/files/archive.h"
#include "forward/tiny.h"

namespace embscope::families {

namespace fs = std::filesystem;
namespace bj = boost::json;

inline const char* const names[] = {"gpt2_inverse",
                                    "mistral",
                                    "qwen2",
                                    "qwen3",
                                    "gemma",
                                    "gemma2",
                                    "gemma3_text",
                                    "gemma4_text",
                                    "gemma4_dense",
                                    "gemma4_experts",
                                    "gemma4_unified",
                                    "opt_350m",
                                    "openai_gpt",
                                    "gpt_neox",
                                    "gpt_neox_serial",
                                    "opt",
                                    "phi",
                                    "phi3",
                                    "smollm3",
                                    "olmo",
                                    "olmo2",
                                    "gptj",
                                    "gpt_neo",
                                    "bloom",
                                    "falcon",
                                    "falcon_grouped",
                                    "falcon_serial",
                                    "stablelm",
                                    "stablelm_parallel",
                                    "granite",
                                    "cohere",
                                    "cohere2",
                                    "starcoder2",
                                    "gpt_bigcode",
                                    "gpt_bigcode_heads",
                                    "mpt",
                                    "glm",
                                    "glm4",
                                    "nemotron",
                                    "arcee",
                                    "helium",
                                    "mixtral",
                                    "qwen2_moe",
                                    "qwen3_moe",
                                    "olmoe",
                                    "gpt_oss",
                                    "granitemoe",
                                    "granitemoeshared",
                                    "deepseek_v2",
                                    "deepseek_v2_lite",
                                    "deepseek_v3",
                                    "dots1",
                                    "glm4_moe",
                                    "ernie4_5",
                                    "ernie4_5_moe",
                                    "minimax_m2",
                                    "olmo3",
                                    "exaone4",
                                    "hunyuan_v1_dense",
                                    "seed_oss",
                                    "cwm",
                                    "ministral",
                                    "ministral3",
                                    "llama4_text",
                                    "llama4_chunks",
                                    "codegen",
                                    "xglm",
                                    "falcon_alibi",
                                    "stablelm_norms",
                                    "phi_plain",
                                    "qwen3_moe_mixed",
                                    "minicpm3",
                                    "nanochat",
                                    "dbrx",
                                    "internlm3",
                                    "vaultgemma",
                                    "hunyuan_v1_moe",
                                    "exaone_moe",
                                    "glm4_moe_lite",
                                    "flex_olmo",
                                    "hyperclovax",
                                    "jais2",
                                    "youtu",
                                    "solar_open",
                                    "internlm2",
                                    "minicpm",
                                    "exaone",
                                    "apertus",
                                    "phimoe",
                                    "iquestcoder",
                                    "persimmon",
                                    "biogpt",
                                    "ctrl",
                                    "granite_swa",
                                    "granitemoe_swa",
                                    "mellum",
                                    "flint",
                                    "hy_v3",
                                    "sarvam_moe",
                                    "sarvam_mla",
                                    "baichuan",
                                    "baichuan_alibi",
                                    "qwen",
                                    "chatglm",
                                    "orion",
                                    "stablelm_epoch",
                                    "internlm",
                                    "bailing_moe_v2"};

/// Value i of the tensor of that name: FNV-1a of the name, then one step of splitmix64; from -1 to 1.
inline float weight(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t x = (i + seed) * 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  x ^= x >> 31;
  return static_cast<float>(x >> 40) / 8388608.0f - 1.0f;
}

inline std::uint64_t seed_of(std::string_view name) {
  std::uint64_t seed = 0xcbf29ce484222325;
  for (char c : name) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return seed;
}

class Family {
 public:
  explicit Family(const std::string& name) : expected(Archive::open(data(name + ".safetensors"))) {
    std::ifstream file(data(name + ".json"));
    description = bj::parse(std::string(std::istreambuf_iterator<char>(file), {})).as_object();
  }

  struct Values {
    Shape shape;
    std::vector<float> values;
  };
  std::map<std::string, Values> tensors() const {
    std::map<std::string, Values> all;
    for (const auto& [key, recipe] : description.at("tensors").as_object()) {
      const std::string name(key);
      std::vector<std::int64_t> sizes;
      for (const auto& size : recipe.at(0).as_array()) sizes.push_back(size.as_int64());
      const Shape shape(sizes);
      const auto scale = static_cast<float>(recipe.at(1).to_number<double>()),
                 shift = static_cast<float>(recipe.at(2).to_number<double>());
      std::vector<float> values(static_cast<std::size_t>(shape.elements()));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = weight(seed_of(name), i) * scale + shift;
      all[name] = {shape, std::move(values)};
    }
    return all;
  }

  std::vector<TokenId> ids(const char* text) const {
    std::vector<TokenId> list;
    for (const auto& id : description.at(text).as_array()) list.push_back(static_cast<TokenId>(id.as_int64()));
    return list;
  }

  /// Opened from a new folder, with these keys of its configuration changed; `taken`: without this tensor.
  std::shared_ptr<const Model> open(const bj::object& changes = {}, const std::string& taken = "",
                                    const std::string& added = "") const {
    auto all = tensors();
    all.erase(taken);
    if (!added.empty()) all[added] = {{3}, {1, 2, 3}};
    return open(all, changes);
  }

  /// The same with these tensors.
  std::shared_ptr<const Model> open(const std::map<std::string, Values>& all, const bj::object& changes = {}) const {
    bj::object config = description.at("config").as_object();
    for (const auto& [key, value] : changes) config[key] = value;
    return open_as(all, config);
  }

  static std::shared_ptr<const Model> open_as(const std::map<std::string, Values>& all, const bj::object& config) {
    tiny::Folder& folder = *folders().emplace_back(std::make_unique<tiny::Folder>());
    std::vector<NamedArray> arrays;
    for (const auto& [name, tensor] : all)
      arrays.push_back({name, tensor.shape, std::span<const float>(tensor.values)});
    write_arrays(folder.path() / "model.safetensors", arrays);
    tiny::write(folder.path() / "config.json", bj::serialize(config));
    return Model::open(folder.path().string());
  }

  bj::object description;
  std::shared_ptr<const Archive> expected;

 private:
  static std::string data(const std::string& name) { return EMBSCOPE_TEST_DATA "/families/" + name; }
  static std::vector<std::unique_ptr<tiny::Folder>>& folders() {
    static std::vector<std::unique_ptr<tiny::Folder>> all;  // models map their files
    return all;
  }
};

}  // namespace embscope::families
