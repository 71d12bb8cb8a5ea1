// Sixteen further tokens, one after the other, behind a prompt of SIZE tokens: the seconds of one.
#include "embscope/forward/transformer.h"
#include "measure.h"

using namespace embscope;

int main(int argc, char** argv) {
  constexpr int further = 16;
  const bench::Arguments arguments(argc, argv);
  const Transformer transformer(Model::open(arguments.model));
  for (int size : arguments.sizes) {
    const auto ids = bench::small_tokens(size + further);
    Cache prompt;
    Request request{{{ids.begin(), ids.begin() + size}}};
    request.cache = &prompt;
    transformer.run(request);
    bench::measure(
        arguments, size,
        [&] {
          Cache cache = prompt;
          request.cache = &cache;
          Result last;
          for (int i = 0; i < further; ++i) {
            request.rows = {{ids[static_cast<std::size_t>(size + i)]}};
            last = transformer.run(request);
          }
          return last;
        },
        [](const Result& result) { return bench::sample(result.rows[0].logits.values()); }, 1.0 / further);
  }
}
