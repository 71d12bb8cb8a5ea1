// tokens, vocabulary: text in, tokens out.
#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

#include "api.h"
#include "reply.h"
#include "texts.h"

namespace embscope::server {
namespace {

Answer tokens(const Call& call, const OpenModel& model) {
  const Fields in(call, {"text", "special"});
  const Tokenizer& tokenizer = model.tokenizer();
  const std::string text = in.text("text");
  const Tokens tokens = tokenizer.with_bos(text, in.flag("special", false));
  bj::array bytes, ranges, ids(tokens.ids.begin(), tokens.ids.end());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    bytes.emplace_back(hex_of(tokenizer.bytes(tokens.ids[i])));
    ranges.push_back(bj::array{tokens.ranges[i].begin, tokens.ranges[i].end});
  }
  const bool bos = tokens.size() > 0 && tokens.ranges[0] == ByteRange{0, 0};
  return Reply()
      .add("ids", ids)
      .add("labels", labels_of(model.model(), tokens.ids))
      .add("bytes", bytes)
      .add("ranges", ranges)
      .add("bos", bos)
      .answer();
}

// How well a token's bytes match the typed text: 0 equal, 1 equal with a space before it, 2 begins with it, 3 contains
// it, 4 matches in another case.
int match(std::string_view bytes, std::string_view bytes_lower, std::string_view wanted,
          std::string_view wanted_lower) {
  if (bytes_lower.find(wanted_lower) == std::string_view::npos) return 5;
  if (bytes == wanted) return 0;
  if (!bytes.empty() && bytes[0] == ' ' && bytes.substr(1) == wanted) return 1;
  const std::size_t at = bytes.find(wanted);
  if (at == 0 || (at == 1 && bytes[0] == ' ')) return 2;
  return at != std::string_view::npos ? 3 : 4;
}

Answer vocabulary(const Call& call, const OpenModel& model) {
  const std::string wanted = query_text(call, "q", "");
  const auto limit = static_cast<std::size_t>(query_integer(call, "limit", 50, 1, 1000));
  const std::string wanted_lower = lower(wanted);
  const OpenModel::Words& words = model.words();
  std::vector<std::vector<TokenId>> found(5);
  for (std::size_t id = 0; id < words.bytes.size(); ++id) {
    const int rank = match(words.bytes[id], words.lower[id], wanted, wanted_lower);
    if (rank < 5 && found[static_cast<std::size_t>(rank)].size() < limit)
      found[static_cast<std::size_t>(rank)].push_back(static_cast<TokenId>(id));
  }
  bj::array list;
  for (const auto& ids : found) {
    for (TokenId id : ids) {
      if (list.size() < limit) list.push_back(token_value(model.model(), id));
    }
  }
  return Reply().add("tokens", list).answer();
}

Answer labels(const Call& call, const OpenModel& model) {
  return cached_answer(call, "labels " + model.model().path().string(), [&] {
    bj::array list;
    for (TokenId id = 0; id < model.config().vocab; ++id) list.emplace_back(model.model().label(id));
    return Reply().add("labels", list).text();
  });
}

constexpr std::string_view kinds[] = {"word after a space", "word or piece", "number", "punctuation",
                                      "white space",        "bytes",         "special"};

std::size_t kind_of(const Tokenizer& tokenizer, TokenId id) {
  if (id >= tokenizer.size() || tokenizer.is_special(id)) return 6;
  const std::string bytes = tokenizer.bytes(id);
  if (tokenizer.label(id).find("<0x") == 0) return 5;
  const bool space = !bytes.empty() && bytes[0] == ' ';
  const std::string_view rest = std::string_view(bytes).substr(space ? 1 : 0);
  if (rest.find_first_not_of(" \t\n\r\f\v") == std::string_view::npos) return 4;
  const auto first = static_cast<unsigned char>(rest[0]);
  if (std::isdigit(first) != 0) return 2;
  if (first >= 0x80 || std::isalpha(first) != 0) return space ? 0 : 1;
  return 3;
}

Answer attributes(const Call& call, const OpenModel& model) {
  return cached_answer(call, "attributes " + model.model().path().string(), [&] {
    const Config& config = model.config();
    const bool named = model.model().has_tokenizer();
    std::vector<double> kind, norm;
    std::vector<float> row(static_cast<std::size_t>(config.width));
    for (TokenId id = 0; id < config.vocab; ++id) {
      model.model().weights().wte.row(id, row.data());
      double sum = 0;
      for (float x : row) sum += static_cast<double>(x) * static_cast<double>(x);
      norm.push_back(std::sqrt(sum));
      kind.push_back(named ? static_cast<double>(kind_of(model.tokenizer(), id)) : 0);
    }
    bj::array names = {"row without a name"};
    if (named) names = bj::array(std::begin(kinds), std::end(kinds));
    const std::vector<float> rounded(norm.begin(), norm.end());
    return Reply()
        .add("kind", names)
        .add("kind_of", std::span<const double>(kind))
        .add("norm", std::span<const float>(rounded))
        .text();
  });
}

}  // namespace

void add_text(Routes& routes, Models& models) {
  routes.add("POST", "/api/tokens", Lane::quick, [&](Call& call) { return tokens(call, *models.of(call)); });
  routes.add("GET", "/api/vocabulary", Lane::quick, [&](Call& call) { return vocabulary(call, *models.of(call)); });
  routes.add("GET", "/api/vocabulary/labels", Lane::work, [&](Call& call) { return labels(call, *models.of(call)); });
  routes.add("GET", "/api/vocabulary/attributes", Lane::work,
             [&](Call& call) { return attributes(call, *models.of(call)); });
}

}  // namespace embscope::server
