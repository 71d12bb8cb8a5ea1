// The article's experiment with the model open: ` Germany` mixed with ` France` in SIZE steps, two probabilities a
// step.
#include "embscope/runs/mix.h"
#include "measure.h"

using namespace embscope;

namespace {

std::vector<double> probabilities(const MixResult& result) {
  std::vector<double> out;
  for (std::size_t target : {1u, 2u}) {
    const std::vector<double>& column = result.sweep.columns()[target].numbers();
    out.insert(out.end(), column.begin(), column.end());
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const Transformer transformer(Model::open(arguments.model));
  MixRequest request{"The capital of Germany is", " Germany", {" France"}, {" Berlin", " Paris"}, ""};
  for (int steps : arguments.sizes) {
    request.steps = steps;
    bench::measure(
        arguments, steps, [&] { return mix(transformer, request); }, probabilities);
  }
}
