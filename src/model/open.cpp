#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/cache.h"
#include "model/ends.h"
#include "model/family.h"
#include "model/folders.h"
#include "model/quantization.h"
#include "model/stores.h"

namespace embscope {
namespace fs = std::filesystem;

void check_config(const Config& c, const std::string& where) {
  struct Size {
    const char* name;
    std::int64_t value, most;
  };
  const Size sizes[] = {{"vocabulary", c.vocab, 1 << 26},
                        {"width", c.width, 1 << 20},
                        {"blocks", c.blocks, 4096},
                        {"heads", c.heads, 1 << 16},
                        {"key-value heads", c.kv_heads, 1 << 16},
                        {"MLP width", c.mlp_width, 1 << 24},
                        {"context", c.context, 1 << 28}};
  for (const Size& s : sizes) {
    if (s.value < 1 || s.value > s.most)
      throw Error(Code::format, where, fmt::format("{} of {}: expected 1 to {}", s.name, s.value, s.most));
  }
  if (c.heads % c.kv_heads != 0)
    throw Error(Code::format, where,
                fmt::format("{} heads do not divide into {} key-value heads", c.heads, c.kv_heads));
  if (c.head_width == 0 && c.width % c.heads != 0)
    throw Error(Code::format, where, fmt::format("a width of {} does not divide into {} heads", c.width, c.heads));
  if (c.head_width < 0 || c.head_width > (1 << 16))
    throw Error(Code::format, where, fmt::format("a head width of {}", c.head_width));
  if (c.position == PositionKind::rotary && c.head_width % 2 != 0)
    throw Error(Code::format, where, fmt::format("rotary positions need an even head width, found {}", c.head_width));
  if (!(c.epsilon >= 0) || !std::isfinite(c.epsilon))
    throw Error(Code::format, where, "the norm's epsilon is not a positive number");
}

void check_experts(const Config& c, const std::string& where) {
  const Experts& e = c.experts;
  auto refuse = [&](const std::string& what) { throw Error(Code::format, where, what); };
  if (e.count < 1 || e.count > (1 << 16)) refuse(fmt::format("{} experts: expected 1 to 65536", e.count));
  if (e.chosen < 1 || e.chosen > e.count) refuse(fmt::format("{} experts chosen of {}", e.chosen, e.count));
  if (e.width < 1 || e.width > (1 << 24)) refuse(fmt::format("experts {} wide", e.width));
  if (e.shared_width < 0 || e.shared_width > (1 << 24)) refuse(fmt::format("a shared expert {} wide", e.shared_width));
  if (e.groups < 1 || e.count % e.groups != 0)
    refuse(fmt::format("{} experts do not divide into {} groups", e.count, e.groups));
  if (e.groups_chosen < 1 || e.groups_chosen > e.groups || e.count / e.groups * e.groups_chosen < e.chosen)
    refuse(fmt::format("{} experts chosen from {} groups of {}", e.chosen, e.groups_chosen, e.count / e.groups));
  if (!std::isfinite(e.scale) || e.scale == 0) refuse(fmt::format("experts' weights scaled by {}", e.scale));
  if (!(e.limit >= 0) || !std::isfinite(e.limit) || !std::isfinite(e.alpha))
    refuse(fmt::format("experts cut off at {}, alpha {}", e.limit, e.alpha));
}

void check_frequencies(const Config& c, const std::string& where) {
  for (const Rope& rope : c.ropes) {
    for (double f : rope.frequencies) {
      if (!(f > 0 || (f == 0 && rope.partly)) || !std::isfinite(f))
        throw Error(Code::format, where,
                    fmt::format("a rotary frequency of {}: expected a positive number (of theta and its scaling)", f));
    }
    if (!std::isfinite(rope.scale))
      throw Error(Code::format, where, fmt::format("an attention factor of {}", rope.scale));
  }
}

Activation activation_of(const Keys& keys, std::string_view key, std::string_view otherwise) {
  using enum Activation;
  static constexpr std::pair<std::string_view, Activation> known[] = {{"gelu_new", gelu_tanh},
                                                                      {"gelu_pytorch_tanh", gelu_tanh},
                                                                      {"gelu_fast", gelu_tanh},
                                                                      {"gelu", gelu_exact},
                                                                      {"gelu_python", gelu_exact},
                                                                      {"relu", relu},
                                                                      {"silu", silu},
                                                                      {"swish", silu},
                                                                      {"relu2", relu_squared}};
  const std::string_view name = keys.string(key, otherwise);
  for (const auto& [known_name, activation] : known) {
    if (known_name == name) return activation;
  }
  throw Error(Code::unsupported, keys.where(),
              fmt::format("{} '{}': gelu, gelu_new, relu, relu2 and silu are known", key, name));
}

namespace {

bool same_bytes(const View& a, const View& b) {
  return a.empty() == b.empty() && a.dtype == b.dtype && a.bytes() == b.bytes() &&
         (a.empty() || std::memcmp(a.data, b.data, static_cast<std::size_t>(a.bytes())) == 0);
}

}  // namespace

Matrix unembedding(Config& c, const Matrix& wte, const Tensors& tensors, const std::string& name) {
  if (c.tied && !tensors.has(name)) return wte;
  Matrix own = tensors.matrix(name, c.vocab, c.width);
  c.tied = c.tied && same_bytes(own.view, wte.view) && same_bytes(own.scales, wte.scales);
  return c.tied ? wte : own;
}

/// Fills a Model from what lies at a path.
struct ModelOpener {
  std::shared_ptr<Model> model{new Model()};

