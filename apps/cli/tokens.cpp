#include <optional>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "command.h"

namespace embscope::cli {
namespace {

struct Options {
  std::string tokenizer, text, decode, doctor;
  std::vector<std::string> texts, files;
  bool special = false, bos = false;
};

std::vector<TokenId> ids_of(const std::string& list) {
  std::vector<TokenId> ids;
  std::size_t at = 0;
  while (at <= list.size()) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    const std::string one = list.substr(at, comma - at);
    try {
      std::size_t used = 0;
      ids.push_back(std::stoi(one, &used));
      if (used != one.size()) throw std::invalid_argument(one);
    } catch (const std::exception&) { throw Error(Code::usage, "ids", fmt::format("'{}' is not a token id", one)); }
    at = comma + 1;
  }
  return ids;
}

void print_json(const Tokenizer& tokenizer, const Tokens& tokens) {
  boost::json::array ids, pieces, ranges;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    ids.push_back(tokens.ids[i]);
    pieces.push_back(boost::json::string(tokenizer.label(tokens.ids[i])));
    ranges.push_back(boost::json::array{tokens.ranges[i].begin, tokens.ranges[i].end});
  }
  fmt::print("{}\n", boost::json::serialize(boost::json::object{{"ids", ids}, {"pieces", pieces}, {"ranges", ranges}}));
}

Table token_table(const Tokenizer& tokenizer, const Tokens& tokens) {
  std::vector<double> position, id;
  std::vector<std::string> piece, bytes, range;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    position.push_back(static_cast<double>(i));
    id.push_back(tokens.ids[i]);
    piece.push_back(tokenizer.label(tokens.ids[i]));
    std::string hex;
    for (unsigned char c : tokenizer.bytes(tokens.ids[i])) hex += fmt::format("{}{:02x}", hex.empty() ? "" : " ", c);
    bytes.push_back(std::move(hex));
    range.push_back(fmt::format("{}..{}", tokens.ranges[i].begin, tokens.ranges[i].end));
  }
  Table table;
  return std::move(table.add("position", position, whole)
                       .add("id", id, whole)
                       .add("token", piece)
                       .add("bytes", bytes)
                       .add("range", range));
}

// A word with and without its space and capital: which tokens an experiment on it would really change.
Table doctor_table(const Tokenizer& tokenizer, std::string word) {
  while (!word.empty() && word.front() == ' ') word.erase(0, 1);
  if (word.empty()) throw Error(Code::usage, "doctor", "the word is empty");
  std::string other = word;
  other[0] = static_cast<char>(
      other[0] ^ (((other[0] >= 'a' && other[0] <= 'z') || (other[0] >= 'A' && other[0] <= 'Z')) ? 32 : 0));
  std::vector<std::string> variant, pieces, ids, meaning;
  for (const std::string& w : {word, " " + word, other, " " + other}) {
    const auto cut = tokenizer.encode(w).ids;
    std::string text, numbers;
    for (TokenId id : cut)
      text += (text.empty() ? "" : " | ") + tokenizer.label(id),
          numbers += fmt::format("{}{}", numbers.empty() ? "" : " ", id);
    variant.push_back(visible(w)), pieces.push_back(text), ids.push_back(numbers);
    meaning.emplace_back(cut.size() == 1 ? "one token: its row of wte is the word"
                                         : "several tokens: an experiment would touch only the final piece");
  }
  Table table;
  return std::move(table.add("written", variant).add("tokens", pieces).add("ids", ids).add("meaning", meaning));
}

// A text that cannot be read does not stop the texts after it; the first such error is the command's error.
void print_all(const Common& common, const Options& o, const Tokenizer& tokenizer,
               const std::vector<std::string>& texts) {
  std::optional<Error> first;
  for (const std::string& text : texts) {
    try {
      const Tokens tokens = o.bos ? tokenizer.with_bos(text, o.special) : tokenizer.encode(text, o.special);
      if (common.json)
        print_json(tokenizer, tokens);
      else
        print(common, token_table(tokenizer, tokens),
              {fmt::format("{} token{}", tokens.size(), tokens.size() == 1 ? "" : "s")});
    } catch (const Error& error) {
      if (first)
        fmt::print(stderr, "embscope: {}\n", error.what());
      else
        first = error;
    }
  }
  if (first) throw *first;
}

}  // namespace

void fill_tokens(CLI::App& command) {
  const auto common = std::make_shared<Common>();
  add_model(command, common->model), add_formats(command, *common), add_threads(command, common->threads);
  auto o = std::make_shared<Options>();
  command
      .add_option("--tokenizer", o->tokenizer, "Use this tokenizer (a folder, a file or a name) instead of a model's")
      ->type_name("FILE")
      ->excludes(command.get_option("--model"));
  const CLI::Option* text = command.add_option("TEXT", o->text, "The text");
  command.add_option("--text", o->texts, "A text (may be given several times)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--file", o->files, "Files with texts")->type_name("FILE");
  command.add_flag("--bos", o->bos,
                   "Show all tokens that the model gets, with those that the tokenizer adds before and after a text");
  command.add_flag("--special", o->special, "Recognise special tokens written in the text");
  command.add_option("--decode", o->decode, "Ids, separated by commas: print their text")->type_name("ID,ID");
  command
      .add_option("--doctor", o->doctor, "A word: show how its variants are split, and what this means for experiments")
      ->type_name("WORD");
  command.callback([common, o, text] {
    const auto model = o->tokenizer.empty() ? common->open() : nullptr;
    const auto own = o->tokenizer.empty() ? nullptr : open_tokenizer(o->tokenizer);
    const Tokenizer& tokenizer = own ? *own : model->tokenizer();
    if (!o->decode.empty()) {
      const std::string bytes = tokenizer.decode(ids_of(o->decode));
      std::fwrite(bytes.data(), 1, bytes.size(), stdout);
      return;
    }
    if (!o->doctor.empty()) return print(*common, doctor_table(tokenizer, o->doctor));
    std::vector<std::string> texts = o->texts;
    if (text->count() > 0) texts.insert(texts.begin(), o->text);
    for (const std::string& file : o->files) texts.push_back(read_text(file));
    if (texts.empty()) throw Error(Code::usage, "tokens", "no text: give one, or --text, --file, --decode or --doctor");
    print_all(*common, *o, tokenizer, texts);
  });
}

}  // namespace embscope::cli
