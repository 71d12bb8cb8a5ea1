#include "embscope/vocabulary/analogy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/threads.h"
#include "embscope/base/threads.h"
#include "vocabulary/units.h"

namespace embscope {
namespace {

constexpr float epsilon = 0.001f;      // of 3CosMul
constexpr std::int64_t at_once = 128;  // candidates whose cosines fit in the cache

// Scores from cosines of a candidate with the words of the question.
float add_score(float a, float b, float c) { return b - a + c; }
float mul_score(float a, float b, float c) { return (b + 1) * 0.5f * ((c + 1) * 0.5f) / ((a + 1) * 0.5f + epsilon); }

enum Method { add, add_raw, mul, mul_raw, nearest_c, nearest_b, method_count };

struct Best {
  float score = -INFINITY;
  std::int32_t row = -1;
};

// A question whose words are all known: indices of its words, and classes of rows that count as one word.
struct Known {
  const Question* question;
  std::size_t relation;
  std::int32_t a, b, c;
  std::vector<std::int32_t> answers;
  std::int32_t class_a, class_b, class_c;
  float answer_score = -INFINITY;
};

struct Answer {
  std::array<Best, method_count> best;
  std::int64_t above = 0;  // candidates with a higher 3CosAdd than the right answer, the question's words aside
};

// Rows that count as one word have one class: the label without its space, in lower case; otherwise each row has its
// own.
std::vector<std::int32_t> classes_of(const Space& space, bool fold) {
  std::vector<std::int32_t> out;
  std::map<std::string, std::int32_t> seen;
  for (std::int64_t i = 0; i < space.size(); ++i) {
    std::string name = space.labels[static_cast<std::size_t>(i)];
    if (name.starts_with("␣")) name.erase(0, std::string_view("␣").size());
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    out.push_back(fold ? seen.try_emplace(name, static_cast<std::int32_t>(i)).first->second
                       : static_cast<std::int32_t>(i));
  }
  return out;
}

class Solver {
 public:
  Solver(const Space& space, std::span<const Relation> relations, const AnalogyOptions& options)
      : classes_(classes_of(space, options.fold)), units_(unit_vectors(space.vectors)) {
    find_known(space, relations);
    if (known_.empty())
      throw Error(Code::usage, "analogies",
                  fmt::format("none of the questions' words are single rows of {}", space.name));
    columns_ = packed_rows(units_, words_);
    candidates_ = words_;
    std::ranges::sort(candidates_);
    if (!options.closed) {
      candidates_.clear();
      for (std::int64_t i = 0; i < space.size(); ++i) candidates_.push_back(i);
    }
    score_answers();
  }

  const std::vector<Known>& known() const { return known_; }
  const std::vector<std::string>& unknown() const { return unknown_; }
  std::int64_t candidates() const { return static_cast<std::int64_t>(candidates_.size()); }
  std::int32_t class_of(std::int64_t row) const { return classes_[static_cast<std::size_t>(row)]; }
  std::int64_t row_of(std::int32_t word) const { return words_[static_cast<std::size_t>(word)]; }

  bool right(const Known& known, const Best& best) const {
    return best.row >= 0 && is_answer(known, class_of(best.row));
  }

  // Candidates in fixed parts, each with its own answers; the parts' answers are then joined in order.
  std::vector<Answer> solve(const Progress& progress) const {
    const std::int64_t part = std::max<std::int64_t>(at_once, (candidates() + 15) / 16),
                       parts = (candidates() + part - 1) / part;
    std::vector<Answer> out(known_.size());
    for (std::int64_t first = 0; first < parts; first += threads()) {
      report(progress, static_cast<double>(first) / static_cast<double>(parts), "analogies");
      const std::int64_t count = std::min<std::int64_t>(threads(), parts - first);
      std::vector<std::vector<Answer>> own(static_cast<std::size_t>(count), std::vector<Answer>(known_.size()));
      parallel_for(count, 1, [&](std::int64_t begin, std::int64_t) {
        const std::int64_t from = (first + begin) * part;
        look_at(from, std::min(candidates(), from + part), own[static_cast<std::size_t>(begin)]);
      });
      for (const auto& answers : own) join(answers, out);
    }
    report(progress, 1, "analogies");
    return out;
  }

 private:
  bool is_answer(const Known& known, std::int32_t a_class) const {
    return std::ranges::any_of(known.answers, [&](std::int32_t answer) { return class_of(row_of(answer)) == a_class; });
  }

