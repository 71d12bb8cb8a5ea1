#include "model/stores.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "embscope/files/text_file.h"
#include "embscope/model/known_models.h"
#include "embscope/model/model.h"
#include "files/gguf_parts.h"
#include "files/json.h"
#include "model/folders.h"
#include "model/hub_cache.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

using Paths = std::vector<fs::path>;

Paths one_of(const char* variable, const Paths& usual) {
  if (const std::string folder = environment(variable); !folder.empty()) return {folder};
  return usual;
}

fs::path user_caches() {
  const std::string folder = environment("XDG_CACHE_HOME");
  return folder.empty() ? home() / ".cache" : fs::path(folder);
}

fs::path user_data() {
  const std::string folder = environment("XDG_DATA_HOME");
  return folder.empty() ? home() / ".local/share" : fs::path(folder);
}

// ollama's envconfig.Models; its installer for Linux runs it as a user of its own.
Paths ollama_folders() {
  return one_of("OLLAMA_MODELS", {home() / ".ollama/models", "/usr/share/ollama/.ollama/models"});
}

// LM Studio's own settings may name another folder.
Paths lmstudio_folders() {
  Paths folders = {home() / ".lmstudio/models", home() / ".cache/lm-studio/models"};
  for (const char* settings : {".lmstudio/settings.json", ".cache/lm-studio/settings.json"}) {
    try {
      const boost::json::value value = read_json(home() / settings);
      folders.emplace_back(std::string(JsonObject(value, settings).string("downloadsFolder")));
    } catch (const Error&) {}  // most have none
  }
  return folders;
}

// llama.cpp's fs_get_cache_directory.
Paths llama_cpp_folders() {
  return one_of("LLAMA_CACHE", {user_caches() / "llama.cpp", home() / "Library/Caches/llama.cpp"});
}

Paths gpt4all_folders() {
  return {user_data() / "nomic.ai/GPT4All", home() / "Library/Application Support/nomic.ai/GPT4All",
          home() / ".cache/gpt4all"};
}

Paths named_folders() { return folders_in(environment("EMBSCOPE_MODELS")); }

Paths own_folders() { return {cache_folder() / "models"}; }
Paths hub_folders() { return {hub_cache()}; }

using Models = std::vector<StoredModel>;

constexpr int deepest = 6;            // of folders within a store
constexpr std::size_t most = 20'000;  // folders looked at: a link may lead to the whole disk

// Calls `visit` with every folder below `root`, itself first, in order of name; each once, whatever links lead to it.
void walk(const fs::path& root, const std::function<void(const fs::path&)>& visit) {
  std::set<fs::path> seen;
  std::vector<std::pair<fs::path, int>> open = {{root, 0}};
  while (!open.empty() && seen.size() < most) {
    const auto [folder, depth] = open.back();
    open.pop_back();
    std::error_code error;
    if (!seen.insert(fs::weakly_canonical(folder, error)).second) continue;
    visit(folder);
    if (depth == deepest) continue;
    const std::set<std::string> names = names_in(folder);
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      if (!name->starts_with(".") && fs::is_directory(folder / *name, error))
        open.emplace_back(folder / *name, depth + 1);
    }
  }
}

std::string joined(const fs::path& folder, const fs::path& root, const std::string& last) {
  const fs::path inner = folder.lexically_relative(root);
  return (inner == "." ? fs::path(last) : inner / last).generic_string();
}

bool is_hugging_face(const fs::path& folder) { return is_there(folder / "config.json") && is_whole(folder); }

// The folder itself, or each .gguf within it by its tag where there are several.
void add_tagged(Models& models, const std::string& store, const std::string& name, const fs::path& folder) {
  const Paths files = gguf_files(folder);
  if (files.size() < 2 || is_there(folder / "config.json")) return models.push_back({store, name, folder, {}});
  for (const fs::path& file : files) models.push_back({store, name + ":" + gguf_tag(file), file, {}});
}

// Files by their own names: the programs that keep them in one folder show these.
Models by_file(const std::string& store, const Paths& roots) {
  Models models;
  for (const fs::path& root : roots)
    walk(root, [&](const fs::path& folder) {
      if (is_hugging_face(folder)) {
        const fs::path inner = folder.lexically_relative(root);
        models.push_back({store, inner == "." ? model_name(folder) : inner.generic_string(), folder, {}});
        return;
      }
      for (const fs::path& file : gguf_files(folder))
        models.push_back({store, joined(folder, root, gguf_stem(file)), file, {}});
    });
  return models;
}

