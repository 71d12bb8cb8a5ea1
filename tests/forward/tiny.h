// The tiny reference models, given a tokenizer: letters, and a few words made of them by merges.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>
#include <boost/json.hpp>

#include "embscope/model/model.h"

namespace embscope::tiny {

namespace fs = std::filesystem;

/// A new folder that goes away with its owner.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "embscope-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder in " + fs::temp_directory_path().string());
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::permissions(path_, fs::perms::owner_all, ignored);
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

/// vocab.json and merges.txt: 66 single characters, then " cat" (id 69), " dog" (72), " is" (74), "The" (76), " a"
/// (77). Models have more rows than that: ids without a text are part of the game.
inline void write_tokenizer(const fs::path& folder) {
  const std::string space = "\xc4\xa0";  // how GPT-2's alphabet writes it
  std::vector<std::string> tokens;
  for (char c = 'a'; c <= 'z'; ++c) tokens.emplace_back(1, c);
  for (char c = 'A'; c <= 'Z'; ++c) tokens.emplace_back(1, c);
  for (char c = '0'; c <= '9'; ++c) tokens.emplace_back(1, c);
  for (const char* c : {".", ",", "!", "'"}) tokens.emplace_back(c);
  tokens.push_back(space);
  std::string merges = "#version: 0.2\n";
  auto merge = [&](const std::string& left, const std::string& right) {
    merges += left + " " + right + "\n";
    tokens.push_back(left + right);
  };
  merge(space, "c"), merge(space + "c", "a"), merge(space + "ca", "t");
  merge(space, "d"), merge(space + "d", "o"), merge(space + "do", "g");
  merge(space, "i"), merge(space + "i", "s");
  merge("T", "h"), merge("Th", "e");
  merge(space, "a");
  boost::json::object vocabulary;
  for (std::size_t id = 0; id < tokens.size(); ++id) vocabulary[tokens[id]] = id;
  write(folder / "vocab.json", boost::json::serialize(vocabulary));
  write(folder / "merges.txt", merges);
}

/// A model of tests/data/reference, with these keys of its configuration changed, or taken away where they are null.
inline void copy_reference(const std::string& name, const fs::path& folder, const boost::json::object& changes = {}) {
  const fs::path source = fs::path(EMBSCOPE_TEST_DATA) / "reference" / name;
  for (const char* file : {"config.json", "model.safetensors"})
    fs::copy_file(source / file, folder / file, fs::copy_options::overwrite_existing);
  if (changes.empty()) return;
  std::ifstream file(source / "config.json");
  boost::json::object config = boost::json::parse(std::string(std::istreambuf_iterator<char>(file), {})).as_object();
  for (const auto& [key, value] : changes) value.is_null() ? (void)config.erase(key) : (void)(config[key] = value);
  write(folder / "config.json", boost::json::serialize(config));
}

/// "tiny-gpt2" or "tiny-llama" of tests/data/reference beside that tokenizer.
inline std::shared_ptr<const Model> open(const std::string& name) {
  static std::vector<std::unique_ptr<Folder>> folders;  // models map their files: these stay until the end
  const fs::path& folder = folders.emplace_back(std::make_unique<Folder>())->path();
  copy_reference(name, folder);
  write_tokenizer(folder);
  return Model::open(folder.string());
}

/// A GPT-2 of one block that adds nothing: its residual stream is the row of wte [V, D] itself, its logits
/// wte . normalised row. Cosines and mixtures of it are known by a line of arithmetic.
inline std::shared_ptr<const Model> embedding_only(const Tensor& wte) {
  const std::int64_t vocab = wte.rows(), width = wte.columns(), context = 16, inner = 4;
  static std::vector<std::unique_ptr<Folder>> folders;
  const fs::path& folder = folders.emplace_back(std::make_unique<Folder>())->path();
  std::vector<Tensor> kept;
  kept.reserve(32);
  std::vector<NamedArray> arrays = {{"wte.weight", wte.shape(), wte.values()}};
  auto add = [&](const std::string& name, Shape shape, float value) {
    Tensor& t = kept.emplace_back(shape);
    std::fill(t.values().begin(), t.values().end(), value);
    arrays.push_back({name, shape, std::span<const float>(t.values())});
  };
  add("wpe.weight", {context, width}, 0);
  for (const char* norm : {"h.0.ln_1", "h.0.ln_2", "ln_f"}) {
    add(std::string(norm) + ".weight", {width}, 1);
    add(std::string(norm) + ".bias", {width}, 0);
  }
  add("h.0.attn.c_attn.weight", {width, 3 * width}, 0), add("h.0.attn.c_attn.bias", {3 * width}, 0);
  add("h.0.attn.c_proj.weight", {width, width}, 0), add("h.0.attn.c_proj.bias", {width}, 0);
  add("h.0.mlp.c_fc.weight", {width, inner}, 0), add("h.0.mlp.c_fc.bias", {inner}, 0);
  add("h.0.mlp.c_proj.weight", {inner, width}, 0), add("h.0.mlp.c_proj.bias", {width}, 0);
  write_arrays(folder / "model.safetensors", arrays);
  write(folder / "config.json",
        fmt::format(R"({{"model_type":"gpt2","vocab_size":{},"n_embd":{},"n_layer":1,"n_head":1,"n_positions":{},)"
                    R"("n_inner":{}}})",
                    vocab, width, context, inner));
  write_tokenizer(folder);
  return Model::open(folder.string());
}

}  // namespace embscope::tiny
