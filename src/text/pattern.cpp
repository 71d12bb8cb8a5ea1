#include "text/pattern.h"

#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <oniguruma.h>

#include "embscope/base/error.h"
#include "embscope/text/tokenizer.h"
#include "text/unicode.h"

namespace embscope {
namespace {

const OnigUChar* bytes_of(std::string_view text) { return reinterpret_cast<const OnigUChar*>(text.data()); }

std::string message_of(int code, OnigErrorInfo* info) {
  OnigUChar message[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int size =
      info != nullptr ? onig_error_code_to_str(message, code, info) : onig_error_code_to_str(message, code);
  return {reinterpret_cast<const char*>(message), static_cast<std::size_t>(size)};
}

void initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
  });
}

/// The text with U+001A for each byte that is not text; empty if there is none.
std::string mended(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    if (c.value < 0) {
      if (out.empty()) out = text;
      out[at] = '\x1a';
    }
    at += static_cast<std::size_t>(c.length);
  }
  return out;
}

// The total number of backtracking steps for one text: a search gets a few, and more only from a budget that grows with
// the text, which limits the time for every expression.
class Budget {
 public:
  explicit Budget(std::size_t bytes) : left_(20'000'000 + 200 * static_cast<std::uint64_t>(bytes)) {}
  static constexpr unsigned long first = 2048;
  std::optional<unsigned long> more_than(unsigned long steps) {
    steps *= 8;
    if (steps > left_) return std::nullopt;
    left_ -= steps;
    return steps;
  }

 private:
  std::uint64_t left_;
};

}  // namespace

struct Pattern::Expression {
  Expression(const std::string& text, const std::string& where) {
    initialize();
    OnigErrorInfo info;
    const int code = onig_new(&regex, bytes_of(text), bytes_of(text) + text.size(), ONIG_OPTION_NONE,
                              ONIG_ENCODING_UTF8, ONIG_SYNTAX_ONIGURUMA, &info);
    if (code == ONIG_NORMAL) return;
    throw Error(Code::format, where,
                fmt::format("the pattern '{}' is not a regular expression: {}",
                            visible(std::string_view(text).substr(0, 200)), message_of(code, &info)));
  }
  ~Expression() { onig_free(regex); }
  Expression(const Expression&) = delete;
  regex_t* regex = nullptr;
};

Pattern::Pattern(const TextPattern& pattern, const std::string& where) : text_(pattern.text), where_(where) {
  if (pattern.regex) expression_ = std::make_unique<const Expression>(text_, where);
}
Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

void Pattern::find_all(std::string_view text, const std::function<void(std::size_t, std::size_t)>& use) const {
  if (text.empty()) return;
  expression_ ? find_matches(text, use) : find_literals(text, use);
}

void Pattern::find_literals(std::string_view text, const std::function<void(std::size_t, std::size_t)>& use) const {
  if (text_.empty()) return;
  for (std::size_t at = text.find(text_); at != std::string_view::npos; at = text.find(text_, at + text_.size()))
    use(at, at + text_.size());
}

void Pattern::find_matches(std::string_view source, const std::function<void(std::size_t, std::size_t)>& use) const {
  const std::string copy = mended(source);
  const std::string_view text = copy.empty() ? source : std::string_view(copy);
  const std::unique_ptr<OnigRegion, void (*)(OnigRegion*)> region(onig_region_new(),
                                                                  [](OnigRegion* r) { onig_region_free(r, 1); });
  const std::unique_ptr<OnigMatchParam, void (*)(OnigMatchParam*)> limits(onig_new_match_param(),
                                                                          onig_free_match_param);
  onig_initialize_match_param(limits.get());
  Budget budget(text.size());
  const OnigUChar *begin = bytes_of(text), *end = begin + text.size();
  std::optional<std::size_t> last;  // where the last match ended
  for (std::size_t at = 0; at <= text.size();) {
    std::optional<unsigned long> steps = Budget::first;
    int found = ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER;
    while (steps && (found == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER || found == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER)) {
      onig_set_retry_limit_in_match_of_match_param(limits.get(), *steps);
      onig_set_retry_limit_in_search_of_match_param(limits.get(), *steps);
      found = onig_search_with_param(expression_->regex, begin, end, begin + at, end, region.get(), ONIG_OPTION_NONE,
                                     limits.get());
      if (found == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER || found == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER)
        steps = budget.more_than(*steps);
    }
    if (found == ONIG_MISMATCH) return;
    if (found < 0)
      throw Error(Code::unsupported, where_,
                  fmt::format("the pattern '{}' cannot be searched for in this text from byte {} of a part: {}",
                              visible(std::string_view(text_).substr(0, 80)), at, message_of(found, nullptr)));
    const auto from = static_cast<std::size_t>(region->beg[0]), to = static_cast<std::size_t>(region->end[0]);
    if (from == to && last == to) {
      if (at == text.size()) return;
      at += static_cast<std::size_t>(code_point(text, at).length);
      continue;
    }
    at = to;
    last = to;
    use(from, to);
  }
}

}  // namespace embscope
