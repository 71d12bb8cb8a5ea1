#include "embscope/runs/verify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"

namespace embscope::cli {

void add_verify(CLI::App& app) {
  const auto [command, common] =
      without_figure(add_model_command(app, "verify", "Compare every site with what other software computed",
                                       "verify -m gpt2 --against activations.safetensors"));
  struct Options {
    std::string file;
    std::vector<TokenId> ids;
    double tolerance = 1e-3;
  };
  auto o = std::make_shared<Options>();
  command
      ->add_option("--against", o->file,
                   "A file of arrays named like sites, and ids, as written by scripts/activations.py")
      ->required();
  command->add_option("--ids", o->ids, "The token ids, separated by commas, if the file has none")->delimiter(',');
  command->add_option("--tolerance", o->tolerance,
                      "The largest difference allowed, as a share of a site's largest value");
  command->callback([common, o] {
    const Transformer& transformer = common->transformer();
    const auto reference = Archive::open(o->file);
    const VerifyResult result = verify(transformer, *reference, o->ids);
    std::vector<std::string> notes = {
        fmt::format("the largest difference is {:.2g} of a site's largest value", result.worst)};
    if (!result.passed_over.empty())
      notes.push_back(fmt::format("no sites of this model: {}", fmt::join(result.passed_over, ", ")));
    print(*common, result.sites, notes);
    if (!(result.worst <= o->tolerance))
      throw Error(
          Code::range, o->file,
          fmt::format("differs by {:.2g} of a site's largest value, {:.2g} is allowed", result.worst, o->tolerance));
  });
}

}  // namespace embscope::cli
