#include "files/pytorch.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/checked.h"
#include "files/pickle.h"
#include "files/reader.h"
#include "files/zip.h"

namespace embscope {
namespace {

using namespace std::string_view_literals;
using Node = Pickle::Node;
using Kind = Pickle::Kind;
using Index = Pickle::Index;

// torch/serialization.py: MAGIC_NUMBER as a pickle of protocol 2, with its end.
constexpr std::string_view magic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."sv;
constexpr std::int64_t protocol = 1001;

constexpr std::string_view callables[] = {"collections.OrderedDict", "torch._utils._rebuild_tensor_v2",
                                          "torch._utils._rebuild_parameter", "torch.Size"};
constexpr std::string_view globals[] = {"torch.*"};

constexpr std::pair<std::string_view, DType> storages[] = {
    {"torch.FloatStorage", DType::f32},    {"torch.HalfStorage", DType::f16}, {"torch.BFloat16Storage", DType::bf16},
    {"torch.DoubleStorage", DType::f64},   {"torch.LongStorage", DType::i64}, {"torch.IntStorage", DType::i32},
    {"torch.ShortStorage", DType::i16},    {"torch.CharStorage", DType::i8},  {"torch.ByteStorage", DType::u8},
    {"torch.BoolStorage", DType::boolean},
};

/// Bytes of a storage in the file.
struct Storage {
  std::uint64_t begin = 0, size = 0;
};

class PyTorch : public MappedArchive {
 public:
  PyTorch(std::shared_ptr<const MappedFile> file, std::filesystem::path path)
      : MappedArchive(std::move(file), std::move(path)) {
    format_ = "pytorch";
    file_->text().starts_with("PK") ? read_zip() : read_legacy();
  }

 private:
  std::string where() const { return path_.filename().string(); }
  [[noreturn]] void unsupported(const std::string& what) const {
    throw Error(Code::unsupported, format_, where() + ": " + what);
  }

  std::string_view text_of(const ZipMember& member) const { return file_->text().substr(member.begin, member.size); }

  void read_zip() {
    std::map<std::string, const ZipMember*, std::less<>> by_name;
    const std::vector<ZipMember> members = zip_members(file_->text(), where(), "save it again with torch.save");
    const ZipMember* data = nullptr;
    for (const ZipMember& member : members) {
      if (!by_name.emplace(member.name, &member).second) refuse(fmt::format("{} occurs twice", shown(member.name)));
      if (member.name.ends_with("/data.pkl")) data = &member;
    }
    if (data == nullptr) unsupported("this is a zip archive without data.pkl: not a checkpoint of PyTorch's");
    const std::string folder = data->name.substr(0, data->name.size() - 8);
    if (by_name.contains(folder + "constants.pkl"))
      unsupported("this is a TorchScript program: save its state_dict instead");
    if (const auto order = by_name.find(folder + "byteorder");
        order != by_name.end() && text_of(*order->second) != "little")
      unsupported("is big-endian, which is not read");
    const Pickle pickle(text_of(*data), callables, globals, where());
    read_tensors(pickle, [&](std::string_view key) -> std::optional<Storage> {
      const auto found = by_name.find(folder + "data/" + std::string(key));
      return found == by_name.end() ? std::nullopt : std::optional(Storage{found->second->begin, found->second->size});
    });
  }

  // Magic number, version, the system's sizes, the tensors, the keys of their storages; then for each key its length in
  // elements (8 bytes) and its elements.
  void read_legacy() {
    std::uint64_t at = magic.size();
    const auto next = [&] {
      Pickle pickle(file_->text().substr(at), callables, globals, where());
      at += pickle.size();
      return pickle;
    };
    if (const Pickle version = next(); version.root().kind != Kind::integer || version.root().number != protocol)
      unsupported("is of a version that is not read: save it again with torch.save");
    check_system(next());
    const Pickle pickle = next();
    const Pickle keys = next();
    const std::map<std::string, std::uint64_t, std::less<>> widths = element_sizes(pickle);
    std::map<std::string, Storage, std::less<>> found;
    if (keys.root().kind != Kind::list) refuse("its list of storages is not a list");
    for (Index i : keys.root().items) {
      const std::string key(keys[i].text);
      const auto width = widths.find(key);
      if (keys[i].kind != Kind::text || width == widths.end())
        refuse(fmt::format("a storage {} that no tensor has", shown(key)));
      Storage storage{at + 8, 0};
      const std::uint64_t total = file_->text().size();
      if (at > total || total - at < 8) refuse("ends before its storages");
      std::uint64_t elements = 0;
      std::memcpy(&elements, file_->text().data() + at, 8);
      if (!checked_multiply(elements, width->second, storage.size) || storage.size > total - storage.begin)
        refuse(fmt::format("storage {}: {} elements, the file ends before them", shown(key), elements));
      at = storage.begin + storage.size;
      if (!found.emplace(key, storage).second) refuse(fmt::format("storage {} occurs twice", shown(key)));
    }
    read_tensors(pickle, [&](std::string_view key) -> std::optional<Storage> {
      const auto one = found.find(key);
      return one == found.end() ? std::nullopt : std::optional(one->second);
    });
  }

