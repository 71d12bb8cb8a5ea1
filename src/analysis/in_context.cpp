#include "embscope/in_context.h"

#include <algorithm>

#include <fmt/format.h>

namespace embscope {
namespace {

constexpr std::size_t at_once = 512;  // rows of a batch: enough for the matrix product, little memory

Request batch(const Site& site, std::span<const TokenId> before, std::span<const TokenId> tokens) {
  Request request;
  for (TokenId token : tokens) {
    request.rows.emplace_back(before.begin(), before.end());
    request.rows.back().push_back(token);
  }
  request.capture = {site};
  request.logits = LogitsAt::none;
  return request;
}

}  // namespace

Tensor in_context(const Transformer& transformer, const Site& site, std::span<const TokenId> before,
                  std::span<const TokenId> tokens, const Progress& progress) {
  if (tokens.empty()) throw Error(Code::usage, "in context", "no tokens: name at least one");
  if (is_attention_map(site.point))
    throw Error(Code::usage, "in context", fmt::format("site {} has no vector for each position", site.name()));
  Tensor vectors;
  for (std::size_t first = 0; first < tokens.size(); first += at_once) {
    report(progress, static_cast<double>(first) / static_cast<double>(tokens.size()),
           fmt::format("token {} of {}", first, tokens.size()));
    const auto some = tokens.subspan(first, std::min(at_once, tokens.size() - first));
    const Result run = transformer.run(batch(site, before, some));
    for (std::size_t i = 0; i < some.size(); ++i) {
      const Tensor& row = run.rows[i].captured[0];  // [positions, ...]
      const std::int64_t width = row.size() / row.shape()[0];
      if (vectors.empty()) vectors = Tensor::uninitialised({static_cast<std::int64_t>(tokens.size()), width});
      std::copy_n(row.data() + row.size() - width, width, vectors.row(static_cast<std::int64_t>(first + i)).begin());
    }
  }
  return vectors;
}

}  // namespace embscope
