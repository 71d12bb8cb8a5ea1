#include "model/folders.h"

#include <algorithm>

#include "files/gguf_parts.h"
#include "files/json.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

// The last part of a path that is a name: not a hash, nor the folder that holds hashes.
std::string name_along(const fs::path& path) {
  bool below_hash = false;
  for (fs::path at = path; at.has_filename(); at = at.parent_path()) {
    const std::string part = at.filename().string();
    if (part.starts_with(hub_mark) && part.size() > hub_mark.size()) return hub_name(part);
    if (!is_hash(part) && !(below_hash && (part == "snapshots" || part == "blobs"))) return part;
    below_hash = true;
  }
  return "";
}

// Without symbolic links resolved: a link keeps the name that it was given. `..` behind a link leaves its
// target.
fs::path without_dots(const fs::path& path) {
  std::error_code error;
  const bool up = std::ranges::find(path, fs::path("..")) != path.end();
  const fs::path whole = up ? fs::weakly_canonical(path, error) : (fs::current_path(error) / path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

}  // namespace

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && !fs::path(name).has_root_path() && name.find("..") == std::string::npos &&
         name.size() < 200;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

bool is_hash(std::string_view text) {
  for (std::string_view kind : {"sha256-", "sha256:"})
    if (text.starts_with(kind)) text.remove_prefix(kind.size());
  return text.size() >= 32 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

std::string hub_name(std::string_view folder) {
  return replaced(std::string(folder.substr(hub_mark.size())), "--", "/");
}

std::vector<fs::path> gguf_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const std::string& name : names_in(folder)) {
    const fs::path path = folder / name;
    if (path.extension() != ".gguf" || name.starts_with("mmproj")) continue;  // a projector of images is not a model
    if (std::error_code error; fs::is_directory(path, error)) continue;
    const auto part = GgufPartName::of(path);
    if (!part || part->number == 1 || !is_there(part->path(1))) files.push_back(path);
  }
  return files;
}

namespace {

// All the shards that an index names.
bool has_shards(const fs::path& index) {
  try {
    const boost::json::value value = read_json(index);
    const JsonObject map = JsonObject(value, index.string()).object("weight_map");
    return std::all_of(map.raw().begin(), map.raw().end(), [&](const auto& shard) {
      return shard.value().is_string() && is_there(index.parent_path() / std::string(shard.value().get_string()));
    });
  } catch (const Error&) { return false; }
}

}  // namespace

bool is_whole(const fs::path& folder) {
  for (const fs::path& file : gguf_files(folder)) {
    const auto part = GgufPartName::of(file);
    bool all = is_there(file) && (!part || part->number == 1);
    for (std::uint64_t i = 2; part && i <= part->count && all; ++i) all = is_there(part->path(i));
    if (all) return true;
  }
  if (!is_there(folder / "config.json")) return false;
  for (const char* name : {"model.safetensors", "pytorch_model.bin"})
    if (is_there(folder / name) || has_shards(folder / (std::string(name) + ".index.json"))) return true;
  return false;
}

std::string model_name(const fs::path& folder) {
  const std::string name = name_along(without_dots(folder));
  return name.empty() ? "model" : name;
}

std::string model_name(const Archive& gguf) {
  const fs::path path = without_dots(gguf.path());
  const auto part = GgufPartName::of(path);
  const std::string stem = part && !part->prefix.empty() ? part->prefix
                           : path.extension() == ".gguf" ? path.stem().string()
                                                         : path.filename().string();
  if (!stem.empty() && !is_hash(stem)) return stem;
  for (const fs::path& above :
       {path.parent_path(), path.parent_path().parent_path(), path.parent_path().parent_path().parent_path()})
    if (above.filename().string().starts_with(hub_mark)) return model_name(above);
  for (const char* key : {"general.name", "general.architecture"}) {
    const MetaValue* value = gguf.meta(key);
    const auto* text = value == nullptr ? nullptr : std::get_if<std::string_view>(value);
    if (text != nullptr && !text->empty() && !is_hash(*text)) return std::string(*text);
  }
  return "model";
}

}  // namespace embscope
