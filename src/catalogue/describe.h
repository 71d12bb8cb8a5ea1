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
#include "embscope/tensor/table_rows.h"
#include "embscope/vocabulary/named_vectors.h"

namespace embscope::catalogue {

/// A text as it was given: as words, or as token ids.
struct GivenText {
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

/// A file or folder of this machine, as it was given.
struct File {
  std::string path;
  bool given() const { return !path.empty(); }
};

/// Rows of a vocabulary as they were given: "0:100", "all", "1,2", or their numbers.
struct Rows {
  std::string text;
  std::vector<std::int64_t> numbers;
  bool given() const { return !text.empty() || !numbers.empty(); }
};

/// A text, or several, or that of a file; with `lines` each line of it is run alone.
struct Text {
  std::vector<GivenText> texts;
  File file;
  bool lines = false;
};

struct Edits {
  Value::List given;
};

/// Another model, or vectors: by name, or as such.
struct Other {
  std::string name;
  std::shared_ptr<const Subject> subject;
  bool given() const { return !name.empty() || subject != nullptr; }
};

/// The share `index` of `of`, counted from 0.
struct Share {
  int index = 0, of = 1;
};

using Member =
    std::variant<GivenText*, std::vector<GivenText>*, std::string*, File*, Rows*, Word*, std::optional<Word>*, int*,
                 std::int64_t*, std::uint64_t*, double*, bool*, std::optional<int>*, std::optional<std::int64_t>*,
                 Direction*, Edits*, std::vector<Word>*, std::optional<std::vector<Word>>*, std::vector<std::string>*,
                 std::vector<int>*, std::vector<double>*, std::vector<Direction>*, Other*, Share*,
                 std::vector<std::uint64_t>*, std::vector<Message>*>;

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
void check_names(std::string_view analysis, const std::vector<Field>& fields, const Values& values, Files files);

/// Checks that an answer has the parts of its description, in the same order.
void check_parts(const AnalysisResult& found, std::span<const Part> parts);

/// An analysis of a request: `fields` above, `run`, and, if an answer may be large, `bytes`.
template <class Request>
class DescribedAnalysis : public Analysis {
 public:
  using Fields = void (*)(Request&, Visitor&);
  using Run = AnalysisResult (*)(const Subject&, const Request&, const Progress&);
  using Bytes = double (*)(const Subject&, const Request&);
  using Check = void (*)(const Request&);  ///< checks that involve several fields; throws

  DescribedAnalysis(About about, std::span<const Part> parts, Fields named, Run run, Bytes bytes = nullptr,
                    Check check = nullptr)
      : about_(about), parts_(parts), fields_(named), run_(run), bytes_(bytes), check_(check) {}

  const About& about() const override { return about_; }
  std::span<const Part> parts() const override { return parts_; }

  std::vector<Field> fields() const override {
    Request request;
    Lister lister;
    fields_(request, lister);
    return std::move(lister.fields);
  }

  CheckedRequest ask(const Values& values, Files files) const override {
    Request request;
    check_names(about_.name, fields(), values, files);
    Reader reader(values);
    fields_(request, reader);
    if (check_ != nullptr) check_(request);
    CheckedRequest asked;
    asked.run = [run = run_, request, parts = parts_](const Subject& on, const Progress& progress) {
      AnalysisResult found = run(on, request, progress);
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
Prompt prompt_of(const Subject& on, const GivenText& said, std::string_view where = "text");
/// The words of a given text. Throws Error{usage} for token ids, in which no position can be named by a word.
const std::string& words_of(const GivenText& said, std::string_view where = "text");

/// The fields text, and file and lines, and the rows of tokens that are run: each text cut at the context. Throws
/// Error{usage} where both, or none, are given.
void texts_field(Text& text, Visitor& f);
void file_fields(Text& text, Visitor& f);
void check(const Text& text);
std::vector<std::vector<TokenId>> rows_of(const Subject& on, const Text& text);

TokenId token_of(const Subject& on, const Word& word);
std::optional<TokenId> token_of(const Subject& on, const std::optional<Word>& word);
std::vector<TokenId> tokens_of(const Subject& on, const std::vector<Word>& words);
std::vector<std::string> texts_of(const Subject& on, const std::vector<Word>& words);  ///< each names a token

/// Rows of the vocabulary that words name: by the model's tokenizer, without a model by their labels. Throws
/// Error{not_found} for a word that there is not.
std::vector<std::int64_t> rows_of(const Subject& on, const std::vector<Word>& words);
/// The rows asked for, of `count`. Throws Error{usage, range} with `where`.
std::vector<std::int64_t> rows_of(const Rows& rows, std::int64_t count, const std::string& where,
                                  std::string_view what);
/// The words' vectors with their labels; of a model only these rows of the file are read.
std::vector<NamedVector> vectors_of(const Subject& on, const std::vector<Word>& words);

/// A vector of a model; the tokens that an expression names are added to `named`.
std::vector<float> vector_of(const Subject& on, const Direction& direction, std::string_view where,
                             std::vector<NamedToken>* named = nullptr);
std::string label_of(const Subject& on, const Direction& direction);  ///< "#ID" by its token, an expression by itself

/// The engine's own errors name edits[i] as their place.
std::vector<Edit> edits_of(const Subject& on, const Edits& edits, const Prompt& prompt);
std::vector<Site> sites_of(const Subject& on, const std::vector<std::string>& patterns);
/// FIRST:LAST as a half-open range within 0:count; either end may be left out, negative numbers count from the end.
std::pair<std::int64_t, std::int64_t> range_of(std::string_view text, std::int64_t count, const std::string& where,
                                               std::string_view what);

/// The other model, or `on` where none is given.
std::shared_ptr<const Subject> other_of(const Subject& on, const Other& other);

/// "3 words are not single rows: a, b, c"; nothing where there is none.
void note_unknown(const std::vector<std::string>& unknown, std::vector<std::string>& notes);

}  // namespace embscope::catalogue
