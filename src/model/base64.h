// Base64 (RFC 4648), as tokenizers' files hold bytes in text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace embscope {

/// The bytes; nothing where the text is not base64.
std::optional<std::string> base64(std::string_view text);

}  // namespace embscope
