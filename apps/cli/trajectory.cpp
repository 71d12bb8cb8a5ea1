#include "embscope/trajectory.h"

#include "command.h"
#include "embscope/edit.h"

namespace embscope::cli {

void add_trajectory(CLI::App& app) {
  const auto [command, common] = add_model_command(
    app, "trajectory", "A vector's way through the blocks, in a plane",
    "trajectory \"The capital of Germany is\" --plane \"' Germany'\" \"' Berlin'\" --save way.html");
  auto r = std::make_shared<TrajectoryRequest>();
  auto text = std::make_shared<std::string>();
  command->add_option("TEXT", *text, "The text")->required();
  command->add_option("--position", r->position, "Token position; negative counts from the end");
  command->add_option("--plane", r->names, "Two vector expressions that span it (default: where the way spreads most)")->expected(2);
  command->callback([common, r, text] {
    const Transformer& transformer = common->transformer();
    r->ids = transformer.model().tokenizer().with_bos(*text).ids;
    for (const std::string& axis : r->names) r->axes.push_back(parse_vector(axis, transformer, {.files = Files::allowed}));
    const TrajectoryResult way = trajectory(transformer, *r);
    print(*common, way.table, {"x: " + way.axes[0], "y: " + way.axes[1]});
    save_figure(*common, [&] { return figure_trajectory(way.table, way.axes[0], way.axes[1]); });
  });
}

}  // namespace embscope::cli
