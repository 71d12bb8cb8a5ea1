// A text on standard output that comes piece by piece.
#pragma once

#include <string>
#include <string_view>

namespace embscope::cli {

/// Prints each character as a whole, as soon as it is complete. On a terminal, control characters other than line
/// breaks and tabs are made visible: what a model writes must not control the terminal.
class LiveText {
 public:
  /// False if it cannot be written.
  bool write(std::string_view bytes);
  /// Prints what there is of a character that was not completed. Throws Error{io} if any of the text was not written.
  void finish();

 private:
  std::string rest_;
};

}  // namespace embscope::cli
