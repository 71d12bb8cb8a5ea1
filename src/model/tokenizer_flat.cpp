#include "model/tokenizer_flat.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include "base/threads.h"
#include "model/tokenizer_files.h"
#include "text/eight_bytes.h"
#include "text/unicode.h"

namespace embscope {
namespace {

class FlatReader {
 public:
  /// Reads from byte `at` on. What is read stays as long as the reader.
  FlatReader(std::string_view text, std::size_t at)
      : text_(text),
        at_(at),
        bytes_(std::make_unique_for_overwrite<char[]>(text.size() - at + 16)),  // what is not written takes no memory
        out_(bytes_.get()) {}

  std::size_t at() const { return at_; }
  bool at_end() { return skip_space(), at_ == text_.size(); }

  bool read_vocabulary(TokenizerSpec& spec) {
    std::size_t named = 0;
    if (!take('{')) return false;
    do {
      std::string_view token;
      std::size_t id = 0;
      if (!take('"') || !read_string(token) || !take(':') || !read_id(id) || token.empty()) return false;
      if (id >= spec.tokens.size()) spec.tokens.resize(id + 1);
      if (!spec.tokens[id].empty()) return false;
      spec.tokens[id] = token;
      ++named;
    } while (take(','));
    return static_cast<std::int64_t>(spec.tokens.size()) <= most_tokens(named) && take('}');
  }

  /// ["left right", ...] or [["left", "right"], ...]
  bool read_merges(const std::string& where, TokenizerSpec& spec) {
    if (!take('[')) return false;
    spec.merges.reserve((text_.size() - at_) / longest_usual_merge);
    do {
      std::string_view left, right;
      if (take('[')) {
        if (!take('"') || !read_string(left) || !take(',') || !take('"') || !read_string(right) || !take(']'))
          return false;
        spec.merges.emplace_back(left, right);
      } else {
        if (!take('"') || !read_string(left)) return false;
        add_merge(left, where, spec);
      }
    } while (take(','));
    return take(']');
  }

 private:
  static constexpr std::size_t shortest_entry = 6;        // "a":1,
  static constexpr std::size_t longest_usual_merge = 48;  // ["left", "right"] in lines of their own
  static constexpr std::string_view mark = "▁";

  void skip_space() {
    using namespace eight_bytes;
    for (;;) {
      const std::uint64_t word = load(text_, at_);
      const std::uint64_t rest =
          ~(equal(word, ' ') | equal(word, '\n') | equal(word, '\r') | equal(word, '\t')) & all(0x80);
      if (rest != 0) return static_cast<void>(at_ += first(rest));
      at_ += 8;
    }
  }
  bool take(char wanted) {
    if (at_ == text_.size() || text_[at_] != wanted) skip_space();
    const bool there = at_ < text_.size() && text_[at_] == wanted;
    at_ += there;
    return there;
  }

  bool read_id(std::size_t& id) {
    skip_space();
    const std::size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9' && at_ - begin < 8; ++at_)
      id = 10 * id + static_cast<std::size_t>(text_[at_] - '0');
    const bool leading_zero = at_ - begin > 1 && text_[begin] == '0';
    return at_ > begin && !leading_zero && static_cast<std::int64_t>(id) < most_tokens(text_.size() / shortest_entry);
  }

  bool read_string(std::string_view& token) {
    char* const begin = out_;
    std::uint64_t high = 0;
    for (;;) {
      high |= copy_plain();
      if (at_ >= text_.size()) return false;
      const char c = text_[at_++];
      if (c == '"') break;
      if (c != '\\' || !read_escape()) return false;
    }
    token = {begin, out_};
    return (high & eight_bytes::all(0x80)) == 0 || is_text(token);
  }

  // Eight bytes at a time, up to a quote, an escape or a control character; what was read, one bit in another.
  std::uint64_t copy_plain() {
    using namespace eight_bytes;
    std::uint64_t high = 0;
    std::size_t at = at_;
    char* out = out_;
    for (;;) {
      const std::uint64_t word = load(text_, at);
      const std::uint64_t control = ~((word & all(0x7f)) + all(0x60)) & ~word & all(0x80);
      const std::uint64_t ends = equal(word, '"') | equal(word, '\\') | control;
      std::memcpy(out, &word, 8);
      high |= word & ((ends & (0 - ends)) - 1);  // of the bytes before the end
      const std::size_t count = ends == 0 ? 8 : first(ends);
      at += count, out += count;
      if (ends != 0 || at >= text_.size()) break;
    }
    at_ = at, out_ = out;
    return high;
  }

