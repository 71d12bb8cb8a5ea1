// Error: the one exception type that leaves the library.
// Thread rule: a value; throw and copy it anywhere.
#pragma once

#include <stdexcept>
#include <string>

namespace embscope {

/// The kind of an error; it only decides a client's exit status or HTTP status.
enum class Code {
  usage,        ///< the request cannot be understood (exit status 2 of the command line)
  not_found,    ///< a file, word, site, token, model or method that does not exist
  format,       ///< a file or text whose content does not match its format
  unsupported,  ///< valid, but not supported by Embscope
  shape,        ///< sizes that do not match
  range,        ///< a number outside its bounds
  io,           ///< the operating system refused to read or write
  network,      ///< a server refused, or the connection broke
  cancelled,    ///< the caller asked to stop
};

/// Says what was wrong, where, and (in the message) what to do: `[gguf] tensor 'x': needs ..., the file has ...`.
class Error : public std::runtime_error {
 public:
  Error(Code code, std::string where, std::string message)
      : std::runtime_error("[" + where + "] " + message),
        code_(code),
        where_(std::move(where)),
        message_(std::move(message)) {}

  Code code() const noexcept { return code_; }
  const std::string& where() const noexcept { return where_; }
  const std::string& message() const noexcept { return message_; }

 private:
  Code code_;
  std::string where_, message_;
};

}  // namespace embscope
