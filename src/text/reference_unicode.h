// What Hugging Face's tokenizers know of Unicode where utf8proc (Unicode 15) knows more or less: its crates for marks
// and for normal forms keep the tables of Unicode 9 and 12, its lowercase those of Unicode 17. Ids must be the same for
// every character.
#pragma once

#include <cstdint>

namespace embscope::reference_unicode {

/// A mark (\p{M}) of Unicode 9.
bool is_mark(std::int32_t code);
/// A nonspacing mark (\p{Mn}) as BERT's normalizer knows it, of Unicode 8.
bool is_nonspacing(std::int32_t code);
/// A control or format character, or one for private use, as BERT's normalizer knows it. Precondition: code >= 0.
bool is_control(std::int32_t code);
/// Punctuation (\p{P}) of Unicode 8, or ASCII's. Precondition: code >= 0.
bool is_punctuation(std::int32_t code);
/// A character whose decomposition is younger than Unicode 12: it stays as it is.
bool stays(std::int32_t code);
/// The lowercase of a character by Unicode 17; the character itself if it has none.
std::int32_t lower(std::int32_t code);

}  // namespace embscope::reference_unicode
