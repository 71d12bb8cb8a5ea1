#include "files/word_vectors.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/threads.h"
#include "embscope/files/text_file.h"
#include "files/foreign.h"
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

// Removes and returns the last space-separated field of `line`.
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

bool is_number(std::string_view field) {
  float value = 0;
  return parse(field, value);
}

bool is_whole_number(std::string_view field) {
  std::int64_t value = 0;
  return parse(field, value);
}

// index:value, as SVMlight and others write vectors without their zeros.
bool is_sparse(std::string_view field) {
  const std::size_t colon = field.find(':');
  return colon != std::string_view::npos && is_whole_number(field.substr(0, colon)) &&
         is_number(field.substr(colon + 1));
}

std::size_t fields_in(std::string_view line) {
  std::size_t count = 0;
  while (!take_field(line).empty()) ++count;
  return count;
}

bool all_are_numbers(std::string_view line) {
  while (!without_end(line).empty())
    if (!is_number(take_field(line))) return false;
  return true;
}

std::string_view first_field(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line.substr(0, line.find_first_of(" \t"));
}

class Reader {
 public:
  Reader(const std::filesystem::path& path, bool labels_elsewhere)
      : file_(path),
        where_(path.filename().string()),
        labels_elsewhere_(labels_elsewhere),
        tsv_(path.extension() == ".tsv") {}

  WordVectors read() const {
    const std::string_view bytes = file_.text();
    if (bytes.empty()) refuse("the file is empty");
    if (const std::string foreign = foreign_format(bytes); !foreign.empty()) refuse(foreign);
    auto read = read_rows(without_mark(bytes));
    check_mapping(bytes.data());
    return read;
  }

 private:
  WordVectors read_rows(std::string_view bytes) const {
    if (holds_numbers_only(bytes)) return read_numbers(lines_in(bytes));
    const auto header = header_of(bytes);
    if (!header) return read_lines(bytes, 0, {}, "glove");
    if (header->width < 1 || header->width > widest || header->count < 1)
      refuse(fmt::format("the first line says {} vectors of {} values", header->count, header->width));
    const std::string_view rest = bytes.substr(header->bytes);
    if (first_row_is_text(rest, header->width)) return read_lines(rest, 1, header, "word2vec text");
    check_room(header->count, header->width, 2, rest.size());
    return looks_like_text(rest) ? read_lines(rest, 1, header, "word2vec text") : read_binary(rest, *header);
  }

  // Every line has as many numbers as the first and nothing else, and they are not meant as a number's own vector.
  bool holds_numbers_only(std::string_view bytes) const {
    std::string_view rest = bytes;
    const std::string_view first = take_line(rest);
    if (!labels_elsewhere_ && !all_are_numbers(first)) return false;
    const std::size_t fields = fields_in(first);
    bool whole = true;
    std::size_t number = 0;
    for (std::string_view line : lines_in(bytes)) {
      ++number;
      whole = whole && is_whole_number(first_field(line));
      if (all_are_numbers(line) && fields_in(line) == fields && fields > 0) continue;
      if (!labels_elsewhere_) return false;
      refuse(
          fmt::format("line {}: {} numbers and nothing else are needed where the labels are in another file, found {}",
                      number, fields, shown(line)));
    }
    return labels_elsewhere_ || !whole || (tsv_ && first.find('\t') != std::string_view::npos);
  }

