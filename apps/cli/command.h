// What every command shares: the model, the forms of output, figures, progress.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "embscope/base/progress.h"
#include "embscope/figure/figure.h"
#include "embscope/files/text_file.h"
#include "embscope/forward/transformer.h"
#include "embscope/model/model.h"
#include "embscope/space/space.h"
#include "embscope/tensor/table_rows.h"

namespace embscope::cli {

/// Options that a command takes beside its own.
struct Common {
  std::string model;
  bool json = false, csv = false, explain = false, no_bos = false;
  std::string save;
  int threads = 0;

  std::shared_ptr<const Model> open() const;
  const Transformer& transformer() const;  ///< of what -m names, opened when it is first asked for
  bool has_vectors_only() const;           ///< what -m names is a file of vectors, without a model
  Space space() const;  ///< what -m names, as an embedding space: a model, or a file of vectors (space.h)

 private:
  friend void print(const Common& common, const Table& table, const std::vector<std::string>& notes);
  mutable std::unique_ptr<const Transformer> transformer_;
  mutable std::string problem_;  // why tokens have no labels, for `print` to say
};

/// Adds a command with its example, its common options and what it does.
struct Command {
  CLI::App* app;
  std::shared_ptr<Common> common;
};
Command add_command(CLI::App& app, const std::string& name, const std::string& what, const std::string& example);

/// Adds --no-bos to a command that gives a text to the model: see Common::open.
void takes_text(const Command& command);

/// Adds --explain, which `print` obeys, to a command that runs the model.
void takes_explain(const Command& command);

/// The same as add_command for a command that runs the model: it has --no-bos, and --explain.
Command add_model_command(CLI::App& app, const std::string& name, const std::string& what, const std::string& example);

/// The same of a command that draws nothing: it has no --save.
Command without_figure(Command command);

/// Every command's seeds are from 0 to 2^64 - 1; others are refused. Called once all commands are there.
void check_seeds(CLI::App& app);

/// Checks of options for CLI11: that the file can be written there, any or one of arrays. What cannot is refused before
/// the work.
std::string takes_file(const std::string& file);
std::string takes_arrays(const std::string& file);

/// With --explain, what the runs of common.transformer() shared and computed: beneath the table, and on standard error
/// where standard output is for machines.
void explain(const Common& common);

/// Prints tables as the options say; `notes` are lines for people, printed only without --json and --csv.
void print(const Common& common, const Table& table, const std::vector<std::string>& notes = {});

/// A line on standard error about what the table lacks; nothing where it is empty.
void remark(const std::string& note);

/// Saves the figure where --save asks for it, and says where.
void save_figure(const Common& common, const std::function<Figure()>& figure);

/// A line on standard error, when it is a terminal and the work takes more than half a second.
Progress progress_line();

/// Says on standard error when a word is read with its space, or is several tokens and its final one is used.
void explain_word(const Model& model, const NamedToken& word);

/// "12 kB", "3.4 MB", "5.6 GB".
std::string size_text(double bytes);

void add_info(CLI::App& app);
void add_tokens(CLI::App& app);
void add_compare(CLI::App& app);
void add_generate(CLI::App& app);
void add_analyses(CLI::App& app);  ///< those of the catalogue
void add_run(CLI::App& app);
void add_train(CLI::App& app);  ///< train, train-tokenizer
void add_growth(CLI::App& app);
void add_extract(CLI::App& app);
void add_verify(CLI::App& app);
void add_tour(CLI::App& app);
void add_pull(CLI::App& app);
void add_serve(CLI::App& app);
void add_catalogue(CLI::App& app);
void add_completion(CLI::App& app);

}  // namespace embscope::cli
