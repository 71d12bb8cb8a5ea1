#include "model/hub_cache.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "embscope/files/text_file.h"
#include "model/folders.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

// As Python's expanduser and expandvars, which huggingface_hub applies: ~ in front, $NAME and ${NAME}.
fs::path expanded(std::string text) {
  if (text == "~" || text.starts_with("~/")) text = home().string() + text.substr(1);
  for (std::size_t at = 0; (at = text.find('$', at)) != std::string::npos;) {
    const bool braces = at + 1 < text.size() && text[at + 1] == '{';
    const std::size_t first = at + 1 + (braces ? 1 : 0);
    std::size_t last = first;
    while (last < text.size() && (std::isalnum(static_cast<unsigned char>(text[last])) || text[last] == '_')) ++last;
    const std::optional<std::string> value = variable(text.substr(first, last - first).c_str());
    if (!value || (braces && (last == text.size() || text[last] != '}'))) {
      ++at;
      continue;
    }
    text.replace(at, last + (braces ? 1 : 0) - at, *value);
    at += value->size();
  }
  return text;
}

}  // namespace

fs::path hub_home() {
  if (const std::string folder = environment("HF_HOME"); !folder.empty()) return expanded(folder);
  const std::string caches = environment("XDG_CACHE_HOME");
  return (caches.empty() ? home() / ".cache" : expanded(caches)) / "huggingface";
}

fs::path hub_cache() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (const std::string folder = environment(name); !folder.empty()) return expanded(folder);
  return hub_home() / "hub";
}

bool hub_is_offline() {
  std::string value = environment("HF_HUB_OFFLINE");
  if (value.empty()) value = environment("TRANSFORMERS_OFFLINE");
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

std::string hub_repository(const std::string& name) {
  if (name == "smollm2") return "HuggingFaceTB/SmolLM2-135M-Instruct";
  if (name == "distilgpt2") return "distilbert/distilgpt2";
  if (name == "gpt2" || name == "gpt2-medium" || name == "gpt2-large" || name == "gpt2-xl")
    return "openai-community/" + name;
  return name;
}

HubModel::HubModel(fs::path folder, std::string name)
    : folder_(std::move(folder)), name_(std::move(name)), snapshots_(names_in(folder_ / "snapshots")) {
  for (const std::string& hash : snapshots_)
    if (is_whole(snapshot(hash))) whole_.insert(hash);
}

fs::path HubModel::current() const {
  const std::string main = reference("main");
  if (whole_.contains(main)) return snapshot(main);
  if (whole_.size() > 1)
    throw Error(Code::usage, "model " + name_,
                fmt::format("refs/main of {} names no whole snapshot, and there are several: name one of {}",
                            folder_.string(), choices()));
  return whole_.empty() ? fs::path() : snapshot(*whole_.begin());
}

fs::path HubModel::partial() const {
  std::vector<std::string> hashes(snapshots_.begin(), snapshots_.end());
  if (const std::string main = reference("main"); snapshots_.contains(main)) hashes.insert(hashes.begin(), main);
  for (const std::string& hash : hashes)
    if (is_there(snapshot(hash) / "config.json")) return snapshot(hash);
  return {};
}

fs::path HubModel::at(const std::string& revision) const {
  const std::string where = "model " + name_ + "@" + revision;
  std::string hash = is_plain_name(revision) ? reference(revision) : "";
  if (hash.empty() && !revision.empty()) {
    std::vector<std::string> near;
    for (const std::string& one : snapshots_)
      if (one.starts_with(revision)) near.push_back(one);
    if (near.size() > 1)
      throw Error(Code::usage, where, fmt::format("is the beginning of {}", fmt::join(near, " and ")));
    if (!near.empty()) hash = near.front();
  }
  if (!snapshots_.contains(hash))
    throw Error(Code::not_found, where, fmt::format("is not in {}, which has {}", folder_.string(), choices()));
  return snapshot(hash);
}

std::string HubModel::reference(const std::string& name) const {
  const fs::path file = folder_ / "refs" / name;
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return "";
  std::string text = read_text(file);
  text.erase(text.find_last_not_of(" \n\t") + 1);
  return text;
}

std::string HubModel::choices() const {
  std::vector<std::string> names;
  std::error_code error;
  const fs::path refs = folder_ / "refs";
  for (fs::recursive_directory_iterator entry(refs, error), end; !error && entry != end; entry.increment(error))
    if (entry->is_regular_file(error)) names.push_back(name_ + "@" + entry->path().lexically_relative(refs).string());
  std::ranges::sort(names);
  for (const std::string& hash : snapshots_) names.push_back(name_ + "@" + hash.substr(0, 12));
  return names.empty() ? "no snapshots" : fmt::format("{}", fmt::join(names, ", "));
}

std::vector<HubModel> hub_models(const std::string& name) {
  std::vector<HubModel> found;
  for (const std::string& repository : std::set<std::string>{name, hub_repository(name)}) {
    const fs::path folder = hub_cache() / (std::string(hub_mark) + replaced(repository, "/", "--"));
    if (is_there(folder)) found.emplace_back(folder, name);
  }
  return found;
}

}  // namespace embscope
