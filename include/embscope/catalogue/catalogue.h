// Catalogue: every analysis described once: its parameters, its results, its figures, an example. The command, the HTTP
// endpoint, the job, the Python function and the reference pages are generated from these descriptions. Lifetime: an
// Analysis lives as long as the program. Thread rule: immutable; `ask` and its result can be used from any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "embscope/base/error.h"
#include "embscope/base/progress.h"
#include "embscope/figure/figure.h"
#include "embscope/forward/edit.h"
#include "embscope/forward/transformer.h"
#include "embscope/model/named_token.h"
#include "embscope/runs/predict.h"
#include "embscope/space/space.h"
#include "embscope/tensor/table.h"
#include "embscope/text/chat_template.h"
#include "embscope/train/training_run.h"

namespace embscope {

/// One edit for each site that a pattern names.
struct PatternEdit {
  std::string sites;
  Edit edit;
};

/// An edit in two parts that are parsed separately (parse_edit), so that an error names the part.
struct EditInParts {
  std::string at, action;
};

class Subject;

/// For std::visit: a function for each case.
template <class... F>
struct Cases : F... {
  using F::operator()...;
};
template <class... F>
Cases(F...) -> Cases<F...>;  // clang 16 does not deduce it

/// What a client gives for a field.
struct Value {
  using List = std::vector<Value>;
  std::variant<bool, std::int64_t, std::uint64_t, double, std::string, List, PatternEdit, EditInParts, Message,
               std::shared_ptr<const Subject>>
      is;  ///< uint64_t: values beyond int64_t
};
using Values = std::map<std::string, Value, std::less<>>;

/// The kind of value of a field or of a part of an answer.
enum class Kind {
  text,   ///< a text, or its token ids
  texts,  ///< one of these, or a list of them
  name,   ///< other words: a site, a method, a range
  file,   ///< of this machine, or a folder: no field of a request over HTTP
  ids,    ///< rows of a vocabulary: "0:100", "all", or their numbers
  token,  ///< a word, "#ID" or an id; of vectors without a model a label; in an answer its id and label
  integer,
  seed,  ///< a whole number from 0 to 2^64 - 1
  number,
  flag,
  other,   ///< another model, or vectors: its name, or in Python the thing itself
  share,   ///< one part of several: "3/8", or 3 with the field `shards`
  vector,  ///< an expression (edit.h) or its numbers
  edits,   ///< texts, {"at", "do"}, or edits as data
  tokens,  ///< lists of the kinds above
  names,
  integers,
  numbers,
  vectors,
  seeds,
  messages,  ///< {"role", "content"}, the newest last
  table,     ///< only in answers, as all kinds below
  figure,
  rows,    ///< an array [N, ...]
  arrays,  ///< arrays by name
  odds,    ///< tokens with their probabilities and ranks
  cost,
};

/// One parameter of an analysis.
struct Field {
  static constexpr double none = std::numeric_limits<double>::infinity();

  std::string_view name;  ///< the name of the JSON member and of the Python argument
  std::string_view what;  ///< a description without a full stop
  std::string_view option =
      {};  ///< on the command line, if it is not --name: "TEXT" (by position), "-k", "--no-heads"; "-": no option
  std::string_view old = {};      ///< its name in the previous version, with the same meaning
  std::string_view choices = {};  ///< the allowed values of a name: "tsne umap pca"; empty: any
  double least = -none, most = none;
  std::size_t count = 0;    ///< the number of values of a list with a fixed length
  std::size_t longest = 0;  ///< the largest number of values of other lists; 0: 1024
  bool required = false;
  bool written = false;   ///< of a file: it is written, so it must be possible before the work
  bool by_files = false;  ///< of a text: on the command line the files that hold it, joined in their order
  bool each = false;      ///< of a list: on the command line one value behind each --name
  bool terminal = false;  ///< only of the command line, and of no other client

