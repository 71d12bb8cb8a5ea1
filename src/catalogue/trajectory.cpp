#include "embscope/runs/trajectory.h"

#include "catalogue/describe.h"

namespace embscope::catalogue {
namespace {

struct Parameters {
  GivenText text;
  int position = -1;
  std::vector<Direction> plane;
};

constexpr Part parts[] = {
    {"position", Kind::integer, "The position, counted from the start"},
    {"points", Kind::rows, "[blocks + 1, 2]: the vector before block 0, then after each block"},
    {"sites", Kind::names, "The site of each point"},
    {"axes", Kind::names, "What the two axes are"},
    {"path", Kind::table, "Columns block (-1: before block 0), x, y, site"},
    {"figure", Kind::figure, "The points joined in the order of the pass"},
};

void fields(Parameters& r, Visitor& f) {
  f(r.text, {.name = "text", .what = "The text", .option = "TEXT", .required = true});
  f(r.position, {.name = "position", .what = "Token position; negative counts from the end"});
  f(r.plane,
    {.name = "plane",
     .what = "Two vector expressions that span the plane (default: the first two principal components of the path)",
     .old = "axes"});
}

// "pca" names the default explicitly.
bool is_free(const std::vector<Direction>& plane) {
  return plane.empty() || (plane.size() == 1 && plane[0].expression == "pca");
}

AnalysisResult run(const Subject& on, const Parameters& r, const Progress& progress) {
  const Prompt prompt = prompt_of(on, r.text);
  TrajectoryRequest request{.ids = prompt.tokens.ids, .position = r.position};
  if (!is_free(r.plane)) {
    if (r.plane.size() != 2) throw Error(Code::usage, "plane", "takes \"pca\" or two vector expressions");
    for (const Direction& axis : r.plane) {
      request.axes.push_back(vector_of(on, axis, "plane"));
      request.names.push_back(axis.expression.empty() ? "a vector" : axis.expression);
    }
  }
  TrajectoryResult result = trajectory(on.transformer(), request, progress);
  AnalysisResult found;
  found.notes = {"x: " + result.axes[0], "y: " + result.axes[1]};
  found.add("position", std::int64_t{result.position})
      .add("points", std::move(result.points))
      .add("sites", std::move(result.sites))
      .add("axes", result.axes)
      .add("path", std::move(result.table))
      .add("figure", [axes = result.axes](const AnalysisResult& f) {
        return figure_trajectory(f.table("path"), axes[0], axes[1]);
      });
  return found;
}

}  // namespace

const Analysis& trajectory_analysis() {
  static const DescribedAnalysis<Parameters> made(
      {.name = "trajectory",
       .what = "The path of a vector through the blocks, in a plane",
       .group = Group::text,
       .example = "trajectory \"The capital of Germany is\" --plane \"' Germany'\" \"' Berlin'\" --save path.html"},
      parts, fields, run);
  return made;
}

}  // namespace embscope::catalogue
