// Runs a text twice in one batch, as it is and with one vector replaced, and compares the two block by block.
#include <cstdio>

#include "embscope/base/error.h"
#include "embscope/forward/transformer.h"
#include "embscope/runs/predict.h"
#include "embscope/vocabulary/similarity.h"

using namespace embscope;

namespace {

void compare(const Transformer& transformer) {
  const Model& model = transformer.model();
  const Prompt prompt = make_prompt(model.tokenizer(), "The capital of Germany is");
  const auto& ids = prompt.tokens.ids;

  Request request;
  request.rows = {ids, ids};
  request.capture = parse_sites("blocks.*.resid_post", model.config());
  request.edits = parse_edit("wte@' Germany' set ' France'", transformer, prompt);
  for (Edit& edit : request.edits) edit.rows = {1};  // the second row only
  const Result result = transformer.run(request);
  const RowResult &plain = result.rows[0], &edited = result.rows[1];

  const auto last = static_cast<std::int64_t>(ids.size()) - 1;  // the position that predicts
  for (std::size_t block = 0; block < plain.captured.size(); block += 5) {
    const double same = cosine(plain.captured[block].row(last), edited.captured[block].row(last));
    std::printf("block %2zu: cosine %.3f\n", block, same);
  }
  for (const RowResult* row : {&plain, &edited}) {
    const TokenId best = top(row->logits.values(), 1)[0];
    const double probability = softmax(row->logits.values())[static_cast<std::size_t>(best)];
    std::printf("%s %.1f %%\n", model.tokenizer().label(best).c_str(), 100 * probability);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    compare(Transformer(Model::open(argc > 1 ? argv[1] : "smollm2")));
  } catch (const Error& error) {
    std::fprintf(stderr, "probe: %s\n", error.what());
    return 1;
  }
}
