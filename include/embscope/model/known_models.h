// Known models: the models on this machine that open by a name, wherever a program has put them: Embscope's own cache,
// the Hugging Face hub's ("hf"), Ollama's store, LM Studio's, llama.cpp's and GPT4All's folders, and the folders that
// EMBSCOPE_MODELS names ("folder"). A name is NAME in the first two, STORE:NAME in the others; -m takes STORE:NAME of
// all, and any part of a name that no other model has. Stores of other programs are only read. Thread rule: reads the
// disk at each call; any number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/tensor/table.h"

namespace embscope {

/// The names that Model::open accepts without a download, sorted: only complete models, none that is partly downloaded.
std::vector<std::string> known_models();

struct KnownModel {
  std::string name;            ///< what -m takes
  std::string store;           ///< "embscope", "hf", "ollama", "lmstudio", "llama.cpp", "gpt4all", "folder"
  std::filesystem::path path;  ///< its file or folder; empty where a manifest points to none
  std::uint64_t bytes = 0;     ///< of its weights
  std::string family, type;    ///< "qwen3", "Q4_K": the type that most of the weights have; empty where it is not known
  std::string problem;         ///< why it does not open; empty where it does
};

/// The same, each opened once (which only maps it), and those that do not open. Throws Error{cancelled}.
std::vector<KnownModel> look_at_models(const Progress& progress = {});

/// Columns model, store, size (bytes), family, type, opens ("yes" or why not), path.
Table table_of(const std::vector<KnownModel>& models);

/// The folders of a store that are on this machine. Precondition: one of the names above.
std::vector<std::filesystem::path> store_folders(std::string_view store);
std::vector<std::string_view> store_names();

/// A line for each folder of a store that cannot be read, and for each that EMBSCOPE_MODELS names and is not there.
std::vector<std::string> unread_folders();

}  // namespace embscope
