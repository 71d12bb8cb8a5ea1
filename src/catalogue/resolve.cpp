// Converts the values of a request to the engine's types.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <numeric>

#include <fmt/format.h>

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

constexpr std::size_t most_edits = 256;

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

Table rows_at(const Table& table, const std::vector<std::size_t>& rows) {
  Table out(table.title());
  const auto chosen = [&rows]<class T>(const std::vector<T>& values) {
    std::vector<T> some;
    some.reserve(rows.size());
    for (std::size_t i : rows) some.push_back(values[i]);
    return some;
  };
  for (const Column& column : table.columns())
    column.is_number() ? out.add(column.name, chosen(column.numbers()), column.decimals)
                       : out.add(column.name, chosen(column.texts()));
  return out;
}

}  // namespace

Prompt prompt_of(const Subject& on, const Said& said, std::string_view where) {
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

const std::string& words_of(const Said& said, std::string_view where) {
  if (!said.ids.empty()) throw Error(Code::usage, std::string(where), "must be a text in words, not token ids");
  return said.text;
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

std::vector<float> vector_of(const Subject& on, const Direction& direction, std::string_view where) {
  if (direction.values.empty()) {
    std::vector<NamedToken> named;
    auto vector = parse_vector(direction.expression, on.transformer(), {.files = on.files(), .tokens = &named});
    for (const NamedToken& token : named) on.note(token);
    return vector;
  }
  const auto width = static_cast<std::size_t>(on.model().config().width);
  if (direction.values.size() != width)
    throw Error(Code::shape, std::string(where),
                fmt::format("{} values: a vector of this model has {}", direction.values.size(), width));
  return direction.values;
}

std::vector<Edit> edits_of(const Subject& on, const Edits& edits, const Prompt& prompt) {
  if (edits.given.size() > most_edits)
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

Table head(const Table& table, std::size_t rows) {
  std::vector<std::size_t> first(std::min(rows, table.rows()));
  std::iota(first.begin(), first.end(), std::size_t{0});
  return rows_at(table, first);
}

Table strongest(const Table& table, std::string_view column, std::size_t most) {
  const auto& values = table.column(column).numbers();
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return std::abs(values[a]) > std::abs(values[b]); });
  order.resize(std::min(most, order.size()));
  return rows_at(table, order);
}

}  // namespace embscope::catalogue
