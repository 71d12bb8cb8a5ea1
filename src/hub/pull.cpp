// A model's files from the Hugging Face hub: GET /api/models/NAME lists them, /NAME/resolve/main/FILE gives one; the
// ETag is the SHA-256 of a large file and the git blob's SHA-1 of a small one (huggingface_hub, file_download.py).
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/digest.h"
#include "base/file.h"
#include "embscope/files/archive.h"
#include "embscope/files/text_file.h"
#include "embscope/hub/hub.h"
#include "files/json.h"
#include "hub/http.h"
#include "model/cache.h"
#include "model/folders.h"
#include "model/hub_cache.h"
#include "model/stores.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

std::string token() {
  if (std::string token = environment("HF_TOKEN"); !token.empty()) return token;
  const std::string named = environment("HF_TOKEN_PATH");
  const fs::path file = named.empty() ? hub_home() / "token" : fs::path(named);
  if (!is_there(file)) return "";
  const std::vector<std::string> lines = read_lines(file);
  return lines.empty() ? "" : lines.front();
}

std::string repository(const std::string& short_or_whole) {
  const std::string name = hub_repository(short_or_whole);
  const std::size_t slash = name.find('/');
  const bool plain =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == std::string::npos;
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size() ||
      name.find('/', slash + 1) != std::string::npos || !plain || name.find("..") != std::string::npos) {
    throw Error(Code::usage, "pull",
                fmt::format("'{}': expected smollm2, gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2, OWNER/NAME or "
                            "OWNER/NAME:TAG",
                            name));
  }
  return name;
}

void refuse_status(const Answer& answer, const std::string& address) {
  if (answer.status < 400) return;
  std::string what = "the server refuses; try again later";
  if (answer.status == 401 || answer.status == 403)
    what = "the hub wants to know you: set HF_TOKEN to a token that may read this model";
  if (answer.status == 404) what = "there is no such model or file: check the name";
  throw Error(Code::network, address, fmt::format("status {}: {}", answer.status, what));
}

// What the hub states of a file before it is fetched.
struct Stated {
  std::uint64_t size = 0;
  std::string etag;
};

// As the hub states it: the SHA-256 of a large file, the git blob's SHA-1 of a small one.
std::string hash_of(const fs::path& path, bool large) {
  const MappedFile file(path);
  Digest digest(large ? Digest::Kind::sha256 : Digest::Kind::sha1);
  if (!large) digest.add(std::string_view(fmt::format("blob {}", file.bytes().size()) + '\0'));
  digest.add(file.text());
  return digest.hex();
}

void check_hash(const fs::path& part, const Stated& stated, const std::string& name) {
  const bool large = stated.etag.size() == 64, small = stated.etag.size() == 40;
  if (!large && !small) throw Error(Code::format, name, "the server states no hash: nothing to check the file against");
  const std::string found = hash_of(part, large);
  if (found == stated.etag) return;
  fs::remove(part);
  throw Error(Code::format, name,
              fmt::format("its hash is {}, the hub states {}: the damaged download was removed, run the command again",
                          found, stated.etag));
}

bool is_gguf(const std::string& file) { return fs::path(file).extension() == ".gguf"; }

// What may be asked of the hub and named on this disk: files of the repository itself, and .gguf in its folders.
bool is_fetchable(const std::string& name) {
  if (name.empty() || name[0] == '.' || name[0] == '/' || name.find('\\') != std::string::npos) return false;
  const bool inside = name.find('/') != std::string::npos;
  return !inside || (is_gguf(name) && name.find("..") == std::string::npos && name.find("/.") == std::string::npos);
}

// A folder that goes away again, and those above it that were made for it, when nothing was fetched into it.
class NewFolder {
 public:
  explicit NewFolder(fs::path folder) : folder_(std::move(folder)) {
    for (fs::path at = folder_; !at.empty() && !is_there(at); at = at.parent_path()) made_.push_back(at);
    make_folder(folder_);
  }
  ~NewFolder() {
    std::error_code ignored;
    for (const std::string& name : names_in(folder_)) {
      const fs::path file = folder_ / name;
      if (name != ".lock" && fs::file_size(file, ignored) > 0) return;
    }
    if (made_.empty()) return;
    for (const std::string& name : names_in(folder_)) fs::remove(folder_ / name, ignored);
    for (const fs::path& folder : made_) fs::remove(folder, ignored);  // only while it is empty
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

 private:
  fs::path folder_;
  std::vector<fs::path> made_;  // the deepest first
};

class Pull {
 public:
  Pull(const std::string& name, const Progress& progress)
      : asked_(name),
        tag_(tag_of(name).second),
        name_(repository(tag_of(name).first)),
        progress_(progress),
        hub_(environment("HF_ENDPOINT")),
        token_(token()) {
    if (hub_.empty()) hub_ = "https://huggingface.co";
    while (!hub_.empty() && hub_.back() == '/') hub_.pop_back();
    folder_ = pulled_folder(tag_of(name).first);
  }

