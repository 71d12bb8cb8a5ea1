// The Hugging Face hub's cache, as huggingface_hub lays it out (its docs, guides/manage-cache):
// models--OWNER--NAME with refs/BRANCH, files that hold a hash, and snapshots/HASH, folders of links.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace embscope {

/// Where the hub's own library keeps its token, and its cache (huggingface_hub, constants.py).
std::filesystem::path hub_home();   ///< $HF_HOME, else $XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface
std::filesystem::path hub_cache();  ///< $HF_HUB_CACHE, else hub_home()/hub
bool hub_is_offline();              ///< $HF_HUB_OFFLINE

/// OWNER/NAME on the hub: "gpt2" is short for openai-community/gpt2. Other names are themselves.
std::string hub_repository(const std::string& name);

/// One model of it. `name`: for messages.
class HubModel {
 public:
  HubModel(std::filesystem::path folder, std::string name);

  bool has_whole() const { return !whole_.empty(); }

  /// What refs/main names, when it is whole; else the only whole one; empty where there is none. Throws Error{usage}
  /// where several may be meant.
  std::filesystem::path current() const;

  /// What to open when nothing is whole, so that opening it says what is missing. Empty where there is no
  /// configuration.
  std::filesystem::path partial() const;

  /// A branch or tag of refs/, a hash, or the beginning of only one. Throws Error{not_found} with those there are.
  std::filesystem::path at(const std::string& revision) const;

 private:
  std::filesystem::path snapshot(const std::string& hash) const { return folder_ / "snapshots" / hash; }
  std::string reference(const std::string& name) const;  ///< the hash that a branch or tag names, or nothing
  std::string choices() const;

  std::filesystem::path folder_;
  std::string name_;
  std::set<std::string> snapshots_, whole_;  ///< hashes
};

/// Those that a name may mean: of "gpt2" its own and openai-community's.
std::vector<HubModel> hub_models(const std::string& name);

}  // namespace embscope
