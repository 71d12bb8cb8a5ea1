// The table of families: what opens, by the model_type of config.json.
#include "model/families.h"

#include <algorithm>

namespace embscope {
namespace {

constexpr Family table[] = {{"gpt2", read_gpt2},
                            {"llama", read_llama},
                            {"mistral", read_mistral},
                            {"qwen2", read_qwen2},
                            {"qwen3", read_qwen3},
                            {"gpt_neox", read_gpt_neox},
                            {"gemma", read_gemma},
                            {"gemma2", read_gemma2},
                            {"gemma3_text", read_gemma3},
                            {"opt", read_opt},
                            {"phi", read_phi},
                            {"phi3", read_phi3},
                            {"smollm3", read_smollm3},
                            {"olmo", read_olmo},
                            {"olmo2", read_olmo2},
                            {"gptj", read_gptj},
                            {"gpt_neo", read_gpt_neo},
                            {"bloom", read_bloom},
                            {"falcon", read_falcon},
                            {"stablelm", read_stablelm},
                            {"granite", read_granite},
                            {"cohere", read_cohere},
                            {"cohere2", read_cohere2},
                            {"starcoder2", read_starcoder2},
                            {"gpt_bigcode", read_gpt_bigcode},
                            {"mpt", read_mpt},
                            {"glm", read_glm},
                            {"glm4", read_glm4},
                            {"nemotron", read_nemotron},
                            {"arcee", read_arcee},
                            {"helium", read_helium}};

}  // namespace

const Family* find_family(std::string_view model_type) {
  const auto found = std::ranges::find(table, model_type, &Family::model_type);
  return found == std::end(table) ? nullptr : found;
}

std::vector<std::string_view> model_types() {
  std::vector<std::string_view> names;
  for (const Family& family : table) names.push_back(family.model_type);
  return names;
}

std::vector<std::string> attention_kinds(const Keys& keys, std::int64_t blocks) {
  std::vector<std::string> kinds;
  if (keys.has("attention_layers")) {
    for (std::string_view kind : keys.strings("attention_layers")) kinds.emplace_back(kind);
  } else if (keys.has("attention_types")) {
    throw Error(Code::unsupported, keys.where(),
                "'attention_types' without 'attention_layers': write 'global' or 'local' for each block there");
  } else {
    for (std::int64_t l = 0; l < blocks; ++l) kinds.emplace_back(l % 2 == 0 ? "global" : "local");
  }
  const bool known =
      std::ranges::all_of(kinds, [](const std::string& kind) { return kind == "global" || kind == "local"; });
  if (!known || static_cast<std::int64_t>(kinds.size()) != blocks)
    throw Error(Code::format, keys.where(), "'attention_layers': expected 'global' or 'local' for each block");
  return kinds;
}

}  // namespace embscope
