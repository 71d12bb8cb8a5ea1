// One forward pass of SIZE tokens with every site of the model captured.
#include <algorithm>

#include "embscope/forward/transformer.h"
#include "measure.h"

using namespace embscope;

namespace {

std::vector<Site> every_site(const Config& config) {
  std::vector<Site> out;
  for (const SiteInfo& info : sites(config)) {
    if (!in_block(info.point))
      out.push_back({info.point});
    else
      for (int block = 0; block < config.blocks; ++block) out.push_back({info.point, block});
  }
  return out;
}

/// Every 37th value that some sites of the first and last block hold for the last token (for pattern, in the first
/// head).
std::vector<double> sample(const std::vector<Site>& sites, const RowResult& row, int size) {
  std::vector<double> out;
  for (int block : {0, 11})
    for (Point point : {Point::q, Point::z, Point::attn_out, Point::mlp_post, Point::resid_post, Point::pattern}) {
      const auto site = std::ranges::find(sites, Site{point, block}) - sites.begin();
      const Tensor& values = row.captured[static_cast<std::size_t>(site)];
      const std::int64_t width = point == Point::pattern ? size : values.size() / size;
      for (std::int64_t i = 0; i < width; i += 37) out.push_back(values.data()[(size - 1) * width + i]);
    }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const Transformer transformer(Model::open(arguments.model));
  for (int size : arguments.sizes) {
    Request request{{bench::tokens(size)}, every_site(transformer.config())};
    request.logits = LogitsAt::all;
    bench::measure(
        arguments, size, [&] { return transformer.run(request); },
        [&](const Result& result) { return sample(request.capture, result.rows[0], size); });
  }
}
