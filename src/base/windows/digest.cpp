#include "base/digest.h"

#include <algorithm>
#include <vector>

#include <windows.h>

#include <bcrypt.h>

#include "base/hex.h"
#include "embscope/base/error.h"

namespace embscope {

struct Digest::State {
  BCRYPT_ALG_HANDLE algorithm = nullptr;
  BCRYPT_HASH_HANDLE hash = nullptr;
  std::size_t size = 0;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (hash != nullptr) BCryptDestroyHash(hash);
    if (algorithm != nullptr) BCryptCloseAlgorithmProvider(algorithm, 0);
  }
  static void expect(NTSTATUS status) {
    if (status < 0) throw Error(Code::unsupported, "hash", "Windows refuses to compute it");
  }
};

Digest::Digest(Kind kind) : state_(std::make_unique<State>()) {
  const bool sha1 = kind == Kind::sha1;
  State::expect(BCryptOpenAlgorithmProvider(&state_->algorithm, sha1 ? L"SHA1" : L"SHA256", nullptr, 0));
  State::expect(BCryptCreateHash(state_->algorithm, &state_->hash, nullptr, 0, nullptr, 0, 0));
  state_->size = sha1 ? 20 : 32;
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

Digest& Digest::add(std::string_view bytes) {
  constexpr std::size_t most = 1 << 30;  // sizes are of 32 bits
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), most))) {
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    State::expect(BCryptHashData(state_->hash, data, static_cast<ULONG>(std::min(bytes.size(), most)), 0));
  }
  return *this;
}

std::string Digest::hex() {
  std::vector<unsigned char> bytes(state_->size);
  State::expect(BCryptFinishHash(state_->hash, bytes.data(), static_cast<ULONG>(bytes.size()), 0));
  return hex_of(bytes);
}

}  // namespace embscope