  std::int32_t place_of(std::int64_t row) {
    const auto [at, isnew] = places_.try_emplace(row, static_cast<std::int32_t>(words_.size()));
    if (isnew) words_.push_back(row);
    return at->second;
  }

  void find_known(const Space& space, std::span<const Relation> relations) {
    const WordIndex index(space);
    std::map<std::string, std::int32_t> place;  // -1: unknown
    const auto find = [&](const std::string& word) {
      const auto [at, isnew] = place.try_emplace(word, -1);
      if (!isnew) return at->second;
      const auto row = index.find(word);
      if (row)
        at->second = place_of(*row);
      else
        unknown_.push_back(word);
      return at->second;
    };
    for (std::size_t r = 0; r < relations.size(); ++r) {
      for (const Question& q : relations[r].questions) {
        Known known{&q, r, find(q.a), find(q.b), find(q.c), {}, 0, 0, 0};
        for (const std::string& answer : q.answers) {
          if (const std::int32_t at = find(answer); at >= 0) known.answers.push_back(at);
        }
        if (known.a < 0 || known.b < 0 || known.c < 0 || known.answers.empty()) continue;
        known.class_a = class_of(row_of(known.a)), known.class_b = class_of(row_of(known.b));
        known.class_c = class_of(row_of(known.c));
        known_.push_back(std::move(known));
      }
    }
  }

  // The score of the right answer (the best of several), with the very bits that it has as a candidate.
  void score_answers() {
    const auto count = static_cast<std::int64_t>(words_.size());
    std::vector<float> row(static_cast<std::size_t>(count));
    std::map<std::int32_t, std::vector<std::size_t>> by_answer;
    for (std::size_t q = 0; q < known_.size(); ++q) {
      for (std::int32_t answer : known_[q].answers) by_answer[answer].push_back(q);
    }
    for (const auto& [answer, questions] : by_answer) {
      cosines_with(units_, row_of(answer), 1, columns_, row.data());
      for (std::size_t q : questions)
        known_[q].answer_score = std::max(known_[q].answer_score, score(known_[q], row.data()));
    }
  }

  static float score(const Known& k, const float* cosines) {
    return add_score(cosines[k.a], cosines[k.b], cosines[k.c]);
  }

  void look_at(std::int64_t from, std::int64_t to, std::vector<Answer>& answers) const {
    const std::int64_t width = columns_.out();
    std::vector<float> cosines(static_cast<std::size_t>(at_once * width));
    for (std::int64_t first = from; first < to;) {
      std::int64_t count = 1;  // the number of adjacent ones
      while (first + count < to && count < at_once &&
             candidates_[static_cast<std::size_t>(first + count)] ==
                 candidates_[static_cast<std::size_t>(first)] + count)
        ++count;
      cosines_with(units_, candidates_[static_cast<std::size_t>(first)], count, columns_, cosines.data());
      for (std::int64_t i = 0; i < count; ++i)
        offer(candidates_[static_cast<std::size_t>(first)] + i, cosines.data() + i * width, answers);
      first += count;
    }
  }

  void offer(std::int64_t candidate, const float* cosines, std::vector<Answer>& answers) const {
    const auto row = static_cast<std::int32_t>(candidate);
    const std::int32_t own = class_of(candidate);
    for (std::size_t q = 0; q < known_.size(); ++q) {
      const Known& k = known_[q];
      auto& best = answers[q].best;
      const float a = cosines[k.a], b = cosines[k.b], c = cosines[k.c];
      const float sum = add_score(a, b, c), ratio = mul_score(a, b, c);
      if (sum > best[add_raw].score) best[add_raw] = {sum, row};
      if (ratio > best[mul_raw].score) best[mul_raw] = {ratio, row};
      const bool counts = sum > best[add].score || sum > k.answer_score || ratio > best[mul].score ||
                          c > best[nearest_c].score || b > best[nearest_b].score;
      if (!counts || own == k.class_a || own == k.class_b || own == k.class_c) continue;
      if (sum > best[add].score) best[add] = {sum, row};
      if (ratio > best[mul].score) best[mul] = {ratio, row};
      if (c > best[nearest_c].score) best[nearest_c] = {c, row};
      if (b > best[nearest_b].score) best[nearest_b] = {b, row};
      if (sum > k.answer_score && !is_answer(k, own)) ++answers[q].above;
    }
  }

  static void join(const std::vector<Answer>& later, std::vector<Answer>& out) {
    for (std::size_t q = 0; q < out.size(); ++q) {
      for (std::size_t m = 0; m < method_count; ++m) {
        if (later[q].best[m].score > out[q].best[m].score) out[q].best[m] = later[q].best[m];
      }
      out[q].above += later[q].above;
    }
  }

