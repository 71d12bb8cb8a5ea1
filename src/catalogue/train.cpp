// train: a GPT-2 on a text, from one seed or several; the run that goes on; a vocabulary of one's own.
#include "embscope/train/training_run.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/files/archive.h"
#include "embscope/train/toy_text.h"
#include "embscope/train/vocabulary.h"
#include "embscope/vocabulary/compare.h"
#include "embscope/vocabulary/growth.h"

namespace embscope::catalogue {
namespace {

/// What the terminal shows of a run; the subject reads it (Subject::training).
struct Shown {
  std::string sample;
  int sample_tokens = 80;
  bool quiet = false;
};

struct Parameters {
  std::string text;
  File out, source;
  bool toy = false;
  TrainingRequest request;
  Shown shown;
};

struct SeedsParameters : Parameters {
  std::vector<std::uint64_t> seeds;
};

struct ResumeParameters {
  File out;
  Shown shown;
};

struct TokenizerParameters {
  std::string text;
  File folder;
  std::int64_t size = 2048;
};

constexpr Part parts[] = {
    {"log", Kind::table,
     "Columns step, loss, held-out (NaN where not evaluated), learning rate, gradient norm; losses in nats"},
    {"figure", Kind::figure, "Loss by step"},
};

constexpr Part parts_of_seeds[] = {
    {"seeds", Kind::table, "Columns seed, folder, loss, held-out"},
    {"log", Kind::table, "The logs one after the other, with a column seed"},
    {"figure", Kind::figure, "Loss by step, for each seed"},
};

constexpr Part parts_of_tokenizer[] = {
    {"tokens", Kind::integer, "Number of tokens"},
    {"written", Kind::table, "Columns tokens, bytes of the text, tokens of the text, bytes per token"},
};

void shown_fields(Shown& r, Visitor& f) {
  f(r.sample, {.name = "sample",
               .what = "The beginning of the sample that the model writes at each checkpoint (default: the first word "
                       "of the text)",
               .terminal = true});
  f(r.sample_tokens,
    {.name = "sample_tokens", .what = "Number of tokens of each sample; 0: no samples", .least = 0, .terminal = true});
  f(r.quiet, {.name = "quiet", .what = "Print no progress during training", .terminal = true});
}

void size_fields(TrainingRequest& r, Visitor& f) {
  f(r.tokens,
    {.name = "tokens", .what = "characters, words, bytes, or a tokenizer: gpt2, a folder or a tokenizer.json"});
  f(r.layers, {.name = "layers", .what = "Number of blocks", .least = 1});
  f(r.heads, {.name = "heads", .what = "Number of attention heads per block", .least = 1});
  f(r.width, {.name = "width", .what = "Width of the vectors", .least = 1});
  f(r.context, {.name = "context", .what = "Number of tokens per row", .least = 1});
}

void schedule_fields(TrainingRequest& r, Visitor& f) {
  f(r.steps, {.name = "steps", .what = "Number of AdamW steps", .least = 1});
  f(r.batch, {.name = "batch", .what = "Number of rows per batch", .least = 1});
  f(r.accumulate, {.name = "accumulate", .what = "Number of batches per step", .least = 1});
  f(r.rate, {.name = "rate", .what = "Largest learning rate", .old = "learning_rate", .least = 0});
  f(r.least_rate, {.name = "least_rate", .what = "Learning rate at the end of the cosine schedule", .least = 0});
  f(r.warmup, {.name = "warmup", .what = "Number of steps in which the learning rate rises", .least = 0});
  f(r.adam.decay, {.name = "decay", .what = "Weight decay of matrices"});
  f(r.adam.clip, {.name = "clip", .what = "Largest norm of the gradient; 0: no limit"});
  f(r.dropout, {.name = "dropout", .what = "Share of activations that dropout sets to zero"});
  f(r.held_out, {.name = "held_out", .what = "Share of the text that is held out from training"});
  f(r.evaluate, {.name = "evaluate",
                 .what = "Number of steps between measurements of the held-out loss",
                 .option = "--evaluate-every"});
  f(r.checkpoint,
    {.name = "checkpoint", .what = "Number of steps between checkpoints", .option = "--checkpoint-every"});
  f(r.snapshot, {.name = "snapshot",
                 .what = "Number of steps between snapshots of the embeddings; early ones are closer",
                 .option = "--snapshot-every"});
}

void text_fields(std::string& text, File& folder, std::string_view name, std::string_view what, std::string_view option,
                 Visitor& f) {
  f(text, {.name = "text", .what = "Text files, which are joined in this order", .option = "TEXT", .by_files = true});
  f(folder, {.name = name, .what = what, .option = option, .required = true});
}

void common_fields(Parameters& r, Visitor& f) {
  text_fields(r.text, r.out, "out", "The run's folder, which can be opened as a model: embscope -m FOLDER", "--out", f);
  f(r.source,
    {.name = "source", .what = "A GPT-2 to start from (fine-tuning), with its own tokenizer", .option = "--from"});
  size_fields(r.request, f);
  schedule_fields(r.request, f);
  f(r.toy, {.name = "toy", .what = "The text that ships with the program: a toy world in short sentences"});
}

void fields(Parameters& r, Visitor& f) {
  common_fields(r, f);
  f(r.request.seed, {.name = "seed", .what = "Seed of the first weights and the order of rows"});
  shown_fields(r.shown, f);
}

void fields_of_seeds(SeedsParameters& r, Visitor& f) {
  common_fields(r, f);
  f(r.seeds, {.name = "seeds", .what = "Several seeds: one model for each, in FOLDER/seed-N", .required = true});
  shown_fields(r.shown, f);
}

void fields_of_resume(ResumeParameters& r, Visitor& f) {
  f(r.out, {.name = "out", .what = "The run's folder", .required = true});
  shown_fields(r.shown, f);
}

void fields_of_tokenizer(TokenizerParameters& r, Visitor& f) {
  text_fields(r.text, r.folder, "folder", "The folder to write tokenizer.json to", "--to", f);
  f(r.size, {.name = "size", .what = "Number of tokens: 256 bytes and the merges"});
}

void check_text(const Parameters& r) {
  if (r.text.empty() && !r.toy) throw Error(Code::usage, "text", "the text is empty: a text is needed, or toy");
}

/// 24 bytes a parameter and 70 a position for each block and unit of width (train/training.h).
double bytes(const Subject&, const Parameters& p) {
  const TrainingRequest& r = p.request;
  const auto l = static_cast<double>(r.layers), d = static_cast<double>(r.width), t = static_cast<double>(r.context);
  const auto b = static_cast<double>(r.batch);
  const double rows = r.tokens == "words" ? 8192 : 1024;  // of the vocabulary
  return 24 * (12 * l * d * d + (rows + t) * d) + 70 * b * t * l * d +
         8 * b * t * (rows + t * static_cast<double>(r.heads));
}

/// The steps as progress, and to those who follow the run.
TrainingWatch watch_of(const Subject& on, const std::filesystem::path& out, const Progress& progress) {
  TrainingWatch watch = on.training(out);
  watch.on_step = [follow = std::move(watch.on_step), progress](const TrainingStep& s) {
    const double done = static_cast<double>(s.step) / static_cast<double>(s.steps);
    const bool wanted = !progress || progress(done, fmt::format("step {} of {}, loss {:f}", s.step, s.steps, s.loss));
    return (!follow || follow(s)) && wanted;
  };
  return watch;
}

Table trained(const Subject& on, const Parameters& r, const std::string& out, std::uint64_t seed,
              const Progress& progress) {
  TrainingRequest request = r.request;
  request.out = out, request.seed = seed, request.from = r.source.path;
  request.text = r.text + std::string(r.toy ? toy_text() : "");
  return train(request, watch_of(on, out, progress));
}

AnalysisResult answer_of(const std::string& out, Table log) {
  const double loss = log.column("loss").numbers().back(), held_out = log.column("held-out").numbers().back();
  AnalysisResult found;
  found.notes = {fmt::format("{}: {} steps, loss {:.4f}{}", out, log.rows(), loss,
                             std::isnan(held_out) ? "" : fmt::format(", held-out {:.4f}", held_out)),
                 fmt::format("try: embscope generate -m {0} TEXT, embscope growth {0}, embscope tour -m {0}", out)};
  found.people = [] { return std::vector<Table>(); };
  found.add("log", std::move(log)).add("figure", [](const AnalysisResult& f) {
    return figure_training(f.table("log"));
  });
  return found;
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  return answer_of(r.out.path, trained(on, r, r.out.path, r.request.seed, progress));
}

AnalysisResult resume(const Subject& on, const ResumeParameters& r, const Progress& progress) {
  return answer_of(r.out.path, resume_training(r.out.path, watch_of(on, r.out.path, progress)));
}

/// What each seed has come to.
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
      for (const Table& one : logs) std::ranges::copy(one.column(column.name).numbers(), std::back_inserter(values));
      all.add(column.name, std::move(values), column.decimals);
    }
    return all;
  }
};

