// Catalogue: every analysis described once: what it is asked, what it answers, its figures, an example. The command,
// the HTTP endpoint, the job, the Python function and the reference pages are made from these descriptions. Lifetime:
// an Analysis lives as long as the program. Thread rule: immutable; `ask` and what it returns from any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "embscope/base/progress.h"
#include "embscope/figure/figure.h"
#include "embscope/forward/edit.h"
#include "embscope/forward/transformer.h"
#include "embscope/model/named_token.h"
#include "embscope/runs/predict.h"
#include "embscope/space/space.h"
#include "embscope/tensor/table.h"

namespace embscope {

/// An edit for each site that a pattern names.
struct PatternEdit {
  std::string sites;
  Edit edit;
};

/// An edit in two parts, each whole by itself (parse_edit): what is wrong with it is told of the part.
struct EditInParts {
  std::string at, action;
};

/// What a client gives for a field.
struct Value {
  using List = std::vector<Value>;
  std::variant<bool, std::int64_t, std::uint64_t, double, std::string, List, PatternEdit, EditInParts>
      is;  ///< uint64_t: beyond int64_t
};
using Values = std::map<std::string, Value, std::less<>>;

/// What a field takes, and what an answer holds.
enum class Kind {
  text,   ///< a text, or its token ids
  name,   ///< other words: a site, a method, a range
  token,  ///< a word, "#ID" or an id; in an answer its id and label
  integer,
  seed,  ///< a whole number from 0 to 2^64 - 1
  number,
  flag,
  vector,  ///< an expression (edit.h) or its numbers
  edits,   ///< texts, {"at", "do"}, or edits as data
  tokens,  ///< lists of the kinds above
  names,
  integers,
  numbers,
  vectors,
  table,  ///< of answers alone, as all that follow
  figure,
  rows,    ///< an array [N, ...]
  arrays,  ///< arrays by name
  odds,    ///< tokens with their probabilities and ranks
  cost,
};

/// One thing that an analysis is asked.
struct Field {
  static constexpr double none = std::numeric_limits<double>::infinity();

  std::string_view name;  ///< of the JSON member and of the Python argument
  std::string_view what;  ///< a sentence without its full stop
  std::string_view option =
      {};  ///< on the command line, where it is not --name: "TEXT" (by position), "-k", "--no-heads"; "-": none
  std::string_view old = {};      ///< a name that it had in the version before, with the same meaning
  std::string_view choices = {};  ///< of a name: "tsne umap pca"; empty: any
  double least = -none, most = none;
  std::size_t count = 0;    ///< of a list that has a fixed number of values
  std::size_t longest = 0;  ///< of other lists: at most so many values; 0: the usual 1024
  bool required = false;

  Kind kind = Kind::text;  ///< filled in by the catalogue, as what follows
  bool has_initial = false;
  Value initial = {};  ///< what it is when it is not given
};

/// One thing that an analysis answers.
struct Part {
  std::string_view name;
  Kind kind;
  std::string_view what;           ///< a sentence without its full stop
  std::string_view option = {};    ///< of a table: the flag of the command line that prints it in place of the first
  std::string_view excludes = {};  ///< of that flag: an option that it cannot stand beside
};

/// An answer: its parts in the order in which they are described.
class Found {
 public:
  struct Token {
    TokenId id = -1;  ///< -1: none
  };
  using Odds = std::vector<TokenProbability>;
  using Arrays = std::vector<std::pair<std::string, Tensor>>;
  using Draw = std::function<Figure(const Found&)>;
  using Thing = std::variant<bool, std::int64_t, double, std::string, Token, std::vector<int>, std::vector<double>,
                             std::vector<std::string>, Odds, Tensor, Arrays, Cost, Table, Draw>;

  Found() = default;
  Found(Found&&) = default;  ///< moved, never copied: tensors are not copied by accident
  Found& operator=(Found&&) = default;

  Found& add(std::string_view name, Thing thing);
  const std::vector<std::pair<std::string_view, Thing>>& parts() const { return parts_; }
  template <class T>
  const T& get(std::string_view name) const {
    return std::get<T>(find(name));
  }
  const Table& table(std::string_view name) const { return get<Table>(name); }
  Figure figure(std::string_view name = "figure") const { return get<Draw>(name)(*this); }

  // For people, beside the answer.
  std::vector<std::string> notes;              ///< a line each
  std::function<std::vector<Table>()> people;  ///< tables shown in place of the first
  std::size_t first = 0;                       ///< which of the tables is printed
  /// Its arrays as one file (About::writes).
  std::function<void(const Found&, const std::filesystem::path&)> write;

 private:
  const Thing& find(std::string_view name) const;
  std::vector<std::pair<std::string_view, Thing>> parts_;
};

/// What an analysis is asked of: each is opened when it is first needed.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual const Transformer& transformer() const = 0;
  virtual const Model& model() const = 0;
  virtual const Space& space() const = 0;
  virtual Files files() const { return Files::allowed; }  ///< whether vector expressions may name files of this machine
  virtual void note(const NamedToken&) const {}           ///< told of each token that the question names, as it is read
  virtual void so_far(const Found&) const {}              ///< told of what is known while the work goes on
  /// Of a long text, how many positions at its end an answer covers where nobody said which.
  virtual std::int64_t usual_positions() const { return std::numeric_limits<std::int64_t>::max(); }
};

enum class Needs { nothing, model, space, transformer };

class Analysis {
 public:
  struct About {
    std::string_view name;       ///< of the function, the command (with - for _) and the endpoint (/api/name)
    std::string_view what;       ///< one line
    std::string_view example;    ///< of the command line, without the program's name
    std::string_view more = {};  ///< what the reference says besides: sources, what is refused
    Needs needs = Needs::transformer;
    bool quick = false;             ///< answered within milliseconds
    bool one_table = false;         ///< the table is the answer: Python gets it alone
    bool whole = false;             ///< JSON on the command line is the whole answer, not one of its tables
    std::string_view command = {};  ///< where it is a flag of another command: that command,
    std::string_view flag = {};     ///< and the flag
    std::string_view writes = {};   ///< of --to FILE, where the answer's arrays can be written
  };

  /// A question that has been read and checked.
  struct Asked {
    std::function<Found(const Subject&, const Progress&)> run;  ///< throws what the analysis throws
    std::function<double(const Subject&)> bytes;  ///< that the answer takes, where it may be much; else empty
  };

  virtual ~Analysis() = default;
  virtual const About& about() const = 0;
  virtual std::span<const Part> parts() const = 0;
  virtual std::vector<Field> fields() const = 0;

  /// Reads what a client gives. Throws Error{usage} for a field that there is not, is missing or of another kind,
  /// Error{range} for a number or a list outside its bounds; the place of each is the field's name.
  virtual Asked ask(const Values& values) const = 0;
};

/// All of them, in the order of the reference.
std::span<const Analysis* const> analyses();

const Analysis* analysis_named(std::string_view name);  ///< null when there is none

std::string_view name(Kind kind);

}  // namespace embscope