  std::vector<std::int32_t> classes_;
  Tensor units_;
  std::vector<std::int64_t> words_, candidates_;
  std::map<std::int64_t, std::int32_t> places_;
  std::vector<Known> known_;
  std::vector<std::string> unknown_;
  Packed columns_;
};

struct Tally {
  double questions = 0, known = 0, reciprocal = 0;
  std::array<double, method_count> right{};

  void add(const Tally& other) {
    questions += other.questions, known += other.known, reciprocal += other.reciprocal;
    for (std::size_t m = 0; m < method_count; ++m) right[m] += other.right[m];
  }
  double share(std::size_t method) const { return known > 0 ? right[method] / known : std::nan(""); }
};

constexpr std::pair<Method, const char*> methods[] = {{add, "add"},
                                                      {mul, "mul"},
                                                      {add_raw, "add_raw"},
                                                      {mul_raw, "mul_raw"},
                                                      {nearest_c, "nearest_c"},
                                                      {nearest_b, "nearest_b"}};

Table relation_table(std::span<const Relation> relations, std::vector<Tally> tallies) {
  std::vector<std::string> names;
  for (const Relation& relation : relations) names.push_back(relation.name);
  Tally all;
  for (const Tally& tally : tallies) all.add(tally);
  names.emplace_back("all"), tallies.push_back(all);
  const auto column = [&](auto&& value) {
    std::vector<double> out;
    out.reserve(tallies.size());
    for (const Tally& tally : tallies) out.push_back(value(tally));
    return out;
  };
  Table table("analogies by relation");
  table.add("relation", names).add("questions", column([](const Tally& t) { return t.questions; }), whole);
  table.add("known", column([](const Tally& t) { return t.known; }), whole);
  for (const auto& [method, name] : methods)
    table.add(name, column([m = method](const Tally& t) { return t.share(m); }), 3);
  return std::move(
      table.add("mrr", column([](const Tally& t) { return t.known > 0 ? t.reciprocal / t.known : std::nan(""); }), 3));
}

Table question_table(const Space& space, std::span<const Relation> relations, const Solver& solver,
                     const std::vector<Answer>& answers) {
  std::vector<std::string> text[8];
  std::vector<double> rank, right;
  const auto label = [&](std::int64_t row) {
    return row < 0 ? std::string() : space.labels[static_cast<std::size_t>(row)];
  };
  for (std::size_t q = 0; q < answers.size(); ++q) {
    const Known& k = solver.known()[q];
    const auto& best = answers[q].best;
    const std::string cells[] = {relations[k.relation].name,         label(solver.row_of(k.a)),
                                 label(solver.row_of(k.b)),          label(solver.row_of(k.c)),
                                 label(solver.row_of(k.answers[0])), label(best[add].row),
                                 label(best[add_raw].row),           label(best[mul].row)};
    for (std::size_t c = 0; c < std::size(cells); ++c) text[c].push_back(cells[c]);
    rank.push_back(static_cast<double>(answers[q].above + 1));
    right.push_back(solver.right(k, best[add]) ? 1 : 0);
  }
  Table table("analogies, question by question");
  const char* names[] = {"relation", "a", "b", "c", "answer", "add", "add_raw", "mul"};
  for (std::size_t c = 0; c < std::size(names); ++c) table.add(names[c], text[c]);
  return std::move(table.add("rank", rank, whole).add("right", right, whole));
}

std::string percent(double share) { return std::isnan(share) ? "no" : fmt::format("{:.1f} %", 100 * share); }

// The answer to king - man + woman in this space, with the results of its relation and of all others.
std::string verdict_of(const Space& space, const Table& relations) {
  std::string out;
  try {
    const Table best = analogy(space, {"man", "king", "woman", {"queen"}}, 3);
    const auto& tokens = best.column("token").texts();
    const auto& own = best.column("question").numbers();
    std::size_t other = 0;
    while (other < own.size() && own[other] == 1) ++other;
    out = fmt::format("king - man + woman is nearest to '{}'{}; ", tokens[0],
                      other > 0 && other < tokens.size()
                          ? fmt::format(", without the question's own words to '{}'", tokens[other])
                          : "");
  } catch (const Error&) { out = "king - man + woman cannot be computed: one of the words is not a single row; "; }
  const std::size_t last = relations.rows() - 1;
  const auto share = [&](const char* method, std::size_t row) {
    return percent(relations.column(method).numbers()[row]);
  };
  for (std::size_t r = 0; r < last; ++r) {
    const std::string& name = relations.column("relation").texts()[r];
    if (name != "gender" && name != "family") continue;
    out += fmt::format(
        "of the {:.0f} questions of '{}' {} are right ({} with the words left in, {} by the nearest to the third "
        "word); ",
        relations.column("known").numbers()[r], name, share("add", r), share("add_raw", r), share("nearest_c", r));
  }
  return out +
         fmt::format("of all {:.0f} questions {} ({} with the words left in, {} by the nearest to the third word)",
                     relations.column("known").numbers()[last], share("add", last), share("add_raw", last),
                     share("nearest_c", last));
}

}  // namespace

Analogies analogies(const Space& space, std::span<const Relation> relations, const AnalogyOptions& options,
                    const Progress& progress) {
  const Solver solver(space, relations, options);
  const auto answers = solver.solve(progress);
  std::vector<Tally> tallies(relations.size());
  for (std::size_t r = 0; r < relations.size(); ++r)
    tallies[r].questions = static_cast<double>(relations[r].questions.size());
  for (std::size_t q = 0; q < answers.size(); ++q) {
    Tally& tally = tallies[solver.known()[q].relation];
    ++tally.known;
    tally.reciprocal += 1.0 / static_cast<double>(answers[q].above + 1);
    for (std::size_t m = 0; m < method_count; ++m)
      tally.right[m] += solver.right(solver.known()[q], answers[q].best[m]) ? 1 : 0;
  }
  Analogies out;
  out.relations = relation_table(relations, std::move(tallies));
  out.questions = question_table(space, relations, solver, answers);
  out.unknown = solver.unknown();
  out.candidates = solver.candidates();
  out.verdict = verdict_of(space, out.relations);
  return out;
}

Table analogy(const Space& space, const Question& question, int k) {
  if (k < 1) throw Error(Code::range, "analogy", fmt::format("{} answers: ask for at least 1", k));
  const WordIndex index(space);
  std::vector<std::int64_t> words;
  for (const std::string* word : {&question.a, &question.b, &question.c}) {
    const auto row = index.find(*word);
    if (!row) throw Error(Code::not_found, "word '" + visible(*word) + "'", "is not a single row of " + space.name);
    words.push_back(*row);
  }
  const Tensor units = unit_vectors(space.vectors);
  const Packed columns = packed_rows(units, words);
  std::vector<float> cosines(static_cast<std::size_t>(space.size() * 3));
  parallel_for(space.size(), at_once, [&](std::int64_t begin, std::int64_t end) {
    cosines_with(units, begin, end - begin, columns, cosines.data() + begin * 3);
  });
  const auto score = [&](std::int64_t i) {
    return add_score(cosines[static_cast<std::size_t>(3 * i)], cosines[static_cast<std::size_t>(3 * i + 1)],
                     cosines[static_cast<std::size_t>(3 * i + 2)]);
  };
  std::vector<std::int64_t> order(static_cast<std::size_t>(space.size()));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  const auto count = std::min(order.size(), static_cast<std::size_t>(k));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::int64_t x, std::int64_t y) { return score(x) != score(y) ? score(x) > score(y) : x < y; });
  double square = 0;  // of b - a + c, so that the score becomes a cosine
  for (std::size_t d = 0; d < static_cast<std::size_t>(space.width()); ++d) {
    const auto value = [&](std::size_t w) { return static_cast<double>(units.row(words[w])[d]); };
    square += std::pow(value(1) - value(0) + value(2), 2);
  }
  std::vector<double> rank, id, cosine, product, own;
  std::vector<std::string> token;
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(3 * order[i]);
    rank.push_back(static_cast<double>(i + 1)), id.push_back(static_cast<double>(order[i]));
    token.push_back(space.labels[static_cast<std::size_t>(order[i])]);
    cosine.push_back(square > 0 ? as_cosine(static_cast<double>(score(order[i])) / std::sqrt(square)) : std::nan(""));
    product.push_back(static_cast<double>(mul_score(cosines[at], cosines[at + 1], cosines[at + 2])));
    own.push_back(std::ranges::find(words, order[i]) != words.end() ? 1 : 0);
  }
  Table table(fmt::format("{} is to {} as {} is to", visible(question.a), visible(question.b), visible(question.c)));
  table.add("rank", rank, whole).add("token", token).add("id", id, whole);
  return std::move(table.add("cosine", cosine, 5).add("mul", product, 5).add("question", own, whole));
}

}  // namespace embscope
