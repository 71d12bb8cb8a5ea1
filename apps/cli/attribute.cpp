#include <algorithm>

#include <fmt/format.h>

#include "command.h"
#include "embscope/archive.h"
#include "embscope/attribution.h"

namespace embscope::cli {
namespace {

struct Options {
  std::string text, target, against;
  int position = -1;
  bool sorted = false, gradient = false;
  std::vector<std::string> sites;
  std::string to;
};

// What direct attribution and gradients are asked for alike.
template <class Request>
Request request_of(const Model& model, const Options& o, const CLI::App& command) {
  Request r;
  r.ids = model.tokenizer().with_bos(o.text).ids;
  r.position = o.position;
  const auto chosen = [&](const std::string& option, const std::string& word) -> std::optional<TokenId> {
    if (command.count(option) == 0) return {};
    explain_words(model, {word});
    return token_named(model, word).id;
  };
  r.target = chosen("--target", o.target);
  r.against = chosen("--against", o.against);
  return r;
}

// "␣Berlin against ␣Paris", and "after ␣is at position 4".
template <class Result>
std::pair<std::string, std::string> described(const Model& model, const std::vector<TokenId>& ids, const Result& result) {
  const std::string target = model.label(result.target);
  return {result.against ? fmt::format("{} against {}", target, model.label(*result.against)) : target,
          fmt::format("after {} at position {}", model.label(ids[static_cast<std::size_t>(result.position)]), result.position)};
}

std::vector<Site> sites_of(const Options& o, const Config& config) {
  std::vector<Site> sites;
  for (const std::string& pattern : o.sites.empty() ? std::vector<std::string>{"z", "mlp_out", "wte"} : o.sites) {
    for (const Site& site : parse_sites(pattern, config)) sites.push_back(site);
  }
  return sites;
}

void write_gradients(const std::string& file, const std::vector<Site>& sites, const GradientResult& result) {
  std::vector<NamedArray> arrays;
  for (std::size_t s = 0; s < sites.size(); ++s) {
    arrays.push_back({sites[s].name(), result.activations[s].shape(), result.activations[s].values()});
    arrays.push_back({sites[s].name() + ".gradient", result.gradients[s].shape(), result.gradients[s].values()});
  }
  write_arrays(file, arrays);
}

void run_gradient(const Common& common, const Options& o, const CLI::App& command) {
  const Transformer& transformer = common.transformer();
  auto r = request_of<GradientRequest>(transformer.model(), o, command);
  r.sites = sites_of(o, transformer.config());
  const GradientAttribution found = attribute_by_gradient(transformer, r, progress_line());
  const auto [of, where] = described(transformer.model(), r.ids, found.gradient);
  const bool all = common.json || common.csv;
  constexpr std::size_t shown = 20;
  print(common, o.sorted || !all ? strongest(found.parts, "value", all ? found.parts.rows() : shown) : found.parts,
        {fmt::format("{} {}: logit{} {:.4f}; the {} largest of {} rows (--csv: all)", of, where, r.against ? " difference" : "", found.gradient.logit,
                     std::min(shown, found.parts.rows()), found.parts.rows())});
  if (!o.to.empty()) write_gradients(o.to, r.sites, found.gradient);
  save_figure(common, [&] {
    return figure_gradient(found.parts, fmt::format("What moves {}, {}", of, where), fmt::format("gradient x activation; the logit{} is {:.3f}", r.against ? " difference" : "", found.gradient.logit));
  });
}

void run(const Common& common, const Options& o, const CLI::App& command) {
  const Transformer& transformer = common.transformer();
  const Model& model = transformer.model();
  auto r = request_of<AttributionRequest>(model, o, command);
  r.sorted = o.sorted;
  const AttributionResult result = attribute(transformer, r);
  const auto [of, where] = described(model, r.ids, result);
  const std::string sum = fmt::format("{} {}: the parts sum to {:.4f}, the run's logit{} is {:.4f}", of, where,
                                      result.sum, r.against ? " difference" : "", result.logit);
  print(common, result.parts, {sum, fmt::format("the final norm's scale is frozen at the run's {:.4f}", result.scale)});
  save_figure(common, [&] {
    return figure_attribution(
        result.parts, fmt::format("What speaks for {}, {}", of, where),
        fmt::format("direct logit attribution; the parts sum to the logit{} {:.3f}; the final norm's scale is frozen",
                    r.against ? " difference" : "", result.logit));
  });
}

}  // namespace

void add_attribute(CLI::App& app) {
  const auto [command, common] =
      add_model_command(app, "attribute", "What each head, MLP and embedding adds to a token's logit",
                  "attribute \"The capital of Germany is\" --target \" Berlin\" --against \" Paris\" --sort");
  auto o = std::make_shared<Options>();
  command->add_option("TEXT", o->text, "The text")->required();
  command->add_option("--target", o->target, "The next token (default: the one predicted at the position)");
  command->add_option("--against", o->against, "Another token: the difference of the two logits is taken apart");
  command->add_option("--position", o->position, "Token position; negative counts from the end");
  command->add_flag("--sort", o->sorted, "Largest parts first");
  auto* gradient = command->add_flag("--gradient", o->gradient, "Gradient x activation by block, head and position, in place of what adds up to the logit");
  command->add_option("--sites", o->sites, "Whose gradients (default: z mlp_out wte; blocks.*.pattern names all of one kind)")->needs(gradient);
  command->add_option("--to", o->to, "OUT.npz, .safetensors or .json: the vectors and their gradients")->check(takes_arrays)->needs(gradient);
  command->callback([common, o, command] { o->gradient ? run_gradient(*common, *o, *command) : run(*common, *o, *command); });
}

}  // namespace embscope::cli
