// Digest: hashes by the library of the system.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace embscope {

/// A running SHA-1 or SHA-256.
class Digest {
 public:
  enum class Kind { sha1, sha256 };
  explicit Digest(Kind kind);
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;

  Digest& add(std::string_view bytes);
  std::string hex();  ///< once, at the end

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace embscope
