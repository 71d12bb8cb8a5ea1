// A model's file read, changed and written again.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "embscope/files/archive.h"
#include "files/makers.h"
#include "forward/tiny.h"

namespace embscope {

struct Rewritten {
  struct Entry {
    std::string name;
    Shape shape;
    std::vector<float> values;
  };
  std::vector<Entry> tensors;
  std::map<std::string, std::string> records;  ///< of GGUF metadata, each a whole record

  Rewritten() = default;
  explicit Rewritten(const Archive& archive) {
    for (const Archive::Entry& entry : archive.tensors()) {
      const Tensor values = decode(entry.view);
      tensors.push_back({entry.name, entry.view.shape, {values.values().begin(), values.values().end()}});
    }
    for (const auto& [name, value] : archive.metadata()) records[name] = record(name, value);
  }

  Entry* find(const std::string& name) {
    const auto found = std::ranges::find(tensors, name, &Entry::name);
    return found == tensors.end() ? nullptr : &*found;
  }
  void erase(const std::string& name) {
    std::erase_if(tensors, [&](const Entry& e) { return e.name == name; });
  }
  void add(const std::string& name, Shape shape, float value) {
    const auto size = static_cast<std::size_t>(shape.elements());
    tensors.push_back({name, std::move(shape), std::vector<float>(size, value)});
  }

  void write_safetensors(const std::filesystem::path& path) const {
    std::vector<NamedArray> arrays;
    arrays.reserve(tensors.size());
    for (const Entry& e : tensors) arrays.push_back({e.name, e.shape, std::span<const float>(e.values)});
    write_arrays(path, arrays);
  }

  void write_gguf(const std::filesystem::path& path) const {
    files::Gguf file;
    file.tensors.clear();
    for (const auto& [name, bytes] : records) file.keys.push_back(bytes);
    files::Bytes data;
    for (const Entry& e : tensors) {
      std::vector<std::uint64_t> sizes(e.shape.begin(), e.shape.end());
      std::ranges::reverse(sizes);
      file.tensors.push_back({e.name, sizes, 0, data.text.size(), -1});
      for (float x : e.values) data.put(x);
      data.pad(32);
    }
    file.data = 0;
    write_file(path, file.bytes() + data.text);
  }

  static std::string record(const std::string& name, const MetaValue& value) {
    using files::Bytes;
    if (const auto* x = std::get_if<bool>(&value))
      return files::key(name, 7, Bytes().put(static_cast<std::uint8_t>(*x)));
    if (const auto* x = std::get_if<std::int64_t>(&value)) return files::key(name, 11, Bytes().put(*x));
    if (const auto* x = std::get_if<std::uint64_t>(&value)) return files::key(name, 10, Bytes().put(*x));
    if (const auto* x = std::get_if<double>(&value)) return files::key(name, 12, Bytes().put(*x));
    if (const auto* x = std::get_if<std::string_view>(&value)) return files::key(name, 8, Bytes().string(*x));
    Bytes items;
    if (const auto* list = std::get_if<std::vector<std::string_view>>(&value)) {
      for (std::string_view x : *list) items.string(x);
      return files::array(name, 8, list->size(), items.text);
    }
    if (const auto* list = std::get_if<std::vector<double>>(&value)) {
      for (double x : *list) items.put(x);
      return files::array(name, 12, list->size(), items.text);
    }
    const auto& list = std::get<std::vector<std::int64_t>>(value);
    for (std::int64_t x : list) items.put(x);
    return files::array(name, 11, list.size(), items.text);
  }
};

}  // namespace embscope
