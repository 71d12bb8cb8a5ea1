#include "model/tokenizer_flat.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "model/tokenizer_files.h"
#include "text/unicode.h"

namespace embscope {
namespace {

class FlatReader {
 public:
  /// Reads from byte `at` on. What is read stays as long as the reader.
  FlatReader(std::string_view text, std::size_t at)
      : text_(text),
        at_(at),
        bytes_(std::make_unique_for_overwrite<char[]>(text.size() - at)),  // what is not written takes no memory
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
  static constexpr std::size_t shortest_entry = 6;  // "a":1,

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }
  bool take(char wanted) {
    skip_space();
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
    while (at_ < text_.size()) {
      copy_plain();
      if (at_ == text_.size()) break;
      const char c = text_[at_++];
      if (c == '"') {
        token = {begin, out_};
        return true;
      }
      if (c == '\\') {
        if (!read_escape()) return false;
        continue;
      }
      const CodePoint point = code_point(text_, at_ - 1);
      if (static_cast<unsigned char>(c) < 0x20 || point.value < 0) return false;
      out_ = std::copy_n(text_.data() + at_ - 1, point.length, out_);
      at_ += static_cast<std::size_t>(point.length) - 1;
    }
    return false;
  }

  // What is neither quoted nor escaped. Places in registers: a char written may be any byte of this object.
  void copy_plain() {
    const char *from = text_.data() + at_, *const end = text_.data() + text_.size();
    char* to = out_;
    while (from < end && static_cast<signed char>(*from) >= 0x20 && *from != '"' && *from != '\\') *to++ = *from++;
    at_ = static_cast<std::size_t>(from - text_.data());
    out_ = to;
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

// Where the value of the first "key" begins; npos if there is none.
std::size_t value_of(std::string_view text, std::string_view key, std::size_t from) {
  std::size_t at = text.find(key, from);
  if (at == std::string_view::npos || (at > 0 && text[at - 1] == '\\')) return std::string_view::npos;
  at = text.find_first_not_of(" \t\r\n", at + key.size());
  if (at == std::string_view::npos || text[at] != ':') return std::string_view::npos;
  return text.find_first_not_of(" \t\r\n", at + 1);
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
  const std::size_t vocabulary = value_of(text, "\"vocab\"", 0);
  if (vocabulary == std::string_view::npos || text[vocabulary] != '{') return std::nullopt;
  auto words = std::make_shared<FlatReader>(text, vocabulary);
  if (!words->read_vocabulary(spec)) return nothing(spec), std::nullopt;
  const std::size_t behind = words->at(), merges = value_of(text, "\"merges\"", behind);
  if (merges == std::string_view::npos) return nothing(spec), std::nullopt;
  auto pairs = std::make_shared<FlatReader>(text, merges);
  if (!pairs->read_merges(where, spec)) return nothing(spec), std::nullopt;
  spec.owners.insert(spec.owners.end(), {words, pairs});
  const std::string mark = "\"" + std::string(flat_mark) + "\"";
  return std::string(text.substr(0, vocabulary)) + mark + std::string(text.substr(behind, merges - behind)) + mark +
         std::string(text.substr(pairs->at()));
}

}  // namespace embscope