  void check_system(const Pickle& system) const {
    const Node& root = system.root();
    for (std::size_t i = 0; root.kind == Kind::dict && i + 1 < root.items.size(); i += 2) {
      if (system[root.items[i]].text == "little_endian" && system[root.items[i + 1]].number == 0)
        unsupported("is big-endian, which is not read");
    }
  }

  // ('storage', type, key, where it was, elements[, of a view])
  struct Described {
    std::string key;
    DType dtype;
    std::uint64_t elements;
  };
  Described described(const Pickle& pickle, const Node& persistent) const {
    const Node& tuple = pickle[persistent.items.at(0)];
    if (tuple.kind != Kind::tuple || tuple.items.size() < 5 || pickle[tuple.items[0]].text != "storage")
      unsupported("refers to something outside that is not a storage");
    const Node &type = pickle[tuple.items[1]], &key = pickle[tuple.items[2]], &count = pickle[tuple.items[4]];
    if (tuple.items.size() > 5 && pickle[tuple.items[5]].kind != Kind::none)
      unsupported("has a storage that is a part of another one");
    if (type.kind != Kind::global || key.kind != Kind::text || count.kind != Kind::integer || count.number < 0)
      refuse("a storage without type, key or size");
    const auto known = std::ranges::find(storages, type.text, &std::pair<std::string_view, DType>::first);
    if (known == std::end(storages))
      unsupported(fmt::format("a storage of type {}, which is not read", shown(type.text)));
    return {std::string(key.text), known->second, static_cast<std::uint64_t>(count.number)};
  }

  std::map<std::string, std::uint64_t, std::less<>> element_sizes(const Pickle& pickle) const {
    std::map<std::string, std::uint64_t, std::less<>> sizes;
    for (Index i = 0; i < pickle.nodes(); ++i) {
      if (pickle[i].kind != Kind::persistent) continue;
      const Described one = described(pickle, pickle[i]);
      const auto size = static_cast<std::uint64_t>(block_bytes(one.dtype));
      if (sizes.emplace(one.key, size).first->second != size)
        refuse(fmt::format("storage {} is of two types", shown(one.key)));
    }
    return sizes;
  }

  static bool is_tensor(const Node& node) {
    return node.kind == Kind::call &&
           (node.text == "torch._utils._rebuild_tensor_v2" || node.text == "torch._utils._rebuild_parameter");
  }
  static bool holds_tensors(const Pickle& pickle, const Node& dict) {
    for (std::size_t i = 1; dict.kind == Kind::dict && i < dict.items.size(); i += 2)
      if (is_tensor(pickle[dict.items[i]])) return true;
    return false;
  }

  // The dict of the tensors: the whole, or the one within it that trainers put there.
  const Node& state(const Pickle& pickle) const {
    const Node& root = pickle.root();
    if (root.kind != Kind::dict) unsupported("holds no dict of tensors: save a state_dict");
    if (holds_tensors(pickle, root)) return root;
    std::vector<std::string> names;
    const Node* found = nullptr;
    for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
      if (!holds_tensors(pickle, pickle[root.items[i + 1]])) continue;
      names.push_back(shown(pickle[root.items[i]].text));
      found = &pickle[root.items[i + 1]];
      for (std::string_view usual : {"state_dict", "model_state_dict", "model", "module"})
        if (pickle[root.items[i]].text == usual) return *found;
    }
    if (found == nullptr) unsupported("holds no tensors by name: save a state_dict");
    if (names.size() > 1)
      unsupported(fmt::format("holds several dicts of tensors, {}: save the model's alone", fmt::join(names, ", ")));
    return *found;
  }

