// A prompt of SIZE tokens with the logits of the last, keys and values kept.
#include "embscope/forward/transformer.h"
#include "measure.h"

using namespace embscope;

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const Transformer transformer(Model::open(arguments.model));
  for (int size : arguments.sizes) {
    bench::measure(
        arguments, size,
        [&] {
          Cache cache;
          Request request{{bench::small_tokens(size)}};
          request.cache = &cache;
          return transformer.run(request);
        },
        [](const Result& result) { return bench::sample(result.rows[0].logits.values()); });
  }
}
