// Python's pickles as data: what a pickle would do is written down as a tree, and nothing is done. Only what PyTorch's
// files need is read (Python's pickletools.py; torch/_weights_only_unpickler.py); anything else is refused by name. A
// pickle is hostile until read: its work and its memory are bounded by its size.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace embscope {

class Pickle {
 public:
  using Index = std::uint32_t;

  enum class Kind {
    none,
    truth,       // number
    integer,     // number
    large,       // text: an integer of more than 8 bytes, little-endian
    real,        // real
    text,        // text
    tuple,       // items
    list,        // items
    set,         // items
    dict,        // items: key, value, key, value ...
    global,      // text: "module.name"
    call,        // text: the callable; items: its arguments
    persistent,  // items: the one value that says what lies outside of the pickle
    mark
  };
  struct Node {
    Kind kind = Kind::none;
    std::int64_t number = 0;
    double real = 0;
    std::string_view text;  // of the bytes, or of `names`
    std::vector<Index> items;
  };

  /// `callables` may be called, and `globals` (a name that ends in "*" stands for all that begin so) named. `where`:
  /// for messages. Throws Error{format, unsupported} with the place in the pickle.
  Pickle(std::string_view bytes, std::span<const std::string_view> callables, std::span<const std::string_view> globals,
         std::string where);

  const Node& root() const { return nodes_[root_]; }
  const Node& operator[](Index i) const { return nodes_[i]; }
  std::size_t nodes() const { return nodes_.size(); }
  std::size_t size() const { return size_; }  ///< in bytes, with its end

 private:
  friend class PickleReader;
  std::vector<Node> nodes_;
  std::vector<std::unique_ptr<std::string>> names_;  // of globals, joined
  Index root_ = 0;
  std::size_t size_ = 0;
};

}  // namespace embscope
