// Vocabulary: a tokenizer made from a text, to be written as tokenizer.json, which Embscope and Hugging Face's
// tokenizers open. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "embscope/base/progress.h"
#include "embscope/text/tokenizer.h"

namespace embscope {

/// The tokenizer as tokenizer.json (byte-level BPE).
std::string tokenizer_json(const TokenizerSpec& spec);

/// 256 tokens, one per byte: for any text or file.
TokenizerSpec bytes_vocabulary();

/// A token for each character of the text. Characters of several bytes are joined from their bytes by merges, so the
/// bytes and beginnings of such characters are tokens too. Throws Error{format} if the text is not UTF-8, Error{usage}
/// if it is empty.
TokenizerSpec character_vocabulary(std::string_view text);

/// Byte-pair encoding (Sennrich et al. 2016) trained on the text: the 256 bytes, then merges of the pair that occurs
/// most often within words (with smaller ids first for equal counts), up to `size` tokens or until no pair occurs
/// twice. The same merges as Hugging Face's BpeTrainer with min_frequency 2. Throws what `check_bpe` throws.
TokenizerSpec bpe_vocabulary(std::string_view text, std::int64_t size, const Progress& progress = {});

/// Call it before other work for such a vocabulary. Throws Error{usage} for an empty text, or a size below 256 or above
/// 2^20.
void check_bpe(std::string_view text, std::int64_t size);

/// Whole words: the same, without a limit that a small text reaches (8,192 tokens), so that every word that occurs
/// twice is one token, with its space. Merges on the way to a word are tokens too, which the text may never need.
TokenizerSpec word_vocabulary(std::string_view text);

}  // namespace embscope
