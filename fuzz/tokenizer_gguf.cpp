// The vocabulary in a GGUF file's metadata, by recipe: tokens, merges, types and the numbers of special tokens.
#include <fuzzer/FuzzedDataProvider.h>

#include "files/makers.h"
#include "model/family.h"
#include "tokenizers.h"

namespace embscope::fuzz {
namespace {

using files::Bytes;

struct Keys {
  Bytes bytes;
  std::uint64_t count = 0;
  Bytes& add(std::string_view name, std::uint32_t kind) {
    ++count;
    return bytes.string(name).u32(kind);
  }
  void text(std::string_view name, std::string_view value) { add(name, 8).string(value); }
  void number(std::string_view name, std::uint64_t value) { add(name, 10).u64(value); }
  void truth(std::string_view name, bool value) { add(name, 7).raw(value ? "\1" : std::string_view("\0", 1)); }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    add(name, 9).u32(8).u64(values.size());
    for (const std::string& value : values) bytes.string(value);
  }
};

std::string any_token(FuzzedDataProvider& recipe) {
  if (recipe.ConsumeIntegralInRange(0, 15) == 0) return recipe.ConsumeRandomLengthString(6);
  std::string text;
  for (int n = recipe.ConsumeIntegralInRange(1, 3); n > 0; --n)
    text += byte_alphabet()[recipe.ConsumeIntegralInRange<std::size_t>(90, 110)];
  return text;
}

std::string file_of(FuzzedDataProvider& recipe) {
  constexpr const char* pres[] = {"gpt-2", "default", "smollm", "llama-bpe", "deepseek-llm", "afmoe"};
  Keys keys;
  keys.text("tokenizer.ggml.model", recipe.ConsumeIntegralInRange(0, 31) == 0 ? "spm" : "gpt2");
  keys.text("tokenizer.ggml.pre", pres[recipe.ConsumeIntegralInRange(0, 5)]);
  std::vector<std::string> tokens = byte_alphabet(), merges;
  if (recipe.ConsumeIntegralInRange(0, 31) == 0) tokens.resize(recipe.ConsumeIntegralInRange<std::size_t>(0, 255));
  for (int more = recipe.ConsumeIntegralInRange(0, 8); more > 0; --more) {
    const std::string left = any_token(recipe), right = any_token(recipe);
    if (recipe.ConsumeIntegralInRange(0, 7) != 0) tokens.push_back(left + right);
    merges.push_back(left + (recipe.ConsumeIntegralInRange(0, 31) == 0 ? "" : " ") + right);
  }
  for (int more = recipe.ConsumeIntegralInRange(0, 3); more > 0; --more)
    tokens.push_back("<|" + any_token(recipe) + "|>");
  keys.texts("tokenizer.ggml.tokens", tokens);
  keys.texts("tokenizer.ggml.merges", merges);
  if (recipe.ConsumeBool()) {
    const std::size_t count = recipe.ConsumeIntegralInRange(0, 15) == 0 ? 3 : tokens.size();
    Bytes& out = keys.add("tokenizer.ggml.token_type", 9).u32(5).u64(count);
    for (std::size_t i = 0; i < count; ++i) out.u32(i < 250 ? 1 : recipe.ConsumeIntegralInRange<std::uint32_t>(0, 7));
  }
  if (recipe.ConsumeBool())
    keys.number("tokenizer.ggml.bos_token_id", recipe.ConsumeBool() ? 1 : recipe.ConsumeIntegral<std::uint64_t>());
  if (recipe.ConsumeBool()) keys.number("tokenizer.ggml.eos_token_id", recipe.ConsumeIntegral<std::uint16_t>());
  keys.truth("tokenizer.ggml.add_bos_token", recipe.ConsumeBool());
  keys.truth("tokenizer.ggml.add_space_prefix", recipe.ConsumeBool());
  return Bytes().raw("GGUF").u32(3).u64(0).u64(keys.count).raw(keys.bytes.text).text;
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope;
  FuzzedDataProvider recipe(data, size);
  const fuzz::MemoryFile file(fuzz::file_of(recipe));
  const std::string text = recipe.ConsumeRemainingBytesAsString();
  fuzz::works_or_is_refused([&] { fuzz::check_specification(tokenizer_from_gguf(Archive::open(file.path())), text); });
  return 0;
}
