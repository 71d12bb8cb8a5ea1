#include "embscope/tensor/tensor.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <new>

#include "base/memory.h"

namespace embscope {

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (std::int64_t size : sizes_) product *= size;
  return product;
}

std::int64_t Shape::rows() const {
  std::int64_t product = 1;
  for (int axis = 0; axis + 1 < rank(); ++axis) product *= (*this)[axis];
  return product;
}

std::string Shape::text() const {
  if (sizes_.empty()) return "scalar";
  std::string text;
  for (std::int64_t size : sizes_) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

namespace {

constexpr std::size_t page = 4096, huge_page = std::size_t{2} << 20;
constexpr std::size_t large = std::size_t{256} << 10;

// Large buffers use huge pages if the system has them, and freed buffers are kept for reuse: a pass of the same shape
// then has no page faults and no zeroing by the system, which for the logits of a long text is a tenth of the whole
// pass, and more than half of a pass that captures every site. The system may take kept buffers back: under
// memory pressure they go first.
class LargeBuffers {
 public:
  static LargeBuffers& instance() {
    static LargeBuffers* const buffers = new LargeBuffers;  // never destroyed: tensors with static lifetime outlive it
    return *buffers;
  }

  static std::size_t alignment(std::size_t bytes) { return bytes < 2 * huge_page ? page : huge_page; }

  float* take(std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = std::ranges::find(kept_, bytes, &Buffer::bytes);
      if (found != kept_.end()) {
        float* data = found->data;
        total_ -= bytes;
        kept_.erase(found);
        return data;
      }
    }
    auto* data = static_cast<float*>(allocate(alignment(bytes), bytes));
    if (data != nullptr && alignment(bytes) == huge_page) want_large_pages(data, bytes);
    return data;
  }

  void give(float* data, std::size_t bytes) {
    offer_pages(data, bytes);
    const std::lock_guard lock(mutex_);
    kept_.push_front({data, bytes});  // the latest is found first
    total_ += bytes;
    while (total_ > most_kept_) {
      give_back(kept_.back().data);
      total_ -= kept_.back().bytes;
      kept_.pop_back();
    }
  }

 private:
  struct Buffer {
    float* data;
    std::size_t bytes;
  };
  std::mutex mutex_;
  std::deque<Buffer> kept_;
  std::size_t total_ = 0;
  const std::size_t most_kept_ = memory_size() / 4;
};

}  // namespace

void Tensor::Free::operator()(float* p) const {
  if (owner) return;
  if (bytes < large) {
    give_back(p);
  } else {
    LargeBuffers::instance().give(p, bytes);
  }
}

Tensor Tensor::uninitialised(Shape shape) {
  Tensor t;
  t.size_ = shape.elements();
  t.shape_ = std::move(shape);
  if (t.size_ == 0) return t;
  const std::size_t wanted = static_cast<std::size_t>(t.size_) * sizeof(float);
  const std::size_t alignment = wanted < large ? 64 : LargeBuffers::alignment(wanted);
  const std::size_t bytes = (wanted + alignment - 1) / alignment * alignment;
  auto* data = wanted < large ? static_cast<float*>(allocate(alignment, bytes)) : LargeBuffers::instance().take(bytes);
  if (data == nullptr) throw std::bad_alloc();
  t.data_ = std::unique_ptr<float[], Free>(data, Free{bytes, {}});
  return t;
}

Tensor::Tensor(Shape shape) : Tensor(uninitialised(std::move(shape))) { std::ranges::fill(values(), 0.0f); }

Tensor Tensor::of(Shape shape, std::span<const float> values) {
  Tensor t = uninitialised(std::move(shape));
  if (static_cast<std::size_t>(t.size_) != values.size()) {
    throw Error(Code::shape, "tensor", t.shape_.text() + " from " + std::to_string(values.size()) + " values");
  }
  std::ranges::copy(values, t.values().begin());
  return t;
}

Tensor Tensor::borrowed(Shape shape, float* data, std::shared_ptr<const void> owner) {
  Tensor t;
  t.size_ = shape.elements();
  t.shape_ = std::move(shape);
  if (t.size_ != 0) t.data_ = std::unique_ptr<float[], Free>(data, Free{0, std::move(owner)});
  return t;
}

Tensor Tensor::clone() const { return of(shape_, values()); }

}  // namespace embscope
