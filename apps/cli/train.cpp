#include <chrono>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "command.h"
#include "embscope/base/threads.h"
#include "embscope/files/archive.h"
#include "embscope/runs/predict.h"
#include "embscope/train/toy_text.h"
#include "embscope/train/training_run.h"
#include "embscope/train/vocabulary.h"
#include "embscope/vocabulary/compare.h"
#include "embscope/vocabulary/growth.h"

namespace embscope::cli {
namespace {

struct Options {
  std::vector<std::string> texts;
  std::string out, sample;
  std::vector<std::uint64_t> seeds = {1};
  bool resume = false, quiet = false, toy = false;
  int sample_tokens = 80;
  TrainingRequest request;
};

std::string joined(const std::vector<std::string>& files) {
  std::string text;
  for (const std::string& file : files) text += read_text(file);
  return text;
}

// Text for a terminal: bytes that are not text and control characters are made visible; line breaks are kept.
std::string printable(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = visible(text.substr(at, end - at));
    for (std::size_t space; (space = line.find("␣")) != std::string::npos;)
      line.replace(space, std::string_view("␣").size(), " ");
    out += (at == 0 ? "" : "\n  | ") + line;
    at = end + 1;
  }
  return out;
}

// Empty if the held-out loss was not measured.
std::string held_out_text(std::string_view before, double loss) {
  return std::isnan(loss) ? "" : fmt::format("{}held-out {:.4f}", before, loss);
}

/// Lines on standard error: one for each held-out loss, a temporary one on a terminal, and a sample at each checkpoint.
class Reporter {
 public:
  Reporter(const Options& o, std::string out) : o_(o), out_(std::move(out)) {}

  TrainingWatch watch() {
    return {[this](const TrainingStep& s) { return step(s); }, [this](const TrainingStep&) { sample(); }};
  }

 private:
  bool step(const TrainingStep& s) {
    const bool whole = !std::isnan(s.held_out) || s.step == s.steps;
    if (o_.quiet || (!whole && !terminal_)) return true;
    const std::string held_out = held_out_text("  ", s.held_out);
    fmt::print(stderr, "{}step {}/{}  loss {:.4f}{}  {:.0f} tokens/s  {:.0f} s left{}", terminal_ ? "\r\x1b[K" : "",
               s.step, s.steps, s.loss, held_out, s.tokens_per_second, s.seconds_left, whole ? "\n" : "");
    std::fflush(stderr);
    return true;
  }

  void sample() {
    if (o_.quiet || o_.sample_tokens == 0) return;
    const std::string beginning = o_.sample.empty() ? first_word() : o_.sample;
    const Transformer transformer(Model::open(out_));
    Sampling sampling;
    sampling.tokens = o_.sample_tokens, sampling.temperature = 0.8, sampling.seed = 1;
    const std::string text = generate(transformer, beginning, sampling);
    fmt::print(stderr, "{}  | {}\n", terminal_ ? "\r\x1b[K" : "", printable(beginning + text));
  }

  // From the training text: every vocabulary can read it.
  std::string first_word() const {
    const std::string text = read_text(out_ + "/training/text");
    const std::size_t end = std::min(text.find_first_of(" \n", std::min<std::size_t>(1, text.size())), std::size_t{40});
    return text.substr(0, end);
  }

  const Options& o_;
  std::string out_;
  bool terminal_ = is_terminal(Stream::errors);
};

void add_run_options(CLI::App& command, TrainingRequest& r) {
  command.add_option("--from", r.from, "A GPT-2 to start from (fine-tuning), with its own tokenizer");
  command.add_option("--tokens", r.tokens,
                     "characters, words, bytes, or a tokenizer: gpt2, a folder or a tokenizer.json");
  command.add_option("--layers", r.layers, "Number of blocks")->capture_default_str();
  command.add_option("--heads", r.heads, "Number of attention heads per block")->capture_default_str();
  command.add_option("--width", r.width, "Width of the vectors")->capture_default_str();
  command.add_option("--context", r.context, "Number of tokens per row")->capture_default_str();
  command.add_option("--steps", r.steps, "Number of AdamW steps")->capture_default_str();
  command.add_option("--batch", r.batch, "Number of rows per batch")->capture_default_str();
  command.add_option("--accumulate", r.accumulate, "Number of batches per step")->capture_default_str();
  command.add_option("--rate", r.rate, "Largest learning rate")->capture_default_str();
  command.add_option("--least-rate", r.least_rate, "Learning rate at the end of the cosine schedule schedule")
      ->capture_default_str();
  command.add_option("--warmup", r.warmup, "Number of steps in which the learning rate rises")->capture_default_str();
  command.add_option("--decay", r.adam.decay, "Weight decay of matrices")->capture_default_str();
  command.add_option("--clip", r.adam.clip, "Largest norm of the gradient; 0: no limit")->capture_default_str();
  command.add_option("--dropout", r.dropout, "Share of activations that dropout sets to zero")->capture_default_str();
  command.add_option("--held-out", r.held_out, "Share of the text that is held out from training")
      ->capture_default_str();
  command.add_option("--evaluate-every", r.evaluate, "Number of steps between measurements of the held-out loss")
      ->capture_default_str();
  command.add_option("--checkpoint-every", r.checkpoint, "Number of steps between checkpoints")->capture_default_str();
  command.add_option("--snapshot-every", r.snapshot, "Number of steps between snapshots of the embeddings")
      ->capture_default_str();
}

// A run continues with its original options: other options beside --out and --resume would be ignored without a
// message.
void refuse_others_with_resume(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    const bool fits = name == "--out" || name == "--resume" || name == "--threads" || name == "--save" ||
                      name == "--json" || name == "--csv" || name == "--sample" || name == "--sample-tokens" ||
                      name == "--quiet" || name == "--help";
    if (option->count() > 0 && !fits)
      throw Error(Code::usage, "train",
                  name + " with --resume: a run continues with its original options; leave it out");
  }
}

