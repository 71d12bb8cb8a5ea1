// extract: the activations of a corpus, as files.
#include "embscope/runs/extract.h"

#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/catalogue/size_text.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  File corpus, folder;
  std::vector<std::string> sites;
  std::string dtype = "fp32", field = "text";
  Share shard;
  int shards = 1;
  std::int64_t part_tokens = 32768, batch_tokens = 1024;
  bool keep_invalid = false;
};

constexpr Part parts[] = {
    {"documents", Kind::integer, "Documents of the shard"},
    {"tokens", Kind::integer, "Tokens of the shard"},
    {"parts", Kind::integer, "Its files"},
    {"tokens_before", Kind::integer, "Tokens that earlier runs had finished"},
    {"bytes", Kind::integer, "Size of its files"},
    {"written", Kind::table, "The same as one row: columns documents, tokens, files, bytes, tokens_before"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.corpus, {.name = "corpus",
               .what = "A text file with one document per line, or .jsonl with one object per line",
               .option = "CORPUS",
               .required = true});
  f(r.folder, {.name = "folder",
               .what = "The output folder: a new one, or that of the same extraction to continue it",
               .option = "--to",
               .required = true});
  f(r.sites,
    {.name = "sites", .what = "Sites (blocks.*.resid_post names all of them)", .option = "--at", .required = true});
  f(r.dtype, {.name = "dtype", .what = "Element type: fp32, fp16 or bf16"});
  f(r.shard, {.name = "shard", .what = "I/N: process only share I of N of the documents, counted from 0"});
  f(r.shards, {.name = "shards", .what = "N, where I stands alone"});
  f(r.part_tokens, {.name = "part_tokens", .what = "Tokens in one file", .least = 1, .most = 1 << 30});
  f(r.batch_tokens, {.name = "batch_tokens",
                     .what = "Tokens in one batch: larger is slightly faster and needs more memory",
                     .least = 1,
                     .most = 1 << 20});
  f(r.field, {.name = "field", .what = "The key of the text in a .jsonl object"});
  f(r.keep_invalid, {.name = "keep_invalid", .what = "Accept bytes that are not UTF-8 unchanged"});
}

DType dtype_of(const std::string& name) {
  if (name == "fp32") return DType::f32;
  if (name == "fp16") return DType::f16;
  if (name == "bf16") return DType::bf16;
  throw Error(Code::usage, "dtype", fmt::format("'{}': choose fp32, fp16 or bf16", name));
}

// Told before the work starts: where it is asked for always, otherwise only if the disk is too small.
void tell_estimate(const Subject& on, const ExtractRequest& request) {
  const Subject::Estimates asked = on.estimates();
  if (!asked.tell) return;
  const ExtractEstimate e = estimate_extract(on.transformer(), request, asked.measured);
  if (asked.measured)
    asked.tell(fmt::format("about {:.0f} tokens: {}, {:.0f} s", e.tokens, size_text(e.bytes), e.seconds));
  if (e.bytes > e.bytes_free)
    asked.tell(fmt::format("the disk of {} has {} free, about {} are needed", request.folder.string(),
                           size_text(e.bytes_free), size_text(e.bytes)));
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const ExtractRequest request{.corpus = r.corpus.path,
                               .folder = r.folder.path,
                               .sites = r.sites,
                               .dtype = dtype_of(r.dtype),
                               .shard = r.shard.index,
                               .shards = r.shard.of > 1 ? r.shard.of : r.shards,
                               .part_tokens = r.part_tokens,
                               .batch_tokens = r.batch_tokens,
                               .field = r.field,
                               .keep_invalid = r.keep_invalid};
  tell_estimate(on, request);
  const ExtractResult made = extract(on.transformer(), request, progress);
  Table table(fmt::format("extracted to {}", r.folder.path));
  const auto number = [](auto x) { return std::vector<double>{static_cast<double>(x)}; };
  table.add("documents", number(made.documents), whole).add("tokens", number(made.tokens), whole);
  table.add("files", number(made.parts), whole).add("bytes", number(made.bytes), whole);
  table.add("tokens_before", number(made.tokens_before), whole);
  AnalysisResult found;
  found.add("documents", made.documents)
      .add("tokens", made.tokens)
      .add("parts", made.parts)
      .add("tokens_before", made.tokens_before)
      .add("bytes", static_cast<std::int64_t>(made.bytes))
      .add("written", std::move(table));
  return found;
}

}  // namespace

const Analysis& extract_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "extract",
       .what = "Write the activations of a corpus to disk",
       .group = Group::models,
       .example = "extract corpus.txt --at blocks.6.resid_post --to activations --dtype fp16",
       .more = "A .safetensors file for each `part_tokens` tokens, and a manifest. The same call again continues an "
               "interrupted run, and ends with the same bytes."},
      parts, fields, run);
  return made;
}

}  // namespace embscope::catalogue
