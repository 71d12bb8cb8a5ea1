// Converts the values of a request to the engine's types.
#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "catalogue/describe.h"
#include "embscope/files/text_file.h"

namespace embscope::catalogue {
namespace {

constexpr std::size_t most_edits = 256;  // of a request from elsewhere

std::vector<Edit> edits_of(const Subject& on, const Value& value, const Prompt& prompt) {
  const Transformer& transformer = on.transformer();
  if (const auto* given = std::get_if<PatternEdit>(&value.is)) {
    std::vector<Edit> edits;
    for (const Site& site : parse_sites(given->sites, transformer.config())) {
      edits.push_back(given->edit);
      edits.back().site = site;
    }
    return edits;
  }
  std::vector<NamedToken> named;
  const Reading reading{.files = on.files(), .tokens = &named};
  std::vector<Edit> edits;
  if (const auto* parts = std::get_if<EditInParts>(&value.is)) {
    edits = parse_edit(parts->at, parts->action, transformer, prompt, reading);
  } else if (const auto* text = std::get_if<std::string>(&value.is)) {
    const bool json = !text->empty() && (text->front() == '{' || text->front() == '[');
    edits =
        json ? parse_edits_json(*text, transformer, prompt, reading) : parse_edit(*text, transformer, prompt, reading);
  } else {
    throw Error(Code::usage, "edit", "must be {\"at\", \"do\"} or a text");
  }
  for (const NamedToken& token : named) on.note(token);
  return edits;
}

}  // namespace

Prompt prompt_of(const Subject& on, const GivenText& said, std::string_view where) {
  Prompt prompt;
  if (said.ids.empty()) {
    if (!said.text.empty()) prompt = make_prompt(on.model().tokenizer(), said.text);
  } else {
    prompt.tokens.ids = said.ids;
    prompt.tokens.ranges.resize(said.ids.size());
  }
  if (prompt.length() == 0) throw Error(Code::usage, std::string(where), "the text is empty");
  if (prompt.length() > on.model().config().context)
    throw Error(
        Code::range, std::string(where),
        fmt::format("{} tokens: longer than the model's context {}", prompt.length(), on.model().config().context));
  return prompt;
}

const std::string& words_of(const GivenText& said, std::string_view where) {
  if (!said.ids.empty()) throw Error(Code::usage, std::string(where), "must be a text in words, not token ids");
  return said.text;
}

void texts_field(Text& text, Visitor& f) {
  f(text.texts, {.name = "text", .what = "A text; longer ones are cut at the model's context"});
}

void file_fields(Text& text, Visitor& f) {
  f(text.file, {.name = "file", .what = "In its place: a file's text"});
  f(text.lines, {.name = "lines", .what = "Each line of it is run alone"});
}

void check(const Text& text) {
  if (text.texts.empty() == !text.file.given())
    throw Error(Code::usage, "text", text.file.given() ? "cannot stand beside file" : "is missing");
}

std::vector<std::vector<TokenId>> rows_of(const Subject& on, const Text& text) {
  const Model& model = on.model();
  std::vector<GivenText> texts = text.texts;
  if (text.file.given()) texts.push_back({read_text(text.file.path), {}});
  const auto longest = static_cast<std::size_t>(model.config().context);
  std::vector<std::vector<TokenId>> rows;
  const auto add = [&](const std::vector<TokenId>& ids) {
    for (std::size_t at = 0; at < ids.size(); at += longest) {
      const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(at);
      rows.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(std::min(longest, ids.size() - at)));
    }
  };
  for (const GivenText& said : texts) {
    if (!said.ids.empty()) {
      add(said.ids);
    } else if (!text.lines) {
      add(model.tokenizer().with_bos(said.text).ids);
    } else {
      for (const std::string& line : text_lines(said.text))
        if (!line.empty()) rows.push_back(model.tokenizer().with_bos(line).ids);
    }
  }
  return rows;
}

TokenId token_of(const Subject& on, const Word& word) {
  const NamedToken token = token_named(on.model(), word.text);
  on.note(token);
  return token.id;
}

std::optional<TokenId> token_of(const Subject& on, const std::optional<Word>& word) {
  if (!word) return {};
  return token_of(on, *word);
}

std::vector<TokenId> tokens_of(const Subject& on, const std::vector<Word>& words) {
  std::vector<TokenId> ids;
  ids.reserve(words.size());
  for (const Word& word : words) ids.push_back(token_of(on, word));
  return ids;
}

std::vector<std::string> texts_of(const Subject& on, const std::vector<Word>& words) {
  tokens_of(on, words);
  std::vector<std::string> texts;
  texts.reserve(words.size());
  for (const Word& word : words) texts.push_back(word.text);
  return texts;
}

std::vector<std::int64_t> rows_of(const Subject& on, const std::vector<Word>& words) {
  std::vector<std::int64_t> rows;
  if (on.has_model()) {
    for (const TokenId id : tokens_of(on, words)) rows.push_back(id);
    return rows;
  }
  if (words.empty()) return rows;
  const WordIndex index(on.space());
  for (const Word& word : words) {
    const auto row = index.find(word.text);
    if (!row)
      throw Error(Code::not_found, fmt::format("word '{}'", visible(word.text)),
                  fmt::format("{} has no such word", on.space().name));
    rows.push_back(*row);
  }
  return rows;
}

