// Tokens a second of a text that is being written.
#pragma once

#include <chrono>
#include <string>

namespace embscope::cli {

/// The first token is not counted: it waits for the whole text.
class Speed {
 public:
  void token();
  int tokens() const { return count_; }
  std::string text() const;  ///< "12 tokens, 34.5 a second"

 private:
  int count_ = 0;
  std::chrono::steady_clock::time_point first_, last_;
};

}  // namespace embscope::cli
