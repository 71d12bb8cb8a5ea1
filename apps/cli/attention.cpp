#include <fmt/format.h>

#include "command.h"
#include "embscope/attention_patterns.h"

namespace embscope::cli {
namespace {

struct Options {
  std::string text;
  int block = 0;
  std::vector<int> heads;
  bool every = false;
};

void run(const Common& common, const Options& o, bool chosen) {
  if (o.every && chosen) throw Error(Code::usage, "attention", "--block and --every exclude each other");
  const Transformer& transformer = common.transformer();
  const Model& model = transformer.model();
  AttentionRequest r;
  r.ids = model.tokenizer().with_bos(o.text).ids;
  r.heads = o.heads;
  if (chosen) r.block = o.block;
  const AttentionResult result = attention_patterns(transformer, r);
  std::vector<std::string> notes = {"entropy in bits; shares of the attention, mean over the queries after the first"};
  if (!chosen)
    notes.push_back(fmt::format("block {}: its heads look least at the first token; --block chooses another{}",
                                result.block, o.every ? "" : ", --every lists all"));
  print(common, o.every ? result.every : result.summary, notes);
  save_figure(common, [&] {
    std::vector<std::string> labels;
    labels.reserve(r.ids.size());
    for (TokenId id : r.ids) labels.push_back(model.label(id));
    return figure_attention(result.patterns, result.heads, result.block, labels);
  });
}

}  // namespace

void add_attention(CLI::App& app) {
  const auto [command, common] =
      add_model_command(app, "attention", "Where the heads of a block look",
                  "attention \"The capital of Germany is\" --block 11 --save attention.html");
  auto o = std::make_shared<Options>();
  command->add_option("TEXT", o->text, "The text")->required();
  auto* block = command->add_option("--block", o->block,
                                    "The block (default: the one whose heads look least at the text's first token)");
  command->add_option("--heads", o->heads, "Heads, separated by commas (default: all)")->delimiter(',');
  command->add_flag("--every", o->every, "List the heads of every block");
  command->callback([common, o, block] { run(*common, *o, block->count() > 0); });
}

}  // namespace embscope::cli
