// Corpus: the documents of a file, one a line, found again by where they begin.
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

  /// The first document from `place` on whose line number leaves `shard` when divided by `shards`; none at the end.
  /// Empty ones are passed over. Throws Error{format} with the line for JSON without the field, or bytes that are no
  /// UTF-8.
  std::optional<Document> next(Place place, int shard, int shards) const;

  /// Reads everything once, so that a mistake on the last line shows before hours of work. Throws as `next`, and
  /// Error{usage} when there is no text at all.
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