  static bool looks_like_text(std::string_view bytes) {
    return std::ranges::all_of(bytes.substr(0, 4096),
                               [](char c) { return (c >= ' ' && c <= '~') || c == '\t' || c == '\r' || c == '\n'; });
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

  static std::vector<std::string_view> lines_in(std::string_view bytes) {
    std::vector<std::string_view> lines = lines_of(bytes);
    while (!lines.empty() && without_end(lines.back()).empty()) lines.pop_back();
    return lines;
  }

  // Without a header, the first line decides: the number of fields from the end that are numbers, without the word
  // itself.
  std::uint64_t width_of(std::string_view line) const {
    std::uint64_t width = 0;
    float value = 0;
    while (!line.empty()) {
      std::string_view before = line;
      if (!parse(take_field(before), value) || before.empty()) break;
      line = before;
      ++width;
    }
    if (std::string_view rest = line; is_sparse(take_field(rest))) refuse_sparse(1, line);
    if (width == 0 || width > widest)
      refuse("does not hold word vectors: line 1 should be 'N D' (Word2Vec) or a word and its values (GloVe)");
    return width;
  }

  WordVectors read_lines(std::string_view bytes, std::size_t before, std::optional<Header> header,
                         std::string_view format) const {
    const auto lines = lines_in(bytes);
    if (header && lines.size() != header->count)
      refuse(fmt::format("line 1 says {} vectors, the file has {}", header->count, lines.size()));
    if (lines.empty()) refuse("holds no vectors");
    const std::uint64_t width = header ? header->width : width_of(lines[0]);
    check_room(lines.size(), width, 2, bytes.size());  // "0 " is the shortest value
    if (header) check_width(lines, *header);
    WordVectors out{format, std::vector<std::string>(lines.size()), {}};
    out.vectors = Tensor::uninitialised({static_cast<std::int64_t>(lines.size()), static_cast<std::int64_t>(width)});
    parallel_for(out.vectors.rows(), 256, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto at = static_cast<std::size_t>(i);
        out.words[at] = read_line(lines[at], at + 1 + before, out.vectors.row(i));
      }
    });
    return out;
  }

  WordVectors read_numbers(const std::vector<std::string_view>& lines) const {
    const std::size_t width = fields_in(lines[0]);
    WordVectors out{"numbers", {}, {}};
    out.vectors = Tensor::uninitialised({static_cast<std::int64_t>(lines.size()), static_cast<std::int64_t>(width)});
    parallel_for(out.vectors.rows(), 256, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        std::string_view line = lines[static_cast<std::size_t>(i)];
        for (std::size_t k = width; k-- > 0;) parse(take_field(line), out.vectors.row(i)[k]);
      }
    });
    return out;
  }

  // If the header states too few values, the first values would become part of every word.
  void check_width(const std::vector<std::string_view>& lines, const Header& header) const {
    const bool all_have_more = std::ranges::all_of(lines, [&](std::string_view line) {
      for (std::uint64_t k = 0; k < header.width; ++k) take_field(line);
      return is_number(take_field(line)) && !without_end(line).empty();
    });
    if (all_have_more)
      refuse(fmt::format("line 1 says {} values, line 2 has {} and every other line more too", header.width,
                         fields_in(lines[0]) - 1));
  }

  [[noreturn]] void refuse_sparse(std::size_t number, std::string_view line) const {
    refuse(fmt::format("line {}: {} is a value of a sparse vector (index:value): write all the values of each vector",
                       number, shown(take_field(line))));
  }

  std::string read_line(std::string_view line, std::size_t number, std::span<float> values) const {
    if (std::string_view rest = line; is_sparse(take_field(rest))) refuse_sparse(number, line);
    for (std::size_t k = values.size(); k-- > 0;) {
      const std::string_view field = take_field(line);
      if (field.empty() || line.empty())
        refuse(fmt::format("line {}: a word and {} values are needed, found {} fields", number, values.size(),
                           values.size() - k - (field.empty() ? 1 : 0)));
      if (!parse(field, values[k]))
        refuse(fmt::format("line {}: value {} is not a number: {}", number, k + 1, shown(field)));
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
        refuse(
            fmt::format("vector {} of {}: no word of at most {} bytes before it", i + 1, header.count, longest_word));
      if (bytes.size() - space - 1 < row_bytes)
        refuse(fmt::format("vector {} of {}: needs {} bytes, {} are left", i + 1, header.count, row_bytes,
                           bytes.size() - space - 1));
      out.words[i] = std::string(bytes.substr(0, space));
      std::memcpy(out.vectors.row(static_cast<std::int64_t>(i)).data(), bytes.data() + space + 1, row_bytes);
      bytes.remove_prefix(space + 1 + row_bytes);
    }
    if (bytes.find_first_not_of("\r\n ") != std::string_view::npos)
      refuse(fmt::format("line 1 says {} vectors, {} more bytes follow them", header.count, bytes.size()));
    return out;
  }

  void check_room(std::uint64_t count, std::uint64_t width, std::uint64_t value_bytes, std::uint64_t available) const {
    std::uint64_t values = 0, needed = 0;
    if (!checked_multiply(count, width, values) || !checked_multiply(values, value_bytes, needed) || needed > available)
      refuse(fmt::format("{} vectors of {} values do not fit in the {} bytes that follow", count, width, available));
  }

  MappedFile file_;
  std::string where_;
  bool labels_elsewhere_, tsv_;
};

std::vector<std::string_view> columns_of(std::string_view line) {
  std::vector<std::string_view> columns;
  for (std::size_t tab; (tab = line.find('\t')) != std::string_view::npos; line.remove_prefix(tab + 1))
    columns.push_back(line.substr(0, tab));
  columns.push_back(line);
  return columns;
}

std::size_t label_column(const std::vector<std::string_view>& names) {
  for (std::string_view wanted : {"label", "word", "token", "name", "text"}) {
    const auto found = std::ranges::find_if(names, [&](std::string_view name) {
      return std::ranges::equal(name, wanted,
                                [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
    });
    if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  }
  return 0;
}

}  // namespace

WordVectors read_word_vectors(const std::filesystem::path& path, bool labels_elsewhere) {
  return Reader(path, labels_elsewhere).read();
}

std::vector<std::string> read_labels(const std::filesystem::path& path, std::int64_t rows) {
  std::vector<std::string> lines = read_lines(path);
  const std::string where = path.filename().string();
  const auto wanted = static_cast<std::size_t>(rows);
  const auto tabs = [](const std::string& line) { return std::ranges::count(line, '\t'); };
  const bool table = !lines.empty() && tabs(lines[0]) > 0 &&
                     std::ranges::all_of(lines, [&](const std::string& line) { return tabs(line) == tabs(lines[0]); });
  if (!table) {
    if (lines.size() == wanted) return lines;
    throw Error(Code::shape, where,
                fmt::format("{} labels for {} vectors: one line is needed for each", lines.size(), rows));
  }
  if (lines.size() != wanted + 1)
    throw Error(
        Code::shape, where,
        fmt::format("{} lines of {} columns for {} vectors: a line with their names and one for each vector are needed",
                    lines.size(), tabs(lines[0]) + 1, rows));
  const std::size_t column = label_column(columns_of(lines[0]));
  std::vector<std::string> labels;
  for (std::size_t i = 1; i < lines.size(); ++i) labels.emplace_back(columns_of(lines[i])[column]);
  return labels;
}

}  // namespace embscope
