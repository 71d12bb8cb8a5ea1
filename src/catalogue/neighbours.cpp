// similar, and neighbours: the nearest of one vector, and of every row.
#include "embscope/project/neighbours.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/files/archive.h"
#include "embscope/vocabulary/similarity.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  std::optional<Word> word;
  Direction vector;
  std::optional<std::vector<Word>> exclude;
  int k = 10;
  std::string metric = "cosine";
  bool centred = false;
};

struct AskSimilar : Parameters {
  AskSimilar() { k = 12; }
};

constexpr Part similar_parts[] = {
    {"nearest", Kind::table, "Columns rank, token, id, and the cosine, distance or product; nearest first"},
    {"figure", Kind::figure, "Them as bars"},
};

constexpr Part neighbours_parts[] = {
    {"searched_again", Kind::integer, "Rows that fp32 left undecided, which were searched again in double"},
    {"nearest", Kind::table, "The nearest of each row: columns id, token, nearest, nearest_id, and how near"},
};

void how(Parameters& r, Visitor& f) {
  f(r.metric, {.name = "metric", .what = "cosine, euclidean or dot"});
  f(r.centred, {.name = "centred", .what = "Remove the mean of all vectors first"});
}

void similar_fields(AskSimilar& r, Visitor& f) {
  f(r.word, {.name = "word", .what = "A word (a leading space counts)", .option = "WORD"});
  f(r.k, {.name = "k", .what = "How many", .option = "-k", .least = 1});
  how(r, f);
  f(r.vector, {.name = "vector", .what = "In place of a word, of a model: an expression, or its values"});
  f(r.exclude,
    {.name = "exclude", .what = "Words that are left out (default: those that the question names)", .longest = 10000});
}

void neighbours_fields(Parameters& r, Visitor& f) {
  f(r.k, {.name = "k", .what = "How many of each", .option = "-k", .least = 1});
  how(r, f);
}

void check_similar(const AskSimilar& r) {
  metric_named(r.metric);
  if (!r.word && !r.vector.given()) throw Error(Code::usage, "vector", "is missing: give a word or a vector");
  if (r.word && r.vector.given()) throw Error(Code::usage, "vector", "cannot stand beside a word");
}

void check_neighbours(const Parameters& r) { metric_named(r.metric); }

/// What is near to a vector among all rows, some left out.
Table nearest_by(const Space& space, std::span<const float> vector, std::span<const std::int64_t> without,
                 NeighbourOptions options, std::string title, std::vector<std::string>& remarks) {
  const int wanted = options.k;
  options.k += static_cast<int>(without.size());
  const Neighbours near = nearest_to(vector, space.vectors, options);
  if (std::string note = left_out_note(space, near.left_out); !note.empty()) remarks.push_back(std::move(note));
  const std::unordered_set<std::int64_t> left_out(without.begin(), without.end());
  std::vector<double> rank, ids, values;
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < near.ids.size() && std::ssize(rank) < wanted; ++i) {
    if (left_out.contains(near.ids[i])) continue;
    rank.push_back(static_cast<double>(rank.size() + 1)), ids.push_back(near.ids[i]);
    values.push_back(static_cast<double>(near.values[i]));
    tokens.push_back(space.labels[static_cast<std::size_t>(near.ids[i])]);
  }
  Table table(std::move(title));
  table.add("rank", rank, whole).add("token", tokens).add("id", ids, whole);
  return std::move(table.add(std::string(name(options.metric)), values, 5));
}

std::string by(const Parameters& r) { return fmt::format(" by {}{}", r.metric, r.centred ? ", the mean removed" : ""); }

AnalysisResult found_near(Table table, const std::string& label, std::vector<std::string> remarks) {
  AnalysisResult found;
  found.remarks = std::move(remarks);
  found.add("nearest", std::move(table)).add("figure", [label](const AnalysisResult& f) {
    return figure_similar(f.table("nearest"), label);
  });
  return found;
}

// With a model, cosines are summed in double as every client has them; its matrix is read row by row.
AnalysisResult near_word(const Subject& on, const Parameters& r, const NeighbourOptions& options) {
  const std::int64_t row = rows_of(on, {*r.word}).front();
  std::vector<std::int64_t> without = {row};
  if (r.exclude) std::ranges::copy(rows_of(on, *r.exclude), std::back_inserter(without));
  if (on.has_model() && options.metric == Metric::cosine && !r.centred && !r.exclude)
    return found_near(similar(on.model(), r.word->text, r.k), on.model().label(static_cast<TokenId>(row)), {});
  const Space& space = on.space();
  const std::string& label = space.labels[static_cast<std::size_t>(row)];
  std::vector<std::string> remarks;
  Table table = nearest_by(space, space.vectors.row(row), without, options,
                           fmt::format("nearest to {}{}", label, by(r)), remarks);
  return found_near(std::move(table), label, std::move(remarks));
}

// An expression's neighbours are others than the words that it names.
AnalysisResult near_vector(const Subject& on, const Parameters& r, const NeighbourOptions& options) {
  std::vector<NamedToken> named;
  const std::vector<float> vector = vector_of(on, r.vector, "vector", &named);
  std::vector<TokenId> without;
  if (r.exclude)
    without = tokens_of(on, *r.exclude);
  else
    for (const NamedToken& token : named) without.push_back(token.id);
  const std::string label = label_of(on, r.vector);
  if (options.metric == Metric::cosine && !r.centred)
    return found_near(similar(on.model(), vector, r.k, without), label, {});
  std::vector<std::string> remarks;
  const std::vector<std::int64_t> rows(without.begin(), without.end());
  Table table = nearest_by(on.space(), vector, rows, options, "nearest tokens" + by(r), remarks);
  return found_near(std::move(table), label, std::move(remarks));
}