  PullResult run() {
    const auto files = wanted(list());  // before anything is made: a wrong name leaves no folder
    if (const auto found = fetched_by_others(files)) return *found;
    const NewFolder folder(folder_);
    lock();
    for (std::size_t i = 0; i < files.size(); ++i) {
      fetch(files[i], static_cast<double>(i) / static_cast<double>(files.size()),
            1.0 / static_cast<double>(files.size()));
    }
    return {folder_, asked_, ""};
  }

 private:
  void lock() {
    lock_ = hold(folder_ / ".lock");
    if (!lock_) throw Error(Code::io, folder_.string(), "another process is fetching this model: wait for it to end");
  }

  std::vector<std::string> list() {
    const std::string address = fmt::format("{}/api/models/{}", hub_, name_);
    const Answer answer = http({address, token_});
    refuse_status(answer, address);
    const boost::json::value value = parse_json(answer.body, address);
    std::vector<std::string> names;
    for (const auto& sibling : JsonObject(value, address).array("siblings")) {
      const std::string name(JsonObject(sibling, address).string("rfilename"));
      if (is_fetchable(name)) names.push_back(name);
    }
    return names;
  }

  // Configuration and tokenizer first, weights last: a broken connection then costs the least.
  std::vector<std::string> wanted(const std::vector<std::string>& names) const {
    const auto has = [&](const std::string& name) { return std::ranges::find(names, name) != names.end(); };
    const std::string weights = weights_in(names);
    const bool gguf = std::ranges::any_of(names, is_gguf) && !(has("config.json") && !weights.empty());
    if (!tag_.empty() || gguf) return wanted_ggufs(names);
    if (!has("config.json"))
      throw Error(Code::not_found, name_, "the repository holds no config.json: it is not a model in this layout");
    if (weights.empty())
      throw Error(Code::not_found, name_, "the repository holds no model.safetensors and no pytorch_model.bin");
    std::vector<std::string> files;
    for (const char* name : {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
                             "chat_template.jinja", "vocab.json", "merges.txt"}) {
      if (has(name)) files.emplace_back(name);
    }
    files.push_back(weights);
    const fs::path kind = weights.starts_with("model") ? ".safetensors" : ".bin";
    const std::string shard = kind == ".bin" ? "pytorch_model-" : "model-";
    for (const std::string& name : names) {
      if (weights.ends_with(".json") && name.starts_with(shard) && fs::path(name).extension() == kind)
        files.push_back(name);
    }
    return files;
  }

