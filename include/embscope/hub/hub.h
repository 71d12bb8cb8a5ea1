// Hub: downloads a model's files from the Hugging Face hub.
// Thread rule: one call at a time per destination; a lock file keeps a second process waiting with a clear error.
#pragma once

#include <filesystem>
#include <string>

#include "embscope/base/progress.h"

namespace embscope {

struct PullResult {
  std::filesystem::path path;  ///< the folder, or the file of another program
  std::string name;            ///< what -m takes
  std::string store;           ///< of the program that had downloaded it already (known_models.h); empty for our own
};

/// Downloads the configuration, weights and tokenizer of a model: "smollm2", "gpt2", "gpt2-medium", "gpt2-large",
/// "gpt2-xl", "distilgpt2" or "OWNER/NAME" into the cache; from a repository of GGUF files the one that
/// "OWNER/NAME:TAG" names ("Q4_K_M": the end of its name), with its parts. A file that another program has downloaded
/// already, with the hash that the hub states, is used in place. Honours HF_ENDPOINT, HF_HOME (its token file) and
/// HF_TOKEN. Interrupted downloads resume; size and SHA-256 (as the hub states them) are checked before the atomic
/// rename; complete files are not downloaded again. Throws Error{network} (with the address, the status, and what to
/// do: a token for 401, the name for 404), Error{usage} where the repository has several GGUF files, Error{io} for a
/// full disk, Error{format} for a wrong hash.
PullResult pull(const std::string& name, const Progress& progress = {});

/// Why nothing can be fetched on this machine, and what to do; empty where it can.
std::string fetching_problem();

}  // namespace embscope
