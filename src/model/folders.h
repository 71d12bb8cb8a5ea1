// Folders of models as they lie on the disk: what is in them, whether it is whole, what to call it.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/folder.h"
#include "base/system.h"
#include "embscope/files/archive.h"

namespace embscope {

bool is_there(const std::filesystem::path& path);  ///< and may be looked at

/// What may be put behind a folder's name without leaving the folder.
bool is_plain_name(const std::string& name);

std::string replaced(std::string text, std::string_view from, std::string_view to);

/// 32 hexadecimal digits or more, also as Ollama's sha256-...
bool is_hash(std::string_view text);

/// The .gguf files in a folder, sorted; of a split one its first part only (where that is there).
std::vector<std::filesystem::path> gguf_files(const std::filesystem::path& folder);

/// Everything that opening the model needs is there: not a fetch that ended early, and no links to what is gone.
bool is_whole(const std::filesystem::path& folder);

inline constexpr std::string_view hub_mark = "models--";  // models--OWNER--NAME: OWNER/NAME in the hub's cache
std::string hub_name(std::string_view folder);            ///< precondition: it starts with hub_mark

/// What to call the model in a folder or file: never a hash (a snapshot of the hub's cache is OWNER/NAME) and never
/// empty, however the path is written. Of a GGUF the file's name, its metadata where that is a hash.
std::string model_name(const std::filesystem::path& folder);
std::string model_name(const Archive& gguf);

}  // namespace embscope
