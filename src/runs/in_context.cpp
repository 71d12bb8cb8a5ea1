#include "embscope/runs/in_context.h"

#include <algorithm>

#include <fmt/format.h>

#include "forward/site_shape.h"
#include "forward/working_memory.h"
#include "runs/site_vectors.h"

namespace embscope {
namespace {

// Rows of a batch: enough for the matrix product, and what is kept of them has room.
std::size_t rows_at_once(const Transformer& transformer, const Site& site, std::size_t positions) {
  const auto values =
      static_cast<double>(site_shape(site, transformer.config()).total()) * static_cast<double>(positions);
  const double room = row_bytes_allowed(transformer.model()) / (sizeof(float) * values);
  return static_cast<std::size_t>(std::clamp(room, 1.0, 512.0));
}

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
  const std::size_t at_once = rows_at_once(transformer, site, before.size() + 1);
  for (std::size_t first = 0; first < tokens.size(); first += at_once) {
    report(progress, static_cast<double>(first) / static_cast<double>(tokens.size()),
           fmt::format("token {} of {}", first, tokens.size()));
    const auto some = tokens.subspan(first, std::min(at_once, tokens.size() - first));
    const Result run = run_in_batches(transformer, batch(site, before, some));
    for (std::size_t i = 0; i < some.size(); ++i) {
      const Tensor& row = run.rows[i].captured[0];  // [positions, ...]
      const std::int64_t width = row.size() / row.shape()[0];
      if (vectors.empty()) vectors = Tensor::uninitialised({static_cast<std::int64_t>(tokens.size()), width});
      std::copy_n(row.data() + row.size() - width, width, vectors.row(static_cast<std::int64_t>(first + i)).begin());
    }
  }
  return vectors;
}

Space words_in_context(const Transformer& transformer, std::span<const std::string> words, std::string_view text,
                       Site site, const Progress& progress) {
  const std::size_t gap = text.find("{}");
  if (gap == std::string_view::npos)
    throw Error(Code::usage, "context", fmt::format("'{}': {{}} must stand for the word", text));
  const Tokenizer& tokenizer = transformer.model().tokenizer();
  Space space;
  space.name = fmt::format("{} at {}, in '{}'", transformer.model().name(), site.name(), text);
  space.vectors = Tensor::uninitialised({static_cast<std::int64_t>(words.size()), transformer.config().width});
  constexpr std::size_t batch = 64;
  for (std::size_t first = 0; first < words.size(); first += batch) {
    report(progress, static_cast<double>(first) / static_cast<double>(words.size()), "words in context");
    const auto some = words.subspan(first, std::min(batch, words.size() - first));
    Request request;
    request.capture = {site};
    request.logits = LogitsAt::none;
    std::vector<std::size_t> places;
    for (const std::string& word : some) {
      const Tokens tokens =
          tokenizer.with_bos(std::string(text.substr(0, gap)) + word + std::string(text.substr(gap + 2)));
      std::size_t at = 0;  // the token that holds the word's last byte
      while (at + 1 < tokens.size() && tokens.ranges[at].end < gap + word.size()) ++at;
      places.push_back(at);
      request.rows.emplace_back(tokens.ids.begin(), tokens.ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
    const Result result = run_in_batches(transformer, request);
    for (std::size_t i = 0; i < some.size(); ++i) {
      const Tensor& captured = result.rows[i].captured[0];
      if (captured.columns() != space.width())
        throw Error(Code::shape, "context",
                    fmt::format("{} has {} values, not the model's width of {}", site.name(), captured.columns(),
                                space.width()));
      std::ranges::copy(captured.row(static_cast<std::int64_t>(places[i])),
                        space.vectors.row(static_cast<std::int64_t>(first + i)).begin());
      space.labels.push_back(visible(some[i]));
    }
  }
  report(progress, 1, "words in context");
  return space;
}

Space text_space(const Transformer& transformer, std::span<const std::vector<TokenId>> rows, Site site,
                 std::int64_t positions) {
  Space space;
  space.name = fmt::format("{} at {}", transformer.model().name(), site.name());
  if (count_of(rows, {positions}) == 0) throw Error(Code::usage, "compare", "the text is empty");
  space.vectors = std::move(site_vectors(transformer, rows, {site}, {positions}).sites[0]);
  for (const auto& row : rows) {
    for (TokenId id : row) {
      if (static_cast<std::int64_t>(space.labels.size()) == space.size()) return space;
      space.labels.push_back(fmt::format("{} {}", space.labels.size(), transformer.model().label(id)));
    }
  }
  return space;
}

}  // namespace embscope
