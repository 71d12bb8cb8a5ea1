// Extraction: the folder that an extraction fills, its lock and its manifest: what is finished, and where to continue.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "base/file.h"
#include "embscope/runs/extract.h"

namespace embscope {

/// Where the next window begins: a line of the corpus, and which of its windows.
struct ExtractPlace {
  std::int64_t line = 0;
  std::uint64_t byte = 0;
  std::int64_t window = 0;
};

struct ExtractPart {
  std::string file;
  std::int64_t tokens = 0, documents = 0;  ///< documents that begin in it
  std::uint64_t bytes = 0;
  ExtractPlace next;
};

class Extraction {
 public:
  /// Opens or creates it. `run` describes what is extracted from what; an extraction with a different `run` is refused.
  /// Throws Error{usage, io, format}.
  Extraction(const ExtractRequest& request, boost::json::object run);
  Extraction(const Extraction&) = delete;
  Extraction& operator=(const Extraction&) = delete;

  const std::vector<ExtractPart>& parts() const { return parts_; }
  ExtractPlace next() const { return parts_.empty() ? ExtractPlace() : parts_.back().next; }
  bool begun() const { return begun_; }  ///< an earlier run has checked the corpus
  bool complete() const { return complete_; }
  std::filesystem::path next_path() const { return folder_ / part_name(parts_.size()); }

  void begin() { write_manifest(); }
  void add(ExtractPart part);  ///< its file is complete
  void complete_it();

 private:
  std::string part_name(std::size_t number) const;
  void lock();
  void refuse_others();
  void read_manifest();
  void remove_leftovers() const;
  void write_manifest() const;

  std::filesystem::path folder_;
  std::string shard_;  ///< "" or "-3-of-8", in the names of files
  boost::json::object run_;
  std::vector<ExtractPart> parts_;
  bool begun_ = false, complete_ = false;
  std::optional<Descriptor> lock_;
};

}  // namespace embscope
