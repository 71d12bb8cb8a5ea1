#include "model/ends.h"

#include <algorithm>

#include <boost/json.hpp>

namespace embscope {

void add_ends(const boost::json::value& config, std::set<TokenId>& ends) {
  const auto* object = config.if_object();
  const auto* value = object == nullptr ? nullptr : object->if_contains("eos_token_id");
  if (value == nullptr) return;
  const auto add = [&](const boost::json::value& one) {
    if (one.is_int64() && one.get_int64() >= 0 && one.get_int64() <= INT32_MAX)
      ends.insert(static_cast<TokenId>(one.get_int64()));
  };
  if (const auto* list = value->if_array())
    std::ranges::for_each(*list, add);
  else
    add(*value);
}

void add_ends(const Archive& gguf, std::set<TokenId>& ends) {
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    const MetaValue* value = gguf.meta(key);
    if (value == nullptr) continue;
    if (const auto* id = std::get_if<std::uint64_t>(value); id != nullptr && *id <= INT32_MAX)
      ends.insert(static_cast<TokenId>(*id));
    if (const auto* id = std::get_if<std::int64_t>(value); id != nullptr && *id >= 0 && *id <= INT32_MAX)
      ends.insert(static_cast<TokenId>(*id));
  }
}

}  // namespace embscope