Tensor points_of(const Table& map) {
  Tensor points({static_cast<std::int64_t>(map.rows()), 2});
  for (std::size_t i = 0; i < map.rows(); ++i) {
    points.data()[2 * i] = static_cast<float>(map.column("x").numbers()[i]);
    points.data()[2 * i + 1] = static_cast<float>(map.column("y").numbers()[i]);
  }
  return points;
}

// The last maps of two runs, the second rotated to match the first.
Table maps_of(const Seeds& runs) {
  std::vector<std::string> tokens;
  std::vector<double> seed, x, y;
  Tensor first;
  for (const std::size_t r : {0u, 1u}) {
    const Table map = growth({.run = runs.folders[r], .last_only = true}).map;
    Tensor points = points_of(map);
    if (r == 1) points = aligned(points, first);
    for (std::size_t i = 0; i < map.rows(); ++i) {
      seed.push_back(runs.seeds[r]), tokens.push_back(map.column("token").texts()[i]);
      x.push_back(static_cast<double>(points.data()[2 * i]));
      y.push_back(static_cast<double>(points.data()[2 * i + 1]));
    }
    if (r == 0) first = std::move(points);
  }
  Table table("maps");
  return std::move(table.add("seed", seed).add("token", tokens).add("x", x).add("y", y));
}

