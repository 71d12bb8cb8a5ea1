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
#include "embscope/tensor/table.h"

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

/// The same as add_command for a command that runs the model: it has --no-bos, and --explain, which `print` obeys.
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

/// The first rows of a table.
Table head(const Table& table, std::size_t rows);

/// Saves the figure where --save asks for it, and says where.
void save_figure(const Common& common, const std::function<Figure()>& figure);

/// A line on standard error, when it is a terminal and the work takes more than half a second.
Progress progress_line();

/// Says on standard error when a word is read with its space, or is several tokens and its final one is used.
void explain_words(const Model& model, const std::vector<std::string>& words);

/// Rows of words in a space: a model's tokenizer decides (and says so when a word is several tokens), in a file of
/// vectors its words do. Throws Error{not_found} for a word that such a file lacks.
std::vector<std::int64_t> rows_of_words(const Space& space, const std::vector<std::string>& words);

/// "12 kB", "3.4 MB", "5.6 GB".
std::string size_text(double bytes);

/// FIRST:LAST as the half-open range it names of 0:count; either end may be left out, negative ones count from the end.
/// `what` has the range: "the text", "the vocabulary". Throws Error{usage} for other text, Error{range} for what it has
/// not.
std::pair<std::int64_t, std::int64_t> parse_range(std::string_view text, std::int64_t count, const std::string& where,
                                                  std::string_view what);

void add_info(CLI::App& app);
void add_families(CLI::App& app);
void add_tokens(CLI::App& app);
void add_vectors(CLI::App& app);  ///< vector, cosine, similar, heatmap, toy
void add_geometry(CLI::App& app);
void add_analogy(CLI::App& app);
void add_words(CLI::App& app);  ///< judgements, categories, odd
void add_compare(CLI::App& app);
void add_map(CLI::App& app);
void add_neighbours(CLI::App& app);
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
