// A model's files from the Hugging Face hub: GET /api/models/NAME lists them, /NAME/resolve/main/FILE gives one; the
// ETag is the SHA-256 of a large file and the git blob's SHA-1 of a small one (huggingface_hub, file_download.py).
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "embscope/files/archive.h"
#include "embscope/files/text_file.h"
#include "embscope/hub/hub.h"
#include "files/json.h"
#include "hub/http.h"
#include "model/cache.h"
#include "model/folders.h"
#include "model/hub_cache.h"

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
                fmt::format("'{}': expected gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2 or OWNER/NAME", name));
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

/// A running SHA-1 or SHA-256.
class Digest {
 public:
  explicit Digest(const EVP_MD* kind) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), kind, nullptr);
  }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes, &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

// What the hub states of a file before it is fetched.
struct Stated {
  std::uint64_t size = 0;
  std::string etag;
};

void check_hash(const fs::path& part, const Stated& stated, const std::string& name) {
  const bool large = stated.etag.size() == 64, small = stated.etag.size() == 40;
  if (!large && !small) throw Error(Code::format, name, "the server states no hash: nothing to check the file against");
  const MappedFile file(part);
  Digest digest(large ? EVP_sha256() : EVP_sha1());
  if (small) digest.add(std::string_view(fmt::format("blob {}", file.bytes().size()) + '\0'));
  digest.add(file.text());
  const std::string found = digest.hex();
  if (found == stated.etag) return;
  fs::remove(part);
  throw Error(Code::format, name,
              fmt::format("its hash is {}, the hub states {}: the damaged download was removed, run the command again",
                          found, stated.etag));
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
      : name_(repository(name)), progress_(progress), hub_(environment("HF_ENDPOINT")), token_(token()) {
    if (hub_.empty()) hub_ = "https://huggingface.co";
    while (!hub_.empty() && hub_.back() == '/') hub_.pop_back();
    folder_ = pulled_folder(name);
  }

  fs::path run() {
    const auto files = wanted(list());  // before anything is made: a wrong name leaves no folder
    const NewFolder folder(folder_);
    lock();
    for (std::size_t i = 0; i < files.size(); ++i) {
      fetch(files[i], static_cast<double>(i) / static_cast<double>(files.size()),
            1.0 / static_cast<double>(files.size()));
    }
    return folder_;
  }

 private:
  void lock() {
    lock_ = open_regular(folder_ / ".lock", O_RDWR | O_CREAT);
    if (flock(lock_.number(), LOCK_EX | LOCK_NB) != 0)
      throw Error(Code::io, folder_.string(), "another process is fetching this model: wait for it to end");
  }

  std::vector<std::string> list() {
    const std::string address = fmt::format("{}/api/models/{}", hub_, name_);
    const Answer answer = http({address, token_});
    refuse_status(answer, address);
    const boost::json::value value = parse_json(answer.body, address);
    std::vector<std::string> names;
    for (const auto& sibling : JsonObject(value, address).array("siblings")) {
      const std::string name(JsonObject(sibling, address).string("rfilename"));
      if (!name.empty() && name[0] != '.' && name.find('/') == std::string::npos &&
          name.find('\\') == std::string::npos)
        names.push_back(name);
    }
    return names;
  }

  // Configuration and tokenizer first, weights last: a broken connection then costs the least.
  std::vector<std::string> wanted(const std::vector<std::string>& names) const {
    const auto has = [&](const std::string& name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    std::vector<std::string> files;
    for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"}) {
      if (has(name)) files.emplace_back(name);
    }
    if (!has("config.json"))
      throw Error(Code::not_found, name_, "the repository holds no config.json: it is not a model in this layout");
    if (has("model.safetensors")) {
      files.emplace_back("model.safetensors");
    } else if (has("model.safetensors.index.json")) {
      files.emplace_back("model.safetensors.index.json");
      for (const std::string& name : names) {
        if (name.rfind("model-", 0) == 0 && fs::path(name).extension() == ".safetensors") files.push_back(name);
      }
    } else {
      throw Error(Code::not_found, name_, "the repository holds no model.safetensors");
    }
    return files;
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
    const fs::path path = folder_ / file, part = folder_ / (file + ".part");
    const std::string address = fmt::format("{}/{}/resolve/main/{}", hub_, name_, file);
    const Stated wanted = stated(address);
    std::error_code error;
    if (fs::file_size(path, error) == wanted.size && !error) return;  // was checked before it got this name
    check_space(wanted, part);
    download(address, wanted, part, file, done, share);
    if (fs::file_size(part) != wanted.size)
      throw Error(Code::network, address,
                  fmt::format("ended after {} of {} bytes; run the command again to go on from here",
                              fs::file_size(part), wanted.size));
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
    const Descriptor file_out = open_regular(part, O_WRONLY | O_CREAT | (have == 0 ? O_TRUNC : 0));
    const int out = file_out.number();
    lseek(out, static_cast<off_t>(have), SEEK_SET);
    bool first = true;
    Fetch fetch{address, token_};
    fetch.from = have;
    fetch.sink = [&](long status, std::string_view bytes) {
      if (first && status == 200 && have > 0) {  // the server starts over
        have = 0;
        if (ftruncate(out, 0) != 0 || lseek(out, 0, SEEK_SET) != 0)
          throw Error(Code::io, part.string(), "cannot be started over");
      }
      first = false;
      while (!bytes.empty()) {
        const ssize_t written = write(out, bytes.data(), bytes.size());
        if (written < 0)
          throw Error(Code::io, part.string(),
                      fmt::format("cannot write: {}; what was fetched is kept, run the command again to go on",
                                  std::strerror(errno)));
        have += static_cast<std::uint64_t>(written);
        bytes.remove_prefix(static_cast<std::size_t>(written));
      }
      embscope::report(
          progress_,
          done + share * static_cast<double>(have) / static_cast<double>(std::max<std::uint64_t>(1, wanted.size)),
          file);
    };
    refuse_status(http(fetch), address);
  }

  std::string name_;
  const Progress& progress_;
  std::string hub_, token_;
  fs::path folder_;
  Descriptor lock_;
};

}  // namespace

fs::path pull(const std::string& name, const Progress& progress) {
  if (hub_is_offline())
    throw Error(
        Code::network, "pull",
        fmt::format("HF_HUB_OFFLINE says that this machine is offline: {} is not fetched; unset it to fetch", name));
  return Pull(name, progress).run();
}

}  // namespace embscope
