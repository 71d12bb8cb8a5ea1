// edit, patch, steer: what changes when an activation is changed.
#include <fmt/format.h>

#include "command.h"
#include "embscope/intervention.h"
#include "embscope/patching.h"
#include "embscope/steering.h"

namespace embscope::cli {
namespace {

struct EditOptions {
  std::string text, file;
  std::vector<std::string> at, what, follow;
  int top = 8;
};

std::vector<Edit> edits_of(const EditOptions& o, const Transformer& transformer, const Prompt& prompt) {
  if (o.at.size() != o.what.size()) {
    throw Error(
        Code::usage, "edit",
        fmt::format("{} places (--at) and {} changes (--do): one --do for each --at", o.at.size(), o.what.size()));
  }
  const Reading files{.files = Files::allowed};
  std::vector<Edit> edits;
  if (!o.file.empty()) edits = parse_edits_json(read_text(o.file), transformer, prompt, files);
  for (std::size_t i = 0; i < o.at.size(); ++i) {
    for (Edit& edit : parse_edit(o.at[i], o.what[i], transformer, prompt, files)) edits.push_back(std::move(edit));
  }
  if (edits.empty()) throw Error(Code::usage, "edit", "nothing to do: give --at and --do, or --edits FILE.json");
  return edits;
}

void run_edit(const Common& common, const EditOptions& o) {
  const Transformer& transformer = common.transformer();
  const Tokenizer& tokenizer = transformer.model().tokenizer();
  const Prompt prompt = make_prompt(tokenizer, o.text);
  InterventionRequest request{prompt.tokens.ids, edits_of(o, transformer, prompt), o.top, {}};
  explain_words(transformer.model(), o.follow);
  request.followed = ids_named(transformer.model(), o.follow);
  const InterventionResult result = intervene(transformer, request);
  print(common, result.changes, {fmt::format("KL(after || before) = {:.4f} nats", result.divergence)});
  save_figure(common, [&] {
    return figure_intervention(result.changes, o.at.size() == 1 ? fmt::format("{} {}", o.at[0], o.what[0])
                                                                : fmt::format("{} edits", request.edits.size()));
  });
}

void add_edit(CLI::App& app) {
  const auto [command, common] =
      add_model_command(app, "edit", "Change an activation and see what the model then says",
                  "edit \"The capital of Germany is\" --at \"wte@' Germany'\" --do \"mix 0.5 ' France'\"");
  auto o = std::make_shared<EditOptions>();
  command->add_option("TEXT", o->text, "The text")->required();
  auto several = [](CLI::Option* option) { option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll); };
  several(command->add_option("--at", o->at,
                              "SITE[@POSITIONS][/HEADS]; a position is a number or a word of the text in quotes"));
  several(command->add_option(
      "--do", o->what,
      "set V, add V, scale N, mix P V, zero, project_out V, rotate DEGREES V, clamp DIMENSIONS LOW HIGH, "
      "noise DEVIATION [seed N]; V such as \"' king' - ' man' + ' woman'\""));
  command->add_option("--edits", o->file, "A JSON file: [{\"at\": \"wte@3\", \"do\": \"zero\"}, ...]");
  command->add_option("--follow", o->follow, "Next tokens to list besides the likeliest");
  command->add_option("--top", o->top, "How many of the likeliest");
  command->callback([common, o] { run_edit(*common, *o); });
}

struct PatchOptions {
  std::string clean, corrupt, target, against;
  std::vector<std::string> points = {"resid_pre", "attn_out", "mlp_out"};
  bool no_heads = false, heads_only = false, approximate = false, both = false;
};

/// The tokens that are compared, as they are called.
struct Answers {
  std::string target, against;
};

std::vector<Point> points_of(const PatchOptions& o, const Config& config) {
  std::vector<Point> points;
  for (const std::string& name : o.heads_only ? std::vector<std::string>{} : o.points) {
    points.push_back(parse_sites(name, config)[0].point);
  }
  return points;
}

// For people: a row a block, a column a position.
Table grid_of(const Table& patches, std::string_view site) {
  const auto& block = patches.column("block").numbers();
  const auto& position = patches.column("position").numbers();
  std::vector<double> blocks;
  std::vector<std::vector<double>> columns;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < patches.rows(); ++i) {
    if (patches.column("site").texts()[i] != site) continue;
    const auto p = static_cast<std::size_t>(position[i]);
    if (p == 0) blocks.push_back(block[i]);
    if (p == columns.size()) {
      columns.emplace_back();
      names.push_back(fmt::format("{} {}", position[i], patches.column("token").texts()[i]));
    }
    columns[p].push_back(patches.column("restored").numbers()[i]);
  }
  Table table(fmt::format("restored by patching {}", site));
  table.add("block", blocks, whole);
  for (std::size_t p = 0; p < columns.size(); ++p) table.add(names[p], columns[p], 3);
  return table;
}

void print_patches(const Common& common, const PatchOptions& o, const PatchResult& result, const Answers& answers) {
  if (common.json) {
    fmt::print("{{\"clean\":{},\"corrupt\":{},\"grid\":{},\"heads\":{}}}\n", result.clean, result.corrupt,
               result.grid.json(), result.heads.json());
    return;
  }
  if (common.csv) {
    fmt::print("{}", o.heads_only ? result.heads.csv() : result.grid.csv());
    return;
  }
  for (const std::string& point : o.heads_only ? std::vector<std::string>{} : o.points)
    fmt::print("{}\n", grid_of(result.grid, point).text());
  if (result.heads.rows() > 0) fmt::print("the heads that restore most, of {}:\n{}", result.heads.rows(), strongest(result.heads, "restored", 10).text());
  fmt::print("logit of {} minus {}: clean {:.4f}, corrupt {:.4f}; restored 1: the clean one is back\n",
             answers.target, answers.against, result.clean, result.corrupt);
  if (o.approximate) fmt::print("estimated from one gradient of the corrupt run (--both compares it with the real patches)\n");
}

