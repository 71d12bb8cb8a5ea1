#include "runs/extraction.h"

#include <fmt/format.h>

#include "embscope/files/archive.h"
#include "files/json.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

bool is_manifest(const std::string& name) { return name.starts_with("manifest") && name.ends_with(".json"); }

// The first key in which two runs differ, with both values, for the error.
std::string difference(const boost::json::object& there, const boost::json::object& asked) {
  for (const auto& [key, value] : asked) {
    const auto* other = there.if_contains(key);
    if (other == nullptr || boost::json::serialize(*other) != boost::json::serialize(value))
      return fmt::format("{} is {} there, but {} was requested", std::string(key),
                         other == nullptr ? "missing" : boost::json::serialize(*other), boost::json::serialize(value));
  }
  return "";
}

}  // namespace

Extraction::Extraction(const ExtractRequest& request, boost::json::object run)
    : folder_(request.folder),
      shard_(request.shards == 1 ? "" : fmt::format("-{}-of-{}", request.shard, request.shards)),
      run_(std::move(run)) {
  make_folder(folder_);
  refuse_others();
  lock();
  remove_leftovers();
  read_manifest();
}

// The kernel releases the lock when the process ends in any way.
void Extraction::lock() {
  const fs::path path = folder_ / ("lock" + shard_);
  lock_ = hold(path);
  if (!lock_)
    throw Error(Code::usage, folder_.string(), "another process is extracting into this folder: wait for it to end");
}

void Extraction::refuse_others() {
  bool manifest = false, other = false;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (is_manifest(name) && !is_leftover(name)) {
      manifest = true;
      const boost::json::value value = read_json(entry.path());
      const JsonObject run = JsonObject(value, entry.path().string()).object("run");
      if (const std::string differs = difference(run.raw(), run_); !differs.empty())
        throw Error(Code::usage, folder_.string(),
                    fmt::format("holds another extraction ({}): choose another folder", differs));
    } else if (!name.starts_with("lock") && !is_leftover(name)) {
      other = true;
    }
  }
  if (other && !manifest)
    throw Error(Code::usage, folder_.string(), "is not empty and holds no extraction: choose a new folder");
}

void Extraction::remove_leftovers() const {
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    const bool ours = name.starts_with("part" + shard_ + "-") || name.starts_with("manifest" + shard_ + ".json");
    std::error_code ignored;
    if (ours && is_leftover(name)) fs::remove(entry.path(), ignored);
  }
}

std::string Extraction::part_name(std::size_t number) const {
  return fmt::format("part{}-{:05}.safetensors", shard_, number);
}

// A part that is missing or incomplete is made again, with all later parts.
void Extraction::read_manifest() {
  const fs::path path = folder_ / ("manifest" + shard_ + ".json");
  if (!fs::exists(path)) return;
  const boost::json::value value = read_json(path);
  const JsonObject manifest(value, path.string());
  begun_ = true;
  complete_ = manifest.truth("complete", false);
  for (const boost::json::value& item : manifest.array("parts")) {
    const JsonObject part(item, path.string());
    const JsonObject next = part.object("next");
    ExtractPart read{std::string(part.string("file")),
                     part.integer("tokens"),
                     part.integer("documents"),
                     static_cast<std::uint64_t>(part.integer("bytes")),
                     {next.integer("line"), static_cast<std::uint64_t>(next.integer("byte")), next.integer("window")}};
    std::error_code error;
    if (read.file != part_name(parts_.size()) || fs::file_size(folder_ / read.file, error) != read.bytes || error) {
      complete_ = false;
      return;
    }
    parts_.push_back(std::move(read));
  }
}

void Extraction::write_manifest() const {
  boost::json::array parts;
  for (const ExtractPart& p : parts_) {
    parts.push_back({{"file", p.file},
                     {"tokens", p.tokens},
                     {"documents", p.documents},
                     {"bytes", p.bytes},
                     {"next", {{"line", p.next.line}, {"byte", p.next.byte}, {"window", p.next.window}}}});
  }
  const boost::json::object manifest{{"run", run_}, {"parts", std::move(parts)}, {"complete", complete_}};
  write_file(folder_ / ("manifest" + shard_ + ".json"), boost::json::serialize(manifest) + "\n");
}

void Extraction::add(ExtractPart part) {
  parts_.push_back(std::move(part));
  write_manifest();
}

void Extraction::complete_it() {
  complete_ = true;
  write_manifest();
}

}  // namespace embscope
