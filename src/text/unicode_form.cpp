#include "text/unicode_form.h"

#include <array>
#include <cstdlib>
#include <mutex>

#include <utf8proc.h>

#include "text/eight_bytes.h"
#include "text/reference_unicode.h"
#include "text/unicode.h"

namespace embscope {
namespace {

bool composes(UnicodeForm form) { return form == UnicodeForm::nfc || form == UnicodeForm::nfkc; }
bool is_compatible(UnicodeForm form) { return form == UnicodeForm::nfkc || form == UnicodeForm::nfkd; }

int options(UnicodeForm form) {
  return UTF8PROC_STABLE | (composes(form) ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
         (is_compatible(form) ? UTF8PROC_COMPAT : 0);
}

// Hangul's vowels and final consonants join the syllable before them by rule, not by a table.
bool is_joining_jamo(std::int32_t code) {
  return (code >= 0x1161 && code <= 0x1175) || (code >= 0x11a8 && code <= 0x11c2);
}

bool may_join_with_the_one_before(std::int32_t code) {
  const utf8proc_property_t* property = utf8proc_get_property(code);
  const bool second = property->comb_index != UINT16_MAX && property->comb_index >= 0x8000;
  return property->combining_class != 0 || second || is_joining_jamo(code);
}

struct Nature {
  bool begins = false;  // a text may be cut before it
  bool stays = false;   // alone, it is its own form
};

Nature nature_of(std::int32_t code, UnicodeForm form) {
  if (code < 0 || reference_unicode::stays(code)) return {true, true};  // code < 0: a byte that is not text
  std::int32_t parts[32];
  int boundary = 0;
  const auto decompose =
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (is_compatible(form) ? UTF8PROC_COMPAT : 0));
  const auto count = utf8proc_decompose_char(code, parts, 32, decompose, &boundary);
  if (count < 1 || count > 32) return {};
  const bool begins = !may_join_with_the_one_before(parts[0]) && !may_join_with_the_one_before(code);
  return {begins, count == 1 && parts[0] == code};
}

// 2 bits for each of the 65,536 code points that make up nearly all text; for the composing forms, a character that
// decomposes and is composed again counts as changed, which only costs time.
const std::array<std::uint8_t, 0x10000>& basic_plane(UnicodeForm form) {
  static std::array<std::array<std::uint8_t, 0x10000>, 4> tables;
  static std::array<std::once_flag, 4> once;
  const auto i = static_cast<std::size_t>(form);
  std::call_once(once[i], [&] {
    for (std::int32_t code = 0; code < 0x10000; ++code) {
      const Nature nature = nature_of(code, form);
      tables[i][static_cast<std::size_t>(code)] = static_cast<std::uint8_t>(nature.begins | nature.stays << 1);
    }
    if (!composes(form)) return;
    for (std::int32_t code = 0; code < 0x10000; ++code) {  // composed characters that come back as they are
      auto& entry = tables[i][static_cast<std::size_t>(code)];
      if (entry != 1 || (code >= 0xd800 && code < 0xe000)) continue;
      std::int32_t parts[32];
      int boundary = 0;
      const auto decompose =
          static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (is_compatible(form) ? UTF8PROC_COMPAT : 0));
      const auto count = utf8proc_decompose_char(code, parts, 32, decompose, &boundary);
      const auto back =
          utf8proc_normalize_utf32(parts, count, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
      if (back == 1 && parts[0] == code) entry = 3;
    }
  });
  return tables[i];
}

class Natures {
 public:
  explicit Natures(UnicodeForm form) : form_(form) {}
  Nature operator()(std::int32_t code) const {
    if (code >= 0 && code < 0x80) return {true, true};
    if (code < 0 || code >= 0x10000) return nature_of(code, form_);
    const std::uint8_t entry = basic_plane(form_)[static_cast<std::size_t>(code)];
    return {(entry & 1) != 0, (entry & 2) != 0};
  }

 private:
  UnicodeForm form_;
};

std::size_t ascii_end(std::string_view text, std::size_t at) {
  while (at + 8 <= text.size() && (eight_bytes::load(text.data() + at) & eight_bytes::all(0x80)) == 0) at += 8;
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

std::string in_form(const std::string& text, UnicodeForm form) {
  utf8proc_uint8_t* out = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &out, static_cast<utf8proc_option_t>(options(form)));
  if (size < 0) return text;
  std::string result(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  std::free(out);
  return result;
}

// Calls change(begin, end, formed) for each part of a text that is not in the form, until it returns false. A part is a
// character with those after it that may join it.
template <class Change>
void for_changes(std::string_view text, UnicodeForm form, Change change) {
  const Natures natures(form);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t ascii = ascii_end(text, at);
    if (ascii == text.size()) return;
    const bool alone = natures(code_point(text, ascii).value).begins;
    if (ascii > at) at = alone ? ascii : ascii - 1;
    const CodePoint c = code_point(text, at);
    std::size_t end = at + static_cast<std::size_t>(c.length);
    bool changes = !natures(c.value).stays;
    while (end < text.size() && !reference_unicode::stays(c.value)) {
      const CodePoint next = code_point(text, end);
      if (natures(next.value).begins) break;
      changes = true;
      end += static_cast<std::size_t>(next.length);
    }
    if (changes && c.value >= 0) {
      const std::string cluster(text.substr(at, end - at)), formed = in_form(cluster, form);
      if (formed != cluster && !change(at, end, formed)) return;
    }
    at = end;
  }
}

}  // namespace

bool is_in_form(std::string_view text, UnicodeForm form) {
  bool same = true;
  for_changes(text, form, [&](std::size_t, std::size_t, const std::string&) { return same = false; });
  return same;
}

void to_form(AlignedText& text, UnicodeForm form) {
  TextRewriter rewriter(text);
  std::size_t kept = 0;
  for_changes(text.bytes, form, [&](std::size_t begin, std::size_t end, const std::string& formed) {
    rewriter.keep(kept, begin);
    rewriter.replace(begin, end, formed);
    kept = end;
    return true;
  });
  rewriter.keep(kept, text.bytes.size());
  text = rewriter.take();
}

}  // namespace embscope