Table run_one(const Options& o, const std::string& out, std::uint64_t seed, const std::string& text) {
  Reporter reporter(o, out);
  if (o.resume) return resume_training(out, reporter.watch());
  TrainingRequest request = o.request;
  request.out = out, request.seed = seed, request.text = text;
  return train(request, reporter.watch());
}

/// The result of each seed.
struct Seeds {
  std::vector<double> seeds, losses, held_out;
  std::vector<std::string> folders;
  std::vector<Table> logs;

  Table table() const {
    Table table("seeds");
    return std::move(
        table.add("seed", seeds).add("folder", folders).add("loss", losses, 4).add("held-out", held_out, 4));
  }

  /// One log after the other, with a column for the seed.
  Table log() const {
    Table all("training");
    std::vector<double> seed;
    for (std::size_t i = 0; i < logs.size(); ++i) seed.insert(seed.end(), logs[i].rows(), seeds[i]);
    if (logs.size() > 1) all.add("seed", seed);
    for (const Column& column : logs[0].columns()) {
      std::vector<double> values;
      for (const Table& one : logs)
        values.insert(values.end(), one.column(column.name).numbers().begin(), one.column(column.name).numbers().end());
      all.add(column.name, std::move(values), column.decimals);
    }
    return all;
  }
};

// The last maps of two runs, the second rotated to match the first.
Table maps_of(const Seeds& runs) {
  Tensor maps[2];
  std::vector<std::string> tokens;
  std::vector<double> seed, x, y;
  for (std::size_t r : {0u, 1u}) {
    GrowthRequest request;
    request.run = runs.folders[r];
    request.last_only = true;
    const Table map = growth(request, progress_line()).map;
    maps[r] = Tensor({static_cast<std::int64_t>(map.rows()), 2});
    for (std::size_t i = 0; i < map.rows(); ++i) {
      maps[r].data()[2 * i] = static_cast<float>(map.column("x").numbers()[i]),
                         maps[r].data()[2 * i + 1] = static_cast<float>(map.column("y").numbers()[i]);
    }
    if (r == 1) maps[1] = aligned(maps[1], maps[0]);
    for (std::size_t i = 0; i < map.rows(); ++i) {
      seed.push_back(runs.seeds[r]), tokens.push_back(map.column("token").texts()[i]);
      x.push_back(static_cast<double>(maps[r].data()[2 * i])),
          y.push_back(static_cast<double>(maps[r].data()[2 * i + 1]));
    }
  }
  Table table("maps");
  return std::move(table.add("seed", seed).add("token", tokens).add("x", x).add("y", y));
}

void save_seeds_report(const Seeds& runs, const std::string& path) {
  const Comparison found = compare(open_space(runs.folders[0]), open_space(runs.folders[1]), {}, progress_line());
  Report report("Two seeds", fmt::format("{} and {}", runs.folders[0], runs.folders[1]));
  report.section("Losses");
  report.text("The same text, the same configuration; only the first weights and the order of the rows differ.");
  report.figure(figure_training(runs.log()));
  report.table(runs.table());
  report.section("Side by side");
  report.text(
      "The most frequent tokens, each map by t-SNE; the second map is rotated to match the first as closely as "
      "possible.");
  report.figure(figure_seed_maps(maps_of(runs)));
  report.section("Coordinates and relations");
  report.text(
      "The own cosine compares the two vectors of the same token; RSA and the neighbours kept measure how far the two "
      "models agree about which tokens are near each other.");
  report.command(fmt::format("embscope compare {} {}", runs.folders[0], runs.folders[1]));
  report.table(found.measures);
  report.figure(figure_compare(found.measures, found.pairs, fmt::format("seed {}", runs.seeds[0]),
                               fmt::format("seed {}", runs.seeds[1])));
  write_file(path, report.html());
}

