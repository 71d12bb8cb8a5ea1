// Where models lie on this machine.
#pragma once

#include <filesystem>
#include <string>

namespace embscope {

/// A model's file or folder, and its name where it was asked for by name (else empty: its file says it).
struct ModelPlace {
  std::filesystem::path path;
  std::string name;
};

/// What `find_model` finds. Throws as it does.
ModelPlace place_of_model(const std::string& path_or_name);

/// The folder of our own cache that `pull` fills for a name.
std::filesystem::path pulled_folder(const std::string& name);

}  // namespace embscope
