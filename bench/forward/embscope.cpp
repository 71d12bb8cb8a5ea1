// One forward pass of SIZE tokens with the logits of every position.
#include "embscope/forward/transformer.h"
#include "measure.h"

using namespace embscope;

namespace {

/// Every thousandth logit at the first, middle and last position.
std::vector<double> sample(const Tensor& logits) {
  std::vector<double> out;
  for (std::int64_t position : {std::int64_t{0}, logits.rows() / 2, logits.rows() - 1})
    for (std::int64_t id = 0; id < logits.columns(); id += 1000)
      out.push_back(logits.row(position)[static_cast<std::size_t>(id)]);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const Transformer transformer(Model::open(arguments.model));
  for (int size : arguments.sizes) {
    Request request{{bench::tokens(size)}};
    request.logits = LogitsAt::all;
    bench::measure(
        arguments, size, [&] { return transformer.run(request); },
        [](const Result& result) { return sample(result.rows[0].logits); });
  }
}