std::vector<std::int64_t> rows_of(const Rows& rows, std::int64_t count, const std::string& where,
                                  std::string_view what) {
  std::vector<std::int64_t> numbers = rows.numbers;
  if (rows.text == "all" || rows.text.find(':') != std::string::npos) {
    const auto [first, last] = range_of(rows.text == "all" ? ":" : std::string_view(rows.text), count, where, what);
    for (std::int64_t row = first; row < last; ++row) numbers.push_back(row);
    return numbers;
  }
  for (std::string_view rest = rows.text; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), number);
    if (error != std::errc() || end != one.data() + one.size())
      throw Error(Code::usage, where, fmt::format("'{}': expected 0:100, all, or ids with commas", rows.text));
    numbers.push_back(number);
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
  }
  for (const std::int64_t number : numbers) {
    if (number < 0 || number >= count)
      throw Error(Code::range, where, fmt::format("{}: {} has 0 to {}", number, what, count - 1));
  }
  return numbers;
}

std::vector<NamedVector> vectors_of(const Subject& on, const std::vector<Word>& words) {
  std::vector<NamedVector> list;
  for (const std::int64_t row : rows_of(on, words)) {
    if (on.has_model()) {
      const auto id = static_cast<TokenId>(row);
      const Tensor values = on.model().embedding(id);
      list.push_back({on.model().label(id), {values.values().begin(), values.values().end()}});
    } else {
      const auto values = on.space().vectors.row(row);
      list.push_back({on.space().labels[static_cast<std::size_t>(row)], {values.begin(), values.end()}});
    }
  }
  return list;
}

std::string label_of(const Subject& on, const Direction& direction) {
  if (!direction.values.empty()) return "the vector";
  const std::string& text = direction.expression;
  const bool id = text.size() > 1 && text[0] == '#' && text.find_first_not_of("0123456789", 1) == std::string::npos;
  return id ? on.model().label(token_named(on.model(), text).id) : visible(text);
}

std::vector<float> vector_of(const Subject& on, const Direction& direction, std::string_view where,
                             std::vector<NamedToken>* tokens) {
  if (direction.values.empty()) {
    std::vector<NamedToken> named;
    auto vector = parse_vector(direction.expression, on.transformer(), {.files = on.files(), .tokens = &named});
    for (const NamedToken& token : named) on.note(token);
    if (tokens != nullptr) *tokens = std::move(named);
    return vector;
  }
  const auto width = static_cast<std::size_t>(on.model().config().width);
  if (direction.values.size() != width)
    throw Error(Code::shape, std::string(where),
                fmt::format("{} values: a vector of this model has {}", direction.values.size(), width));
  return direction.values;
}

std::vector<Edit> edits_of(const Subject& on, const Edits& edits, const Prompt& prompt) {
  if (on.files() == Files::refused && edits.given.size() > most_edits)
    throw Error(Code::range, "edits", fmt::format("{} of them: at most {}", edits.given.size(), most_edits));
  std::vector<Edit> all;
  for (std::size_t i = 0; i < edits.given.size(); ++i) {
    const bool parts = std::holds_alternative<EditInParts>(edits.given[i].is);
    try {
      std::ranges::move(edits_of(on, edits.given[i], prompt), std::back_inserter(all));
    } catch (const FilesRefused&) { throw; } catch (const Error& error) {
      if (parts) throw;
      throw Error(error.code(), fmt::format("edits[{}]", i),
                  error.where() == "edit" ? error.message() : fmt::format("{}: {}", error.where(), error.message()));
    }
  }
  return all;
}

std::vector<Site> sites_of(const Subject& on, const std::vector<std::string>& patterns) {
  std::vector<Site> sites;
  for (const std::string& pattern : patterns)
    std::ranges::copy(parse_sites(pattern, on.model().config()), std::back_inserter(sites));
  return sites;
}

std::pair<std::int64_t, std::int64_t> range_of(std::string_view text, std::int64_t count, const std::string& where,
                                               std::string_view what) {
  const std::size_t colon = text.find(':');
  const auto refuse = [&] {
    throw Error(Code::usage, where, fmt::format("'{}': expected FIRST:LAST, such as 0:100 or -4:", text));
  };
  const auto end_of = [&](std::string_view part, std::int64_t otherwise) {
    if (part.empty()) return otherwise;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size()) refuse();
    return value < 0 ? value + count : value;
  };
  if (colon == std::string_view::npos) refuse();
  const std::int64_t first = end_of(text.substr(0, colon), 0), last = end_of(text.substr(colon + 1), count);
  if (first < 0 || last > count || first >= last)
    throw Error(Code::range, where, fmt::format("{}: {} has 0:{}", text, what, count));
  return {first, last};
}

std::shared_ptr<const Subject> other_of(const Subject& on, const Other& other) {
  if (other.subject != nullptr) return other.subject;
  if (!other.name.empty()) return on.named(other.name);
  return {std::shared_ptr<const Subject>(), &on};  // not owned: it lives as long as the work
}

void note_unknown(const std::vector<std::string>& unknown, std::vector<std::string>& notes) {
  constexpr std::size_t shown = 12;
  if (unknown.empty()) return;
  const std::vector<std::string> some(unknown.begin(),
                                      unknown.begin() + static_cast<std::ptrdiff_t>(std::min(shown, unknown.size())));
  notes.push_back(fmt::format("{} words are not single rows: {}{}", unknown.size(), fmt::join(some, ", "),
                              shown < unknown.size() ? ", ..." : ""));
}

}  // namespace embscope::catalogue
