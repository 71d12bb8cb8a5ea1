// SentencePiece's tokenizer.model: a message of Google's protocol buffers, of which the fields that make a tokenizer
// are read (sentencepiece_model.proto). Whatever claims to be longer than what holds it is refused.
#include <cstring>

#include <fmt/format.h>

#include "base/file.h"
#include "model/family.h"
#include "model/tokenizer_files.h"

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

void read_piece(std::string_view bytes, TokenizerSpec& spec) {
  Message message(bytes, spec.where);
  std::string_view text;
  double score = 0;
  std::uint64_t type = normal;
  for (Field field; message.next(field);) {
    if (field.number == 1) text = field.bytes;
    if (field.number == 2) score = static_cast<double>(field.real());
    if (field.number == 3) type = field.value;
  }
  const auto id = static_cast<TokenId>(spec.tokens.size());
  if (type == unused || type < normal || type > byte)
    throw Error(Code::unsupported, spec.where,
                fmt::format("piece {} ('{}') is of type {}, which is not supported", id, text, type));
  spec.tokens.push_back(text);
  spec.scores.push_back(score);
  if (type == unknown) spec.unk = id;
  if (type == unknown || type == control) spec.added.push_back({.id = id, .special = true});
  if (type == user_defined) spec.added.push_back({.id = id, .normalized = true, .in_model = true});
}

void read_trainer(std::string_view bytes, TokenizerSpec& spec) {
  Message message(bytes, spec.where);
  std::uint64_t kind = 1, bos = 1, eos = 2;
  for (Field field; message.next(field);) {
    if (field.number == 3) kind = field.value;
    if (field.number == 35) spec.byte_fallback = field.value != 0;
    if (field.number == 41) bos = field.value;
    if (field.number == 42) eos = field.value;
    if (field.number == 24 && field.value != 0)
      throw Error(Code::unsupported, spec.where, "spaces at the end of words are not supported");
  }
  if (kind != 2)  // the library sums the scores of unigrams in single precision, and so breaks ties otherwise than
                  // tokenizer.json
    throw Error(
        Code::unsupported, spec.where,
        fmt::format("a SentencePiece model of kind {}: BPE (2) is supported, other kinds with their tokenizer.json",
                    kind));
  spec.algorithm = TokenizerSpec::Algorithm::scores;
  for (const auto& [value, id] : {std::pair{bos, &spec.bos}, std::pair{eos, &spec.eos}})
    if (value < spec.tokens.size()) *id = static_cast<TokenId>(value);
}

void read_normalizer(std::string_view bytes, TokenizerSpec& spec) {
  Message message(bytes, spec.where);
  bool prefix = true, single_spaces = true, marks = true;
  for (Field field; message.next(field);) {
    if (field.number == 2 && !field.bytes.empty())
      throw Error(Code::unsupported, spec.where,
                  "rules of normalization in a SentencePiece model are read from its tokenizer.json only");
    if (field.number == 3) prefix = field.value != 0;
    if (field.number == 4) single_spaces = field.value != 0;
    if (field.number == 5) marks = field.value != 0;
  }
  if (single_spaces)
    throw Error(Code::unsupported, spec.where,
                "a SentencePiece model that removes extra white space is read from its tokenizer.json only");
  if (marks) spec.mark = "▁";
  spec.add_prefix_space = spec.prefix_before_space = prefix;
  spec.strip_decoded = prefix;
}

}  // namespace

TokenizerSpec tokenizer_from_sentencepiece(const fs::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  TokenizerSpec spec;
  spec.where = path.string();
  spec.owners = {file};
  spec.byte_level = false;
  spec.fuse_unk = true;
  spec.pre = PreTokenizer::none;
  std::string_view trainer, normalizer;
  Message message(file->text(), spec.where);
  for (Field field; message.next(field);) {
    if (field.number == 1) read_piece(field.bytes, spec);
    if (field.number == 2) trainer = field.bytes;
    if (field.number == 3) normalizer = field.bytes;
  }
  if (spec.tokens.empty()) throw Error(Code::format, spec.where, "holds no pieces: it is not a SentencePiece model");
  read_trainer(trainer, spec);
  read_normalizer(normalizer, spec);
  return spec;
}

}  // namespace embscope
