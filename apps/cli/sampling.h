// How tokens are chosen: the options that generate and chat share.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "command.h"
#include "embscope/runs/generate.h"

namespace embscope::cli {

struct SamplingOptions {
  GenerateRequest request;
  std::vector<std::string> edits;

  /// The edits in force, whose positions count in `prompt`.
  std::vector<Edit> edits_in(const Transformer& transformer, const Prompt& prompt) const;
};

std::shared_ptr<SamplingOptions> add_sampling(CLI::App& command);

void add_chat(CLI::App& app);

/// Tokens a second, the first one not counted: it waits for the whole text.
class Speed {
 public:
  void token();
  std::string text() const;  ///< "12 tokens, 34.5 a second"

 private:
  int count_ = 0;
  std::chrono::steady_clock::time_point first_, last_;
};

/// Why a text ended where nobody asked for it: a line, or nothing.
std::string remark_on(Ended ended, std::int64_t context);

}  // namespace embscope::cli
