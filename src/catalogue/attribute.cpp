// attribute, and gradient, which is a flag of attribute on the command line.
#include <algorithm>

#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/files/archive.h"
#include "embscope/runs/attribution.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText text;
  std::optional<Word> target, against;
  int position = -1;
  bool sorted = false;
  std::vector<std::string> sites = {"z", "mlp_out", "wte"};  // only for gradients
};

constexpr Part position_part{"position", Kind::integer, "The position, counted from the start"};
constexpr Part target_part{"target", Kind::token, "The token whose logit is explained"};
constexpr Part against_part{"against", Kind::token, "The token whose logit is subtracted, if any"};
constexpr Part logit_part{"logit", Kind::number,
                          "The target's logit in the run, minus the other token's if there is one"};

constexpr Part attribute_parts[] = {
    position_part,
    target_part,
    against_part,
    logit_part,
    {"sum", Kind::number, "The sum of all parts: the logit up to rounding"},
    {"scale", Kind::number, "The scale of the final norm, fixed at its value in the run"},
    {"parts", Kind::table, "What each part adds to the logit: columns part, block, head, value"},
    {"figure", Kind::figure, "What each block's attention and MLP add, over the heads of each block"},
};

constexpr Part gradient_parts[] = {
    position_part,
    target_part,
    against_part,
    logit_part,
    {"parts", Kind::table,
     "Columns site, block, head, position, token, value (gradient . activation, in logits) and gradient (its norm)"},
    {"activations", Kind::arrays, "The vectors at each site, for positions 0 to `position`"},
    {"gradients", Kind::arrays, "The gradients at each site, in logits per unit of the vector"},
    {"figure", Kind::figure, "Blocks by positions for each site, and blocks by heads"},
};

void common_fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The text", .option = "TEXT", .required = true});
  f(r.target, {.name = "target", .what = "The next token (default: the one predicted at the position)"});
  f(r.against, {.name = "against", .what = "Another token: the difference of the two logits is explained"});
  f(r.position, {.name = "position", .what = "Token position; negative counts from the end"});
}

constexpr Field sorted{.name = "sorted", .what = "Sort the parts, the largest first", .option = "--sort"};

void attribute_fields(Parameters& r, Visitor& f) {
  common_fields(r, f);
  f(r.sorted, sorted);
}

void gradient_fields(Parameters& r, Visitor& f) {
  common_fields(r, f);
  f(r.sites,
    {.name = "sites", .what = "The sites whose gradients are computed; blocks.*.pattern names all sites of one kind"});
  f(r.sorted, sorted);
}

// "␣Berlin against ␣Paris", "after ␣is at position 4", " difference".
struct Names {
  std::string of, where, difference;
};

template <class Result>
Names names_of(const Subject& on, const Prompt& prompt, const Result& result) {
  const Model& model = on.model();
  const std::string target = model.label(result.target);
  const TokenId before = prompt.tokens.ids[static_cast<std::size_t>(result.position)];
  return {result.against ? fmt::format("{} against {}", target, model.label(*result.against)) : target,
          fmt::format("after {} at position {}", model.label(before), result.position),
          result.against ? " difference" : ""};
}

template <class Result>
void add_common(AnalysisResult& found, const Result& result) {
  found.add("position", std::int64_t{result.position})
      .add("target", AnalysisResult::Token{result.target})
      .add("against", AnalysisResult::Token{result.against.value_or(-1)})
      .add("logit", result.logit);
}

AnalysisResult run_attribute(const Subject& on, const Parameters& r, const Progress& progress) {
  const Prompt prompt = prompt_of(on, r.text);
  AttributionResult result = attribute(on.transformer(),
                                       {.ids = prompt.tokens.ids,
                                        .target = token_of(on, r.target),
                                        .against = token_of(on, r.against),
                                        .position = r.position,
                                        .sorted = r.sorted},
                                       progress);
  const Names names = names_of(on, prompt, result);
  AnalysisResult found;
  add_common(found, result);
  found.notes = {fmt::format("{} {}: the parts sum to {:.4f}, the run's logit{} is {:.4f}", names.of, names.where,
                             result.sum, names.difference, result.logit),
                 fmt::format("the final norm's scale is fixed at its value in the run, {:.4f}", result.scale)};
  const std::string title = fmt::format("What adds to {}, {}", names.of, names.where);
  const std::string subtitle =
      fmt::format("direct logit attribution; the parts sum to the logit{} {:.3f}; the final norm's scale is fixed",
                  names.difference, result.logit);
  found.add("sum", result.sum)
      .add("scale", result.scale)
      .add("parts", std::move(result.parts))
      .add("figure", [=](const AnalysisResult& f) { return figure_attribution(f.table("parts"), title, subtitle); });
  return found;
}

