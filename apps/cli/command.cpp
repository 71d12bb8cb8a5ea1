#include "command.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "embscope/base/threads.h"
#include "embscope/files/archive.h"

namespace embscope::cli {

namespace {

std::string named(const std::string& model) {
  if (!model.empty()) return model;
  return variable("EMBSCOPE_MODEL").value_or("smollm2");
}

std::string takes_figure(const std::string& file) {
  expect_figure(file);
  return "";
}

}  // namespace

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
  auto opened = Model::open(named(model), !no_bos);
  problem_ = opened->tokenizer_problem();
  return opened;
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

void add_model(CLI::App& command, std::string& model) {
  command
      .add_option(
          "-m,--model", model,
          "The model: a name in the cache, a file or a folder (default: $EMBSCOPE_MODEL, or smollm2 if not set)")
      ->type_name("MODEL");
}

void add_formats(CLI::App& command, Common& common) {
  auto* json = command.add_flag("--json", common.json, "Print JSON");
  command.add_flag("--csv", common.csv, "Print CSV")->excludes(json);
}

void add_figure(CLI::App& command, Common& common) {
  command.add_option("--save", common.save, "Save the figure: FILE.html, .svg, .png or .json")
      ->type_name("FILE")
      ->check(takes_figure);
}

void add_threads(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "Threads to use (results do not depend on it)")->check(CLI::Range(1, 1024));
}

void add_bos(CLI::App& command, Common& common) {
  command.add_flag("--no-bos", common.no_bos,
                   "Give the model only the text, without the beginning-of-text token that its tokenizer adds");
}

void add_explain(CLI::App& command, Common& common) {
  command.add_flag("--explain", common.explain, "Print what the runs shared and computed, in token-layers");
}

Error output_error() {
  return Error(Code::io, "standard output", "cannot write: the disk is full or the output closed");
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

void save_figure(const Common& common, const std::function<Figure()>& figure) {
  if (common.save.empty()) return;
  save(figure(), common.save);
  if (!common.json && !common.csv) fmt::print("saved {}\n", common.save);
}

Progress progress_line() {
  if (!is_terminal(Stream::errors)) return {};
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

void explain_word(const Model& model, const NamedToken& token) {
  if (token.read == NamedToken::Read::with_space)
    fmt::print(stderr, "'{}' is read with its space: {} is one token\n", visible(token.text), model.label(token.id));
  if (token.single()) return;
  std::string pieces;
  for (TokenId id : token.pieces) pieces += (pieces.empty() ? "" : " | ") + model.label(id);
  fmt::print(stderr, "'{}' is {} tokens ({}): its final one is used\n", visible(token.text), token.pieces.size(),
             pieces);
}

void explain(const Common& common) {
  if (!common.explain) return;
  const Cost cost = common.transformer().spent();
  fmt::print(
      common.json || common.csv ? stderr : stdout,
      "{:.1f} token-layers computed of {:.0f} asked for ({:.1f} % shared or not needed); logits at {} positions\n",
      cost.computed, cost.asked, cost.asked > 0 ? 100 * (1 - cost.computed / cost.asked) : 0, cost.logit_rows);
}

}  // namespace embscope::cli
