// Corpus: the documents of a file, one per line, found again by their position.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "embscope/base/progress.h"

namespace embscope {

class Corpus {
 public:
  /// `field`: of .jsonl. Throws Error{not_found, io}.
  Corpus(const std::filesystem::path& path, std::string field, bool keep_invalid);

  /// Where a line begins, and its number from 0.
  struct Place {
    std::int64_t line = 0;
    std::uint64_t byte = 0;
  };
  struct Document {
    std::string text;
    Place place, next;
  };

  /// The first document from `place` on whose line number modulo `shards` is `shard`; none at the end. Empty documents
  /// are skipped. Throws Error{format} with the line for JSON without the field, or bytes that are not UTF-8.
  std::optional<Document> next(Place place, int shard, int shards) const;

  /// Reads everything once, so that an error on the last line is found before hours of work. Throws as `next`, and
  /// Error{usage} if there is no text.
  void check(const Progress& progress) const;

  std::uint64_t size() const { return file_.text().size(); }
  std::string_view bytes() const { return file_.text(); }

 private:
  std::string text_of(std::string_view line, std::int64_t number) const;
  std::string name_;
  MappedFile file_;
  std::string field_;
  bool json_, keep_invalid_;
};

}  // namespace embscope
