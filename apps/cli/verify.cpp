#include "embscope/runs/verify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"
#include "embscope/figure/quantisation.h"
#include "embscope/runs/quantisation.h"

namespace embscope::cli {
namespace {

struct Options {
  std::string file, types;
  std::vector<TokenId> ids;
  double tolerance = 1e-3;
  int worst = 5;
};

void verify_sites(const Common& common, const Options& o) {
  if (!common.save.empty()) throw Error(Code::usage, "verify", "--save draws what --types finds");
  const Transformer& transformer = common.transformer();
  const auto reference = Archive::open(o.file);
  const VerifyResult result = verify(transformer, *reference, o.ids);
  std::vector<std::string> notes = {
      fmt::format("the largest difference is {:.2g} of a site's largest value", result.worst)};
  if (!result.passed_over.empty())
    notes.push_back(fmt::format("no sites of this model: {}", fmt::join(result.passed_over, ", ")));
  print(common, result.sites, notes);
  if (!(result.worst <= o.tolerance))
    throw Error(
        Code::range, o.file,
        fmt::format("differs by {:.2g} of a site's largest value, {:.2g} is allowed", result.worst, o.tolerance));
}

void verify_types(const Common& common, const Options& o) {
  const auto model = common.open(), reference = Model::open(o.types);
  const QuantisationError found = quantisation_error(*model, *reference, o.worst, progress_line());
  print(common, found.tensors, {fmt::format("the farthest tensor differs by {:.3g} of its length", found.worst)});
  if (!common.json && !common.csv) {
    print(common, found.rows);
    print(common, found.differences);
  }
  save_figure(common, [&] { return figure_quantisation(found.tensors, found.differences, found.tensors.title()); });
}

}  // namespace

void add_verify(CLI::App& app) {
  const auto [command, common] = add_model_command(
      app, "verify", "Compare every site with what other software computed, or every weight to a reference's",
      "verify -m gpt2 --against activations.safetensors");
  auto o = std::make_shared<Options>();
  auto* against = command->add_option(
      "--against", o->file, "A file of arrays named like sites, and ids, as written by scripts/activations.py");
  command->add_option("--ids", o->ids, "The token ids, separated by commas, if the file has none")->delimiter(',');
  command->add_option("--tolerance", o->tolerance,
                      "The largest difference allowed, as a share of a site's largest value");
  auto* types = command->add_option("--types", o->types,
                                    "A model that this one was quantised from: how far each matrix is from it");
  command->add_option("--worst", o->worst, "With --types, how many of the rows that are farthest off are listed")
      ->check(CLI::Range(1, 1'000'000));
  types->excludes(against);
  command->get_option("--save")->needs(types);  // what differs by site has no figure
  command->callback([common, o] {
    if (o->file.empty() == o->types.empty())
      throw Error(Code::usage, "verify", "give --against FILE (activations) or --types MODEL (weights)");
    o->types.empty() ? verify_sites(*common, *o) : verify_types(*common, *o);
  });
}

}  // namespace embscope::cli
