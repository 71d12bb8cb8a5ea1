// Hub: downloads a model's files from the Hugging Face hub.
// Thread rule: one call at a time per destination; a lock file keeps a second process waiting with a clear error.
#pragma once

#include <filesystem>
#include <string>

#include "embscope/base/progress.h"

namespace embscope {

/// Downloads the configuration, weights and tokenizer of a model: "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl",
/// "distilgpt2" or "OWNER/NAME" into the cache and returns the folder. Honours HF_ENDPOINT, HF_HOME (its token file)
/// and HF_TOKEN. Interrupted downloads resume; size and SHA-256 (as the hub states them) are checked before the atomic
/// rename; complete files are not downloaded again. Throws Error{network} (with the address, the status, and what to
/// do: a token for 401, the name for 404), Error{io} for a full disk, Error{format} for a wrong hash.
std::filesystem::path pull(const std::string& name, const Progress& progress = {});

}  // namespace embscope