// OWNER/NAME is a folder, as on the hub.
Models by_folder(const std::string& store, const Paths& roots) {
  Models models;
  for (const fs::path& root : roots)
    walk(root, [&](const fs::path& folder) {
      if (folder == root || (!is_hugging_face(folder) && gguf_files(folder).empty())) return;
      add_tagged(models, store, folder.lexically_relative(root).generic_string(), folder);
    });
  return models;
}

Models own_models(const Paths& roots) {
  Models models;
  for (const fs::path& root : roots)
    for (const std::string& folder : names_in(root))
      if (is_whole(root / folder)) add_tagged(models, "embscope", replaced(folder, "--", "/"), root / folder);
  return models;
}

Models hub_stored(const Paths& roots) {
  Models models;
  for (const fs::path& root : roots)
    for (const std::string& folder : names_in(root)) {
      if (!folder.starts_with(hub_mark)) continue;
      const std::string name = hub_name(folder);
      const HubModel model(root / folder, name);
      if (!model.has_whole()) {
        if (const fs::path partial = model.partial(); !partial.empty())
          models.push_back({"hf", name, partial, fmt::format("is not complete: 'embscope pull {}' fetches it", name)});
        continue;
      }
      try {
        add_tagged(models, "hf", name, model.current());
      } catch (const Error& error) { models.push_back({"hf", name, {}, error.what()}); }
    }
  return models;
}

Models ollama_stored(const Paths& roots) {
  Models models;
  for (const fs::path& root : roots) std::ranges::move(ollama_models(root), std::back_inserter(models));
  return models;
}

struct Store {
  std::string_view name;
  Paths (*folders)();
  Models (*models)(const Paths& roots);
};

constexpr std::array<Store, 7> stores{{
    {"embscope", own_folders, own_models},
    {"hf", hub_folders, hub_stored},
    {"ollama", ollama_folders, ollama_stored},
    {"lmstudio", lmstudio_folders, [](const Paths& roots) { return by_folder("lmstudio", roots); }},
    {"llama.cpp", llama_cpp_folders, [](const Paths& roots) { return by_file("llama.cpp", roots); }},
    {"gpt4all", gpt4all_folders, [](const Paths& roots) { return by_file("gpt4all", roots); }},
    {"folder", named_folders, [](const Paths& roots) { return by_file("folder", roots); }},
}};

const Store* find_store(std::string_view name) {
  const auto found = std::ranges::find(stores, name, &Store::name);
  return found == stores.end() ? nullptr : &*found;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

// What a model may be called for short, in lower case.
std::set<std::string> short_names(const StoredModel& model) {
  std::set<std::string> names;
  const std::string name = lower(model.name);
  for (const std::string& whole : {name, tag_of(name).first}) {
    const std::string last = whole.substr(whole.rfind('/') + 1);
    for (const std::string& one : {whole, last}) {
      names.insert(one);
      if (one.ends_with("-gguf")) names.insert(one.substr(0, one.size() - 5));
    }
  }
  for (const std::string& one : std::set<std::string>(names))
    if (const std::size_t mark = one.find("-gguf:"); mark != std::string::npos)
      names.insert(one.substr(0, mark) + one.substr(mark + 5));
  return names;
}

[[noreturn]] void ask_which(const std::string& name, const Models& found) {
  std::set<std::string> names;
  for (const StoredModel& one : found) names.insert(one.full_name());
  if (names.size() < found.size()) {
    names.clear();
    for (const StoredModel& one : found) names.insert(one.path.string());
  }
  throw Error(Code::usage, "model " + name,
              fmt::format("there are {} of this name, name one of: {}", found.size(), fmt::join(names, ", ")));
}

Models by_short_name(const Models& all, const std::string& name) {
  Models found;
  const std::string wanted = lower(name);
  std::ranges::copy_if(all, std::back_inserter(found),
                       [&](const StoredModel& one) { return short_names(one).contains(wanted); });
  return found;
}

// Within one store: by the name itself; if none has it, by a short one.
Models meant(const Models& all, const std::string& name) {
  Models found;
  std::ranges::copy_if(all, std::back_inserter(found), [&](const StoredModel& one) { return one.name == name; });
  return found.empty() ? by_short_name(all, name) : found;
}

}  // namespace

std::optional<std::pair<std::string, std::string>> in_store(const std::string& name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string::npos || find_store(name.substr(0, colon)) == nullptr) return std::nullopt;
  if (colon + 1 == name.size())
    throw Error(Code::usage, "model " + name, "names a store and no model in it: 'embscope models' lists them");
  return std::pair(name.substr(0, colon), name.substr(colon + 1));
}

std::vector<std::string_view> store_names() {
  std::vector<std::string_view> names;
  for (const Store& store : stores) names.push_back(store.name);
  return names;
}

