#include "command.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include <fmt/format.h>
#include <unistd.h>

#include "embscope/base/threads.h"
#include "embscope/files/archive.h"

namespace embscope::cli {

namespace {

Table rows_at(const Table& table, const std::vector<std::size_t>& rows) {
  Table out(table.title());
  const auto chosen = [&rows]<class T>(const std::vector<T>& values) {
    std::vector<T> some;
    some.reserve(rows.size());
    for (std::size_t i : rows) some.push_back(values[i]);
    return some;
  };
  for (const Column& column : table.columns())
    column.is_number() ? out.add(column.name, chosen(column.numbers()), column.decimals)
                       : out.add(column.name, chosen(column.texts()));
  return out;
}

std::string named(const std::string& model) {
  if (!model.empty()) return model;
  const char* name = std::getenv("EMBSCOPE_MODEL");
  return name != nullptr ? name : "smollm2";
}

std::string takes_figure(const std::string& file) {
  expect_figure(file);
  return "";
}

}  // namespace

// CLI11 would take -1 for 2^64 - 1, and what is larger than that for 2^64 - 1 too.
void check_seeds(CLI::App& app) {
  const CLI::Validator whole(
      [](std::string& text) {
        std::uint64_t seed = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
        const bool fits = error == std::errc() && end == text.data() + text.size();
        return fits ? std::string() : fmt::format("'{}' is not a seed: choose 0 to {}", text, UINT64_MAX);
      },
      "");
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    for (const char* name : {"--seed", "--seeds"}) {
      if (CLI::Option* option = command->get_option_no_throw(name)) option->check(whole);
    }
  }
}

std::string takes_file(const std::string& file) {
  expect_writable(file);
  return "";
}

std::string takes_arrays(const std::string& file) {
  expect_arrays(file);
  return "";
}

std::shared_ptr<const Model> Common::open() const {
  if (threads != 0) set_threads(threads);
  std::error_code error;
  if (has_vectors_only() && !std::filesystem::exists(named(model), error))  // VECTORS:LABELS, which no model's path is
    throw Error(Code::unsupported, named(model),
                "holds vectors, and is not a model: similar, neighbours, geometry, analogy, compare and map open it");
  return Model::open(named(model), !no_bos);
}

const Transformer& Common::transformer() const {
  if (!transformer_) transformer_ = std::make_unique<const Transformer>(open());
  return *transformer_;
}

bool Common::has_vectors_only() const { return holds_vectors(named(model)); }

Space Common::space() const {
  if (threads != 0) set_threads(threads);
  Space opened = open_space(named(model));
  if (opened.model != nullptr) problem_ = opened.model->tokenizer_problem();
  return opened;
}

Command add_command(CLI::App& app, const std::string& name, const std::string& what, const std::string& example) {
  CLI::App* command = app.add_subcommand(name, what);
  auto common = std::make_shared<Common>();
  command->add_option(
      "-m,--model", common->model,
      "The model: a name in the cache, a file or a folder (default: $EMBSCOPE_MODEL, or smollm2 if not set)");
  auto* json = command->add_flag("--json", common->json, "Print JSON");
  command->add_flag("--csv", common->csv, "Print CSV")->excludes(json);
  command->add_option("--save", common->save, "Save the figure: FILE.html, .svg, .png or .json")->check(takes_figure);
  command->add_option("--threads", common->threads, "Threads to use (results do not depend on it)")
      ->check(CLI::Range(1, 1024));
  command->footer("Example:\n  embscope " + example);
  return {command, common};
}

void takes_text(const Command& command) {
  command.app->add_flag("--no-bos", command.common->no_bos,
                        "Give the model only the text, without the beginning-of-text token that its tokenizer adds");
}

Command add_model_command(CLI::App& app, const std::string& name, const std::string& what, const std::string& example) {
  Command command = add_command(app, name, what, example);
  takes_text(command);
  command.app->add_flag("--explain", command.common->explain,
                        "Print what the runs shared and computed, in token-layers");
  return command;
}

Command without_figure(Command command) {
  command.app->remove_option(command.app->get_option("--save"));
  return command;
}

void remark(const std::string& note) {
  if (!note.empty()) fmt::print(stderr, "{}\n", note);
}

