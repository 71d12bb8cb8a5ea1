// Files of questions and words.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/lines.h"
#include "embscope/files/text_file.h"
#include "embscope/vocabulary/analogy.h"
#include "embscope/vocabulary/words.h"
#include "vocabulary/sections.h"

extern const char embscope_analogies_begin[], embscope_analogies_end[];
extern const char embscope_categories_begin[], embscope_categories_end[];

namespace embscope {
namespace fs = std::filesystem;
namespace {

using Pair = std::pair<std::string, std::vector<std::string>>;  // a word and what it relates to

void add_ordered_pairs(const std::vector<Pair>& pairs, Relation& relation) {
  for (const auto& [a, b] : pairs) {
    for (const auto& [c, answers] : pairs) {
      if (&c != &a) relation.questions.push_back({a, b[0], c, answers});
    }
  }
}

Relation relation_of(const Section& section, const std::string& where) {
  Relation relation{section.name, {}};
  std::vector<Pair> pairs;
  for (const auto& [number, words] : section.lines) {
    if (words.size() == 4) {
      relation.questions.push_back({words[0], words[1], words[2], {words[3]}});
    } else if (words.size() == 2) {
      pairs.emplace_back(words[0], std::vector{words[1]});
    } else {
      throw Error(Code::format, where,
                  fmt::format("line {}: {} words: 2 (a pair) or 4 (a question) are needed", number, words.size()));
    }
  }
  add_ordered_pairs(pairs, relation);
  return relation;
}

std::vector<Relation> relations_in(std::string_view text, const std::string& where) {
  std::vector<Relation> out;
  for (const Section& section : read_sections(text, where)) {
    Relation relation = relation_of(section, where);
    if (!relation.questions.empty()) out.push_back(std::move(relation));
  }
  if (out.empty()) throw Error(Code::format, where, "holds no questions: at least 2 pairs or one line of 4 words");
  return out;
}

// "word<tab>answer/answer"
Relation bats_relation(std::string_view text, const std::string& name) {
  std::vector<Pair> pairs;
  std::size_t number = 0;
  for (std::string_view line : lines_of(text)) {
    ++number;
    if (line.empty()) continue;
    const auto fields = split(line, "\t");
    if (fields.size() != 2 || split(fields[1], "/ ").empty())
      throw Error(Code::format, name, fmt::format("line {}: expected 'word<tab>answer/answer'", number));
    pairs.emplace_back(fields[0], split(fields[1], "/ "));
  }
  Relation relation{name, {}};
  add_ordered_pairs(pairs, relation);
  return relation;
}

std::vector<Relation> read_file(const fs::path& path) {
  const std::string text = read_text(path);
  const std::string_view first = std::string_view(text).substr(0, text.find('\n'));
  if (!text.starts_with(':') && first.find('\t') != std::string_view::npos)
    return {bats_relation(text, path.stem().string())};
  return relations_in(text, path.filename().string());
}

}  // namespace

std::vector<Relation> read_relations(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return read_file(path);
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file() && entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  if (files.empty()) throw Error(Code::not_found, path.string(), "holds no .txt files of questions");
  std::ranges::sort(files);
  std::vector<Relation> out;
  for (const fs::path& file : files) std::ranges::move(read_file(file), std::back_inserter(out));
  return out;
}

std::vector<Relation> shipped_relations() {
  return relations_in({embscope_analogies_begin, embscope_analogies_end}, "analogies");
}

std::vector<std::string> words_of(std::span<const Relation> relations) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  const auto add = [&](const std::string& word) {
    if (seen.insert(word).second) out.push_back(word);
  };
  for (const Relation& relation : relations) {
    for (const Question& q : relation.questions) {
      add(q.a), add(q.b), add(q.c);
      std::ranges::for_each(q.answers, add);
    }
  }
  return out;
}

namespace {

std::vector<Category> categories_in(std::string_view text, const std::string& where) {
  std::vector<Category> out;
  for (const Section& section : read_sections(text, where)) {
    Category category{section.name, {}};
    for (const auto& line : section.lines) std::ranges::copy(line.words, std::back_inserter(category.words));
    if (!category.words.empty()) out.push_back(std::move(category));
  }
  if (out.size() < 2) throw Error(Code::format, where, "at least 2 categories (': name', then words) are needed");
  return out;
}

}  // namespace

std::vector<Category> read_categories(const fs::path& path) {
  return categories_in(read_text(path), path.filename().string());
}

std::vector<Category> shipped_categories() {
  return categories_in({embscope_categories_begin, embscope_categories_end}, "categories");
}

}  // namespace embscope