void run_both(const Common& common, const Transformer& transformer, const PatchRequest& request, const Answers& answers) {
  const PatchResult real = patch(transformer, request, progress_line());
  const PatchAgreement found = agreement(real, patch_approximately(transformer, request, progress_line()));
  if (common.json || common.csv)
    print(common, found.patches);
  else
    print(common, found.sites, {fmt::format("restored by {} real patches, and estimated from one gradient of the corrupt run", found.patches.rows())});
  save_figure(common, [&] { return figure_patch_agreement(found.patches, found.sites, answers.target, answers.against); });
}

void run_patch(const Common& common, const PatchOptions& o) {
  const Transformer& transformer = common.transformer();
  const Tokenizer& tokenizer = transformer.model().tokenizer();
  explain_words(transformer.model(), {o.target, o.against});
  PatchRequest request;
  request.clean = tokenizer.with_bos(o.clean).ids;
  request.corrupt = tokenizer.with_bos(o.corrupt).ids;
  request.target = token_named(transformer.model(), o.target).id;
  request.against = token_named(transformer.model(), o.against).id;
  const Answers answers{transformer.model().label(request.target), transformer.model().label(request.against)};
  request.points = points_of(o, transformer.config());
  request.heads = !o.no_heads;
  if (o.both) return run_both(common, transformer, request, answers);
  const PatchResult result = o.approximate ? patch_approximately(transformer, request, progress_line()) : patch(transformer, request, progress_line());
  print_patches(common, o, result, answers);
  explain(common);
  save_figure(common, [&] { return figure_patch(result.grid, result.heads, answers.target, answers.against); });
}

void add_patch(CLI::App& app) {
  const auto [command, common] = add_model_command(
      app, "patch", "Put each activation of a clean text into a corrupt one: which carry the answer?",
      "patch \"The capital of Germany is\" \"The capital of France is\" --target \" Berlin\" --against \" Paris\"");
  auto o = std::make_shared<PatchOptions>();
  command->add_option("CLEAN", o->clean, "The text whose answer is --target")->required();
  command->add_option("CORRUPT", o->corrupt, "As many tokens, with the answer --against")->required();
  command->add_option("--target", o->target, "The clean answer")->required();
  command->add_option("--against", o->against, "The corrupt answer")->required();
  command->add_option("--sites", o->points, "Points of every block (default: resid_pre attn_out mlp_out)");
  auto* none = command->add_flag("--no-heads", o->no_heads, "Leave the heads out");
  command->add_flag("--heads-only", o->heads_only, "Only z of every head")->excludes(none);
  auto* approximate = command->add_flag("--approximate", o->approximate, "Estimate every patch from one gradient (attribution patching)");
  command->add_flag("--both", o->both, "The real patches and the estimates, and how they agree")->excludes(approximate);
  command->callback([common, o] { run_patch(*common, *o); });
}

struct SteerOptions {
  std::vector<std::string> towards, away;
  std::string site;
  SteerRequest request;
};

void run_steer(const Common& common, SteerOptions& o) {
  const Transformer& transformer = common.transformer();
  SteerRequest& request = o.request;
  const auto middle = transformer.config().blocks / 2;
  request.site =
      parse_site(o.site.empty() ? fmt::format("blocks.{}.resid_post", middle) : o.site, transformer.config());
  explain_words(transformer.model(), request.targets);
  for (const auto* texts : {&o.towards, &o.away}) {
    for (const std::string& text : *texts) {
      if (transformer.model().tokenizer().with_bos(text).size() > 1) continue;
      fmt::print(stderr, "'{}' is one token: what the first position holds says little of it, use longer texts\n",
                 visible(text));
    }
  }
  request.direction = steering_direction(transformer, o.towards, o.away, request.site);
  const Table runs = steer(transformer, request, progress_line());
  print(common, runs,
        {fmt::format("direction: {} text(s) minus {}, at the last token of each, at {}", o.towards.size(),
                     o.away.size(), request.site.name())});
  save_figure(common, [&] { return figure_steer(runs, request.site.name()); });
}

void add_steer(CLI::App& app) {
  const auto [command, common] =
      add_model_command(app, "steer", "Add a direction from contrasting texts while the model writes",
                  "steer \"I think that dogs are\" --towards \"What a great and happy day\" --away \"What a bad and sad day\"");
  auto o = std::make_shared<SteerOptions>();
  command->add_option("TEXT", o->request.text, "The text that is continued")->required();
  command->add_option("--towards", o->towards, "Texts that have what is added")->required();
  command->add_option("--away", o->away, "Texts that lack it")->required();
  command->add_option("--at", o->site, "Site (default: resid_post of the middle block)");
  command->add_option("--strengths", o->request.strengths, "Multiples of the direction");
  command->add_option("--targets", o->request.targets, "Next tokens whose probabilities are asked for");
  command->add_option("--tokens", o->request.sampling.tokens, "How many to write");
  command->add_option("--temperature", o->request.sampling.temperature, "0: always the likeliest");
  command->add_option("--seed", o->request.sampling.seed, "Of sampling");
  command->callback([common, o] { run_steer(*common, *o); });
}

}  // namespace

void add_interventions(CLI::App& app) {
  add_edit(app);
  add_patch(app);
  add_steer(app);
}

}  // namespace embscope::cli