std::string page_of(const AnalysisResult& answer, const Seeds& runs) {
  const std::string &one = runs.folders[0], &two = runs.folders[1];
  const Comparison found = compare(open_space(one), open_space(two));
  Report report("Two seeds", fmt::format("{} and {}", one, two));
  report.section("Losses");
  report.text("The same text, the same configuration; only the first weights and the order of the rows differ.");
  report.figure(answer.figure("figure"));
  report.table(answer.table("seeds"));
  report.section("Side by side");
  report.text(
      "The most frequent tokens, each map by t-SNE; the second map is rotated to match the first as closely as "
      "possible.");
  report.figure(figure_seed_maps(maps_of(runs)));
  report.section("Coordinates and relations");
  report.text(
      "The own cosine compares the two vectors of the same token; RSA and the neighbours kept measure how far the two "
      "models agree about which tokens are near each other.");
  report.command(fmt::format("embscope compare {} {}", one, two));
  report.table(found.measures);
  report.figure(figure_compare(found.measures, found.pairs, fmt::format("seed {}", runs.seeds[0]),
                               fmt::format("seed {}", runs.seeds[1])));
  return report.html();
}

AnalysisResult run_seeds(const Subject& on, const SeedsParameters& r, const Progress& progress) {
  Seeds runs;
  const auto count = static_cast<double>(r.seeds.size());
  for (const std::uint64_t seed : r.seeds) {
    const std::string out = r.seeds.size() == 1 ? r.out.path : fmt::format("{}/seed-{}", r.out.path, seed);
    const auto done = static_cast<double>(runs.seeds.size());
    Table log = trained(on, r, out, seed, part_of(progress, done / count, (done + 1) / count));
    runs.seeds.push_back(static_cast<double>(seed)), runs.folders.push_back(out);
    runs.losses.push_back(log.column("loss").numbers().back());
    runs.held_out.push_back(log.column("held-out").numbers().back());
    runs.logs.push_back(std::move(log));
  }
  AnalysisResult found;
  found.add("seeds", runs.table()).add("log", runs.log()).add("figure", [](const AnalysisResult& f) {
    return figure_training(f.table("log"));
  });
  if (runs.seeds.size() == 1) return found;
  found.notes = {fmt::format("try: embscope compare {} {}", runs.folders[0], runs.folders[1])};
  found.page = [runs = std::move(runs)](const AnalysisResult& f) { return page_of(f, runs); };
  return found;
}

