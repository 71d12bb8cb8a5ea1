// One field of an analysis as options of a command.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "embscope/catalogue/catalogue.h"

namespace embscope::cli {

std::string option_of(const Field& field);  ///< "--top-k", "TEXT"

class Input {
 public:
  Input(CLI::App& command, const Field& field);  ///< CLI11 keeps its address

  const Field& field() const { return field_; }
  CLI::Option* option() const { return option_; }
  std::string name() const { return option_of(field_); }
  bool given() const;
  void give(Values& values) const;  ///< what was given, with a note where that was under an old name

 private:
  void add(CLI::App& command);
  void add_edits(CLI::App& command);
  Value value() const;
  Value::List given_edits() const;

  Field field_;
  CLI::Option* option_ = nullptr;
  std::unique_ptr<Input> old_;
  std::string text_, file_;
  std::int64_t whole_ = 0;
  std::uint64_t seed_ = 0;
  double real_ = 0;
  bool set_ = false;
  std::vector<std::string> texts_, at_, do_;
  std::vector<std::int64_t> wholes_;
  std::vector<std::uint64_t> seeds_;
  std::vector<double> reals_;
};

}  // namespace embscope::cli