  Kind kind = Kind::text;  ///< filled in by the catalogue, as are the members below
  bool has_initial = false;
  Value initial = {};  ///< the default value
};

/// One part of an answer.
struct Part {
  std::string_view name;
  Kind kind;
  std::string_view what;  ///< a description without a full stop
  std::string_view option =
      {};  ///< for a table: the flag of the command line that prints it instead of the first table
  std::string_view excludes = {};  ///< an option that cannot be combined with this flag
};

/// An answer: its parts in the order in which they are described.
class AnalysisResult {
 public:
  struct Token {
    TokenId id = -1;  ///< -1: none
  };
  using Odds = std::vector<TokenProbability>;
  using Arrays = std::vector<std::pair<std::string, Tensor>>;
  using Lists = std::vector<std::vector<double>>;
  using Draw = std::function<Figure(const AnalysisResult&)>;
  using Content = std::variant<bool, std::int64_t, double, std::string, Token, std::vector<int>, std::vector<double>,
                               std::vector<std::string>, Odds, Tensor, Lists, Arrays, Cost, Table, Draw>;

  AnalysisResult() = default;
  AnalysisResult(AnalysisResult&&) = default;  ///< only moved, so that tensors are not copied by accident
  AnalysisResult& operator=(AnalysisResult&&) = default;

  AnalysisResult& add(std::string_view name, Content content);
  const std::vector<std::pair<std::string_view, Content>>& parts() const { return parts_; }
  template <class T>
  const T& get(std::string_view name) const {
    for (const auto& [known, content] : parts_) {
      if (const T* found = std::get_if<T>(&content); found != nullptr && known == name) return *found;
    }
    refuse(name);
  }
  const Table& table(std::string_view name) const { return get<Table>(name); }
  Figure figure(std::string_view name) const { return get<Draw>(name)(*this); }
  Figure figure() const;  ///< the first

  // For people, beside the answer.
  std::vector<std::string> notes;              ///< a line each
  std::vector<std::string> remarks;            ///< what the answer lacks: told to those who read it by program too
  std::vector<std::string> explained;          ///< what the work took, for --explain
  std::optional<Error> failure;                ///< what the answer shows to be wrong: the command ends with it
  std::function<std::vector<Table>()> people;  ///< tables shown in place of the first; it may be none
  std::size_t first = 0;                       ///< which of the tables is printed
  /// Its arrays as one file (About::writes).
  std::function<std::string(const AnalysisResult&, const std::filesystem::path&)>
      write;                                               ///< returns a remark, or nothing
  std::function<std::string(const AnalysisResult&)> page;  ///< in HTML, with more than its figure
  std::string_view saved = {};                             ///< the figure that the command saves; empty: the first

 private:
  [[noreturn]] static void refuse(std::string_view name);
  std::vector<std::pair<std::string_view, Content>> parts_;
};

/// What an analysis is asked of: a model, or vectors with labels. Each is opened when it is first needed.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual const Transformer& transformer() const = 0;
  virtual const Model& model() const = 0;
  virtual const Space& space() const = 0;  ///< the model's embedding matrix, or the vectors
  virtual bool has_model() const { return true; }
  virtual Files files() const { return Files::allowed; }  ///< whether vector expressions may name files of this machine
  virtual void note(const NamedToken&) const {}           ///< told of each token that the question names, as it is read
  virtual void so_far(const AnalysisResult&) const {}     ///< told of what is known while the work goes on
  /// Told which rows a map has, with their vectors where these are not the matrix's own.
  virtual void mapped(const std::vector<std::int64_t>&, std::shared_ptr<const Tensor>) const {}
  /// Who is told of its points [N, 2] as it grows; empty: nobody.
  virtual std::function<void(const Tensor&)> moved() const { return {}; }
  /// Of a long text, how many positions at its end an answer covers where nobody said which.
  virtual std::int64_t usual_positions() const { return std::numeric_limits<std::int64_t>::max(); }
  /// Another model, or vectors, by name. Throws what opening it throws.
  virtual std::shared_ptr<const Subject> named(const std::string& name) const;
  virtual bool takes_arrays() const { return true; }  ///< whether anybody reads an answer's arrays
  /// Told of a text as it is written: what was given (id -1), then each new token. False ends the text.
  virtual bool wrote(TokenId, std::string_view, double) const { return true; }
  /// Who follows a training in this folder.
  virtual TrainingWatch training(const std::filesystem::path&) const { return {}; }
  /// Told before the work what it will take. `measured`: a small run may be made to measure it; nobody asks: nothing.
  struct Estimates {
    std::function<void(const std::string&)> tell;
    bool measured = false;
  };
  virtual Estimates estimates() const { return {}; }
  virtual std::string option() const { return {}; }  ///< what `-m` would be given; empty: nothing
};