  static bool is_text(std::string_view token) {
    for (std::size_t at = 0; at < token.size();) {
      if (token.substr(at, mark.size()) == mark) {  // most tokens have it
        at += mark.size();
        continue;
      }
      const CodePoint point = code_point(token, at);
      if (point.value < 0) return false;
      at += static_cast<std::size_t>(point.length);
    }
    return true;
  }

  bool read_escape() {
    if (at_ == text_.size()) return false;
    const char kind = text_[at_++];
    if (kind == '"' || kind == '\\' || kind == '/') return *out_++ = kind, true;
    constexpr std::string_view short_kinds = "nrtbf", short_values = "\n\r\t\b\f";
    if (const std::size_t i = short_kinds.find(kind); i < short_kinds.size()) return *out_++ = short_values[i], true;
    unsigned code = 0;
    const char* const digits = text_.data() + at_;
    if (kind != 'u' || text_.size() - at_ < 4 || std::from_chars(digits, digits + 4, code, 16).ptr != digits + 4)
      return false;
    at_ += 4;
    if (code < 0x80) return *out_++ = static_cast<char>(code), code != 0;
    if (code >= 0x800) return false;  // the alphabet of bytes ends at U+0143
    *out_++ = static_cast<char>(0xc0 | code >> 6);
    *out_++ = static_cast<char>(0x80 | (code & 0x3f));
    return true;
  }

  std::string_view text_;
  std::size_t at_;
  std::unique_ptr<char[]> bytes_;  // the strings, unescaped: no longer than the text
  char* out_;
};

// Where a list or an object begins that is the value of the first "key" with one; npos if there is none.
std::size_t value_of(std::string_view text, std::string_view key, char begin) {
  for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    const std::size_t colon = text.find_first_not_of(" \t\r\n", at + key.size());
    if (colon == std::string_view::npos || text[colon] != ':' || (at > 0 && text[at - 1] == '\\')) continue;
    const std::size_t value = text.find_first_not_of(" \t\r\n", colon + 1);
    if (value != std::string_view::npos && text[value] == begin) return value;
  }
  return std::string_view::npos;
}

bool nothing(TokenizerSpec& spec) {
  spec.tokens.clear();
  spec.merges.clear();
  return false;
}

}  // namespace

bool read_flat_vocabulary(std::string_view text, TokenizerSpec& spec) {
  auto reader = std::make_shared<FlatReader>(text, 0);
  spec.tokens.reserve(text.size() / 16);
  if (!reader->read_vocabulary(spec) || !reader->at_end()) return nothing(spec);
  spec.owners.push_back(reader);
  return true;
}

std::optional<std::string> read_flat_model(std::string_view text, const std::string& where, TokenizerSpec& spec) {
  const std::size_t vocabulary = value_of(text, "\"vocab\"", '{'), merges = value_of(text, "\"merges\"", '[');
  if (vocabulary == std::string_view::npos || merges == std::string_view::npos) return std::nullopt;
  auto words = std::make_shared<FlatReader>(text, vocabulary), pairs = std::make_shared<FlatReader>(text, merges);
  bool read[2] = {};
  parallel_for(2, 1, [&](std::int64_t begin, std::int64_t end) {  // the two lists beside each other
    for (; begin < end; ++begin)
      read[begin] = begin == 0 ? words->read_vocabulary(spec) : pairs->read_merges(where, spec);
  });
  if (!read[0] || !read[1] || words->at() > merges) return nothing(spec), std::nullopt;
  spec.owners.insert(spec.owners.end(), {words, pairs});
  const std::string mark = "\"" + std::string(flat_mark) + "\"";
  return std::string(text.substr(0, vocabulary)) + mark + std::string(text.substr(words->at(), merges - words->at())) +
         mark + std::string(text.substr(pairs->at()));
}

}  // namespace embscope
