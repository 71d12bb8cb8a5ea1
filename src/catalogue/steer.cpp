#include "embscope/runs/steering.h"

#include <fmt/format.h>

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText text;
  std::string site;
  std::vector<std::string> towards, away;
  Direction direction;
  std::vector<double> strengths = {-4, -2, 0, 2, 4};
  std::vector<Word> targets;
  int tokens = 40;
  double temperature = 0;
  std::uint64_t seed = 1;
};

constexpr Part parts[] = {
    {"direction", Kind::rows, "The direction that is added, times the strength"},
    {"runs", Kind::table,
     "One row per strength: columns strength, one for each target, divergence (KL from strength 0, in nats), top, "
     "top_probability, "
     "text"},
    {"figure", Kind::figure, "Probabilities by strength"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The text to continue", .option = "TEXT", .required = true});
  f(r.site, {.name = "site",
             .what = "The site where the direction is added (default: resid_post of the middle block)",
             .old = "at"});
  f(r.towards, {.name = "towards", .what = "Texts with the property to add", .longest = 256});
  f(r.away, {.name = "away", .what = "Texts without this property", .longest = 256});
  f(r.direction, {.name = "direction", .what = "Instead of both: the direction as a vector"});
  f(r.strengths, {.name = "strengths", .what = "The strengths, multiples of the direction", .longest = 64});
  f(r.targets, {.name = "targets", .what = "Next tokens whose probabilities are listed", .longest = 64});
  f(r.tokens, {.name = "tokens", .what = "Number of tokens to write", .least = 0, .most = 1024});
  f(r.temperature,
    {.name = "temperature", .what = "Sampling temperature; 0: always the most likely token", .least = 0, .most = 100});
  f(r.seed, {.name = "seed", .what = "Seed of the sampling"});
}

std::vector<float> direction_of(const Subject& on, const Parameters& r, const Site& site) {
  if (!r.direction.given()) return steering_direction(on.transformer(), r.towards, r.away, site);
  if (!r.direction.values.empty()) return r.direction.values;
  return vector_of(on, r.direction, "direction");
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const Config& config = on.model().config();
  prompt_of(on, r.text);
  SteerRequest request{
      .text = words_of(r.text),
      .site = parse_site(r.site.empty() ? fmt::format("blocks.{}.resid_post", config.blocks / 2) : r.site, config)};
  request.direction = direction_of(on, r, request.site);
  request.strengths = r.strengths;
  request.targets = texts_of(on, r.targets);
  request.sampling.tokens = r.tokens, request.sampling.temperature = r.temperature, request.sampling.seed = r.seed;
  Table runs = steer(on.transformer(), request, progress);
  const std::string site = request.site.name();
  AnalysisResult found;
  found.notes = {r.direction.given() ? fmt::format("direction: as given, at {}", site)
                                     : fmt::format("direction: {} text(s) minus {}, at the last token of each, at {}",
                                                   r.towards.size(), r.away.size(), site)};
  for (const auto* texts : {&r.towards, &r.away}) {
    for (const std::string& text : *texts) {
      if (make_prompt(on.model().tokenizer(), text).length() > 1) continue;
      found.notes.push_back(fmt::format(
          "'{}' is one token: the vector at the first position contains little information about it, use longer texts",
          visible(text)));
    }
  }
  found.add("direction", Tensor::of({static_cast<std::int64_t>(request.direction.size())}, request.direction))
      .add("runs", std::move(runs))
      .add("figure", [site](const AnalysisResult& f) { return figure_steer(f.table("runs"), site); });
  return found;
}

void check(const Parameters& r) {
  if (!r.direction.given() && (r.towards.empty() || r.away.empty()))
    throw Error(Code::usage, "towards, away", "name at least one text for each");
}

}  // namespace

const Analysis& steer_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "steer",
       .what = "Add a direction from contrasting texts while the model writes",
       .group = Group::change,
       .example = "steer \"I think that dogs are\" --towards \"What a great and happy day\" "
                  "--away \"What a bad and sad day\"",
       .more = "The direction is `direction`, or the mean over the texts `towards` minus the mean over `away`, at "
               "their last tokens; it is added at every position (Turner et al. 2023; Rimsky et al. 2024)."},
      parts, fields, run, nullptr, check);
  return made;
}

}  // namespace embscope::catalogue
