// tokenizer.json (any bytes, or a valid one around them), vocab.json + merges.txt, tokenizer_config.json.
#include <fuzzer/FuzzedDataProvider.h>

#include <boost/json.hpp>

#include "model/family.h"
#include "tokenizers.h"

namespace embscope::fuzz {
namespace {

const Folder& folder() {
  static const Folder one;
  return one;
}

std::string vocabulary(FuzzedDataProvider& recipe) {
  boost::json::object object;
  for (const std::string& letter : byte_alphabet()) object[letter] = object.size();
  for (int more = recipe.ConsumeIntegralInRange(0, 8); more > 0; --more) {
    std::string token;
    for (int n = recipe.ConsumeIntegralInRange(1, 4); n > 0; --n)
      token += byte_alphabet()[recipe.ConsumeIntegralInRange<std::size_t>(90, 110)];
    if (recipe.ConsumeIntegralInRange(0, 15) == 0)
      object[token] = recipe.ConsumeIntegral<std::int64_t>();
    else if (!object.contains(token))
      object[token] = object.size();
  }
  return boost::json::serialize(object);
}

std::string merges(FuzzedDataProvider& recipe) {
  std::string lines = "#version: 0.2\n";
  auto token = [&] {
    std::string text;
    for (int n = recipe.ConsumeIntegralInRange(1, 3); n > 0; --n)
      text += byte_alphabet()[recipe.ConsumeIntegralInRange<std::size_t>(90, 110)];
    return text;
  };
  for (int more = recipe.ConsumeIntegralInRange(0, 8); more > 0; --more)
    lines += recipe.ConsumeIntegralInRange(0, 15) == 0 ? recipe.ConsumeRandomLengthString(10) + "\n"
                                                       : token() + " " + token() + "\n";
  return lines;
}

void run(FuzzedDataProvider& recipe) {
  const auto kind = recipe.ConsumeIntegralInRange(0, 3);
  std::filesystem::remove(folder().path() / "tokenizer.json");
  std::filesystem::remove(folder().path() / "tokenizer_config.json");
  if (kind == 0) {  // any bytes
    folder().put("tokenizer.json", recipe.ConsumeRemainingBytesAsString());
  } else if (kind == 1) {  // a file with a valid vocabulary, around any bytes
    folder().put("tokenizer.json", R"({"model":{"type":"BPE","vocab":)" + vocabulary(recipe) + R"(,"merges":[]},)" +
                                       recipe.ConsumeRemainingBytesAsString() + "}");
  } else {
    folder().put("vocab.json", vocabulary(recipe));
    folder().put("merges.txt", merges(recipe));
    if (kind == 3) folder().put("tokenizer_config.json", recipe.ConsumeRandomLengthString(60));
  }
  const std::string text = kind < 2 ? "a b'c 12\xff" : recipe.ConsumeRemainingBytesAsString();
  works_or_is_refused([&] { check_specification(tokenizer_from_folder(folder().path()), text); });
}

}  // namespace
}  // namespace embscope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider recipe(data, size);
  embscope::fuzz::run(recipe);
  return 0;
}
