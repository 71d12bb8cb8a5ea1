// An archive that opened must be whole: every view inside the file, every value readable.
#pragma once

#include <algorithm>
#include <vector>

#include "embscope/files/archive.h"
#include "input.h"

namespace embscope::fuzz {

inline void read_everything(const Archive& archive) {
  std::int64_t budget = 1 << 16;  // values decoded: enough to touch both ends of everything small
  for (const Archive::Entry& entry : archive.tensors()) {
    hold(archive.find(entry.name) != nullptr, "a listed tensor that is not found");
    const View& view = entry.view;
    hold(view.rows() >= 0 && view.bytes() >= 0, "a tensor of fewer than no bytes");
    if (view.bytes() == 0) continue;
    std::vector<float> row(static_cast<std::size_t>(view.columns()));
    for (const std::int64_t r : {std::int64_t{0}, view.rows() - 1}) {
      if ((budget -= view.columns()) < 0) break;
      decode_rows(view, r, 1, row.data());
    }
    volatile std::byte last = view.data[view.bytes() - 1];
    (void)last;
  }
  std::size_t bytes = 0;
  auto read = [&](std::string_view text) {
    bytes += static_cast<std::size_t>(std::count(text.begin(), text.end(), 'x'));
  };
  for (const auto& [key, value] : archive.metadata()) {
    read(key);
    if (const auto* text = std::get_if<std::string_view>(&value)) read(*text);
    if (const auto* texts = std::get_if<std::vector<std::string_view>>(&value)) {
      for (std::string_view text : *texts) read(text);
    }
  }
  volatile std::size_t keep = bytes;
  (void)keep;
}

/// Opens the bytes as a file by content, and reads all that it claims to hold.
inline bool open_and_read(std::string_view bytes) {
  const MemoryFile file(bytes);
  return works_or_is_refused([&] { read_everything(*Archive::open(file.path())); });
}

}  // namespace embscope::fuzz
