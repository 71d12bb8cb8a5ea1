#include <algorithm>
#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "embscope/model.h"
#include "model/family.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path home() {
  const std::string folder = environment("HOME");
  return folder.empty() ? fs::path("/root") : fs::path(folder);
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) names.insert(entry.path().filename().string());
  return names;
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && name[0] != '/' && name.find("..") == std::string::npos && name.size() < 200;
}

// $HF_HOME/hub/models--OWNER--NAME/snapshots/*, the first that holds a configuration.
fs::path in_hub_cache(std::string name) {
  const std::string root = environment("HF_HOME");
  const fs::path hub = (root.empty() ? home() / ".cache/huggingface" : fs::path(root)) / "hub";
  for (std::size_t at; (at = name.find('/')) != std::string::npos;) name.replace(at, 1, "--");
  for (const std::string& folder : {"models--" + name, "models--openai-community--" + name}) {
    for (const std::string& snapshot : names_in(hub / folder / "snapshots")) {
      fs::path path = hub / folder / "snapshots" / snapshot;
      if (fs::exists(path / "config.json")) return path;
    }
  }
  return {};
}

std::string folder_name(std::string name) {
  const std::size_t slash = name.find('/');
  if (slash != std::string::npos) name.replace(slash, 1, "--");
  return name;
}

}  // namespace

fs::path cache_folder() {
  if (const std::string folder = environment("EMBSCOPE_CACHE"); !folder.empty()) return folder;
  if (const std::string folder = environment("XDG_CACHE_HOME"); !folder.empty()) return fs::path(folder) / "embscope";
  return home() / ".cache/embscope";
}

fs::path find_model(const std::string& path_or_name) {
  if (path_or_name.empty()) throw Error(Code::usage, "model", "the name is empty");
  std::error_code error;
  if (fs::exists(path_or_name, error)) return path_or_name;
  const fs::path models = cache_folder() / "models";
  if (is_plain_name(path_or_name)) {
    if (fs::path path = models / folder_name(path_or_name); fs::exists(path, error)) return path;
    if (fs::path path = in_hub_cache(path_or_name); !path.empty()) return path;
  }
  const auto names = names_in(models);
  const bool on_the_hub = is_plain_name(path_or_name) && std::ranges::count(path_or_name, '/') <= 1;
  throw Error(Code::not_found, "model " + path_or_name,
              fmt::format("no such file or folder, and the cache has {}{}", names.empty() ? "no models" : fmt::format("{}", fmt::join(names, ", ")),
                          on_the_hub ? fmt::format("; fetch it with 'embscope pull {}'", path_or_name) : ""));
}

}  // namespace embscope
