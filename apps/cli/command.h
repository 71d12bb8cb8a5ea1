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

#include "embscope/base/error.h"
#include "embscope/base/process.h"
#include "embscope/base/progress.h"
#include "embscope/catalogue/catalogue.h"
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

/// A command of the program. Its options are made when it is called: a call needs those of one command only, and those
/// of all would take a third of the time that a short command takes.
struct CommandInfo {
  Group group;
  std::string name, what, example;
  std::function<void(CLI::App&)> fill;  ///< adds its options and what it does
};

/// All commands in the order of the help.
std::vector<CommandInfo> commands();
std::vector<CommandInfo> commands_of_catalogue();

// Options that commands share.
void add_model(CLI::App& command, std::string& model);
void add_formats(CLI::App& command, Common& common);  ///< --json and --csv
void add_figure(CLI::App& command, Common& common);   ///< --save
void add_threads(CLI::App& command, int& threads);
void add_bos(CLI::App& command, Common& common);      ///< --no-bos, where a text goes to the model: see Common::open
void add_explain(CLI::App& command, Common& common);  ///< --explain, which `print` obeys, where the model runs

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

/// For standard output that could not be written.
Error output_error();

/// Saves the figure to the path of --save, and prints the path.
void save_figure(const Common& common, const std::function<Figure()>& figure);

/// A progress line on standard error, if it is a terminal and the work takes more than half a second.
Progress progress_line();

/// Prints a note on standard error if a word is read with its space, or is several tokens and only its last one is
/// used.
void explain_word(const Model& model, const NamedToken& word);

// Commands that are written by hand.
void fill_info(CLI::App& command);
void fill_tokens(CLI::App& command);
void fill_chat(CLI::App& command);
void fill_run(CLI::App& command);
void fill_pull(CLI::App& command);
void fill_serve(CLI::App& command);
void fill_catalogue(CLI::App& command);
void fill_doctor(CLI::App& command);
void fill_completion(CLI::App& command);

}  // namespace embscope::cli
