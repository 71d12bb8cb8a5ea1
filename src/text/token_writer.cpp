#include "text/token_writer.h"

#include <algorithm>

#include "base/memory.h"

namespace embscope {
namespace {

// Page faults are half of the time for the tokens of a large text.
template <class T>
void reserve(std::vector<T>& list, std::size_t count) {
  list.reserve(count);
  want_large_pages(list.data(), count * sizeof(T));
}

}  // namespace

// `done` bytes of the text have become `size_` tokens: memory is reserved for the same rate and a little more, but for
// at most 64 times the text so far.
void TokenWriter::make_room(std::size_t count, std::uint64_t done) {
  const std::size_t block = std::clamp<std::size_t>(bytes_, 8, 2048);
  room_ = size_ + std::max(count, block);
  if (room_ > ids_.capacity()) {
    const double whole = done == 0 ? 0 : static_cast<double>(bytes_) / static_cast<double>(done);
    const double expected = 1.1 * static_cast<double>(size_) * std::min(whole, 64.0);
    const std::size_t capacity = std::max({room_, static_cast<std::size_t>(expected), size_ + size_ / 2});
    reserve(ids_, capacity);
    if (ranges_ != nullptr) reserve(*ranges_, capacity);
  }
  ids_.resize(room_);
  id_at_ = ids_.data();
  if (ranges_ == nullptr) return;
  ranges_->resize(room_);
  range_at_ = ranges_->data();
}

void TokenWriter::finish() {
  ids_.resize(size_);
  if (ranges_ != nullptr) ranges_->resize(size_);
}

}  // namespace embscope
