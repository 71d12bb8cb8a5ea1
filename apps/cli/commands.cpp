// The commands of the program: those of the catalogue, and those that are written by hand.
#include <algorithm>

#include "command.h"

namespace embscope::cli {
namespace {

/// `ahead`: listed before the catalogue's commands of its group.
struct ByHand {
  bool ahead;
  CommandInfo info;
};

std::vector<ByHand> by_hand() {
  return {
      {false,
       {Group::start, "serve", "Serve the explorer and its HTTP API", "serve -m smollm2 --port 8765", fill_serve}},
      {false,
       {Group::start, "chat", "Talk with a model on the terminal, with any edits in force",
        "chat -m ollama:qwen3:4b --temperature 0.7 --top-p 0.9", fill_chat}},
      {false,
       {Group::start, "doctor", "What this machine is, what of it is used, what is missing and how to get it", "doctor",
        fill_doctor}},
      {true,
       {Group::text, "tokens", "Split a text into tokens, or join tokens to text",
        "tokens \"The capital of Germany is\"", fill_tokens}},
      {true, {Group::models, "info", "Describe a model: sizes, tensors, sites", "info -m smollm2", fill_info}},
      {true,
       {Group::models, "pull", "Download a model from the Hugging Face hub into the cache", "pull gpt2", fill_pull}},
      {false,
       {Group::models, "run", "Run a text and write activations as arrays",
        "run --text \"The capital of Germany is\" --capture blocks.0.resid_post logits --to out.npz", fill_run}},
      {false,
       {Group::program, "catalogue", "The analyses with their parameters and results, as JSON", "catalogue",
        fill_catalogue}},
      {false,
       {Group::program, "completion", "Print a completion script for bash, zsh or fish",
        "completion bash > ~/.local/share/bash-completion/completions/embscope", fill_completion}},
  };
}

}  // namespace

std::vector<CommandInfo> commands() {
  std::vector<CommandInfo> all = commands_of_catalogue();
  for (ByHand& one : by_hand()) all.insert(one.ahead ? all.begin() : all.end(), std::move(one.info));
  std::ranges::stable_sort(all, {}, &CommandInfo::group);
  return all;
}

}  // namespace embscope::cli
