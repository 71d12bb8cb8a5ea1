// Process: what programs ask of the system that they run in.
// Thread rule: begin_program and begin_server before other threads start; the others on any thread.
#pragma once

#include <optional>
#include <string>

namespace embscope {

/// The first call of main(): a reader that closes the pipe ends the program without a message, a file over the user's
/// limit (ulimit -f) fails its write, and a console of Windows is set to UTF-8 and colours. Returns the arguments in
/// UTF-8; they stay as long as the program.
char** begin_program(int argc, char** argv);

/// What a server needs besides: a broken connection is reported as an error, and many may be open at once.
void begin_server();

enum class Stream { input, output, errors };
bool is_terminal(Stream stream);

/// One line of standard input in UTF-8, without its end; false at the end of the input.
bool read_line(std::string& line);

/// The value of an environment variable in UTF-8; nothing where it is not set.
std::optional<std::string> variable(const char* name);
inline std::string environment(const char* name) { return variable(name).value_or(""); }

/// Opens an address in the user's browser; does nothing where there is no screen.
void open_in_browser(const std::string& address);

/// The address of this machine in its network; 127.0.0.1 if it is in none.
std::string network_address();

/// Called in each child that this process forks, where none of its threads are.
void in_children(void (*action)());

}  // namespace embscope