  // The weights, or the index of their shards; safetensors before PyTorch's checkpoints.
  static std::string weights_in(const std::vector<std::string>& names) {
    for (const char* name :
         {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"})
      if (std::ranges::find(names, name) != names.end()) return name;
    return "";
  }

  // The one .gguf, with all its parts, that the tag names; without a tag the only one there is.
  std::vector<std::string> wanted_ggufs(const std::vector<std::string>& names) const {
    std::vector<std::string> files;
    std::set<std::string> chosen, tags;
    for (const std::string& name : names) {
      if (!is_gguf(name) || fs::path(name).filename().string().starts_with("mmproj")) continue;
      tags.insert(gguf_tag(name));
      if (tag_.empty() || has_tag(name, tag_)) files.push_back(name), chosen.insert(gguf_stem(name));
    }
    if (chosen.size() == 1) return files;
    if (tags.empty()) throw Error(Code::not_found, name_, "the repository holds no .gguf");
    throw Error(
        chosen.empty() ? Code::not_found : Code::usage, asked_,
        fmt::format("the repository holds {} .gguf files{}: fetch one with 'embscope pull {}:TAG', TAG one of {}",
                    tags.size(), chosen.empty() ? " and none of this tag" : "", name_, fmt::join(tags, ", ")));
  }

  // What another program on this machine has fetched is used where it lies, once its hash is known to be the hub's.
  std::optional<PullResult> fetched_by_others(const std::vector<std::string>& files) {
    if (is_there(folder_)) return std::nullopt;  // ours: go on with it
    return is_gguf(files.front()) ? gguf_of_others(files) : snapshot_of_hub_cache(files);
  }

  std::optional<PullResult> gguf_of_others(const std::vector<std::string>& files) {
    if (files.size() != 1) return std::nullopt;
    const fs::path name = fs::path(files[0]).filename();
    std::optional<Stated> stated;
    for (const StoredModel& model : stored_models()) {
      const std::vector<fs::path> ggufs =
          fs::is_directory(model.path) ? gguf_files(model.path) : std::vector{model.path};
      if (ggufs.size() != 1 || (ggufs[0].filename() != name && !is_hash(ggufs[0].filename().string()))) continue;
      if (!stated) stated = this->stated(address_of(files[0]));
      if (is_file(ggufs[0], *stated)) return PullResult{ggufs[0], model.full_name(), model.store};
    }
    return std::nullopt;
  }

  // By its name, where that is the hash (Ollama's), else by its size and bytes.
  static bool is_file(const fs::path& path, const Stated& stated) {
    if (is_hash(path.filename().string())) return path.filename() == "sha256-" + stated.etag;
    return fs::file_size(path) == stated.size && hash_of(path, stated.etag.size() == 64) == stated.etag;
  }

  // huggingface_hub names a blob by the ETag.
  std::optional<PullResult> snapshot_of_hub_cache(const std::vector<std::string>& files) {
    for (const HubModel& model : hub_models(name_)) {
      if (!model.has_whole()) continue;
      const fs::path snapshot = model.current();
      const bool same = std::ranges::all_of(files, [&](const std::string& file) {
        std::error_code error;
        const fs::path blob = fs::canonical(snapshot / file, error);
        if (error) return false;
        const Stated wanted = stated(address_of(file));
        return blob.filename() == wanted.etag && fs::file_size(blob) == wanted.size;
      });
      if (same) return PullResult{snapshot, name_, "hf"};
    }
    return std::nullopt;
  }

  std::string address_of(const std::string& file) const {
    return fmt::format("{}/{}/resolve/main/{}", hub_, name_, file);
  }

  Stated stated(const std::string& address) {
    Fetch fetch{address, token_};
    fetch.head = true;
    fetch.follow = false;  // the hub's own answer states size and hash; the store behind the redirect has other tags
    const Answer answer = http(fetch);
    refuse_status(answer, address);
    const auto header = [&](const char* linked, const char* plain) {
      for (const char* name : {linked, plain}) {
        if (const auto found = answer.headers.find(name); found != answer.headers.end()) return found->second;
      }
      return std::string();
    };
    Stated stated;
    stated.size = std::strtoull(header("x-linked-size", "content-length").c_str(), nullptr, 10);
    for (char c : header("x-linked-etag", "etag")) {
      if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) stated.etag += c;
    }
    return stated;
  }

  void fetch(const std::string& file, double done, double share) {
    const std::string local = fs::path(file).filename().string();
    const fs::path path = folder_ / local, part = folder_ / (local + ".part");
    const std::string address = address_of(file);
    const Stated wanted = stated(address);
    std::error_code error;
    if (fs::file_size(path, error) == wanted.size && !error) return;  // was checked before it got this name
    check_space(wanted, part);
    download(address, wanted, part, file, done, share);
    if (fs::file_size(part) != wanted.size)
      throw Error(Code::network, address,
                  fmt::format("ended after {} of {} bytes; run the command again to continue", fs::file_size(part),
                              wanted.size));
    check_hash(part, wanted, file);
    fs::rename(part, path);
  }

  void check_space(const Stated& wanted, const fs::path& part) const {
    std::error_code error;
    const std::uint64_t have = fs::exists(part) ? fs::file_size(part) : 0;
    const fs::space_info space = fs::space(folder_, error);
    if (!error && wanted.size > have && space.available < wanted.size - have) {
      throw Error(Code::io, folder_.string(),
                  fmt::format("the disk has {} bytes free, {} are needed", space.available, wanted.size - have));
    }
  }

  void download(const std::string& address, const Stated& wanted, const fs::path& part, const std::string& file,
                double done, double share) {
    std::uint64_t have = fs::exists(part) ? fs::file_size(part) : 0;
    if (have == wanted.size) return;
    if (have > wanted.size) have = 0;
    GrowingFile out(part, have);
    bool first = true;
    Fetch fetch{address, token_};
    fetch.from = have;
    fetch.sink = [&](long status, std::string_view bytes) {
      if (first && status == 200 && have > 0) {  // the server starts over
        have = 0;
        out.start_over();
      }
      first = false;
      out.write(bytes);
      have += bytes.size();
      embscope::report(
          progress_,
          done + share * static_cast<double>(have) / static_cast<double>(std::max<std::uint64_t>(1, wanted.size)),
          file);
    };
    refuse_status(http(fetch), address);
  }

  std::string asked_, tag_, name_;  // NAME:TAG, TAG, OWNER/NAME
  const Progress& progress_;
  std::string hub_, token_;
  fs::path folder_;
  std::optional<Descriptor> lock_;
};

}  // namespace

PullResult pull(const std::string& name, const Progress& progress) {
  if (hub_is_offline())
    throw Error(
        Code::network, "pull",
        fmt::format("HF_HUB_OFFLINE says that this machine is offline: {} is not fetched; unset it to fetch", name));
  return Pull(name, progress).run();
}

std::string fetching_problem() {
  try {
    expect_http();
    return "";
  } catch (const Error& error) { return error.message(); }
}

}  // namespace embscope
