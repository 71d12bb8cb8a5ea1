// Unicode's normal forms (Unicode Standard Annex 15), with the positions of changes. Uses utf8proc.
#pragma once

#include "text/aligned_text.h"

namespace embscope {

enum class UnicodeForm { nfc, nfd, nfkc, nfkd };

/// Whether the text is in the form already, as nearly all texts are.
bool is_in_form(std::string_view text, UnicodeForm form);
void to_form(AlignedText& text, UnicodeForm form);

}  // namespace embscope