  template <class Find>
  void read_tensors(const Pickle& pickle, const Find& storage_of) {
    const Node& dict = state(pickle);
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const Node &name = pickle[dict.items[i]], *value = &pickle[dict.items[i + 1]];
      if (!is_tensor(*value)) continue;  // counts and settings
      if (name.kind != Kind::text) refuse("a tensor whose name is not a text");
      if (value->text == "torch._utils._rebuild_parameter") {
        if (value->items.empty() || !is_tensor(pickle[value->items[0]]))
          refuse(fmt::format("tensor {} is not a tensor", shown(name.text)));
        value = &pickle[value->items[0]];
      }
      read_tensor(pickle, std::string(name.text), *value, storage_of);
    }
  }

  std::vector<std::int64_t> numbers(const Pickle& pickle, const Node& tuple, const std::string& name) const {
    std::vector<std::int64_t> out;
    for (Index i : tuple.items) {
      if (pickle[i].kind != Kind::integer || pickle[i].number < 0)
        refuse(fmt::format("tensor {}: a size or stride that is not possible", shown(name)));
      out.push_back(pickle[i].number);
    }
    return out;
  }

  // _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks[, metadata])
  template <class Find>
  void read_tensor(const Pickle& pickle, const std::string& name, const Node& call, const Find& storage_of) {
    const auto argument = [&](std::size_t i) -> const Node& {
      if (i >= call.items.size()) refuse(fmt::format("tensor {}: too few arguments", shown(name)));
      return pickle[call.items[i]];
    };
    if (argument(0).kind != Kind::persistent || argument(1).kind != Kind::integer || argument(1).number < 0 ||
        argument(2).kind != Kind::tuple || argument(3).kind != Kind::tuple)
      refuse(fmt::format("tensor {}: arguments that are not those of a tensor", shown(name)));
    const Described d = described(pickle, argument(0));
    const Shape shape(numbers(pickle, argument(2), name));
    const std::uint64_t size = bytes_of(name, d.dtype, shape);
    check_strides(name, shape, numbers(pickle, argument(3), name));
    const auto storage = storage_of(d.key);
    if (!storage) refuse(fmt::format("tensor {}: its storage {} is missing", shown(name), shown(d.key)));
    const auto width = static_cast<std::uint64_t>(block_bytes(d.dtype));
    std::uint64_t stated = 0, offset = 0, end = 0;
    if (!checked_multiply(d.elements, width, stated) || stated > storage->size)
      refuse(fmt::format("storage {}: {} elements are stated, the file has {} bytes of it", shown(d.key), d.elements,
                         storage->size));
    if (!checked_multiply(static_cast<std::uint64_t>(argument(1).number), width, offset) ||
        !checked_add(offset, size, end) || end > stated)
      refuse(fmt::format("tensor {}: {} from element {} lie beyond its storage of {}", shown(name), shape.text(),
                         argument(1).number, d.elements));
    add_tensor(name, d.dtype, shape, storage->begin + offset, size);
  }

  void check_strides(const std::string& name, const Shape& shape, const std::vector<std::int64_t>& strides) const {
    if (strides.size() != static_cast<std::size_t>(shape.rank()))
      refuse(fmt::format("tensor {}: sizes and strides differ in number", shown(name)));
    std::int64_t dense = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      if (shape[axis] != 1 && shape.elements() > 0 && strides[static_cast<std::size_t>(axis)] != dense)
        unsupported(fmt::format("tensor {} does not lie row by row: save it with .contiguous()", shown(name)));
      dense *= shape[axis];
    }
  }
};

}  // namespace

bool is_pytorch(std::string_view bytes) {
  constexpr std::size_t directory = std::size_t{4}
                                    << 20;  // that of a model with thousands of tensors takes a tenth of it
  if (!bytes.starts_with("PK\x03\x04")) return bytes.starts_with(magic);
  return bytes.substr(bytes.size() - std::min(bytes.size(), directory)).find("/data.pkl") != std::string_view::npos;
}

std::shared_ptr<const Archive> open_pytorch(std::shared_ptr<const MappedFile> file, std::filesystem::path path) {
  return std::make_shared<const PyTorch>(std::move(file), std::move(path));
}

}  // namespace embscope
