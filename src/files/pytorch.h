// PyTorch's checkpoints (.bin, .pt, .pth), both forms: a zip with data.pkl and a file for each storage (since 1.6), and
// the one before it, five pickles and the storages behind each other. Read as data (pickle.h); tensors stay where they
// lie in the file.
#pragma once

#include <string_view>

namespace embscope {

/// By its first bytes, or, of a zip, what its directory names.
bool is_pytorch(std::string_view bytes);

}  // namespace embscope
