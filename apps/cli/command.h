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

#include "embscope/base/process.h"
#include "embscope/base/progress.h"
#include "embscope/catalogue/size_text.h"
#include "embscope/figure/figure.h"
#include "embscope/files/text_file.h"
#include "embscope/forward/transformer.h"
#include "embscope/model/model.h"
#include "embscope/space/space.h"
#include "embscope/tensor/table_rows.h"

namespace embscope::cli {

/// Options that all commands have in common.
struct Common {
  std::string model;
  bool json = false, csv = false, explain = false, no_bos = false;
  std::string save;
  int threads = 0;

  std::shared_ptr<const Model> open() const;
  const Transformer& transformer() const;  ///< of the model that -m names, opened at the first call
  bool has_vectors_only() const;           ///< -m names a file of vectors, not a model
  Space space() const;  ///< the model or the file of vectors that -m names, as an embedding space (space.h)

 private:
  friend void print(const Common& common, const Table& table, const std::vector<std::string>& notes);
  mutable std::unique_ptr<const Transformer> transformer_;
  mutable std::string problem_;  // why tokens have no labels, for `print` to say
};

/// Adds a command with its description, its example and the common options.
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

/// For a command without a figure: removes --save.
Command without_figure(Command command);

/// Limits the seeds of every command to 0 ... 2^64 - 1. Called after all commands are added.
void check_seeds(CLI::App& app);

/// Option checks for CLI11: the path can be written to, for any file or for a file of arrays. A path that cannot be
/// written is refused before the work.
std::string takes_file(const std::string& file);
std::string takes_arrays(const std::string& file);

/// With --explain, what the runs of common.transformer() shared and computed: below the table, or on standard error
/// with --json and --csv.
void explain(const Common& common);

/// Prints tables in the format that the options select; `notes` are printed only without --json and --csv.
void print(const Common& common, const Table& table, const std::vector<std::string>& notes = {});

/// A line on standard error about what the table lacks; nothing where it is empty.
void remark(const std::string& note);

/// Saves the figure to the path of --save, and prints the path.
void save_figure(const Common& common, const std::function<Figure()>& figure);

/// A progress line on standard error, if it is a terminal and the work takes more than half a second.
Progress progress_line();

/// Prints a note on standard error if a word is read with its space, or is several tokens and only its last one is
/// used.
void explain_word(const Model& model, const NamedToken& word);

void add_info(CLI::App& app);
void add_tokens(CLI::App& app);
void add_chat(CLI::App& app);
void add_analyses(CLI::App& app);  ///< the analyses of the catalogue
void add_run(CLI::App& app);
void add_pull(CLI::App& app);
void add_serve(CLI::App& app);
void add_catalogue(CLI::App& app);
void add_completion(CLI::App& app);

}  // namespace embscope::cli