  void open_gguf(const fs::path& file) {
    auto archive = Archive::open(file);
    if (archive->format() != "gguf")
      throw Error(
          Code::format, file.string(),
          fmt::format(
              "is a {} file of vectors, not a model: similar, neighbours, geometry, analogy, compare and map open it",
              archive->format()));
    model->archives_ = {archive};
    const Metadata meta(*archive);
    const Tensors tensors(model->archives_);
    Names names;
    read_gguf(meta, model->config_, names);
    model->weights_ = load_weights(model->config_, names, tensors);
    meta.refuse_rest();
    const std::int64_t blocks = model->config_.blocks;
    tensors.refuse_rest(blocks, [&](std::string_view tensor) {  // those that predict further tokens
      for (std::int64_t l = blocks; l < blocks + names.predicting_blocks; ++l) {
        if (tensor.starts_with(fmt::format("blk.{}.", l))) return true;
      }
      return false;
    });
    add_ends(*archive, model->config_.ends);
    model->name_ = model_name(*archive);
    model->tokenizer_source_ = [archive] { return tokenizer_from_gguf(archive); };
    if (archive->meta("tokenizer.ggml.tokens") == nullptr) model->tokenizer_source_ = {};
  }

  void open_folder(const fs::path& folder, std::vector<fs::path> files) {
    for (const fs::path& file : files) model->archives_.push_back(Archive::open(file));
    read_config(folder / "config.json");
    if (const fs::path file = folder / "generation_config.json"; is_there(file))
      add_ends(read_json(file), model->config_.ends);
    model->name_ = model_name(folder);
    if (holds_tokenizer(folder)) model->tokenizer_source_ = [folder] { return tokenizer_from_folder(folder); };
  }

  void read_config(const fs::path& path) {
    const boost::json::value value = read_json(path);
    add_ends(value, model->config_.ends);
    const Keys keys(JsonObject(value, path.string()));
    const std::string_view type = keys.string("model_type", "");
    const Wrapper* wrapper = find_wrapper(type);
    if (wrapper == nullptr) return read_text_config(keys, keys, value.get_object(), type, nullptr);
    if (wrapper->flat && keys.absent("text_config")) {
      for (const char* key : {"vision_config", "image_token_id", "video_token_id", "vision_token_id",
                              "vision_start_token_id", "vision_end_token_id"})
        keys.ignore(key);
      return read_text_config(keys, keys, value.get_object(), wrapper->text, beside_text);
    }
    const Keys said = keys.object("text_config");  // what the model does with images is beside it
    const std::string own(said.string("model_type", wrapper->text));
    const boost::json::value whole = with_defaults(value.at("text_config").as_object(), own);
    read_text_config(keys, Keys(JsonObject(whole, said.where())), whole.get_object(), own, beside_text);
  }

