// Machine: what this machine is, for people and reports of problems.
// Thread rule: asks the system each time; any number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace embscope {

struct Machine {
  std::string system;     ///< "Linux 6.1.0, x86_64"
  std::string processor;  ///< its own name for itself; empty where it has none
  int processors = 0;     ///< that may be used at once
  std::uint64_t memory = 0,
                free_memory = 0;  ///< bytes: what this process may use, and what is not in use; 0 where it is not known
};
Machine this_machine();

/// Where the shell would find a program; empty where it would not.
std::filesystem::path find_program(const std::string& name);

}  // namespace embscope
