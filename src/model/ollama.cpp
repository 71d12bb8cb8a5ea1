// Ollama's store (its server/internal/manifest and types/model/name.go): manifests/HOST/NAMESPACE/MODEL/TAG lists
// layers, each by media type and digest; the weights of a model are the layer application/vnd.ollama.image.model, a
// GGUF.
#include <fmt/format.h>

#include "files/json.h"
#include "model/folders.h"
#include "model/stores.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

constexpr std::uintmax_t largest_manifest = 1 << 20;

// As Ollama shows it: without what is usual.
std::string name_of(const std::string& host, const std::string& space, const std::string& model,
                    const std::string& tag) {
  if (host != "registry.ollama.ai") return fmt::format("{}/{}/{}:{}", host, space, model, tag);
  return space == "library" ? fmt::format("{}:{}", model, tag) : fmt::format("{}/{}:{}", space, model, tag);
}

bool is_within(const fs::path& path, const fs::path& folder) {
  const fs::path inner = fs::weakly_canonical(path), outer = fs::weakly_canonical(folder);
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

// The file of a layer. Throws Error{format} for a digest that is not valid, or that leads out of the store.
fs::path blob(const fs::path& store, const JsonObject& layer) {
  const std::string digest(layer.string("digest"));
  constexpr std::string_view kind = "sha256:";
  if (!digest.starts_with(kind) || digest.size() != kind.size() + 64 || !is_hash(digest))
    throw Error(Code::format, layer.where(), fmt::format("the digest '{}' is not a SHA-256", digest.substr(0, 80)));
  const fs::path file = store / "blobs" / replaced(digest, ":", "-");
  if (!is_there(file))
    throw Error(Code::not_found, layer.where(), fmt::format("points to {}, which is not there", file.string()));
  if (!is_within(file, store))
    throw Error(Code::format, layer.where(),
                fmt::format("points to {}, which lies outside of the store", file.string()));
  const auto size = static_cast<std::int64_t>(fs::file_size(file));
  if (layer.has("size") && layer.integer("size") != size)
    throw Error(
        Code::format, layer.where(),
        fmt::format("states {} bytes, {} has {}: fetch the model again", layer.integer("size"), file.string(), size));
  return file;
}

fs::path weights(const fs::path& store, const fs::path& manifest) {
  if (fs::file_size(manifest) > largest_manifest)
    throw Error(Code::format, manifest.string(), "is too large for a manifest");
  const boost::json::value value = read_json(manifest);
  const std::string where = manifest.string();
  const JsonObject object(value, where);
  fs::path found;
  for (const auto& entry : object.array("layers")) {
    const JsonObject layer(entry, where);
    const std::string_view type = layer.string("mediaType");
    if (type == "application/vnd.ollama.image.adapter" || type == "application/vnd.ollama.image.tensor")
      throw Error(Code::unsupported, where,
                  fmt::format("has a layer {}: only models of one GGUF file are opened", type));
    if (type != "application/vnd.ollama.image.model") continue;
    if (!found.empty()) throw Error(Code::unsupported, where, "has weights in several layers, which is not read");
    found = blob(store, layer);
  }
  if (found.empty()) throw Error(Code::format, where, "names no weights");
  return found;
}

}  // namespace

std::string ollama_name(std::string name) {
  for (const std::string_view usual : {"registry.ollama.ai/", "library/"})
    if (name.starts_with(usual)) name.erase(0, usual.size());
  return name;
}

std::vector<StoredModel> ollama_models(const fs::path& store) {
  std::vector<StoredModel> models;
  const fs::path root = store / "manifests";
  for (const std::string& host : names_in(root))
    for (const std::string& space : names_in(root / host))
      for (const std::string& model : names_in(root / host / space))
        for (const std::string& tag : names_in(root / host / space / model)) {
          if (tag.starts_with(".")) continue;
          StoredModel one{"ollama", name_of(host, space, model, tag), {}, {}};
          try {
            one.path = weights(store, root / host / space / model / tag);
          } catch (const Error& error) { one.problem = error.what(); } catch (const fs::filesystem_error& error) {
            one.problem = error.what();
          }
          models.push_back(std::move(one));
        }
  return models;
}

}  // namespace embscope
