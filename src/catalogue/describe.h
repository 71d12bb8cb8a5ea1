// Describe: how an analysis declares its parameters. `fields(request, visitor)` names every member once; a visitor
// lists them or fills them in from a client's values.
// Thread rule: a visitor belongs to one thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "embscope/catalogue/catalogue.h"

namespace embscope::catalogue {

/// A text as it was given: as words, or as token ids.
struct Said {
  std::string text;
  std::vector<TokenId> ids;
};

/// A token as it was given: a word, or "#ID".
struct Word {
  std::string text;
};

/// A vector as it was given: an expression, or its values; both empty: no vector.
struct Direction {
  std::string expression;
  std::vector<float> values;
  bool given() const { return !expression.empty() || !values.empty(); }
};

struct Edits {
  Value::List given;
};

using Member =
    std::variant<Said*, std::string*, Word*, std::optional<Word>*, int*, std::int64_t*, std::uint64_t*, double*, bool*,
                 std::optional<int>*, std::optional<std::int64_t>*, Direction*, Edits*, std::vector<Word>*,
                 std::vector<std::string>*, std::vector<int>*, std::vector<double>*, std::vector<Direction>*>;

class Visitor {
 public:
  virtual ~Visitor() = default;
  void operator()(auto& member, const Field& field) { visit(Member(&member), field); }

 private:
  virtual void visit(Member member, const Field& field) = 0;
};

/// Lists the fields, with their kinds and default values.
class Lister : public Visitor {
 public:
  std::vector<Field> fields;

 private:
  void visit(Member member, const Field& field) override;
};

/// Fills in the given values; see Analysis::ask.
class Reader : public Visitor {
 public:
  explicit Reader(const Values& values) : values_(values) {}

 private:
  void visit(Member member, const Field& field) override;
  const Values& values_;
};

/// Throws for a value without a field.
void check_names(std::string_view analysis, const std::vector<Field>& fields, const Values& values);

/// Checks that an answer has the parts of its description, in the same order.
void check_parts(const Found& found, std::span<const Part> parts);

/// An analysis of a request: `fields` above, `run`, and, if an answer may be large, `bytes`.
template <class Request>
class Made : public Analysis {
 public:
  using Fields = void (*)(Request&, Visitor&);
  using Run = Found (*)(const Subject&, const Request&, const Progress&);
  using Bytes = double (*)(const Subject&, const Request&);
  using Check = void (*)(const Request&);  ///< checks that involve several fields; throws

  Made(About about, std::span<const Part> parts, Fields named, Run run, Bytes bytes = nullptr, Check check = nullptr)
      : about_(about), parts_(parts), fields_(named), run_(run), bytes_(bytes), check_(check) {}

  const About& about() const override { return about_; }
  std::span<const Part> parts() const override { return parts_; }

  std::vector<Field> fields() const override {
    Request request;
    Lister lister;
    fields_(request, lister);
    return std::move(lister.fields);
  }

  Asked ask(const Values& values) const override {
    Request request;
    check_names(about_.name, fields(), values);
    Reader reader(values);
    fields_(request, reader);
    if (check_ != nullptr) check_(request);
    Asked asked;
    asked.run = [run = run_, request, parts = parts_](const Subject& on, const Progress& progress) {
      Found found = run(on, request, progress);
      check_parts(found, parts);
      return found;
    };
    if (bytes_ != nullptr) asked.bytes = [bytes = bytes_, request](const Subject& on) { return bytes(on, request); };
    return asked;
  }

 private:
  About about_;
  std::span<const Part> parts_;
  Fields fields_;
  Run run_;
  Bytes bytes_;
  Check check_;
};

// Conversions of a request's values to the engine's types.

/// Throws Error{usage} for an empty text, Error{range} for one longer than the context.
Prompt prompt_of(const Subject& on, const Said& said, std::string_view where = "text");
/// The words of a given text. Throws Error{usage} for token ids, in which no position can be named by a word.
const std::string& words_of(const Said& said, std::string_view where = "text");
TokenId token_of(const Subject& on, const Word& word);
std::optional<TokenId> token_of(const Subject& on, const std::optional<Word>& word);
std::vector<TokenId> tokens_of(const Subject& on, const std::vector<Word>& words);
std::vector<std::string> texts_of(const Subject& on, const std::vector<Word>& words);  ///< each names a token
std::vector<float> vector_of(const Subject& on, const Direction& direction, std::string_view where);
/// The engine's own errors name edits[i] as their place.
std::vector<Edit> edits_of(const Subject& on, const Edits& edits, const Prompt& prompt);
std::vector<Site> sites_of(const Subject& on, const std::vector<std::string>& patterns);
/// FIRST:LAST as a half-open range within 0:count; either end may be left out, negative numbers count from the end.
std::pair<std::int64_t, std::int64_t> range_of(std::string_view text, std::int64_t count, const std::string& where,
                                               std::string_view what);

/// The first rows of a table; the rows whose number in `column` is largest in size, the largest first.
Table head(const Table& table, std::size_t rows);
Table strongest(const Table& table, std::string_view column, std::size_t most);

}  // namespace embscope::catalogue
