// A run: a GPT-2 trained on a text in a folder of its own, which Embscope and transformers open as a model at any
// moment.
//
//   FOLDER/config.json, model.safetensors, tokenizer.json: the model of the last checkpoint
//   FOLDER/training/run.json, text: the request, and the text itself
//   FOLDER/training/state.safetensors: everything that the next step depends on
//   FOLDER/training/log.csv: step, loss, held-out loss, learning rate, gradient norm
//   FOLDER/training/frequency.safetensors: how often each token occurs in the training text
//   FOLDER/training/snapshots/step-00000100.safetensors: the embedding matrix after that step
//
// Every file is complete at any moment. An interrupted run continues from its last checkpoint and gives the same bits
// as an uninterrupted one. Thread rule: a folder belongs to one run at a time.
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
  std::string from;  ///< a GPT-2 to start from, with its tokenizer; empty: random weights
  std::string tokens =
      "characters";  ///< characters, words, bytes, or a tokenizer: a folder, a file or a name in the cache ("gpt2")
  std::int64_t layers = 4, heads = 4, width = 128;
  std::int64_t context = 64;  ///< tokens per row, and of the longest text that the model reads
  std::int64_t steps = 2000, batch = 12, accumulate = 1;
  std::uint64_t seed = 1;                 ///< of the initial weights, the order of the rows, dropout
  double rate = 1e-3, least_rate = 1e-4;  ///< rises over `warmup` steps, then falls along a cosine to the least rate
  std::int64_t warmup = 100;
  AdamW adam;
  double dropout = 0;
  double held_out = 0.1;          ///< share of the text, at its end, that is held out from training
  std::int64_t evaluate = 100;    ///< steps between held-out losses
  std::int64_t checkpoint = 500;  ///< steps between checkpoints
  std::int64_t snapshot = 100;    ///< steps between snapshots; early ones are closer (1, 2, 5, 10, ...)
};

struct TrainingStep {
  std::int64_t step, steps;  ///< steps done, steps in total
  double loss;               ///< of the rows of this step, before the update
  double held_out;           ///< not-a-number if it was not evaluated
  double rate, gradient_norm;
  double tokens_per_second, seconds_left;
};

struct TrainingWatch {
  std::function<bool(const TrainingStep&)> on_step;        ///< return false to stop after a checkpoint
  std::function<void(const TrainingStep&)> on_checkpoint;  ///< the folder contains the model of this step
};

/// Trains; returns the log: columns step, loss, held-out, rate, gradient norm.
/// Throws Error{usage} for wrong sizes, a text too short for one row, or a folder that already contains a run;
/// Error{format} for characters of a text that is not UTF-8; Error{unsupported} for a vocabulary that lacks the text's
/// bytes; Error{range} if the loss is no longer finite (the last checkpoint stays, and the message says where this
/// occurred first); Error{io} if a checkpoint cannot be written (the previous one stays).
Table train(const TrainingRequest& request, const TrainingWatch& watch = {});

/// Continues the run in a folder from its last checkpoint, with its original request.
Table resume_training(const std::filesystem::path& out, const TrainingWatch& watch = {});

/// The learning rate of a step (1 for the first).
double learning_rate(const TrainingRequest& request, std::int64_t step);

}  // namespace embscope