AnalysisResult run_similar(const Subject& on, const AskSimilar& r, const Progress&) {
  const NeighbourOptions options{.k = r.k, .metric = metric_named(r.metric), .centred = r.centred};
  return r.word ? near_word(on, r, options) : near_vector(on, r, options);
}

/// Rows that have neighbours, the most alike to its nearest first.
std::vector<std::int64_t> in_order(const Neighbours& found, Metric metric) {
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < found.count; ++i) {
    if (found.ids_of(i)[0] >= 0) order.push_back(i);
  }
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) {
    const float x = found.values_of(a)[0], y = found.values_of(b)[0];
    return metric == Metric::euclidean ? x < y : x > y;
  });
  return order;
}

Table table_of(const Space& space, const Neighbours& found, const std::vector<std::int64_t>& order,
               const Parameters& r) {
  std::vector<double> id, other, value;
  std::vector<std::string> token, name_of_other;
  for (const std::int64_t i : order) {
    const std::int32_t j = found.ids_of(i)[0];
    id.push_back(static_cast<double>(i)), other.push_back(j);
    value.push_back(static_cast<double>(found.values_of(i)[0]));
    token.push_back(space.labels[static_cast<std::size_t>(i)]);
    name_of_other.push_back(space.labels[static_cast<std::size_t>(j)]);
  }
  Table table(fmt::format("nearest of each of {} tokens{}", order.size(), by(r)));
  table.add("id", id, whole).add("token", token).add("nearest", name_of_other).add("nearest_id", other, whole);
  return std::move(table.add(r.metric, value, 5));
}

/// ids and values [N, k]: both in one .npz or .safetensors; a .npy holds the ids, and the values go beside it.
std::string write(const Neighbours& found, Metric metric, const std::filesystem::path& file) {
  const std::string value = metric == Metric::euclidean ? "distances" : metric == Metric::dot ? "products" : "cosines";
  const std::vector<std::int64_t> ids(found.ids.begin(), found.ids.end());
  const Shape shape{found.count, found.k};
  const NamedArray names{"ids", shape, std::span<const std::int64_t>(ids), DType::f32};
  const NamedArray values{value, shape, std::span<const float>(found.values), DType::f32};
  if (file.extension() != ".npy") {
    write_arrays(file, std::vector<NamedArray>{names, values});
    return {};
  }
  std::filesystem::path beside = file;
  beside.replace_filename(fmt::format("{}_{}.npy", file.stem().string(), value));
  write_arrays(file, std::vector<NamedArray>{names});
  write_arrays(beside, std::vector<NamedArray>{values});
  return fmt::format("ids in {}, {} in {}", file.string(), value, beside.string());
}

AnalysisResult run_neighbours(const Subject& on, const Parameters& r, const Progress& progress) {
  constexpr std::size_t shown = 20;
  const Metric metric = metric_named(r.metric);
  const Space& space = on.space();
  auto near =
      std::make_shared<const Neighbours>(nearest_neighbours(space.vectors, {r.k, metric, r.centred, true}, progress));
  const std::vector<std::int64_t> order = in_order(*near, metric);
  AnalysisResult found;
  if (std::string note = left_out_note(space, near->left_out); !note.empty()) found.remarks = {std::move(note)};
  found.notes = {fmt::format("exact: fp32 left {} of {} rows undecided, which were searched again in double",
                             near->searched_again, near->count)};
  if (order.size() > shown)
    found.notes.push_back(
        fmt::format("the {} most alike of {}; --json or --csv prints all, --to FILE writes all {} neighbours of each",
                    shown, order.size(), near->k));
  found.write = [near, metric](const AnalysisResult&, const std::filesystem::path& file) {
    return write(*near, metric, file);
  };
  found.add("searched_again", near->searched_again).add("nearest", table_of(space, *near, order, r));
  found.people = [table = head(found.table("nearest"), shown)] { return std::vector<Table>{table}; };
  return found;
}

}  // namespace

const Analysis& similar_analysis() {
  static const DescribedAnalysis<AskSimilar> made({.name = "similar",
                                                   .what = "The tokens nearest to a word, or to any vector",
                                                   .group = Group::vocabulary,
                                                   .example = "similar \" apple\" -k 12",
                                                   .needs = Needs::space,
                                                   .quick = true,
                                                   .one_table = true},
                                                  similar_parts, similar_fields, run_similar, nullptr, check_similar);
  return made;
}

const Analysis& neighbours_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "neighbours",
       .what = "The nearest of every token, exact, all at once",
       .group = Group::vocabulary,
       .example = "neighbours -k 10 --metric cosine --to neighbours.npz",
       .more = "Of each row its nearest other; rows of zeros have none under cosine.",
       .needs = Needs::space,
       .dropped = "--all",
       .writes = "Write all of them: FILE.npz, .npy or .safetensors with ids and values [tokens, k]"},
      neighbours_parts, neighbours_fields, run_neighbours, nullptr, check_neighbours);
  return made;
}

}  // namespace embscope::catalogue
