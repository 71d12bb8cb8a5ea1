#include "project/state.h"

#include <cstring>

#include "embscope/base/error.h"

namespace embscope {
namespace {

constexpr std::string_view magic = "Embscope map 2\n\n";

}  // namespace

std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
    hash = (hash ^ word) * 0x100000001b3;
    hash ^= hash >> 29;  // high bits reach low ones: words are wider than FNV's bytes
  }
  return hash;
}

std::uint64_t hash_of(const Tensor& vectors) {
  const std::string_view bytes(reinterpret_cast<const char*>(vectors.data()),
                               static_cast<std::size_t>(vectors.size()) * sizeof(float));
  return hash_of(bytes) ^ static_cast<std::uint64_t>(vectors.columns()) * 0x9e3779b97f4a7c15;
}

StateWriter::StateWriter(std::filesystem::path path) : path_(std::move(path)), bytes_(magic) {}

void StateWriter::commit() {
  value(hash_of(bytes_));
  AtomicFile file(path_);
  file.write(bytes_);
  file.commit();
}

StateReader::StateReader(const std::filesystem::path& path) : path_(path), file_(path) {
  const std::string_view bytes = file_.text();
  if (bytes.substr(0, magic.size()) != magic)
    throw Error(Code::format, path.string(), "is not the state of a map (embscope map --resume writes one)");
  at_ = magic.size();
  end_ = bytes.size() - sizeof(std::uint64_t);
  std::uint64_t hash = 0;
  if (bytes.size() < magic.size() + sizeof(hash)) damaged();
  std::memcpy(&hash, bytes.data() + end_, sizeof(hash));
  if (hash != hash_of(bytes.substr(0, end_))) damaged();
}

void StateReader::copy(void* to, std::size_t size) {
  if (size > left()) damaged();
  if (size > 0) std::memcpy(to, file_.text().data() + at_, size);
  at_ += size;
}

void StateReader::damaged() const {
  throw Error(Code::format, path_.string(), "the state is damaged; start the map again");
}

}  // namespace embscope
