#include "base/digest.h"

#include <algorithm>
#include <array>

#include <CommonCrypto/CommonDigest.h>

#include "base/hex.h"

namespace embscope {

struct Digest::State {
  Kind kind;
  CC_SHA1_CTX sha1;
  CC_SHA256_CTX sha256;
};

Digest::Digest(Kind kind) : state_(std::make_unique<State>()) {
  state_->kind = kind;
  kind == Kind::sha1 ? CC_SHA1_Init(&state_->sha1) : CC_SHA256_Init(&state_->sha256);
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

Digest& Digest::add(std::string_view bytes) {
  constexpr std::size_t most = 1 << 30;  // sizes are of 32 bits
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), most))) {
    const auto size = static_cast<CC_LONG>(std::min(bytes.size(), most));
    if (state_->kind == Kind::sha1)
      CC_SHA1_Update(&state_->sha1, bytes.data(), size);
    else
      CC_SHA256_Update(&state_->sha256, bytes.data(), size);
  }
  return *this;
}

std::string Digest::hex() {
  std::array<unsigned char, CC_SHA256_DIGEST_LENGTH> bytes;
  const bool sha1 = state_->kind == Kind::sha1;
  sha1 ? CC_SHA1_Final(bytes.data(), &state_->sha1) : CC_SHA256_Final(bytes.data(), &state_->sha256);
  return hex_of({bytes.data(), static_cast<std::size_t>(sha1 ? CC_SHA1_DIGEST_LENGTH : CC_SHA256_DIGEST_LENGTH)});
}

}  // namespace embscope
