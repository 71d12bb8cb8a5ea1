#include "forward/expression.h"

#include <algorithm>

#include <fmt/format.h>

namespace embscope {
namespace {

// a := a + factor * b; one value stands for a vector of it.
void add_scaled(std::vector<float>& a, float factor, const std::vector<float>& b) {
  if (a.size() == 1 && b.size() > 1) a.assign(b.size(), a[0]);
  if (b.size() != 1 && b.size() != a.size()) {
    throw Error(Code::shape, "edit", fmt::format("vectors of {} and {} values do not add up", a.size(), b.size()));
  }
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += factor * b[b.size() == 1 ? 0 : i];
}

std::vector<float> values_of(const Tensor& t) { return {t.values().begin(), t.values().end()}; }

class Number : public Expression {
 public:
  explicit Number(float value) : value_(value) {}
  std::vector<float> at(const Place&) const override { return {value_}; }
  void name_tokens(const Model&, std::vector<NamedToken>&) const override {}

 private:
  float value_;
};

class Word : public Expression {
 public:
  explicit Word(std::string_view word) : word_(word) {}
  std::vector<float> at(const Place& place) const override {
    const Model& model = place.transformer.model();
    return values_of(model.embedding(word_named(model, word_).id));
  }
  void name_tokens(const Model& model, std::vector<NamedToken>& tokens) const override {
    tokens.push_back(word_named(model, word_));
  }

 private:
  std::string word_;
};

class TokenRow : public Expression {
 public:
  explicit TokenRow(TokenId id) : id_(id) {}
  std::vector<float> at(const Place& place) const override {
    return values_of(place.transformer.model().embedding(id_));
  }
  void name_tokens(const Model& model, std::vector<NamedToken>& tokens) const override {
    tokens.push_back(token_named(model, fmt::format("#{}", id_)));
  }

 private:
  TokenId id_;
};

class OtherRun : public Expression {
 public:
  OtherRun(std::string_view text, std::optional<PositionName> position) : text_(text), position_(std::move(position)) {}
  std::vector<float> at(const Place& place) const override {
    const Prompt& prompt = place.others.of(text_).prompt;
    const int position =
        position_ ? position_->in(prompt) : position_of(prompt, place.position, fmt::format("run('{}')", text_));
    return place.others.at(text_, place.site, position);
  }
  bool varies() const override { return !position_; }
  void name_tokens(const Model&, std::vector<NamedToken>&) const override {}

 private:
  std::string text_;
  std::optional<PositionName> position_;
};

class FileRow : public Expression {
 public:
  FileRow(std::string_view path, std::string_view array, int row) : path_(path), array_(array), row_(row) {}
  std::vector<float> at(const Place&) const override {
    const auto archive = Archive::open(path_);
    if (archive->tensors().empty()) throw Error(Code::format, path_, "holds no arrays");
    if (array_.empty() && archive->tensors().size() > 1) {
      throw Error(Code::usage, path_,
                  fmt::format("holds {} arrays: name one, as in file('{}', 'NAME', {})", archive->tensors().size(),
                              path_, row_));
    }
    const View& view = array_.empty() ? archive->tensors()[0].view : archive->at(array_);
    const std::int64_t row = row_ < 0 ? row_ + view.rows() : row_;
    if (row < 0 || row >= view.rows())
      throw Error(Code::range, path_, fmt::format("row {}: the array has rows 0..{}", row_, view.rows() - 1));
    std::vector<float> values(static_cast<std::size_t>(view.columns()));
    decode_rows(view, row, 1, values.data());
    return values;
  }
  void name_tokens(const Model&, std::vector<NamedToken>&) const override {}

 private:
  std::string path_, array_;
  int row_;
};

// The weighted sum of its parts.
class Sum : public Expression {
 public:
  void add(float factor, std::unique_ptr<const Expression> part) { parts_.emplace_back(factor, std::move(part)); }
  void divide(float by) {
    for (auto& [factor, part] : parts_) factor /= by;
  }
  std::vector<float> at(const Place& place) const override {
    std::vector<float> sum = {0};
    for (const auto& [factor, part] : parts_) add_scaled(sum, factor, part->at(place));
    return sum;
  }
  bool varies() const override {
    return std::ranges::any_of(parts_, [](const auto& p) { return p.second->varies(); });
  }
  void name_tokens(const Model& model, std::vector<NamedToken>& tokens) const override {
    for (const auto& [factor, part] : parts_) part->name_tokens(model, tokens);
  }

 private:
  std::vector<std::pair<float, std::unique_ptr<const Expression>>> parts_;
};

// Reads an expression by recursive descent; what may not be read is refused where the grammar meets it.
class ExpressionReader {
 public:
  ExpressionReader(Cursor& cursor, Files files) : cursor_(cursor), files_(files) {}

  std::unique_ptr<const Expression> sum() {
    auto sum = std::make_unique<Sum>();
    float sign = cursor_.accept('-') ? -1.0f : 1.0f;
    while (true) {
      term(sign, *sum);
      if (cursor_.accept('+'))
        sign = 1;
      else if (cursor_.accept('-'))
        sign = -1;
      else
        return sum;
    }
  }