void print(const Common& common, const Table& table, const std::vector<std::string>& notes) {
  if (!common.problem_.empty())
    fmt::print(stderr, "tokens are named by their ids: the tokenizer cannot be read: {}\n", common.problem_);
  if (common.json) {
    fmt::print("{}\n", table.json());
  } else if (common.csv) {
    fmt::print("{}", table.csv());
  } else {
    fmt::print("{}", table.text());
    for (const std::string& note : notes) fmt::print("{}\n", note);
  }
  explain(common);
}

Table head(const Table& table, std::size_t rows) {
  std::vector<std::size_t> first(std::min(rows, table.rows()));
  std::iota(first.begin(), first.end(), std::size_t{0});
  return rows_at(table, first);
}

void save_figure(const Common& common, const std::function<Figure()>& figure) {
  if (common.save.empty()) return;
  save(figure(), common.save);
  if (!common.json && !common.csv) fmt::print("saved {}\n", common.save);
}

Progress progress_line() {
  if (isatty(STDERR_FILENO) == 0) return {};
  const auto start = std::chrono::steady_clock::now();
  return [start](double fraction, std::string_view what) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (seconds < 0.5) return true;
    if (fraction >= 1)
      fmt::print(stderr, "\r\x1b[K");
    else
      fmt::print(stderr, "\r\x1b[K{} {:3.0f} %, {:.0f} s left", what, 100 * fraction,
                 fraction > 0 ? seconds / fraction - seconds : 0);
    std::fflush(stderr);
    return true;
  };
}

void explain_words(const Model& model, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    const NamedToken token = token_named(model, word);
    if (token.read == NamedToken::Read::with_space)
      fmt::print(stderr, "'{}' is read with its space: {} is one token\n", visible(word), model.label(token.id));
    if (token.single()) continue;
    std::string pieces;
    for (TokenId id : token.pieces) pieces += (pieces.empty() ? "" : " | ") + model.label(id);
    fmt::print(stderr, "'{}' is {} tokens ({}): its final one is used\n", visible(word), token.pieces.size(), pieces);
  }
}

std::vector<std::int64_t> rows_of_words(const Space& space, const std::vector<std::string>& words) {
  std::vector<std::int64_t> rows;
  if (space.model != nullptr) {
    explain_words(*space.model, words);
    for (TokenId id : ids_named(*space.model, words)) rows.push_back(id);
    return rows;
  }
  const WordIndex index(space);
  for (const std::string& word : words) {
    const auto row = index.find(word);
    if (!row)
      throw Error(Code::not_found, fmt::format("word '{}'", word), fmt::format("{} has no such word", space.name));
    rows.push_back(*row);
  }
  return rows;
}

void explain(const Common& common) {
  if (!common.explain) return;
  const Cost cost = common.transformer().spent();
  fmt::print(
      common.json || common.csv ? stderr : stdout,
      "{:.1f} token-layers computed of {:.0f} asked for ({:.1f} % shared or not needed); logits at {} positions\n",
      cost.computed, cost.asked, cost.asked > 0 ? 100 * (1 - cost.computed / cost.asked) : 0, cost.logit_rows);
}

std::string size_text(double bytes) {
  return bytes < 1e6   ? fmt::format("{:.0f} kB", bytes / 1e3)
         : bytes < 1e9 ? fmt::format("{:.1f} MB", bytes / 1e6)
                       : fmt::format("{:.1f} GB", bytes / 1e9);
}

std::pair<std::int64_t, std::int64_t> parse_range(std::string_view text, std::int64_t count, const std::string& where,
                                                  std::string_view what) {
  const std::size_t colon = text.find(':');
  const auto end_of = [&](std::string_view part, std::int64_t otherwise) {
    if (part.empty()) return otherwise;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size())
      throw Error(Code::usage, where, fmt::format("'{}': expected FIRST:LAST, such as 0:100 or -4:", text));
    return value < 0 ? value + count : value;
  };
  if (colon == std::string_view::npos)
    throw Error(Code::usage, where, fmt::format("'{}': expected FIRST:LAST, such as 0:100 or -4:", text));
  const std::int64_t first = end_of(text.substr(0, colon), 0), last = end_of(text.substr(colon + 1), count);
  if (first < 0 || last > count || first >= last)
    throw Error(Code::range, where, fmt::format("{}: {} has 0:{}", text, what, count));
  return {first, last};
}

}  // namespace embscope::cli
