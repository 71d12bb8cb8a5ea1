// Unicode's normal forms (Unicode Standard Annex 15), with the place of what changed. By utf8proc.
#pragma once

#include "text/aligned_text.h"

namespace embscope {

enum class UnicodeForm { nfc, nfd, nfkc, nfkd };

/// Whether the text is made of characters that stay and never join with another, as nearly all texts are.
bool surely_in_form(std::string_view text, UnicodeForm form);
void to_form(AlignedText& text, UnicodeForm form);

}  // namespace embscope
