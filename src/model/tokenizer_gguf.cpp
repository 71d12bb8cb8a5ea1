// Tokenizers in GGUF metadata, as llama.cpp reads them (src/llama-vocab.cpp): no normalizer, and patterns of its own.
#include <algorithm>
#include <limits>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "model/family.h"
#include "model/tokenizer_files.h"

namespace embscope {
namespace {

template <class T>
const T& meta_list(const Archive& archive, const std::string& key) {
  const MetaValue* value = archive.meta(key);
  const T* list = value == nullptr ? nullptr : std::get_if<T>(value);
  if (list == nullptr)
    throw Error(Code::format, "gguf",
                fmt::format("{}: key '{}' is {}", archive.path().filename().string(), key,
                            value == nullptr ? "missing" : "of another type"));
  return *list;
}

std::optional<bool> meta_truth(const Archive& archive, const std::string& key) {
  const MetaValue* value = archive.meta(key);
  const bool* truth = value == nullptr ? nullptr : std::get_if<bool>(value);
  return truth == nullptr ? std::nullopt : std::optional(*truth);
}

constexpr const char* gpt2_words = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";
constexpr const char* tekken_words =
    R"([^\r\n\p{L}\p{N}]?(?:(?=\p{L})[^a-z])*(?:(?=\p{L})[^A-Z])+|[^\r\n\p{L}\p{N}]?(?:(?=\p{L})[^a-z])+(?:(?=\p{L})[^A-Z])*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* deepseek_words =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* latin_words =
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\x{1F7D}ᾀ-ᾴᾶ-ᾼ\x{1FBE}ῂ-ῄῆ-ῌῐ-\x{1FD3}ῖ-\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\x{2126}ℨ\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)";
constexpr const char* marked_words =
    R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* bailing_words =
    R"('(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr const char* seed_words =
    R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* exaone_moe_words =
    R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr const char* minicpm_words =
    R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* aya_words =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* jais2_words =
    R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})";
constexpr const char* spark_words =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)";
constexpr const char* youtu_words =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* marked_cased_words =
    R"([^\r\n\p{L}\p{N}]?(?:(?=[\p{L}\p{M}])[^a-z])*(?:(?=[\p{L}\p{M}])[^A-Z])+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?(?:(?=[\p{L}\p{M}])[^a-z])+(?:(?=[\p{L}\p{M}])[^A-Z])*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* uncontracted_words =
    R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kimi_words =
    R"([\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2EBEF}\x{2F800}-\x{2FA1F}]+|[^\r\n\p{L}\p{N}]?[\p{L}&&[^\x{3400}-\x{4DBF}\x{4E00}-\x{9FFF}\x{F900}-\x{FAFF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2EBEF}\x{2F800}-\x{2FA1F}]]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* bloom_words = R"( ?[^(\s|.,!?…。，、।۔،)]+)";

// A pattern that names no class of Unicode sees white space beyond ASCII as U+000B: its ranges do not hold it.
constexpr const char* cjk_words = R"([一-龥ࠀ-一가-퟿&&\S]+)";

// Numbers in groups of three from their end. llama.cpp cuts behind each group, but not before the first.
constexpr const char* threes = R"(\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N})))";

// A value of tokenizer.ggml.pre: names separated by spaces, a scanner or patterns one after the other, and what else it
// says.
struct Pre {
  std::string_view names;
  std::optional<PreTokenizer> scanner;
  std::vector<const char*> patterns;
  bool ignore_merges = false, add_bos = false;
};

