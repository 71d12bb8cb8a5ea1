#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "command.h"
#include "embscope/projection.h"

namespace embscope::cli {
namespace {

struct Options {
  std::string tokens = "0:100", file, method = "tsne";
  std::vector<std::string> words;
  double perplexity = 30;
  int steps = 750;
  std::uint64_t seed = 1;
};

TokenId number(std::string_view text) {
  TokenId value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(Code::usage, "tokens", fmt::format("'{}': expected 0:100, all, or ids with commas", text));
  return value;
}

std::vector<TokenId> parse_tokens(std::string_view text, std::int64_t vocab) {
  std::vector<TokenId> ids;
  const std::size_t colon = text.find(':');
  if (text == "all" || colon != std::string_view::npos) {
    const auto [first, last] = parse_range(text == "all" ? ":" : text, vocab, "tokens", "the vocabulary");
    for (std::int64_t id = first; id < last; ++id) ids.push_back(static_cast<TokenId>(id));
    return ids;
  }
  while (true) {
    const std::size_t comma = text.find(',');
    ids.push_back(number(text.substr(0, comma)));
    if (comma == std::string_view::npos) return ids;
    text.remove_prefix(comma + 1);
  }
}

std::vector<TokenId> wanted(const Options& o, const Model& model) {
  std::vector<std::string> words = o.words;
  if (!o.file.empty()) {
    const std::string text = read_text(o.file);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      if (end > at) words.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    if (words.empty()) throw Error(Code::usage, o.file, "holds no words (one a line)");
  }
  if (words.empty()) return parse_tokens(o.tokens, model.config().vocab);
  explain_words(model.tokenizer(), words);
  std::vector<TokenId> ids;
  for (const std::string& word : words) ids.push_back(word_token(model.tokenizer(), word).id);
  return ids;
}

}  // namespace

void add_map(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "map", "Tokens as points in the plane", "map --tokens 0:100 --save map.html");
  auto o = std::make_shared<Options>();
  command->add_option("--tokens", o->tokens, "A range 0:100, ids with commas, or all");
  command->add_option("--words", o->words, "Words");
  command->add_option("--file", o->file, "A file with a word on each line");
  command->add_option("--method", o->method, "tsne or pca");
  command->add_option("--perplexity", o->perplexity, "t-SNE: about how many neighbours count");
  command->add_option("--steps", o->steps, "t-SNE: gradient steps");
  command->add_option("--seed", o->seed, "t-SNE: the same seed gives the same picture");
  command->callback([common, o] {
    if (o->method != "tsne" && o->method != "pca")
      throw Error(Code::not_found, "method", fmt::format("'{}': there are tsne and pca", o->method));
    const auto model = common->open();
    const auto ids = wanted(*o, *model);
    Tensor vectors = Tensor::uninitialised({static_cast<std::int64_t>(ids.size()), model->config().width});
    std::vector<std::string> labels;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::ranges::copy(model->embedding(ids[i]).values(), vectors.row(static_cast<std::int64_t>(i)).begin());
      labels.push_back(model->label(ids[i]));
    }
    TsneOptions options;
    options.perplexity = o->perplexity;
    options.steps = o->steps;
    options.seed = o->seed;
    options.exaggerated_steps = std::min(options.exaggerated_steps, o->steps / 3);
    const Tensor points = o->method == "pca" ? pca(vectors, 2) : tsne(vectors, options, progress_line());
    std::vector<double> id, x, y;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto point = points.row(static_cast<std::int64_t>(i));
      id.push_back(ids[i]), x.push_back(static_cast<double>(point[0])), y.push_back(static_cast<double>(point[1]));
    }
    Table table(fmt::format("{} of {} tokens", o->method == "pca" ? "principal components" : "t-SNE", ids.size()));
    table.add("id", id).add("token", labels).add("x", x, 4).add("y", y, 4);
    print(*common, table);
    save_figure(*common, [&] { return figure_map(points, labels, table.title()); });
  });
}

}  // namespace embscope::cli
