// The command about this machine.
#pragma once

#include <CLI/CLI.hpp>

namespace embscope::cli {

void add_doctor(CLI::App& app);

}  // namespace embscope::cli
