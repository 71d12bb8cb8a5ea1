// Two related random spaces and what NumPy, SciPy and scikit-learn measured of them (tests/reference/make_spaces.py).
#pragma once

#include <fstream>
#include <iterator>
#include <string>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "embscope/space/space.h"

namespace embscope::spaces {

inline Space open(const std::string& name) {
  Space space = open_space(std::string(EMBSCOPE_TEST_DATA "/reference/spaces.safetensors#") + name);
  space.name = name;
  return space;
}

inline boost::json::value parsed(const std::string& reference) {
  std::ifstream in(EMBSCOPE_TEST_DATA "/reference/" + reference);
  return boost::json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
}

inline const boost::json::object& expected() {
  static const boost::json::value value = parsed("spaces.json");
  return value.as_object();
}

inline std::vector<double> numbers(const boost::json::value& array) {
  std::vector<double> out;
  for (const auto& v : array.as_array()) out.push_back(v.to_number<double>());
  return out;
}

inline Space of(std::vector<std::string> labels, Shape shape, std::vector<float> values) {
  return {"made", Tensor::of(std::move(shape), values), std::move(labels), nullptr};
}

/// The value beside a name in a table of measures.
inline double measure(const Table& table, std::string_view name) {
  const auto& names = table.column("measure").texts();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return table.column("value").numbers()[i];
  }
  throw Error(Code::not_found, "measure", std::string(name));
}

}  // namespace embscope::spaces
