#include "model/cache.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "embscope/model/known_models.h"
#include "embscope/model/model.h"
#include "model/family.h"
#include "model/folders.h"
#include "model/hub_cache.h"
#include "model/stores.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t most = 20;
  if (names.empty()) return "no models";
  const std::vector<std::string> shown(names.begin(),
                                       names.begin() + static_cast<std::ptrdiff_t>(std::min(most, names.size())));
  return fmt::format("{}{}", fmt::join(shown, ", "),
                     names.size() > most ? fmt::format(" and {} more", names.size() - most) : "");
}

[[noreturn]] void not_found(const std::string& name) {
  const std::vector<std::string> names = known_models();
  const bool on_the_hub = is_plain_name(name) && std::ranges::count(name, '/') <= 1 && !hub_is_offline();
  throw Error(
      Code::not_found, "model " + name,
      fmt::format("no such file or folder, and the cache has {}{}{}", list_of(names), nearest_names(name, names),
                  on_the_hub ? fmt::format("; fetch it with 'embscope pull {}'", name) : ""));
}

// NAME@REVISION
std::pair<std::string, std::string> revision_of(const std::string& name) {
  const std::size_t mark = name.find('@');
  return mark == std::string::npos ? std::pair(name, std::string())
                                   : std::pair(name.substr(0, mark), name.substr(mark + 1));
}

ModelPlace named_at(const std::string& name, const std::string& revision) {
  for (const HubModel& model : hub_models(name)) {
    const std::string shown = is_hash(revision) ? revision.substr(0, 12) : revision;
    return {model.at(revision), name + "@" + shown};
  }
  throw Error(Code::not_found, "model " + name + "@" + revision,
              fmt::format("revisions are those of the Hugging Face hub's cache, and {} does not have {}",
                          hub_cache().string(), name));
}

// A fetch that ended early says so (pull locks the folder that it fills); what else is not whole says what is missing
// when it is opened.
void refuse_early_end(const fs::path& folder, const std::string& name) {
  for (const std::string& file : names_in(folder)) {
    if (file.ends_with(".part") || file == ".lock")
      throw Error(Code::not_found, "model " + name,
                  fmt::format("was not fetched to its end: 'embscope pull {}' goes on", name));
  }
}

// In Embscope's own cache, or in the hub's; `name` may be NAME:TAG of a folder with several .gguf files.
std::optional<ModelPlace> in_caches(const std::string& name) {
  const auto [base, tag] = tag_of(name);
  const auto has = [&tag](const fs::path& folder) {
    return tag.empty() || std::ranges::any_of(gguf_files(folder), [&](const fs::path& f) { return has_tag(f, tag); });
  };
  const fs::path own = pulled_folder(base);
  if (is_whole(own) && has(own)) return ModelPlace{with_tag(own, tag, name), name};
  for (const HubModel& model : hub_models(base)) {
    const fs::path path = model.current();
    if (!path.empty() && has(path)) return ModelPlace{with_tag(path, tag, name), name};
  }
  return std::nullopt;
}

ModelPlace opened_from(const StoredModel& model) {
  if (model.path.empty()) throw Error(Code::format, "model " + model.full_name(), model.problem);
  const bool cache = model.store == "embscope" || model.store == "hf";
  return {model.path, cache ? model.name : model.full_name()};
}

ModelPlace named(const std::string& name) {
  if (const auto found = in_caches(name)) return *found;
  if (const auto found = stored_model(name)) return opened_from(*found);
  const fs::path own = pulled_folder(tag_of(name).first);
  if (!names_in(own).empty() && names_in(own) != std::set<std::string>{".lock"}) {
    refuse_early_end(own, name);
    return {with_tag(own, tag_of(name).second, name), name};
  }
  for (const HubModel& model : hub_models(name))
    if (const fs::path path = model.partial(); !path.empty()) return {path, name};
  not_found(name);
}

ModelPlace named_in(const std::string& store, const std::string& name) {
  const std::size_t mark = name.find('@');
  if (store == "hf" && mark != std::string::npos) return named_at(name.substr(0, mark), name.substr(mark + 1));
  return opened_from(stored_model(store, name));
}

// A folder of the hub's cache stands for the model's current snapshot.
fs::path in_repository(const fs::path& path) {
  const std::string folder = (path / "").parent_path().filename().string();
  if (!folder.starts_with(hub_mark) || is_there(path / "config.json") || !is_there(path / "snapshots")) return path;
  const HubModel model(path, hub_name(folder));
  const fs::path current = model.current();
  return !current.empty() ? current : !model.partial().empty() ? model.partial() : path;
}

}  // namespace

fs::path cache_folder() {
  if (const std::string folder = environment("EMBSCOPE_CACHE"); !folder.empty()) return folder;
  if (const std::string folder = environment("XDG_CACHE_HOME"); !folder.empty()) return fs::path(folder) / "embscope";
  return home() / ".cache" / "embscope";
}

fs::path pulled_folder(const std::string& name) { return cache_folder() / "models" / replaced(name, "/", "--"); }

ModelPlace place_of_model(const std::string& path_or_name) {
  if (path_or_name.empty()) throw Error(Code::usage, "model", "the name is empty");
  if (is_there(path_or_name)) return {in_repository(path_or_name), ""};
  if (const auto stored = in_store(path_or_name)) return named_in(stored->first, stored->second);
  const auto [name, revision] = revision_of(path_or_name);
  if (!is_plain_name(name)) not_found(path_or_name);
  return path_or_name.find('@') == std::string::npos ? named(name) : named_at(name, revision);
}

fs::path find_model(const std::string& path_or_name) { return place_of_model(path_or_name).path; }

}  // namespace embscope
