// A whole text to token ids, on one thread, with the vocabulary loaded.
#include <fstream>
#include <iterator>

#include "embscope/model/model.h"
#include "measure.h"

using namespace embscope;

namespace {

/// How many ids, and a sum that knows their order.
std::vector<double> checksum(const std::vector<TokenId>& ids) {
  double sum = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) sum += static_cast<double>(ids[i]) * (1 + i % 1000);
  return {static_cast<double>(ids.size()), sum};
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const auto tokenizer = open_tokenizer(arguments.model);
  std::ifstream file(arguments.text, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  bench::measure(
      arguments, 0, [&] { return tokenizer->encode_ids(text); }, checksum);
}