const std::vector<Pre>& known_pres() {
  static const std::vector<Pre> pres = {
      {"default", {}, {R"([\p{P}\$\+<=>\^~\|]+)", gpt2_words, R"(\p{N}+)", "[0-9][0-9][0-9]"}},
      {"llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
       PreTokenizer::llama3,
       {},
       true,
       true},
      {"dbrx smaug-bpe glm4 chatglm-bpe", PreTokenizer::llama3, {}},
      {"gpt-2 phi-2 gigachat a.x-4.0 mellum mpt olmo jais trillion granite-docling exaone4 jina-es jina-de jina-v2-es "
       "jina-v2-de jina-v1-en jina-v2-code roberta-bpe modern-bert",
       PreTokenizer::gpt2,
       {}},
      {"smollm starcoder refact command-r codeshell exaone minerva-7b mellum2", PreTokenizer::smollm, {}},
      {"qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2", PreTokenizer::qwen2, {}},
      {"qwen35", {}, {marked_words}},
      {"gpt-4o llama4 kanana2 talkie minimax-m2", PreTokenizer::gpt4o, {}},
      {"tekken", {}, {tekken_words}, true, true},
      {"deepseek-v3 hunyuan-dense joyai-llm hy_v4", {}, {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+", deepseek_words}},
      {"deepseek-llm",
       {},
       {"[\r\n]", latin_words, R"(\s?[!-/:-~！-／：-～‘-‟　-。&&\S]+)", R"(\s+\z)", cjk_words, R"(\p{N}+)"}},
      {"deepseek-coder", {}, {"[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)", cjk_words, R"(\p{N})"}},
      {"falcon", {}, {R"([\p{P}\$\+<=>\^~\|`]+)", gpt2_words, "[0-9][0-9][0-9]"}},
      {"poro-chat bloom gpt3-finnish", {}, {bloom_words}},
      {"viking", {}, {bloom_words, R"(\p{N})"}},
      {"bailingmoe bailingmoe2 llada-moe", {}, {bailing_words}},
      {"seed-coder", {}, {seed_words}},
      {"exaone-moe", {}, {exaone_moe_words}},
      {"minicpm5", {}, {R"(\p{N}{1,3})", minicpm_words}, true},
      {"tiny_aya cohere2moe", {}, {threes, aya_words}},
      {"jais-2", {}, {jais2_words}},
      {"spark2_5", {}, {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+", spark_words, R"(\p{N})"}},
      {"youtu",
       {},
       {"[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+",
        youtu_words},
       true},
      {"granite-embed-multi-97m", {}, {marked_cased_words}, true},
      {"kimi-k2", {}, {kimi_words}},
      {"ufakzeka", {}, {uncontracted_words}},
      {"afmoe",
       {},
       {threes,
        R"([一-鿿㐀-䶿\x{8C48}-\x{FAFF}\x{3040}-ゟ゠-ヿ･-ﾟ\x{2F00}-\x{2FDF}\x{E40}-\x{E7F}\x{E80}-\x{EFF}\x{1780}-\x{17FF}\x{1000}-\x{109F}\x{AA60}-\x{AA7F}\x{A9E0}-\x{A9FF}가-\x{D7AF}\x{1100}-\x{11FF}]+)",
        deepseek_words}},
      {"laguna", {}, {R"([^\n]+|[\n]+)", qwen2_pattern.data()}},
      {"chameleon",
       {},
       {"<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", "([\t\n]|    |  )", R"(\p{N})",
        R"([\p{P}!-/:-@\[-`{-~])", gpt2_words},
       false,
       true},
      {"superbpe", {}, {R"(\p{N}+)", R"((?=([0-9]{3})+(?![0-9])))"}},
  };
  return pres;
}

const Pre& pre_named(std::string_view name, const std::string& where) {
  for (const Pre& pre : known_pres()) {
    std::string_view names = pre.names;
    for (bool more = true; more;) {
      const std::size_t end = names.find(' ');
      if (names.substr(0, end) == name) return pre;
      more = end != std::string_view::npos;
      if (more) names.remove_prefix(end + 1);
    }
  }
  std::string known;
  for (const Pre& pre : known_pres()) known += (known.empty() ? "" : " ") + std::string(pre.names);
  throw Error(Code::unsupported, where, fmt::format("the pre-tokenizer '{}' is not known ({} are)", name, known));
}

enum TokenType : std::int64_t { normal = 1, unknown, control, user_defined, unused, byte };  // llama.cpp's

void read_kinds(const Archive& archive, TokenizerSpec& spec) {
  if (archive.meta("tokenizer.ggml.token_type") == nullptr) return;
  const auto& kinds = meta_list<std::vector<std::int64_t>>(archive, "tokenizer.ggml.token_type");
  if (kinds.size() != spec.tokens.size())
    throw Error(Code::format, spec.where,
                fmt::format("{} token types for {} tokens", kinds.size(), spec.tokens.size()));
  for (std::size_t id = 0; id < kinds.size(); ++id) {
    if (kinds[id] == control || kinds[id] == user_defined || kinds[id] == unknown)
      spec.added.push_back({.id = static_cast<TokenId>(id), .special = kinds[id] != user_defined, .in_model = true});
  }
}

std::vector<double> read_scores(const Archive& archive) {
  const MetaValue* value = archive.meta("tokenizer.ggml.scores");
  if (const auto* whole = value == nullptr ? nullptr : std::get_if<std::vector<std::int64_t>>(value))
    return {whole->begin(), whole->end()};
  return meta_list<std::vector<double>>(archive, "tokenizer.ggml.scores");
}

// Byte-level BPE ("gpt2"). Without a name of the pre-tokenizer llama.cpp takes its default, which is not GPT-2's.
void read_bpe(const Archive& archive, TokenizerSpec& spec) {
  const auto& merges = meta_list<std::vector<std::string_view>>(archive, "tokenizer.ggml.merges");
  spec.merges.reserve(merges.size());
  for (std::string_view line : merges) add_merge(line, spec.where, spec);
  const bool named = archive.meta("tokenizer.ggml.pre") != nullptr;
  const Pre& pre = pre_named(named ? meta_string(archive, "tokenizer.ggml.pre") : "default", spec.where);
  if (pre.scanner) spec.pre = *pre.scanner;
  for (const char* pattern : pre.patterns) {
    CutStep& cut = spec.cuts.emplace_back();
    cut.pattern = {pattern, true};
    if (pattern == threes) cut.behavior = CutStep::Behavior::merged_with_previous;
  }
  spec.ignore_merges = pre.ignore_merges;
  if (pre.add_bos && !spec.bos && spec.tokens.size() > 11) spec.bos = 11;  // llama.cpp's default
  if (meta_truth(archive, "tokenizer.ggml.add_bos_token").value_or(pre.add_bos) && spec.bos) spec.prefix = {*spec.bos};
}

// SentencePiece's BPE ("llama").
void read_spm(const Archive& archive, TokenizerSpec& spec) {
  spec.algorithm = TokenizerSpec::Algorithm::scores;
  spec.scores = read_scores(archive);
  spec.byte_level = false;
  spec.byte_fallback = true;
  spec.mark = "▁";
  spec.pre = PreTokenizer::none;
  spec.add_prefix_space = spec.prefix_before_space = spec.strip_decoded =
      meta_truth(archive, "tokenizer.ggml.add_space_prefix").value_or(true);
  if (!spec.bos && spec.tokens.size() > 1) spec.bos = 1;
  if (meta_truth(archive, "tokenizer.ggml.add_bos_token").value_or(true) && spec.bos) spec.prefix = {*spec.bos};
}

// A character without a token is worse than any ordinary one, and a user's token better.
void score_unigrams(const Archive& archive, TokenizerSpec& spec, NormalizerStep& step) {
  spec.scores = read_scores(archive);
  const bool all_normal = archive.meta("tokenizer.ggml.token_type") == nullptr;
  const auto kinds = all_normal ? std::vector<std::int64_t>(spec.tokens.size(), normal)
                                : meta_list<std::vector<std::int64_t>>(archive, "tokenizer.ggml.token_type");
  float least = std::numeric_limits<float>::max();
  for (std::size_t id = 0; id < std::min(kinds.size(), spec.scores.size()); ++id) {
    if (kinds[id] == normal) least = std::min(least, static_cast<float>(spec.scores[id]));
    if (kinds[id] == byte) throw Error(Code::unsupported, spec.where, "unigrams with tokens for single bytes");
    if (kinds[id] != user_defined) continue;
    spec.scores[id] = 0;
    step.kept.push_back(spec.tokens[id]);
  }
  spec.unknown_score = static_cast<double>(least - 10.0f);
  for (auto& added : spec.added) added.in_model = !added.special;
}

// SentencePiece's unigrams ("t5").
void read_ugm(const Archive& archive, TokenizerSpec& spec) {
  spec.algorithm = TokenizerSpec::Algorithm::unigram;
  spec.byte_level = false;
  spec.fuse_unk = true;
  spec.mark = "▁";
  spec.pre = PreTokenizer::none;
  spec.unk = archive.meta("tokenizer.ggml.unknown_token_id")
                 ? nearest_id(meta_integer(archive, "tokenizer.ggml.unknown_token_id"))
                 : 2;
  if (!spec.eos) spec.eos = 1;
  if (meta_truth(archive, "tokenizer.ggml.add_bos_token").value_or(false) && spec.bos) spec.prefix = {*spec.bos};
  NormalizerStep& step = spec.normalizer.emplace_back();
  step.kind = NormalizerStep::Kind::pieces_in_gguf;
  step.space_before = meta_truth(archive, "tokenizer.ggml.add_space_prefix").value_or(false);
  step.single_spaces = meta_truth(archive, "tokenizer.ggml.remove_extra_whitespaces").value_or(false);
  spec.strip_decoded = step.space_before && !step.single_spaces;
  score_unigrams(archive, spec, step);
  if (archive.meta("tokenizer.ggml.precompiled_charsmap") == nullptr) return;
  for (const std::int64_t value : meta_list<std::vector<std::int64_t>>(archive, "tokenizer.ggml.precompiled_charsmap"))
    step.content += static_cast<char>(value);
}

// Gemma 4's: BPE by merges over characters, lines apart.
void read_gemma4(const Archive& archive, TokenizerSpec& spec) {
  const auto& merges = meta_list<std::vector<std::string_view>>(archive, "tokenizer.ggml.merges");
  spec.merges.reserve(merges.size());
  for (std::string_view line : merges) add_merge(line, spec.where, spec);
  spec.byte_level = false;
  spec.byte_fallback = true;
  spec.mark = "▁";
  spec.cuts.emplace_back().pattern = {R"([^\n]+|[\n]+)", true};
  if (!spec.bos) throw Error(Code::format, spec.where, "the key 'tokenizer.ggml.bos_token_id' is missing");
  spec.prefix = {*spec.bos};
}

struct Reader {
  std::string_view kind;
  void (*read)(const Archive&, TokenizerSpec&);
};

}  // namespace

TokenizerSpec tokenizer_from_gguf(std::shared_ptr<const Archive> archive) {
  TokenizerSpec spec;
  spec.where = archive->path().filename().string();
  const std::string_view kind = meta_string(*archive, "tokenizer.ggml.model");
  constexpr Reader readers[] = {{"gpt2", read_bpe}, {"llama", read_spm}, {"t5", read_ugm}, {"gemma4", read_gemma4}};
  const auto* const reader = std::ranges::find(readers, kind, &Reader::kind);
  if (reader == std::end(readers))
    throw Error(Code::unsupported, spec.where,
                fmt::format("a tokenizer of type '{}': gpt2, llama, t5 and gemma4 are supported", kind));
  spec.tokens = meta_list<std::vector<std::string_view>>(*archive, "tokenizer.ggml.tokens");
  for (const auto& [key, id] :
       {std::pair{"tokenizer.ggml.bos_token_id", &spec.bos}, std::pair{"tokenizer.ggml.eos_token_id", &spec.eos}}) {
    if (archive->meta(key)) *id = nearest_id(meta_integer(*archive, key));
  }
  read_kinds(*archive, spec);
  reader->read(*archive, spec);
  if (meta_truth(*archive, "tokenizer.ggml.add_eos_token").value_or(kind == "t5") && spec.eos)
    spec.suffix = {*spec.eos};
  spec.owners = {archive};
  return spec;
}

}  // namespace embscope
