// Extract: the activations of a corpus on disk, as safetensors files. Thread rule: one extraction of a shard at a time,
// ensured by a lock in the folder; any number of shards in parallel.
//
// The corpus is split into documents (a line of a text file, a line of .jsonl), documents into windows of at most the
// model's context, windows into parts. A part is one file, part-00000.safetensors and so on, that appears completely
// when it is finished; then the manifest says where the next one begins. The limits of the parts depend only on the
// corpus and the request, so a run that was killed continues at its first unfinished part and ends with the same bytes:
// no token is missing and none is there twice.
//
// A part has one row for each token: an array for each site, with the site's name ([rows, D], [rows, H, K]), and
// token_ids, document (the number of its line), position (in its window), begin and end (its bytes in the document's
// text), int64 [rows].
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/forward/transformer.h"

namespace embscope {

struct ExtractRequest {
  std::filesystem::path corpus;  ///< .jsonl or .ndjson: one JSON object per line; otherwise text, one document per line
  std::filesystem::path folder;  ///< new, empty, or that of the same extraction to continue
  std::vector<std::string> sites;    ///< as parse_sites reads them; sites with a vector for each position
  DType dtype = DType::f32;          ///< or f16, bf16
  int shard = 0, shards = 1;         ///< this machine's documents: those whose number modulo `shards` is `shard`
  std::int64_t part_tokens = 32768;  ///< tokens in one file, rounded up to the end of a window
  std::int64_t batch_tokens = 1024;  ///< tokens in one batch: texts are packed without padding
  std::string field = "text";        ///< the key of the text in .jsonl
  bool keep_invalid = false;         ///< accept bytes that are not UTF-8 unchanged, instead of refusing them
};

struct ExtractResult {
  std::int64_t documents = 0, tokens = 0, parts = 0;  ///< of the whole shard
  std::int64_t tokens_before = 0;                     ///< of these, the tokens that earlier runs had finished
  std::uint64_t bytes = 0;                            ///< size of all parts
  std::vector<Site> sites;
  Cost cost;  ///< of this run
};

/// Throws Error{usage} for a folder of another extraction (with the difference), or one that another process is using;
/// Error{format} for invalid UTF-8 or JSON, with the line, before anything is run; Error{io} if the disk is full: the
/// finished parts stay, and the same call continues.
ExtractResult extract(const Transformer& transformer, const ExtractRequest& request, const Progress& progress = {});

/// The cost of extracting the shard, estimated from the first texts of the corpus.
struct ExtractEstimate {
  double tokens = 0, bytes = 0, seconds = 0;
  double bytes_free = 0;  ///< on the folder's disk
};

/// `seconds` is measured on a few hundred tokens if `run`, and 0 otherwise. Throws as `extract` does.
ExtractEstimate estimate_extract(const Transformer& transformer, const ExtractRequest& request, bool run);

}  // namespace embscope
