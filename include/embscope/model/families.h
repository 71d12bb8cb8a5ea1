// Families of models: which of them open, from which form, and what is refused.
// Thread rule: pure functions over a table that never changes.
#pragma once

#include <string_view>
#include <vector>

namespace embscope {

struct OpenFamily {
  std::string_view name;        ///< for people
  std::string_view model_type;  ///< of config.json
  std::string_view gguf;        ///< general.architecture of its GGUF files; empty where those do not open
};

/// In the order of the table by which models are opened.
std::vector<OpenFamily> open_families();

struct RefusedFamilies {
  std::string_view why;  ///< "a recurrent model"
  std::vector<std::string_view> model_types;
};

/// What is out of scope and common on disks. Anything else that is not known is refused too.
std::vector<RefusedFamilies> refused_families();

/// The general.architecture that open from GGUF.
std::vector<std::string_view> open_architectures();

}  // namespace embscope
