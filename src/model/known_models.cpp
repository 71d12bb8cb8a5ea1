#include "embscope/model/known_models.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "embscope/model/model.h"
#include "embscope/text/utf8.h"
#include "files/json.h"
#include "model/folders.h"
#include "model/stores.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

// Without the store where none is needed: names in Embscope's cache come first, then those of the hub's.
std::string name_of(const StoredModel& model, const std::set<std::string>& own) {
  const bool bare = model.store == "embscope" || (model.store == "hf" && !own.contains(model.name));
  return bare ? model.name : model.full_name();
}

std::set<std::string> own_names(const std::vector<StoredModel>& models) {
  std::set<std::string> names;
  for (const StoredModel& model : models)
    if (model.store == "embscope") names.insert(model.name);
  return names;
}

void add_sizes(const Archive& archive, std::map<DType, std::uint64_t>& bytes) {
  for (const Archive::Entry& entry : archive.tensors())
    bytes[entry.view.dtype] += static_cast<std::uint64_t>(entry.view.bytes());
}

void describe(const std::vector<std::shared_ptr<const Archive>>& archives, KnownModel& model) {
  std::map<DType, std::uint64_t> bytes;
  for (const auto& archive : archives) {
    add_sizes(*archive, bytes);
    for (const fs::path& file : archive->files()) model.bytes += fs::file_size(file);
  }
  const auto most = std::ranges::max_element(bytes, {}, &std::pair<const DType, std::uint64_t>::second);
  if (most != bytes.end()) model.type = name(most->first);
}

// What a model that does not open says of itself.
void describe_unopened(KnownModel& model) {
  try {
    if (fs::is_directory(model.path) && is_there(model.path / "config.json")) {
      const boost::json::value value = read_json(model.path / "config.json");
      model.family = JsonObject(value, model.path.string()).string("model_type", "");
      for (const std::string& file : names_in(model.path))
        if (const fs::path path = model.path / file; fs::is_regular_file(path)) model.bytes += fs::file_size(path);
      return;
    }
    const std::vector<fs::path> files = fs::is_directory(model.path) ? gguf_files(model.path) : std::vector{model.path};
    for (const fs::path& file : files) model.bytes += fs::file_size(file);
    const auto archive = Archive::open(files.at(0));
    model.bytes = 0;
    describe({archive}, model);
    const MetaValue* family = archive->meta("general.architecture");
    if (const auto* text = family == nullptr ? nullptr : std::get_if<std::string_view>(family)) model.family = *text;
  } catch (const std::exception&) {}  // why it does not open has been said
}

void look(KnownModel& model) {
  if (!is_there(model.path)) {
    model.problem = "[" + model.path.string() + "] is a link that leads nowhere";
    return;
  }
  try {
    const auto opened = Model::open(model.path.string());
    model.family = opened->config().family;
    describe(opened->archives(), model);
  } catch (const std::exception& error) {
    if (model.problem.empty()) model.problem = error.what();
    describe_unopened(model);
  }
}

}  // namespace

std::vector<std::string> known_models() {
  const std::vector<StoredModel> models = stored_models();
  const std::set<std::string> own = own_names(models);
  std::set<std::string> names;
  for (const StoredModel& model : models)
    if (model.problem.empty()) names.insert(name_of(model, own));
  return {names.begin(), names.end()};
}

std::vector<KnownModel> look_at_models(const Progress& progress) {
  const std::vector<StoredModel> stored = stored_models();
  const std::set<std::string> own = own_names(stored);
  std::vector<KnownModel> models;
  for (const StoredModel& one : stored) {
    report(progress, static_cast<double>(models.size()) / static_cast<double>(stored.size()), one.name);
    KnownModel& model = models.emplace_back(KnownModel{name_of(one, own), one.store, one.path, 0, {}, {}, one.problem});
    if (!model.path.empty()) look(model);
  }
  report(progress, 1, "models");
  return models;
}

namespace {

// Names of files may be any bytes: valid text, in one line.
std::string shown(const std::string& name) {
  std::string out;
  for (const char c : well_formed(name)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return out;
}

}  // namespace

Table table_of(const std::vector<KnownModel>& models) {
  std::vector<std::string> name, store, family, type, opens, path;
  std::vector<double> bytes;
  for (const KnownModel& model : models) {
    name.push_back(shown(model.name)), store.push_back(model.store), family.push_back(shown(model.family));
    type.push_back(model.type), opens.push_back(model.problem.empty() ? "yes" : shown(model.problem));
    path.push_back(shown(model.path.string())), bytes.push_back(static_cast<double>(model.bytes));
  }
  Table table("models on this machine");
  table.add("model", name).add("store", store).add("size", bytes, whole).add("family", family).add("type", type);
  return std::move(table.add("opens", opens).add("path", path));
}

}  // namespace embscope
