// Any text through tokenizers of every pre-tokenizer, with merges that reach across letters, digits, spaces and bytes;
// and the scanners of the common patterns beside Oniguruma, which must cut alike.
#include "text/cutter.h"
#include "text/pre_tokenizer.h"
#include "text/word_starts.h"
#include "tokenizers.h"

namespace embscope::fuzz {
namespace {

Tokenizer make(PreTokenizer pre) {
  TokenizerSpec spec;
  auto kept = std::make_shared<std::vector<std::string>>(byte_alphabet());
  const std::vector<std::pair<int, int>> pairs = {{' ', 't'}, {'t', 'h'},  {'e', 'r'},   {'1', '2'},
                                                  {' ', ' '}, {'\'', 's'}, {0xc3, 0xa9}, {'a', 'a'}};
  for (const auto& [a, b] : pairs)
    kept->push_back((*kept)[static_cast<std::size_t>(a)] + (*kept)[static_cast<std::size_t>(b)]);
  kept->push_back((*kept)[263] + (*kept)[263]);  // aaaa
  kept->push_back("<|end|>");
  for (const std::string& token : *kept) spec.tokens.push_back(token);
  for (const auto& [a, b] : pairs)
    spec.merges.emplace_back(spec.tokens[static_cast<std::size_t>(a)], spec.tokens[static_cast<std::size_t>(b)]);
  spec.merges.emplace_back(spec.tokens[263], spec.tokens[263]);
  spec.added.push_back({static_cast<TokenId>(spec.tokens.size() - 1), true});
  spec.pre = pre;
  spec.where = "fuzz";
  spec.owners = {kept};
  return Tokenizer(std::move(spec));
}

constexpr const char* gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* llama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* qwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* o200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* gpt4o =
    R"([^\r\n\p{L}\p{N}]?(?:(?=\p{L})[^a-z])*(?:(?=\p{L})[^A-Z])+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?(?:(?=\p{L})[^a-z])+(?:(?=\p{L})[^A-Z])*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Code points that Oniguruma's and utf8proc's versions of Unicode may see differently are left out.
bool is_old(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    if (c.value > 0x34f && !(c.value >= 0x400 && c.value < 0x500) && !(c.value >= 0x2000 && c.value < 0x2070) &&
        !(c.value >= 0x4e00 && c.value < 0x9fa0))
      return false;
    at += static_cast<std::size_t>(c.length);
  }
  return true;
}

template <PreTokenizer pre>
void compare(std::string_view text, const std::vector<CutStep>& steps) {
  AlignedText aligned = AlignedText::of(text, 0);
  std::size_t begin = 0;
  for (const Part& part : Cutter(steps, "fuzz").cut(aligned, false)) {
    hold(part.begin == begin && word_end<pre>(text, begin) == part.end, "a scanner that cuts otherwise than Oniguruma");
    begin = part.end;
  }
  hold(begin == text.size(), "Oniguruma ends before the text");
  for (begin = 0; begin < text.size();) {
    next_words<pre>(text, begin, [&](std::size_t end) {
      hold(word_end<pre>(text, begin) == end, "words that are found at once and differ from those found one by one");
      begin = end;
    });
  }
}

void compare_scanners(std::string_view text) {
  if (!is_old(text)) return;
  const auto split = [](const char* pattern) {
    CutStep step;
    step.pattern = {pattern, true};
    return step;
  };
  CutStep digits;
  digits.kind = CutStep::Kind::digits;
  compare<PreTokenizer::gpt2>(text, {split(gpt2)});
  compare<PreTokenizer::smollm>(text, {digits, split(gpt2)});
  compare<PreTokenizer::llama3>(text, {split(llama3)});
  compare<PreTokenizer::qwen2>(text, {split(qwen2)});
  compare<PreTokenizer::o200k>(text, {split(o200k)});
  compare<PreTokenizer::gpt4o>(text, {split(gpt4o)});
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope;
  static const Tokenizer all[] = {fuzz::make(PreTokenizer::gpt2),   fuzz::make(PreTokenizer::smollm),
                                  fuzz::make(PreTokenizer::llama3), fuzz::make(PreTokenizer::qwen2),
                                  fuzz::make(PreTokenizer::o200k),  fuzz::make(PreTokenizer::gpt4o),
                                  fuzz::make(PreTokenizer::spaces), fuzz::make(PreTokenizer::none)};
  for (const Tokenizer& tokenizer : all) fuzz::check_tokenizer(tokenizer, fuzz::text_of(data, size));
  fuzz::compare_scanners(fuzz::text_of(data, size));
  visible(fuzz::text_of(data, size));
  return 0;
}