  // What a text model's class takes for granted, which files of models of images leave out (LLaVA's).
  static boost::json::value with_defaults(boost::json::object text, std::string_view type) {
    struct Sizes {
      std::string_view type;
      std::int64_t width, mlp_width, blocks, heads, vocab, context;
    };
    static constexpr Sizes known[] = {{"llama", 4096, 11008, 32, 32, 32000, 2048},
                                      {"mistral", 4096, 14336, 32, 32, 32000, 131072},
                                      {"qwen2", 4096, 22016, 32, 32, 151936, 32768}};
    const auto sizes = std::ranges::find(known, type, &Sizes::type);
    if (sizes == std::end(known)) return text;
    for (const auto& [key, size] : {std::pair{"hidden_size", sizes->width},
                                    {"intermediate_size", sizes->mlp_width},
                                    {"num_hidden_layers", sizes->blocks},
                                    {"num_attention_heads", sizes->heads},
                                    {"vocab_size", sizes->vocab},
                                    {"max_position_embeddings", sizes->context}}) {
      if (!text.contains(key)) text[key] = size;
    }
    return text;
  }

  /// `whole`: what stands beside the text model's own keys and is about its weights.
  void read_text_config(const Keys& whole, const Keys& keys, const boost::json::object& raw, std::string_view type,
                        bool (*beside)(std::string_view)) {
    Tensors tensors(model->archives_);
    const Family* family = find_family(type);
    if (family == nullptr) refuse_type(type, keys.where());
    Config& c = model->config_;
    Names names;
    c.family = type;
    read_quantization(whole, tensors);
    family->read(keys, c, names);
    model->weights_ = load_weights(c, names, tensors);
    for (const auto& [key, id] :
         {std::pair{"bos_token_id", &model->config_.bos}, std::pair{"eos_token_id", &model->config_.eos}}) {
      keys.ignore(key);  // a list of ends, or null, is none
      const auto* v = raw.if_contains(key);
      if (v != nullptr && v->is_int64()) *id = nearest_id(v->get_int64());
    }
    keys.refuse_rest();
    auto predicts = [&](std::int64_t l) { return "layers." + std::to_string(l) + "."; };
    tensors.refuse_rest(c.blocks, [&](std::string_view tensor) {
      if (beside != nullptr && beside(tensor)) return true;
      const bool predicting = tensor.starts_with("mtp.") || tensor.starts_with("model.mtp");
      if (predicting && names.predicting_blocks > 0) return true;
      for (std::int64_t l = c.blocks; l < c.blocks + names.predicting_blocks; ++l) {
        if (tensor.find(predicts(l)) != std::string_view::npos) return true;
      }
      return false;
    });
  }

  [[noreturn]] static void refuse_type(std::string_view type, const std::string& where) {
    const std::string_view why = out_of_scope(type);
    if (!why.empty())
      throw Error(Code::unsupported, where,
                  fmt::format("model_type '{}' is {}, which is not supported: see 'embscope families'", type, why));
    throw Error(Code::unsupported, where,
                fmt::format("model_type '{}' is not supported: 'embscope families' lists those that are", type));
  }

  std::shared_ptr<const Model> finish(const ModelPlace& place) {
    Config& c = model->config_;
    if (c.attn_scale == 0) c.attn_scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.head_width)));
    model->path_ = place.path;
    if (!place.name.empty()) model->name_ = place.name;
    model->tokenizer_once_ = std::make_shared<std::once_flag>();
    return model;
  }
};

