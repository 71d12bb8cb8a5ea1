#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "command.h"

namespace embscope::cli {
namespace {

struct Options {
  std::string text, file, to;
  std::vector<TokenId> ids;
  std::vector<std::string> capture, edits;
};

constexpr double large = 1e9;  // bytes of captured values from which the estimate is always printed

Prompt prompt_of(const Options& o, const Model& model, const CLI::App& command) {
  const int given = (command.count("--text") > 0) + (command.count("--file") > 0) + (command.count("--ids") > 0);
  if (given != 1) throw Error(Code::usage, "run", "give one of --text, --file and --ids");
  if (command.count("--ids") > 0) return {"", {o.ids, {}}};
  return make_prompt(model.tokenizer(), command.count("--text") > 0 ? o.text : read_text(o.file));
}

Request request_of(const Options& o, const Transformer& transformer, const Prompt& prompt) {
  Request request;
  request.rows = {prompt.tokens.ids};
  request.logits = LogitsAt::none;
  for (const std::string& site : o.capture)
    std::ranges::copy(parse_sites(site, transformer.config()), std::back_inserter(request.capture));
  for (const std::string& text : o.edits)
    std::ranges::move(parse_edit(text, transformer, prompt, {.files = Files::allowed}),
                      std::back_inserter(request.edits));
  return request;
}

// Printed before the work starts: with --explain always, otherwise only for large captures.
void tell_estimate(const Transformer& transformer, const Request& request, bool asked) {
  if (!asked && transformer.estimate(request, false).bytes < large) return;
  const Estimate e = transformer.estimate(request, true);
  fmt::print(stderr, "about {} of values, {:.1f} s\n", size_text(e.bytes), e.seconds);
}

Table write(const Options& o, const Request& request, const RowResult& row) {
  std::vector<NamedArray> arrays;
  std::vector<std::string> names, shapes;
  for (std::size_t c = 0; c < request.capture.size(); ++c) {
    const Tensor& t = row.captured[c];
    arrays.push_back({request.capture[c].name(), t.shape(), t.values()});
    names.push_back(request.capture[c].name()), shapes.push_back(t.shape().text());
  }
  const std::vector<std::int64_t> ids(request.rows[0].begin(), request.rows[0].end());
  const bool one = std::filesystem::path(o.to).extension() == ".npy";  // holds a single array: the site asked for
  if (!one) arrays.push_back({"ids", {static_cast<std::int64_t>(ids.size())}, std::span<const std::int64_t>(ids)});
  write_arrays(o.to, arrays);
  Table table(fmt::format("wrote {}", o.to));
  return std::move(table.add("array", names).add("shape", shapes));
}

}  // namespace

void fill_run(CLI::App& command) {
  const auto common = std::make_shared<Common>();
  add_model(command, common->model), add_formats(command, *common), add_threads(command, common->threads);
  add_bos(command, *common), add_explain(command, *common);
  auto o = std::make_shared<Options>();
  command.add_option("--text", o->text, "The text");
  command.add_option("--file", o->file, "A file with the text")->type_name("FILE");
  command.add_option("--ids", o->ids, "Token ids, separated by commas")->type_name("ID,ID")->delimiter(',');
  command.add_option("--capture", o->capture, "Sites (blocks.*.resid_post names all of them)")
      ->type_name("SITE")
      ->required();
  command.add_option("--edit", o->edits, "An edit, such as \"wte@3 mix 0.5 ' France'\"")
      ->type_name("EDIT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--to", o->to, "The output file: OUT.npz, .npy, .safetensors or .json")
      ->type_name("FILE")
      ->check(takes_arrays)
      ->required();
  command.callback([common, o, &command] {
    const Transformer& transformer = common->transformer();
    const Request request = request_of(*o, transformer, prompt_of(*o, transformer.model(), command));
    tell_estimate(transformer, request, common->explain);
    print(*common, write(*o, request, transformer.run(request).rows[0]));
  });
}

}  // namespace embscope::cli