std::vector<fs::path> store_folders(std::string_view store) {
  Paths folders, seen;
  for (const fs::path& folder : find_store(store)->folders()) {
    std::error_code error;
    const fs::path real = fs::weakly_canonical(folder, error);  // two ways to one folder are one
    if (!fs::is_directory(folder, error) || std::ranges::find(seen, real) != seen.end()) continue;
    seen.push_back(real), folders.push_back(folder);
  }
  return folders;
}

std::vector<std::string> unread_folders() {
  std::vector<std::string> lines;
  for (const Store& store : stores) {
    const bool named = store.folders == named_folders;
    for (const fs::path& folder : store.folders()) {
      std::error_code error;
      const fs::directory_iterator first(folder, error);
      if (!error || (error == std::errc::no_such_file_or_directory && !named)) continue;
      lines.push_back(fmt::format("{}{} cannot be read: {}", named ? "EMBSCOPE_MODELS: " : "", visible(folder.string()),
                                  error.message()));
    }
  }
  return lines;
}

std::vector<StoredModel> stored_models(std::string_view store) {
  Models models = find_store(store)->models(store_folders(store));
  std::ranges::stable_sort(models, {}, &StoredModel::name);
  return models;
}

std::vector<StoredModel> stored_models() {
  Models models;
  for (const Store& store : stores) std::ranges::move(stored_models(store.name), std::back_inserter(models));
  return models;
}

StoredModel stored_model(const std::string& store, const std::string& given) {
  const std::string name = store == "ollama" ? ollama_name(given) : given;
  const Models all = stored_models(store);
  Models found = meant(all, name);
  if (store == "ollama" && found.size() > 1 && name.find(':') == std::string::npos)  // as Ollama itself understands it
    if (Models latest = meant(all, name + ":latest"); !latest.empty()) found = std::move(latest);
  if (found.size() > 1) ask_which(name, found);
  if (found.size() == 1) return found.front();
  std::vector<std::string> names;
  for (const StoredModel& one : all) names.push_back(one.full_name());
  const Paths folders = store_folders(store);
  std::vector<std::string> where;
  for (const fs::path& folder : folders) where.push_back(folder.string());
  throw Error(Code::not_found, fmt::format("model {}:{}", store, name),
              folders.empty() ? fmt::format("this machine has no such store: 'embscope models' lists what there is")
                              : fmt::format("is not in {}{}; 'embscope models' lists what there is",
                                            fmt::join(where, ", "), nearest_names(store + ":" + name, names)));
}

std::optional<StoredModel> stored_model(const std::string& name) {
  const Models found = by_short_name(stored_models(), name);
  if (found.size() > 1) ask_which(name, found);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::string gguf_stem(const fs::path& file) {
  const auto part = GgufPartName::of(file);
  return part && !part->prefix.empty() ? part->prefix : file.stem().string();
}

std::string gguf_tag(const fs::path& file) {
  const std::string stem = gguf_stem(file);
  const std::string last = stem.substr(stem.find_last_of("-.") + 1);
  const std::string upper = [&] {
    std::string text = last;
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return text;
  }();
  const auto digit = [&](std::size_t at) { return upper.size() > at && upper[at] >= '0' && upper[at] <= '9'; };
  const bool is_type = (upper.starts_with("Q") && digit(1)) || (upper.starts_with("IQ") && digit(2)) ||
                       (upper.starts_with("TQ") && digit(2)) || (upper.starts_with("F") && digit(1)) ||
                       (upper.starts_with("BF") && digit(2)) || (upper.starts_with("FP") && digit(2)) ||
                       upper.starts_with("MXFP") || upper.starts_with("NVFP");
  return is_type ? last : stem;
}

bool has_tag(const fs::path& file, const std::string& tag) {
  const std::string wanted = lower(tag);
  return lower(gguf_tag(file)) == wanted || lower(gguf_stem(file)) == wanted ||
         lower(file.filename().string()) == wanted;
}

std::pair<std::string, std::string> tag_of(const std::string& name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string::npos || name.find('/', colon) != std::string::npos) return {name, ""};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

fs::path with_tag(const fs::path& folder, const std::string& tag, const std::string& name) {
  if (tag.empty()) return folder;
  Paths found;
  std::vector<std::string> tags;
  for (const fs::path& file : gguf_files(folder)) {
    tags.push_back(gguf_tag(file));
    if (has_tag(file, tag)) found.push_back(file);
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1)
    throw Error(
        Code::usage, "model " + name,
        fmt::format("{} files of {} have this tag: name one of them by its path", found.size(), folder.string()));
  throw Error(Code::not_found, "model " + name,
              tags.empty() ? fmt::format("{} holds no .gguf", folder.string())
                           : fmt::format("{} has {}", folder.string(), fmt::join(tags, ", ")));
}

}  // namespace embscope
