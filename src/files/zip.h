// The members of a zip file that are stored as they are, so that they can be used where they lie.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace embscope {

struct ZipMember {
  std::string name;
  std::uint64_t begin = 0, size = 0;  ///< of its bytes in the file
};

/// In the order of its directory. Throws Error{format}, `where` in front, for a file that is not a zip, points beyond
/// the file or overlaps; Error{unsupported} with `advice` for a member that is compressed or encrypted.
std::vector<ZipMember> zip_members(std::string_view file, const std::string& where, const std::string& advice);

}  // namespace embscope
