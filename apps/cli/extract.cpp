#include "embscope/runs/extract.h"

#include <charconv>

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {
namespace {

DType dtype_of(const std::string& name) {
  return name == "fp16" ? DType::f16 : name == "bf16" ? DType::bf16 : DType::f32;
}

// "3/8": which of how many.
void read_shard(const std::string& text, ExtractRequest& request) {
  const char* end = text.data() + text.size();
  auto [slash, error] = std::from_chars(text.data(), end, request.shard);
  if (error == std::errc() && slash < end && *slash == '/') {
    const auto [last, second] = std::from_chars(slash + 1, end, request.shards);
    if (second == std::errc() && last == end) return;
  }
  throw Error(Code::usage, "extract", fmt::format("--shard '{}': expected i/N, such as 0/8", text));
}

// Printed before the work starts: with --explain always, otherwise only if the disk is too small.
void tell_estimate(const Transformer& transformer, const ExtractRequest& request, bool explain) {
  const ExtractEstimate e = estimate_extract(transformer, request, explain);
  if (explain) fmt::print(stderr, "about {:.0f} tokens: {}, {:.0f} s\n", e.tokens, size_text(e.bytes), e.seconds);
  if (e.bytes > e.bytes_free)
    fmt::print(stderr, "the disk of {} has {} free, about {} are needed\n", request.folder.string(),
               size_text(e.bytes_free), size_text(e.bytes));
}

}  // namespace

void add_extract(CLI::App& app) {
  const auto [command, common] =
      without_figure(add_model_command(app, "extract", "Write the activations of a corpus to disk",
                                       "extract corpus.txt --at blocks.6.resid_post --to activations --dtype fp16"));
  auto r = std::make_shared<ExtractRequest>();
  struct Options {
    std::string dtype = "fp32", shard;
  };
  auto o = std::make_shared<Options>();
  command->add_option("CORPUS", r->corpus, "A text file with one document per line, or .jsonl with one object per line")
      ->required();
  command->add_option("--at", r->sites, "Sites (blocks.*.resid_post names all of them)")->required();
  command->add_option("--to", r->folder, "The output folder: a new one, or that of the same extraction to continue it")
      ->required();
  command->add_option("--dtype", o->dtype, "Element type: fp32, fp16 or bf16")
      ->check(CLI::IsMember({"fp32", "fp16", "bf16"}));
  command->add_option("--shard", o->shard, "I/N: process only share I of N of the documents, counted from 0");
  command->add_option("--part-tokens", r->part_tokens, "Tokens in one file")->check(CLI::Range(1, 1 << 30));
  command
      ->add_option("--batch-tokens", r->batch_tokens,
                   "Tokens in one batch: larger is slightly faster and needs more memory")
      ->check(CLI::Range(1, 1 << 20));
  command->add_option("--field", r->field, "The key of the text in a .jsonl object");
  command->add_flag("--keep-invalid", r->keep_invalid, "Accept bytes that are not UTF-8 unchanged");
  command->callback([common, r, o] {
    r->dtype = dtype_of(o->dtype);
    if (!o->shard.empty()) read_shard(o->shard, *r);
    const Transformer& transformer = common->transformer();
    tell_estimate(transformer, *r, common->explain);
    const ExtractResult result = extract(transformer, *r, progress_line());
    Table table(fmt::format("extracted to {}", r->folder.string()));
    const auto number = [](auto x) { return std::vector<double>{static_cast<double>(x)}; };
    table.add("documents", number(result.documents), whole).add("tokens", number(result.tokens), whole);
    table.add("files", number(result.parts), whole).add("bytes", number(result.bytes), whole);
    table.add("tokens_before", number(result.tokens_before), whole);
    print(*common, table);
  });
}

}  // namespace embscope::cli
