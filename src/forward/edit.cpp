// The text form of edits: SITE[@POSITIONS][/HEADS] ACTION.
#include "embscope/edit.h"

#include <charconv>
#include <cctype>

#include <fmt/format.h>

namespace embscope {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const Model& model) : text_(text), model_(model) {}

  std::vector<Edit> parse() {
    const std::string_view site = until("@/ ");
    if (site.empty()) fail("expected a site");
    const auto sites = parse_sites(site, model_.config());
    Edit edit;
    if (accept('@')) edit.positions = numbers();
    if (accept('/')) edit.heads = numbers();
    read_change(edit);
    skip();
    if (at_ < text_.size()) fail("expected nothing more");
    std::vector<Edit> edits;
    for (const Site& s : sites) {
      edits.push_back(edit);
      edits.back().site = s;
    }
    return edits;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(Code::usage, "edit", fmt::format("{} at character {} of \"{}\"", what, at_ + 1, text_));
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  std::string_view until(std::string_view stops) {
    const std::size_t end = std::min(text_.find_first_of(stops, at_), text_.size());
    const std::string_view word = text_.substr(at_, end - at_);
    at_ = end;
    return word;
  }
  bool accept(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::vector<int> numbers() {
    std::vector<int> list;
    do {
      int number = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), number);
      if (error != std::errc()) fail("expected a whole number");
      at_ = static_cast<std::size_t>(end - text_.data());
      list.push_back(number);
    } while (accept(','));
    return list;
  }

  bool number_ahead() {
    skip();
    return at_ < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '-' ||
                                  text_[at_] == '+' || text_[at_] == '.');
  }

  float number() {
    if (!number_ahead()) fail("expected a number");
    if (text_[at_] == '+') ++at_;
    float value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("expected a number");
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  // A quoted word is its row of wte (by its final token); a number stands for a vector of that number.
  std::vector<float> vector() {
    skip();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') return {number()};
    const std::size_t start = at_++, end = text_.find(quote, at_);
    if (end == std::string_view::npos) {
      at_ = start;
      fail("the quotation is not closed");
    }
    const WordToken token = word_token(model_.tokenizer(), text_.substr(at_, end - at_));
    at_ = end + 1;
    const Tensor row = model_.embedding(token.id);
    return {row.values().begin(), row.values().end()};
  }

  void read_change(Edit& edit) {
    skip();
    const std::size_t start = at_;
    const std::string_view word = until(" ");
    if (word == "zero") {
      edit.change = Change::zero;
    } else if (word == "scale") {
      edit.change = Change::scale;
      edit.amount = number();
    } else if (word == "set") {
      edit.change = Change::set;
      edit.vector = vector();
    } else if (word == "add") {
      edit.change = Change::add;
      if (number_ahead()) edit.amount = number();
      skip();
      if (at_ < text_.size())
        edit.vector = vector();
      else
        std::swap(edit.vector.emplace_back(edit.amount), edit.amount), edit.amount = 1;
    } else if (word == "mix") {
      edit.change = Change::mix;
      edit.amount = number();
      edit.vector = vector();
    } else if (word == "project_out") {
      edit.change = Change::project_out;
      edit.vector = vector();
    } else {
      at_ = start;
      fail("expected set, add, scale, mix, zero or project_out");
    }
  }

  std::string_view text_;
  const Model& model_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Edit> parse_edit(std::string_view text, const Model& model) { return Parser(text, model).parse(); }

}  // namespace embscope
