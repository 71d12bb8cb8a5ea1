#include "files/word_vectors.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/threads.h"
#include "files/reader.h"

namespace embscope {
namespace {

constexpr std::size_t longest_word = 4096;  // bytes; a longer one means that the file is something else
constexpr std::uint64_t widest = 1 << 20;

struct Header {
  std::uint64_t count = 0, width = 0;
  std::size_t bytes = 0;  // of the line, with its end
};

std::string_view without_end(std::string_view line) {
  const std::size_t last = line.find_last_not_of(" \t\r");
  return line.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// The last space-separated field of `line`, which loses it.
std::string_view take_field(std::string_view& line) {
  line = without_end(line);
  const std::size_t space = line.find_last_of(" \t");
  const std::string_view field = space == std::string_view::npos ? line : line.substr(space + 1);
  line = line.substr(0, space == std::string_view::npos ? 0 : space);
  return field;
}

template <class Number>
bool parse(std::string_view text, Number& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error == std::errc()) return end == last && !text.empty();
  if constexpr (std::is_same_v<Number, float>) {  // too small or too large for a float: zero or infinity
    double wide = 0;
    if (error != std::errc::result_out_of_range || !parse(text, wide)) return false;
    value = static_cast<float>(wide);
    return true;
  }
  return false;
}

// Two whole numbers and nothing else.
std::optional<Header> header_of(std::string_view bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  if (end > 64) return {};
  std::string_view line = bytes.substr(0, end);
  Header header;
  header.bytes = std::min(end + 1, bytes.size());
  if (!parse(take_field(line), header.width) || !parse(take_field(line), header.count) || !without_end(line).empty())
    return {};
  return header;
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : file_(path), where_(path.filename().string()) {}

  WordVectors read() const {
    const std::string_view bytes = file_.text();
    if (bytes.empty()) refuse("the file is empty");
    auto read = read_rows(bytes);
    check_mapping(bytes.data());
    return read;
  }

 private:
  WordVectors read_rows(std::string_view bytes) const {
    const auto header = header_of(bytes);
    if (!header) return read_lines(bytes, 0, {}, "glove");
    if (header->width < 1 || header->width > widest || header->count < 1)
      refuse(fmt::format("the first line says {} vectors of {} values", header->count, header->width));
    const std::string_view rest = bytes.substr(header->bytes);
    return first_row_is_text(rest, header->width) ? read_lines(rest, 1, header, "word2vec text")
                                                  : read_binary(rest, *header);
  }

  [[noreturn]] void refuse(const std::string& message) const { throw Error(Code::format, where_, message); }

  static bool first_row_is_text(std::string_view bytes, std::uint64_t width) {
    std::string_view line = bytes.substr(0, bytes.find('\n'));
    float value = 0;
    for (std::uint64_t i = 0; i < width; ++i) {
      if (!parse(take_field(line), value)) return false;
    }
    return !line.empty();
  }

  std::vector<std::string_view> lines_of(std::string_view bytes, std::size_t most) const {
    std::vector<std::string_view> lines;
    while (!bytes.empty() && lines.size() < most) {
      const std::size_t end = std::min(bytes.find('\n'), bytes.size());
      lines.push_back(bytes.substr(0, end));
      bytes.remove_prefix(std::min(end + 1, bytes.size()));
    }
    while (!lines.empty() && without_end(lines.back()).empty()) lines.pop_back();
    return lines;
  }

  // Without a header, the fields of the first line decide: all from the back that are numbers, but never the word itself.
  std::uint64_t width_of(std::string_view line) const {
    std::uint64_t width = 0;
    float value = 0;
    while (!line.empty()) {
      std::string_view before = line;
      if (!parse(take_field(before), value) || before.empty()) break;
      line = before;
      ++width;
    }
    if (width == 0 || width > widest)
      refuse("is no word vectors: line 1 should be 'N D' (Word2Vec) or a word and its values (GloVe)");
    return width;
  }

  WordVectors read_lines(std::string_view bytes, std::size_t before, std::optional<Header> header,
                         std::string_view format) const {
    const auto lines = lines_of(bytes, header ? header->count : SIZE_MAX);
    if (header && lines.size() != header->count)
      refuse(fmt::format("line 1 says {} vectors, the file has {}", header->count, lines.size()));
    if (lines.empty()) refuse("holds no vectors");
    const std::uint64_t width = header ? header->width : width_of(lines[0]);
    check_room(lines.size(), width, 2, bytes.size());  // "0 " is the shortest value
    WordVectors out{format, std::vector<std::string>(lines.size()), {}};
    out.vectors =
        Tensor::uninitialised({static_cast<std::int64_t>(lines.size()), static_cast<std::int64_t>(width)});
    parallel_for(out.vectors.rows(), 256, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto at = static_cast<std::size_t>(i);
        out.words[at] = read_line(lines[at], at + 1 + before, out.vectors.row(i));
      }
    });
    return out;
  }

  std::string read_line(std::string_view line, std::size_t number, std::span<float> values) const {
    for (std::size_t k = values.size(); k-- > 0;) {
      const std::string_view field = take_field(line);
      if (field.empty() || line.empty())
        refuse(fmt::format("line {}: a word and {} values are needed, found {} fields", number, values.size(),
                           values.size() - k - (field.empty() ? 1 : 0)));
      if (!parse(field, values[k]))
        refuse(fmt::format("line {}: value {} is no number: {}", number, k + 1, shown(field)));
    }
    if (line.size() > longest_word)
      refuse(fmt::format("line {}: a word of {} bytes, at most {} are read", number, line.size(), longest_word));
    return std::string(line);
  }

  WordVectors read_binary(std::string_view bytes, const Header& header) const {
    check_room(header.count, header.width, sizeof(float), bytes.size());
    WordVectors out{"word2vec binary", std::vector<std::string>(header.count), {}};
    out.vectors =
        Tensor::uninitialised({static_cast<std::int64_t>(header.count), static_cast<std::int64_t>(header.width)});
    const std::size_t row_bytes = header.width * sizeof(float);
    for (std::size_t i = 0; i < header.count; ++i) {
      bytes.remove_prefix(std::min(bytes.find_first_not_of('\n'), bytes.size()));  // the C program ends rows with one
      const std::size_t space = bytes.substr(0, longest_word + 1).find(' ');
      if (space == std::string_view::npos || bytes.substr(0, space).find('\n') != std::string_view::npos)
        refuse(fmt::format("vector {} of {}: no word of at most {} bytes before it", i + 1, header.count, longest_word));
      if (bytes.size() - space - 1 < row_bytes)
        refuse(fmt::format("vector {} of {}: needs {} bytes, {} are left", i + 1, header.count, row_bytes,
                           bytes.size() - space - 1));
      out.words[i] = std::string(bytes.substr(0, space));
      std::memcpy(out.vectors.row(static_cast<std::int64_t>(i)).data(), bytes.data() + space + 1, row_bytes);
      bytes.remove_prefix(space + 1 + row_bytes);
    }
    return out;
  }

  void check_room(std::uint64_t count, std::uint64_t width, std::uint64_t value_bytes, std::uint64_t available) const {
    std::uint64_t values = 0, needed = 0;
    if (!checked_multiply(count, width, values) || !checked_multiply(values, value_bytes, needed) || needed > available)
      refuse(fmt::format("{} vectors of {} values do not fit in the {} bytes that follow", count, width, available));
  }

  MappedFile file_;
  std::string where_;
};

}  // namespace

WordVectors read_word_vectors(const std::filesystem::path& path) { return Reader(path).read(); }

}  // namespace embscope
