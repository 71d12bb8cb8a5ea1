// Any text through tokenizers of every pre-tokenizer, with merges that reach across letters, digits, spaces and bytes.
#include "tokenizers.h"

namespace embscope::fuzz {
namespace {

Tokenizer make(PreTokenizer pre) {
  TokenizerSpec spec;
  auto kept = std::make_shared<std::vector<std::string>>(byte_alphabet());
  const std::vector<std::pair<int, int>> pairs = {{' ', 't'}, {'t', 'h'}, {'e', 'r'}, {'1', '2'}, {' ', ' '}, {'\'', 's'}, {0xc3, 0xa9}, {'a', 'a'}};
  for (const auto& [a, b] : pairs) kept->push_back((*kept)[static_cast<std::size_t>(a)] + (*kept)[static_cast<std::size_t>(b)]);
  kept->push_back((*kept)[263] + (*kept)[263]);  // aaaa
  kept->push_back("<|end|>");
  for (const std::string& token : *kept) spec.tokens.push_back(token);
  for (const auto& [a, b] : pairs) spec.merges.emplace_back(spec.tokens[static_cast<std::size_t>(a)], spec.tokens[static_cast<std::size_t>(b)]);
  spec.merges.emplace_back(spec.tokens[263], spec.tokens[263]);
  spec.added.push_back({static_cast<TokenId>(spec.tokens.size() - 1), true});
  spec.pre = pre;
  spec.where = "fuzz";
  spec.owners = {kept};
  return Tokenizer(std::move(spec));
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope;
  static const Tokenizer all[] = {fuzz::make(PreTokenizer::gpt2), fuzz::make(PreTokenizer::smollm), fuzz::make(PreTokenizer::llama3)};
  for (const Tokenizer& tokenizer : all) fuzz::check_tokenizer(tokenizer, fuzz::text_of(data, size));
  visible(fuzz::text_of(data, size));
  return 0;
}