AnalysisResult run_tokenizer(const Subject&, const TokenizerParameters& r, const Progress& progress) {
  const std::filesystem::path folder = r.folder.path;
  make_folder(folder);
  expect_writable(folder / "tokenizer.json");
  TokenizerSpec spec = bpe_vocabulary(r.text, r.size, progress);
  write_file(folder / "tokenizer.json", tokenizer_json(spec));
  const Tokenizer tokenizer(std::move(spec));
  const auto count = static_cast<double>(tokenizer.encode_ids(r.text).size());
  const auto size = static_cast<double>(r.text.size());
  Table table(fmt::format("wrote {}/tokenizer.json", r.folder.path));
  table.add("tokens", std::vector<double>{static_cast<double>(tokenizer.size())}, whole)
      .add("bytes of the text", std::vector<double>{size}, whole)
      .add("tokens of the text", std::vector<double>{count}, whole)
      .add("bytes per token", std::vector<double>{size / count}, 3);
  AnalysisResult found;
  found.add("tokens", std::int64_t{tokenizer.size()}).add("written", std::move(table));
  return found;
}

}  // namespace

const Analysis& train_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "train",
       .what = "Train a GPT-2 on a text, from random weights or an opened model",
       .group = Group::train,
       .example = "train bible.txt --out my-model --steps 2000 --save loss.html",
       .needs = Needs::nothing,
       .one_table = true,
       .tells = true},
      parts, fields, run, bytes, check_text);
  return made;
}

const Analysis& resume_analysis() {
  static const DescribedAnalysis<ResumeParameters> made(
      {.name = "resume",
       .what = "Continue the run in a folder from its last checkpoint, with its original options",
       .example = "train --resume --out my-model",
       .more = "The result has the same bits as without the interruption.",
       .needs = Needs::nothing,
       .one_table = true,
       .tells = true,
       .command = "train",
       .flag = "--resume"},
      parts, fields_of_resume, resume);
  return made;
}

const Analysis& train_seeds_analysis() {
  static const DescribedAnalysis<SeedsParameters> made(
      {.name = "train_seeds",
       .what = "Train a GPT-2 for each of several seeds, and compare two of them",
       .example = "train bible.txt --out my-models --seeds 1 2 --save seeds.html",
       .needs = Needs::nothing,
       .tells = true,
       .command = "train",
       .flag = "--seeds"},
      parts_of_seeds, fields_of_seeds, run_seeds, nullptr, [](const SeedsParameters& r) { check_text(r); });
  return made;
}

const Analysis& train_tokenizer_analysis() {
  static const DescribedAnalysis<TokenizerParameters> made(
      {.name = "train_tokenizer",
       .what = "Train byte-pair encoding on a text and write tokenizer.json",
       .group = Group::train,
       .example = "train-tokenizer bible.txt --size 2048 --to bible-2048",
       .more = "Sennrich et al. 2016. Up to `size` tokens: 256 bytes, then merges until no pair occurs twice.",
       .needs = Needs::nothing,
       .gives = "tokens"},
      parts_of_tokenizer, fields_of_tokenizer, run_tokenizer, nullptr,
      [](const TokenizerParameters& r) { check_bpe(r.text, r.size); });
  return made;
}

}  // namespace embscope::catalogue
