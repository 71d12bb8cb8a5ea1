// Activation patching: every (block, position, site) of a clean run put into a corrupted one, one run each; what is
// read is the logit of one token at the last position.
#include <algorithm>
#include <functional>

#include "embscope/forward/transformer.h"
#include "measure.h"

using namespace embscope;

namespace {

constexpr int positions = 16;
constexpr std::size_t runs_at_once = 576;
constexpr TokenId target = 6342, corruption = 7;
constexpr Point points[] = {Point::resid_pre, Point::attn_out, Point::mlp_out};

std::vector<Site> patched_sites(const Config& config) {
  std::vector<Site> out;
  for (Point point : points)
    for (int block = 0; block < config.blocks; ++block) out.push_back({point, block});
  return out;
}

/// One edit a run, in order of site, block and position.
std::vector<Edit> patches(const Transformer& transformer, const std::vector<TokenId>& clean) {
  Request request{{clean}, patched_sites(transformer.config())};
  request.logits = LogitsAt::none;
  const Result result = transformer.run(request);
  std::vector<Edit> out;
  for (std::size_t s = 0; s < request.capture.size(); ++s)
    for (int position = 0; position < positions; ++position) {
      const auto vector = result.rows[0].captured[s].row(position);
      out.push_back({request.capture[s], Change::set, {}, {position}, {}, {vector.begin(), vector.end()}});
    }
  return out;
}

std::vector<double> grid(const Transformer& transformer, const std::vector<TokenId>& clean) {
  std::vector<TokenId> corrupted = clean;
  corrupted[0] = corruption;
  const std::vector<Edit> edits = patches(transformer, clean);
  std::vector<double> answer;
  for (std::size_t first = 0; first < edits.size(); first += runs_at_once) {
    Request request;
    request.tokens = {target};
    for (std::size_t i = first; i < std::min(edits.size(), first + runs_at_once); ++i) {
      request.edits.push_back(edits[i]);
      request.edits.back().rows = {static_cast<int>(request.rows.size())};
      request.rows.push_back(corrupted);
    }
    for (const RowResult& row : transformer.run(request).rows) answer.push_back(row.logits.values()[0]);
  }
  return answer;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const Transformer transformer(Model::open(arguments.model));
  bench::measure(
      arguments, positions, [&] { return grid(transformer, bench::tokens(positions)); }, std::identity());
}
