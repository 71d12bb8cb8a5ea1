// A run: a GPT-2 trained on a text in a folder of its own, which Embscope and transformers open as a model at any
// moment.
//
//   FOLDER/config.json, model.safetensors, tokenizer.json   the model as of the last checkpoint
//   FOLDER/training/run.json, text                          what was asked for, and the text itself
//   FOLDER/training/state.safetensors                       what the next step depends on
//   FOLDER/training/log.csv                                 step, loss, held-out loss, learning rate, norm of the
//   gradient FOLDER/training/frequency.safetensors                   how often each token occurs in the text it is
//   trained on FOLDER/training/snapshots/step-00000100.safetensors     the embedding matrix as of that step
//
// Every file is whole at any moment. A run that was ended in the middle, by whatever, goes on from its last checkpoint
// and gives the bits of one that never was. Thread rule: a folder belongs to one run at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "embscope/base/progress.h"
#include "embscope/tensor/table.h"
#include "embscope/train/training.h"

namespace embscope {

struct TrainingRequest {
  std::filesystem::path out;
  std::string text;
  std::string from;  ///< a GPT-2 to go on from, with its tokenizer; empty: random weights
  std::string tokens =
      "characters";  ///< characters, words, bytes, or a tokenizer: a folder, a file or a name in the cache ("gpt2")
  std::int64_t layers = 4, heads = 4, width = 128;
  std::int64_t context = 64;  ///< tokens of a row, and of the longest text the model reads
  std::int64_t steps = 2000, batch = 12, accumulate = 1;
  std::uint64_t seed = 1;                 ///< of the initial weights, the order of the rows, dropout
  double rate = 1e-3, least_rate = 1e-4;  ///< warmed up over `warmup` steps, then a cosine down to the least
  std::int64_t warmup = 100;
  AdamW adam;
  double dropout = 0;
  double held_out = 0.1;          ///< share of the text, its end, that is not trained on
  std::int64_t evaluate = 100;    ///< steps from one held-out loss to the next
  std::int64_t checkpoint = 500;  ///< steps from one checkpoint to the next
  std::int64_t snapshot = 100;    ///< steps from one snapshot to the next; early ones lie closer (1, 2, 5, 10, ...)
};

struct TrainingStep {
  std::int64_t step, steps;  ///< done, in all
  double loss;               ///< of the step's own rows, before it
  double held_out;           ///< not a number where it was not evaluated
  double rate, gradient_norm;
  double tokens_per_second, seconds_left;
};

struct TrainingWatch {
  std::function<bool(const TrainingStep&)> on_step;        ///< return false to stop after a checkpoint
  std::function<void(const TrainingStep&)> on_checkpoint;  ///< the folder holds the model as of this step
};

/// Trains; returns the log: columns step, loss, held-out, rate, gradient norm.
/// Throws Error{usage} for sizes that do not fit, a text too short for one row, or a folder that holds a run already;
/// Error{format} for characters of a text that is not UTF-8; Error{unsupported} for a vocabulary that lacks the text's
/// bytes; Error{range} when the loss is no longer finite (the last checkpoint stays, and the message says where it came
/// from); Error{io} when a checkpoint cannot be written (the one before stays).
Table train(const TrainingRequest& request, const TrainingWatch& watch = {});

/// Goes on with the run in a folder from its last checkpoint, as it was asked for.
Table resume_training(const std::filesystem::path& out, const TrainingWatch& watch = {});

/// The learning rate of a step (1 for the first).
double learning_rate(const TrainingRequest& request, std::int64_t step);

}  // namespace embscope