namespace {

// Shard names come from a file: plain names only.
std::vector<fs::path> shards(const fs::path& index) {
  const boost::json::value value = read_json(index);
  const JsonObject map = JsonObject(value, index.string()).object("weight_map");
  std::set<std::string> names;
  for (const auto& [tensor, file] : map.raw()) {
    const std::string name(map.string({tensor.data(), tensor.size()}));
    if (name.empty() || fs::path(name).filename() != name || name[0] == '.')
      throw Error(Code::format, index.string(), fmt::format("a shard named '{}'", name));
    names.insert(name);
  }
  if (names.empty()) throw Error(Code::format, index.string(), "'weight_map' is empty");
  std::vector<fs::path> files;
  files.reserve(names.size());
  for (const std::string& name : names) files.push_back(index.parent_path() / name);
  return files;
}

std::vector<std::string> tags_of(const std::vector<fs::path>& ggufs) {
  std::vector<std::string> tags;
  for (const fs::path& file : ggufs) tags.push_back(gguf_tag(file));
  return tags;
}

// A file of weights alone, which its folder's config.json describes.
bool is_beside_config(const fs::path& file) {
  const fs::path kind = file.extension();
  if (kind == ".safetensors") return true;
  return (kind == ".bin" || kind == ".pt" || kind == ".pth") && fs::exists(file.parent_path() / "config.json");
}

std::vector<fs::path> weight_files(const fs::path& folder) {
  if (fs::exists(folder / "model.safetensors")) return {folder / "model.safetensors"};
  if (fs::exists(folder / "model.safetensors.index.json")) return shards(folder / "model.safetensors.index.json");
  if (fs::exists(folder / "pytorch_model.bin")) return {folder / "pytorch_model.bin"};
  if (fs::exists(folder / "pytorch_model.bin.index.json")) return shards(folder / "pytorch_model.bin.index.json");
  throw Error(Code::not_found, folder.string(), "holds no model.safetensors, no pytorch_model.bin and no .gguf");
}

}  // namespace

std::shared_ptr<const Model> Model::open(const std::string& path_or_name, bool around) {
  const ModelPlace place = place_of_model(path_or_name);
  const fs::path& path = place.path;
  ModelOpener opener;
  opener.model->around_ = around;
  if (std::error_code error; !fs::is_directory(path, error)) {
    is_beside_config(path) ? opener.open_folder(path.parent_path(), {path}) : opener.open_gguf(path);
    return opener.finish(place);
  }
  const auto ggufs = gguf_files(path);
  if (ggufs.size() > 1 && !fs::exists(path / "config.json"))
    throw Error(Code::usage, path.string(),
                fmt::format("holds {} .gguf files: name one of them, by its path or as NAME:TAG with one of {}",
                            ggufs.size(), fmt::join(tags_of(ggufs), ", ")));
  ggufs.size() == 1 && !fs::exists(path / "config.json") ? opener.open_gguf(ggufs[0])
                                                         : opener.open_folder(path, weight_files(path));
  return opener.finish(place);
}

void Model::read_tokenizer() const {
  std::call_once(*std::static_pointer_cast<std::once_flag>(tokenizer_once_), [this] {
    try {
      TokenizerSpec spec = tokenizer_source_();
      spec.rows = static_cast<TokenId>(config_.vocab);
      if (!around_) spec.prefix.clear(), spec.suffix.clear();
      tokenizer_ = std::make_unique<Tokenizer>(std::move(spec));
    } catch (const Error& error) { tokenizer_error_ = std::make_unique<Error>(error); }
  });
}

bool Model::has_tokenizer() const {
  if (tokenizer_source_) read_tokenizer();
  return tokenizer_ != nullptr;
}

std::string Model::tokenizer_problem() const {
  if (tokenizer_source_) read_tokenizer();
  return tokenizer_error_ == nullptr ? "" : tokenizer_error_->what();
}

std::string Model::label(TokenId id) const {
  return has_tokenizer() && id >= 0 && id < tokenizer().size() ? tokenizer().label(id) : fmt::format("<{}>", id);
}

const Tokenizer& Model::tokenizer() const {
  if (!tokenizer_source_)
    throw Error(Code::not_found, name_, "there is no tokenizer beside the model: give token ids instead of text");
  read_tokenizer();
  if (tokenizer_error_ != nullptr) throw *tokenizer_error_;
  return *tokenizer_;
}

}  // namespace embscope
