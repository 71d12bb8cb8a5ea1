// patch, and patch_agreement, which is a flag of patch on the command line.
#include <fmt/format.h>

#include "catalogue/describe.h"
#include "embscope/runs/patching.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText clean, corrupt;
  Word target, against;
  std::vector<std::string> sites = {"resid_pre", "attn_out", "mlp_out"};
  bool heads = true, approximate = false, heads_only = false;
};

constexpr Part grid_parts[] = {
    {"clean", Kind::number, "The target's logit minus that of the other answer, for the clean text"},
    {"corrupt", Kind::number, "The same for the corrupt text"},
    {"cost", Kind::cost, "What the runs shared and computed"},
    {"grid", Kind::table,
     "One row per patch: columns site, block, position, token, difference, restored (1: the clean answer is restored)"},
    {"heads", Kind::table, "The same for z of each head: columns block, head, difference, restored"},
    {"figure", Kind::figure, "Blocks by positions for each site, and blocks by heads"},
};

constexpr Part agreement_parts[] = {
    {"patches", Kind::table, "Columns site, block, head, position, restored, estimated"},
    {"sites", Kind::table, "Columns site, patches, correlation (Pearson's), largest error (of restored)"},
    {"figure", Kind::figure, "One dot per patch, the estimate against the real patch"},
};

constexpr Field heads_only{.name = "heads_only", .what = "Patch only z of every head"};

void common_fields(Parameters& r, Visitor& f) {
  f(r.clean, {.name = "clean", .what = "The text whose answer is the target", .option = "CLEAN", .required = true});
  f(r.corrupt, {.name = "corrupt",
                .what = "A text of the same number of tokens with the other answer",
                .option = "CORRUPT",
                .required = true});
  f(r.target, {.name = "target", .what = "The clean answer", .required = true});
  f(r.against, {.name = "against", .what = "The corrupt answer", .required = true});
  f(r.sites, {.name = "sites", .what = "The sites to patch, in every block", .longest = 16});
  f(r.heads, {.name = "heads", .what = "Also patch z of every head", .option = "--no-heads"});
}

void agreement_fields(Parameters& r, Visitor& f) {
  common_fields(r, f);
  f(r.heads_only, heads_only);
}

void grid_fields(Parameters& r, Visitor& f) {
  common_fields(r, f);
  f(r.approximate, {.name = "approximate", .what = "Estimate every patch from one gradient (attribution patching)"});
  f(r.heads_only, heads_only);
}

PatchRequest request_of(const Subject& on, const Parameters& r) {
  PatchRequest request{.clean = prompt_of(on, r.clean, "clean").tokens.ids,
                       .corrupt = prompt_of(on, r.corrupt, "corrupt").tokens.ids,
                       .target = token_of(on, r.target),
                       .against = token_of(on, r.against),
                       .points = {},
                       .heads = r.heads};
  for (const std::string& site : r.heads_only ? std::vector<std::string>() : r.sites)
    request.points.push_back(parse_sites(site, on.model().config()).front().point);
  return request;
}

void check(const Parameters& r) {
  if (r.heads_only && !r.heads) throw Error(Code::usage, "heads_only", "cannot stand beside heads that are left out");
}

// For the terminal: one row per block, one column per position.
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

std::vector<Table> shown(const PatchResult& result, const std::vector<Point>& points) {
  std::vector<Table> tables;
  for (const Point point : points) tables.push_back(grid_of(result.grid, name(point)));
  if (result.heads.rows() > 0) {
    const Table best = strongest(result.heads, "restored", 10);
    Table titled(fmt::format("the heads that restore most, of {}:", result.heads.rows()));
    for (const Column& column : best.columns()) titled.add(column.name, column.numbers(), column.decimals);
    tables.push_back(std::move(titled));
  }
  return tables;
}

// The part of the grid that is computed so far.
void add_grid(AnalysisResult& found, PatchResult result) {
  found.add("clean", result.clean)
      .add("corrupt", result.corrupt)
      .add("cost", result.cost)
      .add("grid", std::move(result.grid))
      .add("heads", std::move(result.heads));
}

AnalysisResult run_grid(const Subject& on, const Parameters& r, const Progress& progress) {
  PatchRequest request = request_of(on, r);
  request.seen = [&on](const PatchResult& so_far) {
    AnalysisResult found;
    add_grid(found, so_far);
    on.so_far(found);
  };
  PatchResult result = (r.approximate ? patch_approximately : patch)(on.transformer(), request, progress);
  const std::string target = on.model().label(request.target), against = on.model().label(request.against);
  AnalysisResult found;
  found.notes = {fmt::format("logit of {} minus {}: clean {:.4f}, corrupt {:.4f}; restored 1: the clean one is back",
                             target, against, result.clean, result.corrupt)};
  if (r.approximate)
    found.notes.emplace_back(
        "estimated from one gradient of the corrupt run (--both compares it with the real patches)");
  found.people = [result, points = request.points] { return shown(result, points); };
  found.first = r.heads_only ? 1 : 0;
  add_grid(found, std::move(result));
  found.add("figure",
            [=](const AnalysisResult& f) { return figure_patch(f.table("grid"), f.table("heads"), target, against); });
  return found;
}

AnalysisResult run_agreement(const Subject& on, const Parameters& r, const Progress& progress) {
  const PatchRequest request = request_of(on, r);
  const PatchResult real = patch(on.transformer(), request, progress);
  PatchAgreement result = agreement(real, patch_approximately(on.transformer(), request, progress));
  const std::string target = on.model().label(request.target), against = on.model().label(request.against);
  AnalysisResult found;
  found.notes = {fmt::format("restored by {} real patches, and estimated from one gradient of the corrupt run",
                             result.patches.rows())};
  found.people = [sites = result.sites] { return std::vector<Table>{sites}; };
  found.add("patches", std::move(result.patches))
      .add("sites", std::move(result.sites))
      .add("figure", [=](const AnalysisResult& f) {
        return figure_patch_agreement(f.table("patches"), f.table("sites"), target, against);
      });
  return found;
}

}  // namespace

const Analysis& patch_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "patch",
       .what = "Patch each activation of a clean text into a corrupt one: which carry the answer?",
       .group = Group::change,
       .example =
           "patch \"The capital of Germany is\" \"The capital of France is\" --target \" Berlin\" --against \" Paris\"",
       .more = "Activation patching (Meng et al. 2022; Heimersheim & Nanda 2024 for the measure). Each run computes "
               "only what its patch can change.",
       .whole = true},
      grid_parts, grid_fields, run_grid, nullptr, check);
  return made;
}

const Analysis& patch_agreement_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "patch_agreement",
       .what = "The real patches beside the estimates, and how well they agree",
       .example = "patch \"The capital of Germany is\" \"The capital of France is\" --target "
                  "\" Berlin\" --against \" Paris\" --both",
       .command = "patch",
       .flag = "--both"},
      agreement_parts, agreement_fields, run_agreement, nullptr, check);
  return made;
}

}  // namespace embscope::catalogue
