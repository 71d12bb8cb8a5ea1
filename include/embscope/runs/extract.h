// Extract: the activations of a corpus on the disk, in files that safetensors opens anywhere.
// Thread rule: one extraction of a shard at a time, which a lock in the folder sees to; any number of shards side by
// side.
//
// The corpus is cut into documents (a line of a text file, a line of .jsonl), documents into windows of at most the
// model's context, windows into parts. A part is one file, part-00000.safetensors and so on, that appears as a whole
// when it is finished; then the manifest says where the next one begins. Where the cuts are depends on the corpus and
// the request alone, so a run that was killed goes on at its first unfinished part and ends with the same bytes:
// nothing is lost and nothing is there twice.
//
// A part has one row for each token: an array for each site, named like it ([rows, D], [rows, H, K]), and token_ids,
// document (the number of its line), position (in its window), begin and end (its bytes in the document's text), int64
// [rows].
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/transformer.h"

namespace embscope {

struct ExtractRequest {
  std::filesystem::path corpus;    ///< .jsonl or .ndjson: one JSON object a line; otherwise text, one document a line
  std::filesystem::path folder;    ///< new, empty, or that of the same extraction, which then goes on
  std::vector<std::string> sites;  ///< as parse_sites reads them; sites with a vector for each position
  DType dtype = DType::f32;        ///< or f16, bf16
  int shard = 0, shards = 1;  ///< this machine's documents: those whose number leaves `shard` when divided by `shards`
  std::int64_t part_tokens = 32768;  ///< in one file, to the end of the window that reaches them
  std::int64_t batch_tokens = 1024;  ///< run at once: texts are packed without padding
  std::string field = "text";        ///< of .jsonl
  bool keep_invalid = false;         ///< take bytes that are not UTF-8 as they are, in place of refusing them
};

struct ExtractResult {
  std::int64_t documents = 0, tokens = 0, parts = 0;  ///< of the shard, in all
  std::int64_t tokens_before = 0;                     ///< of these, what an earlier run had finished
  std::uint64_t bytes = 0;                            ///< of all parts
  std::vector<Site> sites;
  Cost cost;  ///< of this run
};

/// Throws Error{usage} for a folder of another extraction (and says what differs), or one in which another process is
/// at work; Error{format} for invalid UTF-8 or JSON, with the line, before anything is run; Error{io} when the disk is
/// full: the parts finished by then stay, and the same call goes on.
ExtractResult extract(const Transformer& transformer, const ExtractRequest& request, const Progress& progress = {});

/// What the extraction of the shard will take, judged by the first texts of the corpus.
struct ExtractEstimate {
  double tokens = 0, bytes = 0, seconds = 0;
  double bytes_free = 0;  ///< on the folder's disk
};

/// `seconds` are measured on a few hundred tokens when `run` says so, and 0 otherwise. Throws as `extract` does.
ExtractEstimate estimate_extract(const Transformer& transformer, const ExtractRequest& request, bool run);

}  // namespace embscope
