// SentencePiece's tokenizer.model: a message of Google's protocol buffers, of which the fields that make a tokenizer
// are read (sentencepiece_model.proto). Whatever claims to be longer than what holds it is refused.
#include <algorithm>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/file.h"
#include "model/family.h"
#include "model/tokenizer_files.h"
#include "text/unicode.h"

namespace embscope {
namespace fs = std::filesystem;
namespace {

// One field of a message: its number, and a whole number, four bytes, or bytes.
struct Field {
  std::uint64_t number = 0, value = 0;
  std::string_view bytes;
  float real() const {
    float out = 0;
    if (bytes.size() == 4) std::memcpy(&out, bytes.data(), 4);
    return out;
  }
};

class Message {
 public:
  Message(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  bool next(Field& field) {
    if (at_ == bytes_.size()) return false;
    const std::uint64_t key = varint();
    field = {key >> 3, 0, {}};
    switch (key & 7) {
      case 0: field.value = varint(); break;
      case 1: field.bytes = take(8); break;
      case 2: field.bytes = take(varint()); break;
      case 5: field.bytes = take(4); break;
      default: damaged();
    }
    if (field.number == 0) damaged();
    return true;
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    damaged();
  }
  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) damaged();
    const std::string_view out = bytes_.substr(at_, count);
    at_ += count;
    return out;
  }
  [[noreturn]] void damaged() const {
    throw Error(Code::format, where_,
                fmt::format("at byte {} of a message is not what a SentencePiece model holds", at_));
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  const std::string& where_;
};

enum Type : std::uint64_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

// What the message says beside the texts and the scores of its pieces, which are the tokenizer's.
struct SentencePieceModel {
  std::vector<std::uint64_t> types;  // of the pieces
  std::uint64_t kind = unigram, bos = 1, eos = 2;
  bool byte_fallback = false, space_behind = false;  // the trainer's
  std::string_view map;                              // the normalizer's
  bool adds_space = true, single_spaces = true, marks_spaces = true;
  enum Kind : std::uint64_t { unigram = 1, bpe = 2, characters = 4 };
};

void read_piece(std::string_view bytes, SentencePieceModel& model, TokenizerSpec& spec) {
  Message message(bytes, spec.where);
  std::string_view text;
  double score = 0;
  std::uint64_t type = normal;
  for (Field field; message.next(field);) {
    if (field.number == 1) text = field.bytes;
    if (field.number == 2) score = static_cast<double>(field.real());
    if (field.number == 3) type = field.value;
  }
  if (type == unused || type < normal || type > byte)
    throw Error(Code::unsupported, spec.where,
                fmt::format("piece {} ('{}') is of type {}, which is not supported", spec.tokens.size(), text, type));
  spec.tokens.push_back(text);
  spec.scores.push_back(score);
  model.types.push_back(type);
}

void read_trainer(std::string_view bytes, SentencePieceModel& model, const std::string& where) {
  Message message(bytes, where);
  for (Field field; message.next(field);) {
    if (field.number == 3) model.kind = field.value;
    if (field.number == 24) model.space_behind = field.value != 0;
    if (field.number == 35) model.byte_fallback = field.value != 0;
    if (field.number == 41) model.bos = field.value;
    if (field.number == 42) model.eos = field.value;
  }
  if (model.kind != SentencePieceModel::unigram && model.kind != SentencePieceModel::bpe &&
      model.kind != SentencePieceModel::characters)
    throw Error(Code::unsupported, where,
                fmt::format("a SentencePiece model of kind {}: unigram (1), BPE (2) and characters (4) are supported",
                            model.kind));
}

void read_normalizer(std::string_view bytes, SentencePieceModel& model, const std::string& where) {
  Message message(bytes, where);
  for (Field field; message.next(field);) {
    if (field.number == 2) model.map = field.bytes;
    if (field.number == 3) model.adds_space = field.value != 0;
    if (field.number == 4) model.single_spaces = field.value != 0;
    if (field.number == 5) model.marks_spaces = field.value != 0;
  }
}

// As the library (0.2.3) scores them: a piece of the user's is a gain, and a character without one worse than any
// piece.
void score_unigrams(const SentencePieceModel& model, TokenizerSpec& spec) {
  float least = std::numeric_limits<float>::max();
  for (std::size_t id = 0; id < spec.scores.size(); ++id) {
    if (model.types[id] == normal) least = std::min(least, static_cast<float>(spec.scores[id]));
    if (model.types[id] == user_defined) spec.scores[id] = 0.1 * (static_cast<double>(spec.tokens[id].size()) - 1);
  }
  spec.unknown_score = static_cast<double>(least - 10.0f);
  spec.algorithm = TokenizerSpec::Algorithm::unigram;
  spec.single_precision = true;
}

// Where "▁" stands for a space, no text holds one; the vocabulary does not tell them apart.
void expect_marks(const SentencePieceModel& model, const TokenizerSpec& spec) {
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    if (!model.marks_spaces || spec.tokens[id].find(' ') == std::string_view::npos) continue;
    throw Error(Code::unsupported, spec.where,
                fmt::format("piece {} ('{}') holds a space, for which '▁' stands in this model", id, spec.tokens[id]));
  }
}

void expect_characters(const SentencePieceModel& model, const TokenizerSpec& spec) {
  for (std::size_t id = 0; id < spec.tokens.size(); ++id) {
    const std::string_view text = spec.tokens[id];
    if (model.types[id] != normal || text.empty() || code_point(text, 0).length == static_cast<int>(text.size()))
      continue;
    throw Error(Code::unsupported, spec.where,
                fmt::format("piece {} ('{}') of a SentencePiece model of characters is several", id, text));
  }
}

void put_pieces(const SentencePieceModel& model, TokenizerSpec& spec) {
  const bool apart = model.kind != SentencePieceModel::unigram;  // the user's pieces are found before all others
  for (TokenId id = 0; id < static_cast<TokenId>(model.types.size()); ++id) {
    const std::uint64_t type = model.types[static_cast<std::size_t>(id)];
    if (type == unknown) spec.unk = id;
    if (type == unknown || type == control) spec.added.push_back({.id = id, .special = true});
    if (type == user_defined && apart) spec.added.push_back({.id = id, .normalized = true, .in_model = true});
  }
  for (const auto& [value, id] : {std::pair{model.bos, &spec.bos}, std::pair{model.eos, &spec.eos}})
    if (value < spec.tokens.size()) *id = static_cast<TokenId>(value);
}

// The space before a text is left to the tokenizer where it does not change what stands before it.
void put_normalizer(const SentencePieceModel& model, TokenizerSpec& spec) {
  if (model.marks_spaces) spec.mark = "▁";
  spec.strip_decoded = model.adds_space && !model.single_spaces;
  NormalizerStep step{.kind = NormalizerStep::Kind::pieces};
  step.content = model.map;
  step.single_spaces = model.single_spaces;
  step.space_before = model.adds_space && !model.space_behind;
  step.space_behind = model.adds_space && model.space_behind;
  for (std::size_t id = 0; id < spec.tokens.size(); ++id)
    if (model.types[id] == user_defined) step.kept.push_back(spec.tokens[id]);
  if (model.map.empty() && !step.single_spaces && !step.space_behind && step.kept.empty()) {
    spec.add_prefix_space = spec.prefix_before_space = step.space_before;
    return;
  }
  if (!model.marks_spaces)
    throw Error(Code::unsupported, spec.where, "a SentencePiece model with rules for a text and no '▁' for its spaces");
  spec.normalizer.push_back(std::move(step));
}

}  // namespace

TokenizerSpec tokenizer_from_sentencepiece(const fs::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  TokenizerSpec spec;
  spec.where = path.string();
  spec.owners = {file};
  SentencePieceModel model;
  std::string_view trainer, normalizer;
  Message message(file->text(), spec.where);
  for (Field field; message.next(field);) {
    if (field.number == 1) read_piece(field.bytes, model, spec);
    if (field.number == 2) trainer = field.bytes;
    if (field.number == 3) normalizer = field.bytes;
  }
  if (spec.tokens.empty()) throw Error(Code::format, spec.where, "holds no pieces: it is not a SentencePiece model");
  read_trainer(trainer, model, spec.where);
  read_normalizer(normalizer, model, spec.where);
  spec.byte_level = false;
  spec.byte_fallback = model.byte_fallback;
  spec.fuse_unk = true;
  spec.pre = PreTokenizer::none;
  spec.algorithm = TokenizerSpec::Algorithm::scores;
  if (model.kind == SentencePieceModel::unigram) score_unigrams(model, spec);
  if (model.kind == SentencePieceModel::characters) expect_characters(model, spec);
  expect_marks(model, spec);
  put_pieces(model, spec);
  put_normalizer(model, spec);
  return spec;
}

}  // namespace embscope