void run(const Options& o, const Common& common) {
  const std::string text = o.resume ? "" : joined(o.texts) + std::string(o.toy ? toy_text() : "");
  Seeds runs;
  for (std::uint64_t seed : o.seeds) {
    const std::string out = o.seeds.size() == 1 ? o.out : fmt::format("{}/seed-{}", o.out, seed);
    Table log = run_one(o, out, seed, text);
    runs.seeds.push_back(static_cast<double>(seed)), runs.folders.push_back(out);
    runs.losses.push_back(log.column("loss").numbers().back()),
        runs.held_out.push_back(log.column("held-out").numbers().back());
    runs.logs.push_back(std::move(log));
  }
  if (o.seeds.size() == 1) {
    if (common.json || common.csv) {
      print(common, runs.logs[0]);
    } else {
      fmt::print("{}: {} steps, loss {:.4f}{}\n", o.out, runs.logs[0].rows(), runs.losses[0],
                 held_out_text(", ", runs.held_out[0]));
      fmt::print("try: embscope generate -m {0} TEXT, embscope growth {0}, embscope tour -m {0}\n", o.out);
    }
  } else {
    print(common, runs.table(), {fmt::format("try: embscope compare {} {}", runs.folders[0], runs.folders[1])});
  }
  if (o.seeds.size() > 1 && common.save.ends_with(".html")) return save_seeds_report(runs, common.save);
  save_figure(common, [&] { return figure_training(runs.log()); });
}

void add_train_tokenizer(CLI::App& app) {
  const auto [command, common] =
      without_figure(add_command(app, "train-tokenizer", "Train byte-pair encoding on a text and write tokenizer.json",
                                 "train-tokenizer bible.txt --size 2048 --to bible-2048"));
  struct TokenizerOptions {
    std::vector<std::string> texts;
    std::int64_t size = 2048;
    std::string to;
  };
  auto o = std::make_shared<TokenizerOptions>();
  command->add_option("TEXT", o->texts, "Text files")->required();
  command->add_option("--size", o->size, "Number of tokens: 256 bytes and the merges")->capture_default_str();
  command->add_option("--to", o->to, "The folder to write tokenizer.json to")->required();
  command->callback([common, o] {
    const std::filesystem::path file = std::filesystem::path(o->to) / "tokenizer.json";
    const std::string text = joined(o->texts);
    make_folder(o->to);
    expect_writable(file);
    TokenizerSpec spec = bpe_vocabulary(text, o->size, progress_line());
    const std::string json = tokenizer_json(spec);
    write_file(file, json);
    const Tokenizer tokenizer(std::move(spec));
    const auto count = static_cast<double>(tokenizer.encode_ids(text).size()), bytes = static_cast<double>(text.size());
    Table table(fmt::format("wrote {}/tokenizer.json", o->to));
    table.add("tokens", std::vector<double>{static_cast<double>(tokenizer.size())}, whole)
        .add("bytes of the text", std::vector<double>{bytes}, whole);
    print(*common, table.add("tokens of the text", std::vector<double>{count}, whole)
                       .add("bytes per token", std::vector<double>{bytes / count}, 3));
  });
}

}  // namespace

void add_train(CLI::App& app) {
  const auto [command, common] =
      add_command(app, "train", "Train a GPT-2 on a text, from random weights or an opened model",
                  "train bible.txt --out my-model --steps 2000 --save loss.html");
  auto o = std::make_shared<Options>();
  command->add_option("TEXT", o->texts, "Text files, which are joined in this order");
  command->add_flag("--toy", o->toy, "The text that ships with the program: a toy world in short sentences");
  command->add_option("--out", o->out, "The run's folder, which can be opened as a model: embscope -m FOLDER")
      ->required();
  add_run_options(*command, o->request);
  auto* seed = command->add_option("--seed", o->seeds[0], "Seed of the first weights and the order of rows")
                   ->capture_default_str();
  command->add_option("--seeds", o->seeds, "Several seeds: one model for each, in FOLDER/seed-N")->excludes(seed);
  command->add_flag("--resume", o->resume, "Continue the run in --out from its last checkpoint");
  command->add_option(
      "--sample", o->sample,
      "The beginning of the sample that the model writes at each checkpoint (default: the first word of the text)");
  command->add_option("--sample-tokens", o->sample_tokens, "Number of tokens of each sample; 0: no samples")
      ->capture_default_str();
  command->add_flag("--quiet", o->quiet, "Print no progress during training");
  command->callback([common, o, command] {
    if (common->threads != 0) set_threads(common->threads);
    if (!common->model.empty()) throw Error(Code::usage, "train", "-m: use --from to start from a model");
    if (o->resume) refuse_others_with_resume(*command);
    if (!o->resume && o->texts.empty() && !o->toy)
      throw Error(Code::usage, "train", "a text is needed: embscope train TEXT --out FOLDER, or --toy");
    run(*o, *common);
  });
  add_train_tokenizer(app);
}

}  // namespace embscope::cli