AnalysisResult::Arrays by_site(const std::vector<Site>& sites, std::vector<Tensor>& values) {
  AnalysisResult::Arrays arrays;
  for (std::size_t i = 0; i < values.size(); ++i) arrays.emplace_back(sites[i].name(), std::move(values[i]));
  return arrays;
}

std::string write_gradients(const AnalysisResult& found, const std::filesystem::path& file) {
  const auto &activations = found.get<AnalysisResult::Arrays>("activations"),
             &gradients = found.get<AnalysisResult::Arrays>("gradients");
  std::vector<NamedArray> arrays;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const auto& [site, values] = activations[i];
    arrays.push_back({site, values.shape(), values.values()});
    arrays.push_back({site + ".gradient", gradients[i].second.shape(), gradients[i].second.values()});
  }
  write_arrays(file, arrays);
  return {};
}

AnalysisResult run_gradient(const Subject& on, const Parameters& r, const Progress& progress) {
  constexpr std::size_t shown = 20;
  const Prompt prompt = prompt_of(on, r.text);
  const GradientRequest request{.ids = prompt.tokens.ids,
                                .target = token_of(on, r.target),
                                .against = token_of(on, r.against),
                                .position = r.position,
                                .sites = sites_of(on, r.sites)};
  GradientAttribution result = attribute_by_gradient(on.transformer(), request, progress, on.takes_arrays());
  if (r.sorted) result.parts = strongest(result.parts, "value", result.parts.rows());
  const Names names = names_of(on, prompt, result.gradient);
  AnalysisResult found;
  add_common(found, result.gradient);
  const std::size_t rows = result.parts.rows();
  found.notes = {fmt::format("{} {}: logit{} {:.4f}; the {} largest of {} rows (--csv: all)", names.of, names.where,
                             names.difference, result.gradient.logit, std::min(shown, rows), rows)};
  found.people = [best = strongest(result.parts, "value", shown)] { return std::vector<Table>{best}; };
  found.write = write_gradients;
  const std::string title = fmt::format("What moves {}, {}", names.of, names.where);
  const std::string subtitle =
      fmt::format("gradient x activation; the logit{} is {:.3f}", names.difference, result.gradient.logit);
  found.add("parts", std::move(result.parts))
      .add("activations", by_site(request.sites, result.gradient.activations))
      .add("gradients", by_site(request.sites, result.gradient.gradients))
      .add("figure", [=](const AnalysisResult& f) { return figure_gradient(f.table("parts"), title, subtitle); });
  return found;
}

}  // namespace

const Analysis& attribute_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "attribute",
       .what = "What each head, MLP and embedding adds to a token's logit",
       .group = Group::text,
       .example = "attribute \"The capital of Germany is\" --target \" Berlin\" --against \" Paris\" --sort",
       .more = "Direct logit attribution (Elhage et al. 2021)."},
      attribute_parts, attribute_fields, run_attribute);
  return made;
}

const Analysis& gradient_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "gradient",
       .what = "Gradient x activation by block, head and position, instead of the parts that sum to the logit",
       .example = "attribute \"The capital of Germany is\" --gradient",
       .more = "How a logit responds to every vector, from one forward and one backward pass (Simonyan et al. 2014; "
               "Nanda 2023). A gradient is the effect of an edit \"add\" there, to first order; the value of a part is "
               "what the logit would lose, to first order, without the vector. Positions after `position` have no "
               "effect and are left out.",
       .command = "attribute",
       .flag = "--gradient",
       .writes = "Write the vectors and their gradients to OUT.npz, .safetensors or .json"},
      gradient_parts, gradient_fields, run_gradient);
  return made;
}

}  // namespace embscope::catalogue
