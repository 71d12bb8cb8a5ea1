// entropy: how certain the model is of the next token, at every position of a text.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/runs/predict.h"
#include "figure/spec.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText text;
};

constexpr Part parts[] = {
    {"mean_entropy", Kind::number, "Mean over the positions, in bits"},
    {"mean_surprise", Kind::number,
     "Mean over the tokens after the first, in bits; the perplexity of the text is 2 to this power"},
    {"positions", Kind::table,
     "One row per position: columns position, token, entropy (of the next token, in bits), top (the most likely next "
     "token), probability, surprise (of the token itself given the text before it, in bits; null for the first)"},
    {"figure", Kind::figure, "Entropy and surprise along the text"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The text", .option = "TEXT", .required = true});
}

double entropy_of(const std::vector<double>& p) {
  double bits = 0;
  for (const double x : p) {
    if (x > 0) bits -= x * std::log2(x);
  }
  return bits;
}

// log2 of the softmax, computed from the logits: it stays finite if the probability is too small for a double.
double surprise_of(std::span<const float> logits, TokenId id) {
  const double most = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - most);
  return (std::log(sum) - (static_cast<double>(logits[static_cast<std::size_t>(id)]) - most)) / std::log(2.0);
}

struct Columns {
  std::vector<double> position, entropy, probability, surprise;
  std::vector<std::string> token, top;
};

// A few positions at a time: memory does not grow with positions x vocabulary.
Columns columns_of(const Transformer& transformer, const std::vector<TokenId>& ids, const Progress& progress) {
  constexpr std::int64_t at_once = 16;
  const Config& config = transformer.config();
  Request request;
  request.rows = {ids};
  request.capture = {{Point::resid_post, static_cast<int>(config.blocks) - 1}};
  request.logits = LogitsAt::none;
  request.progress = part_of(progress, 0, 0.5);
  const Tensor last = std::move(transformer.run(request).rows[0].captured[0]);
  Columns c;
  c.surprise.push_back(NAN);
  for (std::int64_t begin = 0; begin < last.rows(); begin += at_once) {
    report(progress, 0.5 + 0.5 * static_cast<double>(begin) / static_cast<double>(last.rows()), "next tokens");
    const std::int64_t end = std::min(last.rows(), begin + at_once);
    Tensor some = Tensor::uninitialised({end - begin, config.width});
    for (std::int64_t t = begin; t < end; ++t) std::ranges::copy(last.row(t), some.row(t - begin).begin());
    const Tensor logits = transformer.unembed(some);
    for (std::int64_t t = begin; t < end; ++t) {
      const std::span<const float> row = logits.row(t - begin);
      const auto p = softmax(row);
      const TokenId likeliest = top(row, 1)[0];
      c.position.push_back(static_cast<double>(t)), c.entropy.push_back(entropy_of(p));
      c.token.push_back(transformer.model().label(ids[static_cast<std::size_t>(t)]));
      c.top.push_back(transformer.model().label(likeliest));
      c.probability.push_back(p[static_cast<std::size_t>(likeliest)]);
      if (t + 1 < last.rows()) c.surprise.push_back(surprise_of(row, ids[static_cast<std::size_t>(t) + 1]));
    }
  }
  return c;
}

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return sum / static_cast<double>(values.size());
}

constexpr std::size_t most_labels = 48;  // for more tokens, labels are only their positions

bj::object line(const Table& positions, std::string_view field, std::string_view name) {
  bj::array rows;
  const auto &position = positions.column("position").numbers(), &bits = positions.column(field).numbers();
  const auto &token = positions.column("token").texts(), &top = positions.column("top").texts();
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i] != bits[i]) continue;  // nothing came before the first token
    rows.push_back(bj::object{{"position", position[i]},
                              {"at", fmt::format("{} {}", position[i], token[i])},
                              {"bits", bits[i]},
                              {"top", top[i]},
                              {"of", name}});
  }
  return {{"values", std::move(rows)}};
}

Figure figure_of(const Table& positions) {
  const bool few = positions.rows() <= most_labels;
  bj::array order;
  for (std::size_t i = 0; few && i < positions.rows(); ++i)
    order.emplace_back(
        fmt::format("{} {}", positions.column("position").numbers()[i], positions.column("token").texts()[i]));
  bj::object x = few ? text_field("at", "position and token") : number_field("position", "position");
  if (few) x["sort"] = order, x["scale"] = {{"domain", order}};
  const bj::array names = {"entropy of the next token", "surprise of this token"};
  bj::array layers;
  for (const auto& [field, name] : {std::pair{"entropy", names[0]}, std::pair{"surprise", names[1]}}) {
    layers.push_back(
        bj::object{{"data", line(positions, field, name.get_string())},
                   {"mark", {{"type", "line"}, {"point", few}, {"strokeWidth", 1.2}}},
                   {"encoding",
                    {{"x", x},
                     {"y", number_field("bits", "bits")},
                     {"color",
                      {{"field", "of"},
                       {"type", "nominal"},
                       {"title", nullptr},
                       {"scale", {{"domain", names}, {"range", {bj::string(palette[0]), bj::string(palette[1])}}}}}},
                     {"tooltip",
                      {text_field("at", "token"), text_field("of", "of"), number_field("bits", "bits"),
                       text_field("top", "most likely next token")}}}}});
  }
  return finish("entropy", "How sure the model is of the next token", "in bits, position by position",
                {{"width", 640}, {"height", 280}, {"layer", std::move(layers)}});
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const Columns c = columns_of(on.transformer(), prompt_of(on, r.text).tokens.ids, progress);
  const double entropy = mean_of(c.entropy), surprise = mean_of(std::span(c.surprise).subspan(1));
  Table table("the next token, position by position");
  table.add("position", c.position, whole).add("token", c.token).add("entropy", c.entropy, 3).add("top", c.top);
  table.add("probability", c.probability, 5).add("surprise", c.surprise, 3);
  AnalysisResult found;
  found.notes = {fmt::format("entropy {:.3f} bits in the mean", entropy)};
  if (c.position.size() > 1)
    found.notes[0] += fmt::format("; surprise {:.3f} bits, a perplexity of {:.2f}", surprise, std::exp2(surprise));
  found.add("mean_entropy", entropy)
      .add("mean_surprise", surprise)
      .add("positions", std::move(table))
      .add("figure", [](const AnalysisResult& f) { return figure_of(f.table("positions")); });
  return found;
}

}  // namespace

const Analysis& entropy_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "entropy",
       .what = "How certain the model is of the next token, position by position",
       .group = Group::text,
       .example = "entropy \"The capital of Germany is Berlin\" --save entropy.html",
       .more = "Entropy is the entropy of the whole distribution of the next token; surprise "
               "is -log2 of the probability that the model gave to the token before reading it "
               "(Shannon 1951). The logits are those of the run, bit for bit."},
      parts, fields, run);
  return made;
}

}  // namespace embscope::catalogue