/// What a command is for: the help and the reference list the commands by these headings, in this order.
enum class Group { start, text, change, vocabulary, train, models, program };
std::string_view heading(Group group);

enum class Needs { nothing, model, space, transformer };

class Analysis {
 public:
  struct About {
    std::string_view name;       ///< the name of the function, the command (with - for _) and the endpoint (/api/name)
    std::string_view what;       ///< one line
    Group group = Group::text;   ///< of the command; a form of another's has that command's
    std::string_view example;    ///< a command line without the program's name
    std::string_view more = {};  ///< further text for the reference: sources, restrictions
    Needs needs = Needs::transformer;
    bool quick = false;           ///< answered within milliseconds
    bool one_table = false;       ///< the table is the whole answer: Python returns only the table
    std::string_view gives = {};  ///< the part that is the whole answer: Python returns only this
    bool tells =
        false;  ///< it tells of itself while it works (Subject::wrote, training), in place of a line of progress
    bool by_hand = false;           ///< its command is written by hand
    bool local = false;             ///< it is about this machine's files: it has no address
    std::string_view subject = {};  ///< the argument of the command that names its subject, in place of -m: "A"
    bool whole = false;             ///< JSON on the command line is the whole answer, not one of its tables
    std::size_t shown = 0;          ///< rows of its first table that people see; 0: all
    std::string_view command = {};  ///< where it is not of its own name, or is a form of another's: that command,
    std::string_view flag =
        {};  ///< and what asks for this form: "--gradient", "--show=pairs", "--text --file" (its own)
    std::string_view old = {};      ///< the name of the command in the version before
    std::string_view dropped = {};  ///< a flag of the version before, which says what is so anyway
    std::string_view writes = {};   ///< where the answer's arrays can be written: what is said of that option,
    std::string_view to = "--to";   ///< and its name
  };

  /// A request that has been read and checked.
  struct CheckedRequest {
    std::function<AnalysisResult(const Subject&, const Progress&)> run;  ///< throws what the analysis throws
    std::function<double(const Subject&)>
        bytes;  ///< the memory that the answer takes, if it may be large; otherwise empty
  };

  virtual ~Analysis() = default;
  virtual const About& about() const = 0;
  virtual std::span<const Part> parts() const = 0;
  virtual std::vector<Field> fields() const = 0;

  /// Reads what a client gives. Throws Error{usage} for a field that there is not, is missing or of another kind,
  /// Error{range} for a number or a list outside its bounds; the place of each is the field's name.
  /// With files refused there are no fields of files.
  virtual CheckedRequest ask(const Values& values, Files files = Files::allowed) const = 0;
};

/// The command that asks it: its own, or that of which it is a form.
std::string_view command_of(const Analysis& analysis);

/// Whether it is asked over HTTP: not where it is local, or needs a file of this machine.
bool over_http(const Analysis& analysis);

/// All of them, in the order of the reference.
std::span<const Analysis* const> analyses();

const Analysis* analysis_named(std::string_view name);  ///< null if there is none

std::string_view name(Kind kind);

/// A whole number from 0 to 2^64 - 1. Throws Error{usage, range} with the field's name.
std::uint64_t seed_of(std::string_view field, const Value& value);

}  // namespace embscope
