// What the library asks of the system: folders of the user, time, other programs, the size of the machine.
#pragma once

#include <ctime>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "embscope/base/process.h"

namespace embscope {

/// $HOME, on Windows %USERPROFILE%.
std::filesystem::path home();

/// The folder for temporary files. Throws Error{io} where there is none.
std::filesystem::path temporary_files();

/// The folders in a list such as $PATH.
std::vector<std::filesystem::path> folders_in(std::string list);

std::tm local_time(std::time_t time);

/// The number of processors that this process may use.
int processors();

/// A number that no other process of this machine has now.
std::string process_id();

/// Runs a program to its end, without input, its output in the file `log`. Returns its exit status. Throws Error{io} if
/// it cannot be started.
int run_program(const std::filesystem::path& program, std::span<const std::string> arguments,
                const std::filesystem::path& log);

}  // namespace embscope
