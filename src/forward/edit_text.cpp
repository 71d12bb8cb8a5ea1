// The text form of edits (grammar: edit.h), for the command line, JSON and Python alike.
#include "embscope/forward/edit.h"

#include <fmt/format.h>

#include "files/json.h"
#include "forward/changes.h"
#include "forward/expression.h"

namespace embscope {
namespace {

// The text with its expression still unread: what a place of it wants is only known there.
struct ParsedEdit {
  Edit edit;
  std::vector<Site> sites;
  std::unique_ptr<const Expression> vector;
};

// "set, add, ... or noise"
std::string one_of_the_changes() {
  std::string names;
  for (const ChangeInfo& info : changes())
    names += (names.empty() ? "" : &info == &changes().back() ? " or " : ", ") + std::string(info.name);
  return names;
}

class EditReader {
 public:
  EditReader(std::string_view text, const Config& config, const Prompt& prompt, Files files)
      : cursor_(text), config_(config), prompt_(prompt), files_(files) {}

  /// Both from one text, or each from a text of its own, to its end.
  ParsedEdit read() {
    read_place();
    read_action();
    return read_end();
  }
  ParsedEdit read(std::string_view action) {
    read_place();
    if (!cursor_.done()) cursor_.fail("expected nothing more than SITE[@POSITIONS][/HEADS]");
    cursor_ = Cursor(action);
    read_action();
    return read_end();
  }

 private:
  ParsedEdit read_end() {
    if (!cursor_.done()) cursor_.fail("expected nothing more");
    return std::move(parsed_);
  }

  void read_place() {
    const std::string_view site = cursor_.until("@/ ");
    if (site.empty()) cursor_.fail("expected a site");
    parsed_.sites = parse_sites(site, config_);
    if (cursor_.accept('@')) read_positions();
    if (cursor_.accept('/')) parsed_.edit.heads = cursor_.integers();
  }

  void read_positions() {
    do {
      const int first = read_position(cursor_).in(prompt_);
      int last = first;
      if (cursor_.accept('.')) {
        cursor_.expect('.');
        last = read_position(cursor_).in(prompt_);
        if (last < first) cursor_.fail("the positions run backwards");
      }
      for (int p = first; p <= last; ++p) parsed_.edit.positions.push_back(p);
    } while (cursor_.accept(','));
  }

  void read_action() {
    cursor_.peek();
    const std::size_t start = cursor_.at();
    const Operation* found = find_operation(cursor_.name());
    if (found == nullptr) cursor_.fail(fmt::format("expected {}", one_of_the_changes()), start);
    parsed_.edit.change = found->change;
    if (found->read != nullptr) found->read(cursor_, parsed_.edit);
    if (found->vector) parsed_.vector = read_expression(cursor_, files_);
  }

  Cursor cursor_;
  const Config& config_;
  const Prompt& prompt_;
  const Files files_;
  ParsedEdit parsed_;
};

// All tokens that an expression names, before anything is computed for it: one that is not there is refused here.
void told(const Expression& expression, const Model& model, const Reading& reading) {
  std::vector<NamedToken> tokens;
  expression.name_tokens(model, tokens);
  if (reading.tokens != nullptr) std::ranges::move(tokens, std::back_inserter(*reading.tokens));
}

// One edit for each site; and for each position where the vector differs from one to the next.
std::vector<Edit> placed(ParsedEdit parsed, const Transformer& transformer, const Prompt& prompt,
                         const Reading& reading) {
  std::vector<Edit> edits;
  if (parsed.vector) told(*parsed.vector, transformer.model(), reading);
  OtherRuns others(transformer, parsed.sites);
  std::vector<int> positions = parsed.edit.positions;
  const bool varies = parsed.vector && parsed.vector->varies();
  if (varies && positions.empty()) {
    for (int p = 0; p < prompt.length(); ++p) positions.push_back(p);
  }
  for (const Site& site : parsed.sites) {
    Edit edit = parsed.edit;
    edit.site = site;
    for (std::size_t i = 0; i < (varies ? positions.size() : 1); ++i) {
      if (varies) edit.positions = {positions[i]};
      if (parsed.vector)
        edit.vector = parsed.vector->at({transformer, others, site, positions.empty() ? 0 : positions[i]});
      edits.push_back(edit);
    }
  }
  return edits;
}

void append(std::vector<Edit>& all, std::vector<Edit> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<Edit> from_json(const boost::json::value& value, const Transformer& transformer, const Prompt& prompt,
                            const Reading& reading) {
  if (value.is_string()) return parse_edit(value.get_string(), transformer, prompt, reading);
  std::vector<Edit> edits;
  if (value.is_array()) {
    for (const auto& one : value.get_array()) append(edits, from_json(one, transformer, prompt, reading));
    return edits;
  }
  const JsonObject object(value, "edit");
  for (const auto& [key, ignored] : object.raw()) {
    if (key != "at" && key != "do") {
      throw Error(Code::usage, "edit",
                  fmt::format("'{}' is not a part of an edit: it has 'at' and 'do'", std::string_view(key)));
    }
  }
  return parse_edit(object.string("at"), object.string("do"), transformer, prompt, reading);
}

}  // namespace

std::vector<Edit> parse_edit(std::string_view text, const Transformer& transformer, const Prompt& prompt,
                             const Reading& reading) {
  EditReader reader(text, transformer.config(), prompt, reading.files);
  return placed(reader.read(), transformer, prompt, reading);
}

std::vector<Edit> parse_edit(std::string_view at, std::string_view action, const Transformer& transformer,
                             const Prompt& prompt, const Reading& reading) {
  EditReader reader(at, transformer.config(), prompt, reading.files);
  return placed(reader.read(action), transformer, prompt, reading);
}

std::vector<Edit> parse_edits_json(std::string_view json, const Transformer& transformer, const Prompt& prompt,
                                   const Reading& reading) {
  return from_json(parse_json(json, "edit"), transformer, prompt, reading);
}

std::vector<float> parse_vector(std::string_view text, const Transformer& transformer, const Site& site, int position,
                                const Reading& reading) {
  Cursor cursor(text);
  const auto expression = read_expression(cursor, reading.files);
  if (!cursor.done()) cursor.fail("expected nothing more");
  told(*expression, transformer.model(), reading);
  OtherRuns others(transformer, {site});
  return expression->at({transformer, others, site, position});
}

std::vector<float> parse_vector(std::string_view text, const Transformer& transformer, const Reading& reading) {
  std::vector<float> vector = parse_vector(text, transformer, Site{Point::wte, -1}, -1, reading);
  if (vector.size() == 1) vector.assign(static_cast<std::size_t>(transformer.config().width), vector[0]);
  return vector;
}

}  // namespace embscope
