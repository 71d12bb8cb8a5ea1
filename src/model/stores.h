// Stores: where other programs keep models on this machine. They are only read.
// A model of one is called STORE:NAME: ollama:qwen3:4b, lmstudio:OWNER/NAME:Q4_K_M, hf:OWNER/NAME.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace embscope {

/// A model as its store names it; nothing of the model itself has been looked at.
struct StoredModel {
  std::string store, name;
  std::filesystem::path path;  ///< its file or folder; empty where the store does not say one that can be opened
  std::string problem;         ///< why there is none

  std::string full_name() const { return store + ":" + name; }
};

/// STORE and NAME of "STORE:NAME", where STORE is one that is known.
std::optional<std::pair<std::string, std::string>> in_store(const std::string& name);

/// All models of one store, in order of name; those of the hub's cache and of Embscope's own too ("hf", "embscope").
std::vector<StoredModel> stored_models(std::string_view store);
std::vector<StoredModel> stored_models();

/// The one that a name means within a store: its name there, else a part of it that no other has ("qwen3" for
/// "qwen3:4b", "Qwen3-4B" for "owner/Qwen3-4B-GGUF:Q4_K_M"). Throws Error{usage} listing them where several are meant,
/// Error{not_found}.
StoredModel stored_model(const std::string& store, const std::string& name);

/// The same in all stores, by a short name; nothing where none has it.
std::optional<StoredModel> stored_model(const std::string& name);

/// Ollama's own: manifests/HOST/NAMESPACE/MODEL/TAG are JSON and name blobs by their hash.
std::vector<StoredModel> ollama_models(const std::filesystem::path& store);
/// A name without what is usual, as Ollama shows it: registry.ollama.ai/library/qwen3:4b is qwen3:4b.
std::string ollama_name(std::string name);

/// Which of a folder's .gguf files a tag means: "Q4_K_M" is the end of a name or all of it, in any case.
std::string gguf_tag(const std::filesystem::path& file);
std::string gguf_stem(const std::filesystem::path& file);  ///< its name without extension and number of the part
bool has_tag(const std::filesystem::path& file, const std::string& tag);

/// Of NAME:TAG both, else the name alone.
std::pair<std::string, std::string> tag_of(const std::string& name);

/// A folder, or the only .gguf within it that has the tag. Throws Error{not_found} with the tags there are.
std::filesystem::path with_tag(const std::filesystem::path& folder, const std::string& tag, const std::string& name);

}  // namespace embscope
