// The steps of tokenizer.json: normalizers, pre-tokenizers, post-processors and decoders, as data; and those that a
// scanner does.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/base64.h"
#include "model/tokenizer_files.h"
#include "text/unicode.h"

namespace embscope {
namespace bj = boost::json;
namespace {

using Behavior = CutStep::Behavior;

[[noreturn]] void refuse_step(const JsonObject& step, std::string_view what, std::string_view known) {
  throw Error(Code::unsupported, step.where(),
              fmt::format("the {} '{}' is not known ({} are)", what, step.string("type"), known));
}

TextPattern pattern_of(const JsonObject& step) {
  const JsonObject pattern = step.object("pattern");
  expect_keys(pattern, {"String", "Regex"});
  const bool regex = pattern.has("Regex");
  const std::string_view text = pattern.string(regex ? "Regex" : "String");
  return {std::string(text), regex || text.empty()};  // an empty text is between all characters, as an expression is
}

Behavior behavior_of(const JsonObject& step, std::string_view otherwise) {
  constexpr std::pair<std::string_view, Behavior> names[] = {{"Removed", Behavior::removed},
                                                             {"Isolated", Behavior::isolated},
                                                             {"MergedWithPrevious", Behavior::merged_with_previous},
                                                             {"MergedWithNext", Behavior::merged_with_next},
                                                             {"Contiguous", Behavior::contiguous}};
  const std::string_view name = step.string("behavior", otherwise);
  for (const auto& [known, behavior] : names)
    if (name == known) return behavior;
  throw Error(Code::unsupported, step.where(), fmt::format("the behavior '{}' is not known", name));
}

std::string one_character(const JsonObject& step, std::string_view key) {
  const std::string_view text = step.string(key);
  if (text.empty() || code_point(text, 0).length != static_cast<int>(text.size()))
    throw Error(Code::format, step.where(), fmt::format("'{}' must be one character, found '{}'", key, text));
  return std::string(text);
}

CutStep cut(CutStep::Kind kind, Behavior behavior = Behavior::isolated) {
  CutStep step;
  step.kind = kind;
  step.behavior = behavior;
  return step;
}

CutStep split_at(std::string_view pattern, bool regex, Behavior behavior = Behavior::isolated, bool invert = false) {
  CutStep step = cut(CutStep::Kind::split, behavior);
  step.pattern = {std::string(pattern), regex};
  step.invert = invert;
  return step;
}

CutStep with_mark(CutStep::Kind kind, std::string_view mark, bool first_only = false) {
  CutStep step = cut(kind);
  step.mark = mark;
  step.first_only = first_only;
  return step;
}

// Normalizers

NormalizerStep& add_normalizer(TokenizerSpec& spec, NormalizerStep::Kind kind) {
  NormalizerStep& step = spec.normalizer.emplace_back();
  step.kind = kind;
  return step;
}

void read_bert_normalizer(const JsonObject& step, TokenizerSpec& spec) {
  using Kind = NormalizerStep::Kind;
  expect_keys(step, {"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  const bool lower = step.truth("lowercase", true);
  if (step.truth("clean_text", true)) add_normalizer(spec, Kind::clean);
  if (step.truth("handle_chinese_chars", true)) add_normalizer(spec, Kind::ideographs);
  if (step.truth("strip_accents", lower)) {
    add_normalizer(spec, Kind::nfd);
    add_normalizer(spec, Kind::strip_nonspacing);
  }
  if (lower) add_normalizer(spec, Kind::lowercase);
}

void read_normalizer(const JsonObject& step, TokenizerSpec& spec) {
  using Kind = NormalizerStep::Kind;
  constexpr std::pair<std::string_view, Kind> plain[] = {{"NFC", Kind::nfc},
                                                         {"NFD", Kind::nfd},
                                                         {"NFKC", Kind::nfkc},
                                                         {"NFKD", Kind::nfkd},
                                                         {"Nmt", Kind::nmt},
                                                         {"Lowercase", Kind::lowercase},
                                                         {"StripAccents", Kind::strip_accents}};
  const std::string_view type = step.string("type");
  if (!spec.cuts.empty())
    throw Error(Code::unsupported, step.where(), fmt::format("the normalizer '{}' behind 'ByteLevel'", type));
  for (const auto& [name, kind] : plain) {
    if (type != name) continue;
    expect_keys(step, {"type"});
    add_normalizer(spec, kind);
    return;
  }
  if (type == "Sequence") {
    expect_keys(step, {"type", "normalizers"});
    for (const bj::value& inner : step.array("normalizers")) read_normalizer(JsonObject(inner, step.where()), spec);
  } else if (type == "ByteLevel") {
    expect_keys(step, {"type"});
    spec.cuts.push_back(cut(CutStep::Kind::byte_level));  // the last of the normalizers is the first that splits
  } else if (type == "Prepend") {
    expect_keys(step, {"type", "prepend"});
    add_normalizer(spec, Kind::prepend).content = step.string("prepend");
  } else if (type == "Replace") {
    expect_keys(step, {"type", "pattern", "content"});
    NormalizerStep& replace = add_normalizer(spec, Kind::replace);
    replace.pattern = pattern_of(step);
    replace.content = step.string("content");
  } else if (type == "Strip") {
    expect_keys(step, {"type", "strip_left", "strip_right"});
    NormalizerStep& strip = add_normalizer(spec, Kind::strip);
    strip.left = step.truth("strip_left", true);
    strip.right = step.truth("strip_right", true);
  } else if (type == "BertNormalizer") {
    read_bert_normalizer(step, spec);
  } else if (type == "Precompiled") {
    expect_keys(step, {"type", "precompiled_charsmap"});
    const auto bytes = base64(step.string("precompiled_charsmap"));
    if (!bytes) throw Error(Code::format, step.where(), "'precompiled_charsmap' is not base64");
    add_normalizer(spec, Kind::precompiled).content = *bytes;
  } else {
    refuse_step(
        step, "normalizer",
        "NFC, NFD, NFKC, NFKD, Nmt, Lowercase, StripAccents, BertNormalizer, ByteLevel, Prepend, Replace, Strip, "
        "Precompiled and Sequence");
  }
}

// Pre-tokenizers

void read_byte_level(const JsonObject& step, TokenizerSpec& spec) {
  expect_keys(step, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
  if (step.truth("add_prefix_space", true)) spec.cuts.push_back(with_mark(CutStep::Kind::prefix, " "));
  if (step.truth("use_regex", true)) spec.cuts.push_back(split_at(gpt2_pattern, true, Behavior::isolated));
  spec.cuts.push_back(cut(CutStep::Kind::byte_level));
}

void read_metaspace(const JsonObject& step, TokenizerSpec& spec) {
  expect_keys(step, {"type", "replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep"});
  const std::string mark = one_character(step, "replacement");
  const std::string_view scheme =
      step.string("prepend_scheme", step.truth("add_prefix_space", true) ? "always" : "never");
  if (scheme != "always" && scheme != "first" && scheme != "never")
    throw Error(Code::unsupported, step.where(), fmt::format("the prepend scheme '{}' is not known", scheme));
  if (scheme != "never" && step.has("add_prefix_space") && !step.truth("add_prefix_space", true))
    throw Error(Code::format, step.where(),
                fmt::format("'add_prefix_space' is false, but the prepend scheme is '{}'", scheme));
  spec.cuts.push_back(with_mark(CutStep::Kind::marked_space, mark));
  if (scheme != "never") spec.cuts.push_back(with_mark(CutStep::Kind::prefix, mark, scheme == "first"));
  if (step.truth("split", true)) spec.cuts.push_back(split_at(mark, false, Behavior::merged_with_next));
}

void read_split(const JsonObject& step, TokenizerSpec& spec) {
  expect_keys(step, {"type", "pattern", "behavior", "invert"});
  const TextPattern pattern = pattern_of(step);
  spec.cuts.push_back(split_at(pattern.text, pattern.regex, behavior_of(step, ""), step.truth("invert", false)));
}

void read_pre_tokenizer(const JsonObject& step, TokenizerSpec& spec) {
  using Kind = CutStep::Kind;
  const std::string_view type = step.string("type");
  if (type == "Sequence") {
    expect_keys(step, {"type", "pretokenizers"});
    for (const bj::value& inner : step.array("pretokenizers"))
      read_pre_tokenizer(JsonObject(inner, step.where()), spec);
  } else if (type == "ByteLevel") {
    read_byte_level(step, spec);
  } else if (type == "Metaspace") {
    read_metaspace(step, spec);
  } else if (type == "Split") {
    read_split(step, spec);
  } else if (type == "Digits") {
    expect_keys(step, {"type", "individual_digits"});
    const bool single = step.truth("individual_digits", false);
    spec.cuts.push_back(cut(Kind::digits, single ? Behavior::isolated : Behavior::contiguous));
  } else if (type == "Punctuation") {
    expect_keys(step, {"type", "behavior"});
    spec.cuts.push_back(cut(Kind::punctuation, behavior_of(step, "Isolated")));
  } else if (type == "Whitespace") {
    expect_keys(step, {"type"});
    spec.cuts.push_back(cut(Kind::words, Behavior::removed));
    spec.cuts.back().invert = true;
  } else if (type == "WhitespaceSplit") {
    expect_keys(step, {"type"});
    spec.cuts.push_back(cut(Kind::whitespace, Behavior::removed));
  } else if (type == "BertPreTokenizer") {
    expect_keys(step, {"type"});
    spec.cuts.push_back(cut(Kind::whitespace, Behavior::removed));
    spec.cuts.push_back(cut(Kind::punctuation, Behavior::isolated));
  } else if (type == "FixedLength") {
    expect_keys(step, {"type", "length"});
    if (step.integer("length") < 1)
      throw Error(Code::format, step.where(), fmt::format("parts of {} characters", step.integer("length")));
    spec.cuts.push_back(cut(Kind::fixed_length));
    spec.cuts.back().length = static_cast<std::size_t>(step.integer("length"));
  } else if (type == "CharDelimiterSplit") {
    expect_keys(step, {"type", "delimiter"});
    spec.cuts.push_back(split_at(one_character(step, "delimiter"), false, Behavior::removed));
  } else {
    refuse_step(step, "pre-tokenizer",
                "ByteLevel, Metaspace, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer, "
                "CharDelimiterSplit, FixedLength and Sequence");
  }
}

// Decoders: the vocabulary knows the bytes of its tokens, so that only what changes a whole text is left to be read.

void read_piece_decoder(const JsonObject& step, TokenizerSpec& spec) {
  using Joining = TokenizerSpec::Joining;
  expect_keys(step, {"type", "prefix", "cleanup"});
  if (spec.algorithm != TokenizerSpec::Algorithm::longest || step.string("prefix") != spec.continuing)
    throw Error(Code::unsupported, step.where(),
                fmt::format("the decoder 'WordPiece' with '{}', with which no token of the model continues a word",
                            step.string("prefix")));
  spec.joining = step.truth("cleanup", true) ? Joining::tidy : Joining::pieces;
}

void read_decoder(const JsonObject& step, TokenizerSpec& spec) {
  const std::string_view type = step.string("type");
  if (type == "WordPiece") return read_piece_decoder(step, spec);
  if (type == "Sequence") {
    for (const bj::value& inner : step.array("decoders")) read_decoder(JsonObject(inner, step.where()), spec);
  } else if (type == "Strip") {
    if (step.string("content") != " " || step.integer("start") > 1 || step.integer("stop") != 0)
      throw Error(Code::unsupported, step.where(), "a decoder that strips more than one space at the beginning");
    spec.strip_decoded = step.integer("start") == 1;
  } else if (type == "Metaspace") {
    if (step.string("replacement") != spec.mark)
      throw Error(Code::unsupported, step.where(),
                  fmt::format("a decoder that replaces '{}', which the tokenizer's other steps do not put for a space",
                              step.string("replacement")));
    spec.strip_decoded =
        step.string("prepend_scheme", step.truth("add_prefix_space", true) ? "always" : "never") != "never";
  } else if (type == "Replace") {
    const TextPattern pattern = pattern_of(step);
    if (pattern.regex || pattern.text != spec.mark || step.string("content") != " ")
      throw Error(Code::unsupported, step.where(), fmt::format("a decoder that replaces '{}'", pattern.text));
  } else if (type != "ByteLevel" && type != "ByteFallback" && type != "Fuse") {
    refuse_step(step, "decoder", "ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip, WordPiece and Sequence");
  }
}

bool has_decoder(const JsonObject& step, std::string_view type) {
  if (step.string("type") != "Sequence") return step.string("type") == type;
  return std::ranges::any_of(step.array("decoders"), [&](const bj::value& inner) {
    return has_decoder(JsonObject(inner, step.where()), type);
  });
}

// Fast paths

bool same(const CutStep& a, const CutStep& b) {
  return a.kind == b.kind && a.pattern == b.pattern && a.behavior == b.behavior && a.invert == b.invert &&
         a.mark == b.mark && a.length == b.length && a.first_only == b.first_only;
}

bool are(const std::vector<CutStep>& steps, const std::vector<CutStep>& wanted) {
  return std::ranges::equal(steps, wanted, same);
}

// What is between the matches of a pattern that leaves nothing out is nothing: to remove it is to isolate the matches.
void isolate(std::vector<CutStep>& steps) {
  for (CutStep& step : steps) {
    const bool whole = step.pattern == TextPattern{std::string(gpt2_pattern), true} ||
                       step.pattern == TextPattern{std::string(llama3_pattern), true} ||
                       step.pattern == TextPattern{std::string(qwen2_pattern), true} ||
                       step.pattern == TextPattern{std::string(o200k_pattern), true};
    if (whole && step.behavior == Behavior::removed && step.invert)
      step.behavior = Behavior::isolated, step.invert = false;
  }
}

void simplify_byte_level(TokenizerSpec& spec) {
  std::vector<CutStep> steps = spec.cuts;
  isolate(steps);
  if (std::ranges::count(steps, CutStep::Kind::byte_level, &CutStep::kind) == 1 &&
      steps.back().kind == CutStep::Kind::byte_level)
    steps.pop_back();  // the vocabulary knows the bytes
  const CutStep digits = cut(CutStep::Kind::digits), prefix = with_mark(CutStep::Kind::prefix, " ");
  const struct {
    std::vector<CutStep> steps;
    PreTokenizer pre;
    bool prefix;
  } known[] = {{{}, PreTokenizer::none, false},
               {{prefix}, PreTokenizer::none, true},
               {{split_at(gpt2_pattern, true)}, PreTokenizer::gpt2, false},
               {{prefix, split_at(gpt2_pattern, true)}, PreTokenizer::gpt2, true},
               {{digits, split_at(gpt2_pattern, true)}, PreTokenizer::smollm, false},
               {{split_at(llama3_pattern, true)}, PreTokenizer::llama3, false},
               {{split_at(qwen2_pattern, true)}, PreTokenizer::qwen2, false},
               {{split_at(o200k_pattern, true)}, PreTokenizer::o200k, false}};
  spec.cuts = steps;
  for (const auto& one : known) {
    if (!are(steps, one.steps)) continue;
    spec.cuts.clear();
    spec.pre = one.pre;
    spec.add_prefix_space = one.prefix;
  }
}

// A normalizer that only marks spaces, and puts one in front: then tokens hold spaces, and the text stays as it is.
void simplify_marks(TokenizerSpec& spec) {
  using Kind = NormalizerStep::Kind;
  if (std::ranges::any_of(spec.added, &TokenizerSpec::Added::normalized))
    return;  // they are found in the text with its marks
  auto& steps = spec.normalizer;
  const bool only_marks =
      steps.size() == 1 || (steps.size() == 2 && steps[0].kind == Kind::prepend && steps[0].content == spec.mark);
  const bool at_end = !steps.empty() && steps.back().kind == Kind::replace && steps.back().content == spec.mark;
  const CutStep at_spaces = split_at(" ", false, Behavior::merged_with_previous);  // there are none
  if (only_marks && at_end && (spec.cuts.empty() || are(spec.cuts, {at_spaces}))) {
    spec.add_prefix_space = spec.prefix_before_space = steps.size() == 2;
    steps.clear();
    spec.cuts.clear();
    spec.pre = PreTokenizer::none;
    return;
  }
  std::vector<CutStep> cuts = spec.cuts;  // Metaspace's
  if (!steps.empty() || cuts.empty() || cuts[0].kind != CutStep::Kind::marked_space) return;
  cuts.erase(cuts.begin());
  const bool prefix = !cuts.empty() && cuts[0].kind == CutStep::Kind::prefix;
  const bool first_only = prefix && cuts[0].first_only;
  if (prefix) cuts.erase(cuts.begin());
  const CutStep at_marks = split_at(spec.mark, false, Behavior::merged_with_next);
  if (!cuts.empty() && !are(cuts, {at_marks})) return;
  spec.add_prefix_space = prefix;
  spec.prefix_first_only = first_only;
  spec.pre = cuts.empty() ? PreTokenizer::none : PreTokenizer::spaces;
  spec.cuts.clear();
}

// The character that every space becomes, if there is one.
std::string mark_of(const TokenizerSpec& spec) {
  const auto is_mark = [](std::string_view text) {
    return !text.empty() && text != " " && code_point(text, 0).length == static_cast<int>(text.size());
  };
  for (const CutStep& step : spec.cuts)
    if (step.kind == CutStep::Kind::marked_space) return is_mark(step.mark) ? step.mark : "";
  if (spec.normalizer.empty()) return "";
  const NormalizerStep& last = spec.normalizer.back();
  const bool marks =
      last.kind == NormalizerStep::Kind::replace && last.pattern == TextPattern{" ", false} && is_mark(last.content);
  return marks ? last.content : "";
}

}  // namespace

void expect_keys(const JsonObject& json, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : json.raw()) {
    const std::string_view name(key.data(), key.size());
    if (std::ranges::find(known, name) == known.end() && !value.is_null())
      throw Error(Code::unsupported, json.where(),
                  fmt::format("the key '{}' is not known ({} are)", name, fmt::join(known, ", ")));
  }
}

void cut_at(std::string_view pattern, TokenizerSpec& spec) {
  spec.cuts = {split_at(pattern, true)};
  simplify_byte_level(spec);
}

void simplify(TokenizerSpec& spec) {
  if (spec.byte_level) return simplify_byte_level(spec);
  spec.pre = PreTokenizer::none;
  spec.mark = mark_of(spec);
  if (!spec.mark.empty()) simplify_marks(spec);
}

// After ByteLevel the text is of its 256 characters: what another step adds would be none of them.
void expect_alphabet(const JsonObject& json, const TokenizerSpec& spec) {
  bool in_alphabet = false, outside = false;
  for (const CutStep& step : spec.cuts) {
    if (step.kind == CutStep::Kind::byte_level) in_alphabet = true, outside = false;
    const bool adds = step.kind == CutStep::Kind::marked_space || step.kind == CutStep::Kind::prefix;
    if (in_alphabet && adds) outside = true;
  }
  if (outside)
    throw Error(Code::unsupported, json.where(), "the pre-tokenizer 'ByteLevel' before 'Metaspace' is not supported");
  if (in_alphabet && spec.algorithm != TokenizerSpec::Algorithm::merges)
    throw Error(Code::unsupported, json.where(),
                fmt::format("a {} model behind the pre-tokenizer 'ByteLevel' is not supported",
                            json.object("model").string("type")));
}

// Behind the normalizer 'ByteLevel' an added token stands among characters of the alphabet, which are never white
// space.
void expect_plain_tokens(const JsonObject& json, const TokenizerSpec& spec) {
  const auto looks_around = [](const TokenizerSpec::Added& added) {
    return added.normalized && (added.lstrip || added.rstrip || added.single_word);
  };
  if (!spec.cuts.empty() && std::ranges::any_of(spec.added, looks_around))
    throw Error(Code::unsupported, json.where(),
                "the normalizer 'ByteLevel' with normalized added tokens that take white space or are single words");
}

void read_steps(const JsonObject& json, TokenizerSpec& spec) {
  if (json.has("normalizer")) read_normalizer(json.object("normalizer"), spec);
  expect_plain_tokens(json, spec);
  if (json.has("pre_tokenizer")) read_pre_tokenizer(json.object("pre_tokenizer"), spec);
  spec.byte_level =
      std::ranges::any_of(spec.cuts, [](const CutStep& step) { return step.kind == CutStep::Kind::byte_level; });
  expect_alphabet(json, spec);
  simplify(spec);
  if (!spec.mark.empty() && spec.continuing.find(spec.mark) != std::string::npos)
    throw Error(Code::unsupported, json.where(), fmt::format("tokens that continue a word with '{}'", spec.continuing));
  if (!json.has("decoder")) return;
  spec.joining = TokenizerSpec::Joining::plain;
  read_decoder(json.object("decoder"), spec);
  if (spec.byte_level && !has_decoder(json.object("decoder"), "ByteLevel"))
    throw Error(Code::unsupported, json.where(),
                "a decoder that leaves bytes in their alphabet: 'ByteLevel' is missing");
}

namespace {

void add_ids(const JsonObject& json, const JsonObject& special, std::vector<TokenId>& ids, const TokenizerSpec& spec) {
  const std::string_view name = json.string("id");
  if (!special.has(name))
    throw Error(Code::format, json.where(),
                fmt::format("the post-processor names the token '{}', which its 'special_tokens' do not have", name));
  for (const bj::value& value : special.object(name).array("ids")) {
    const std::int64_t id = value.is_int64() ? value.get_int64() : -1;
    if (id < 0 || id >= static_cast<std::int64_t>(spec.tokens.size()) ||
        spec.tokens[static_cast<std::size_t>(id)].empty())
      throw Error(Code::format, json.where(),
                  fmt::format("the post-processor's token '{}' has the id {}, which the vocabulary does not have", name,
                              bj::serialize(value)));
    ids.push_back(static_cast<TokenId>(id));
  }
}

void read_template(const JsonObject& json, TokenizerSpec& spec) {
  expect_keys(json, {"type", "single", "pair", "special_tokens"});
  std::vector<TokenId> before, behind;
  int texts = 0;
  for (const bj::value& value : json.array("single")) {
    const JsonObject piece(value, json.where());
    expect_keys(piece, {"SpecialToken", "Sequence"});
    if (piece.has("Sequence"))
      texts += piece.object("Sequence").string("id") == "A" ? 1 : 2;
    else
      add_ids(piece.object("SpecialToken"), json.object("special_tokens"), texts == 0 ? before : behind, spec);
  }
  if (texts != 1)
    throw Error(Code::unsupported, json.where(), "the post-processor's template for one text does not hold it once");
  spec.prefix.insert(spec.prefix.begin(), before.begin(), before.end());
  spec.suffix.insert(spec.suffix.end(), behind.begin(), behind.end());
}

// ["</s>", 2]
TokenId pair_id(const JsonObject& json, const char* key, const TokenizerSpec& spec) {
  const bj::array& pair = json.array(key);
  const std::int64_t id = pair.size() == 2 && pair[1].is_int64() ? pair[1].get_int64() : -1;
  if (id < 0 || id >= static_cast<std::int64_t>(spec.tokens.size()))
    throw Error(Code::format, json.where(),
                fmt::format("the post-processor's '{}' is {}: expected a token and its id", key, bj::serialize(pair)));
  return static_cast<TokenId>(id);
}

}  // namespace

void read_post_processor(const JsonObject& json, TokenizerSpec& spec) {
  const std::string_view type = json.string("type");
  if (type == "Sequence") {
    for (const bj::value& inner : json.array("processors")) read_post_processor(JsonObject(inner, json.where()), spec);
  } else if (type == "TemplateProcessing") {
    read_template(json, spec);
  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
    if (!spec.prefix.empty() || !spec.suffix.empty())  // it is put around each part that those before it made
      throw Error(Code::unsupported, json.where(), fmt::format("the post-processor '{}' behind another", type));
    spec.prefix.insert(spec.prefix.begin(), pair_id(json, "cls", spec));
    spec.suffix.push_back(pair_id(json, "sep", spec));
  } else if (type != "ByteLevel") {  // that only changes what it calls a token's place
    refuse_step(json, "post-processor",
                "TemplateProcessing, ByteLevel, RobertaProcessing, BertProcessing and Sequence");
  }
}

}  // namespace embscope
