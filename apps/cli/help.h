// The help of the program and of its commands.
#pragma once

#include <memory>

#include <CLI/CLI.hpp>

namespace embscope::cli {

/// CLI11's help with one form for every option, "-m, --model MODEL  What it is (default: ...)", in lines that fit a
/// terminal.
std::shared_ptr<CLI::Formatter> help();

}  // namespace embscope::cli