 private:
  // [N *] factor, or N; with the sign before it.
  void term(float sign, Sum& sum) {
    if (!cursor_.number_ahead()) return sum.add(sign, factor());
    const float number = cursor_.number();
    if (cursor_.accept('*') || factor_ahead()) return sum.add(sign * number, factor());
    sum.add(sign, std::make_unique<Number>(number));
  }

  bool factor_ahead() {
    const char c = cursor_.peek();
    return cursor_.quote_ahead() || cursor_.name_ahead() || c == '(' || c == '#';
  }

  std::unique_ptr<const Expression> factor() {
    if (cursor_.quote_ahead()) {
      const std::string_view word = cursor_.quoted();
      if (word.empty()) cursor_.fail("the word is empty", cursor_.at() - 2);
      return std::make_unique<Word>(word);
    }
    if (cursor_.accept('#')) return std::make_unique<TokenRow>(cursor_.integer());
    cursor_.peek();
    const std::size_t start = cursor_.at();
    const std::string_view name = cursor_.name();
    const auto in_brackets = std::ranges::find(brackets, name, &Bracket::name);
    if (in_brackets == std::end(brackets))
      cursor_.fail("expected a word in quotes, #ID, mean(...), run(...) or file(...)", start);
    if (name.empty() && cursor_.peek() != '(')
      cursor_.fail("expected a number, a word in quotes, #ID, mean(...), run(...), file(...) or (...)");
    cursor_.expect('(');
    const Cursor::Nested nested(cursor_);
    auto inner = (this->*in_brackets->read)();
    cursor_.expect(')');
    return inner;
  }

  std::unique_ptr<const Expression> mean() {
    auto mean = std::make_unique<Sum>();
    float count = 0;
    do {
      mean->add(1, sum());
      ++count;
    } while (cursor_.accept(','));
    mean->divide(count);
    return mean;
  }

  std::unique_ptr<const Expression> run() {
    const std::string_view text = cursor_.quoted();
    std::optional<PositionName> position;
    if (cursor_.accept('@')) position = read_position(cursor_);
    return std::make_unique<OtherRun>(text, std::move(position));
  }

  std::unique_ptr<const Expression> file() {
    if (files_ == Files::refused) throw FilesRefused();
    const std::string_view path = cursor_.quoted();
    std::string_view array;
    int row = 0;
    if (cursor_.accept(',')) {
      const bool named = cursor_.quote_ahead();
      if (named) array = cursor_.quoted();
      if (!named || cursor_.accept(',')) row = cursor_.integer();
    }
    return std::make_unique<FileRow>(path, array, row);
  }

  // What stands before an opening bracket, and how what is in it is read.
  struct Bracket {
    std::string_view name;
    std::unique_ptr<const Expression> (ExpressionReader::*read)();
  };
  static const Bracket brackets[4];

  Cursor& cursor_;
  const Files files_;
};

const ExpressionReader::Bracket ExpressionReader::brackets[] = {{"", &ExpressionReader::sum},
                                                                {"mean", &ExpressionReader::mean},
                                                                {"run", &ExpressionReader::run},
                                                                {"file", &ExpressionReader::file}};

}  // namespace

const OtherRuns::Run& OtherRuns::of(const std::string& text) {
  const auto known = runs_.find(text);
  if (known != runs_.end()) return known->second;
  Run run{make_prompt(transformer_.model().tokenizer(), text), {}};
  Request request;
  request.rows = {run.prompt.tokens.ids};
  request.capture = sites_;
  request.logits = LogitsAt::none;
  run.values = {sites_, std::move(transformer_.run(request).rows[0].captured)};
  return runs_.emplace(text, std::move(run)).first->second;
}

std::vector<float> OtherRuns::at(const std::string& text, const Site& site, int position) {
  if (is_attention_map(site.point)) {
    throw Error(Code::unsupported, "edit at " + site.name(),
                "run(...) gives vectors of a position, and this site has none");
  }
  const std::span<const float> values = of(text).values.at(site, position);
  return {values.begin(), values.end()};
}

std::unique_ptr<const Expression> read_expression(Cursor& cursor, Files files) {
  return ExpressionReader(cursor, files).sum();
}

PositionName read_position(Cursor& cursor) {
  PositionName position;
  if (cursor.quote_ahead()) {
    position.word = cursor.quoted();
    if (position.word.empty()) cursor.fail("the word is empty", cursor.at() - 2);
  } else if (cursor.accept('#')) {
    position.id = cursor.integer();
  } else {
    position.number = cursor.integer();
    return position;
  }
  if (cursor.accept('[')) {
    position.number = cursor.integer();
    if (position.number == 0) cursor.fail("occurrences count from 1, or from -1 backwards", cursor.at() - 1);
    cursor.expect(']');
  }
  return position;
}

int PositionName::in(const Prompt& prompt) const {
  if (id) return position_of_token(prompt, *id, number);
  return word.empty() ? position_of(prompt, number, "edit") : position_of_word(prompt, word, number);
}

}  // namespace embscope
