#include "base/digest.h"

#include <openssl/evp.h>

#include "base/hex.h"
#include "embscope/base/error.h"

namespace embscope {

struct Digest::State {
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};

  static void expect(int status) {
    if (status != 1) throw Error(Code::unsupported, "hash", "the OpenSSL library refuses to compute it");
  }
};

Digest::Digest(Kind kind) : state_(std::make_unique<State>()) {
  State::expect(EVP_DigestInit_ex(state_->context.get(), kind == Kind::sha1 ? EVP_sha1() : EVP_sha256(), nullptr));
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

Digest& Digest::add(std::string_view bytes) {
  State::expect(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()));
  return *this;
}

std::string Digest::hex() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  State::expect(EVP_DigestFinal_ex(state_->context.get(), bytes, &size));
  return hex_of({bytes, size});
}

}  // namespace embscope
