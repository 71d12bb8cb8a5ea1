// The embedding matrix as tiles, and the value under the pointer.
#include <algorithm>
#include <charconv>
#include <tuple>

#include <fmt/format.h>

#include "api.h"
#include "recent.h"
#include "reply.h"
#include "texts.h"

#include "embscope/text/utf8.h"

namespace embscope::server {
namespace {

Answer matrix(OpenModel& model) {
  MatrixTiles& tiles = model.tiles();
  bj::array levels;
  for (const MatrixTiles::Level& level : tiles.levels())
    levels.push_back(bj::object{{"tokens_per_pixel", level.tokens_per_pixel},
                                {"dimensions_per_pixel", level.dimensions_per_pixel},
                                {"width", level.width},
                                {"height", level.height}});
  const auto &t = MatrixTiles::token_orders(), &d = MatrixTiles::dimension_orders();
  return Reply()
      .add("tokens", model.config().vocab)
      .add("dimensions", model.config().width)
      .add("tile", MatrixTiles::tile)
      .add("range", tiles.range())
      .add("levels", levels)
      .add("token_orders", bj::array(t.begin(), t.end()))
      .add("dimension_orders", bj::array(d.begin(), d.end()))
      .answer();
}

std::int64_t number(const std::string& text, const char* what) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Refusal(400, "usage", what, fmt::format("'{}' is not a whole number", text));
  return value;
}

/// Model, level, x, y, the orders of tokens and of dimensions.
using TileAddress = std::tuple<std::string, std::int64_t, std::int64_t, std::int64_t, std::string, std::string>;
using Tiles = Recent<TileAddress, std::string>;

Answer tile(const Call& call, OpenModel& model, Tiles& drawn) {
  const std::int64_t level = number(call.parameters[0], "level"), x = number(call.parameters[1], "x"),
                     y = number(call.parameters[2], "y");
  const std::string tokens = query_text(call, "tokens", "id"), dimensions = query_text(call, "dimensions", "id");
  Answer answer;
  answer.type = "image/png";
  answer.headers = {{"Cache-Control", "private, max-age=600"}};
  const auto draw = [&] {
    const auto png =
        model.tiles().png(level < 0 || level > 64 ? -1 : static_cast<int>(level), x, y, tokens, dimensions);
    return std::string(png.begin(), png.end());
  };
  answer.body = drawn.of({model.name(), level, x, y, tokens, dimensions}, draw,
                         [](const std::string& png) { return png.size(); });
  return answer;
}

Answer value(const Call& call, OpenModel& model) {
  const MatrixTiles::Cell cell = model.tiles().cell(
      query_integer(call, "x", 0, INT64_MIN, INT64_MAX), query_integer(call, "y", 0, INT64_MIN, INT64_MAX),
      query_text(call, "tokens", "id"), query_text(call, "dimensions", "id"));
  return Reply()
      .add("token_id", cell.token)
      .add("label", bj::value(model.model().label(cell.token)))
      .add("dimension", cell.dimension)
      .add("value", cell.value)
      .add("token_mean", cell.token_mean)
      .add("token_norm", cell.token_norm)
      .add("dimension_mean", cell.dimension_mean)
      .add("dimension_deviation", cell.dimension_deviation)
      .answer();
}

Answer values(const Call& call, OpenModel& model) {
  const auto edge = [&](std::string_view name, std::int64_t otherwise) {
    return query_integer(call, name, otherwise, INT64_MIN, INT64_MAX);
  };
  const MatrixTiles::Area area{edge("left", 0), edge("right", model.config().vocab), edge("top", 0),
                               edge("bottom", model.config().width)};
  return Reply()
      .add("table", model.tiles().values(area, query_text(call, "tokens", "id"), query_text(call, "dimensions", "id")))
      .answer();
}

std::string_view name(VocabularyMap::State state) {
  switch (state) {
    case VocabularyMap::State::computing: return "computing";
    case VocabularyMap::State::ready: return "ready";
    case VocabularyMap::State::failed: return "failed";
  }
  return "";
}

// The first request starts the computation.
Answer map(OpenModel& model) {
  const VocabularyMap::Status status = model.map().status();
  Reply reply;
  reply.add("state", bj::value(name(status.state)))
      .add("fraction", status.fraction)
      .add("seconds_left", value_or_null(status.seconds_left))
      .add("what", bj::value(status.what))
      .add("version", status.version)
      .add("tokens", model.config().vocab)
      .add("from_cache", status.from_cache)
      .add("note", bj::value(well_formed(status.note)));
  if (!status.error.empty()) reply.add("error", bj::value(well_formed(status.error)));
  return reply.answer();
}

Answer map_points(OpenModel& model) {
  std::int64_t version = 0;
  Answer answer = binary_answer(model.map().points(version));
  answer.headers.emplace_back("X-Embscope-Version", std::to_string(version));
  return answer;
}

}  // namespace

void add_matrix(Routes& routes, Models& models) {
  routes.add("GET", "/api/matrix", Lane::quick, [&](Call& call) { return matrix(*models.of(call)); });
  auto drawn = std::make_shared<Tiles>(10000, 32 << 20);
  routes.add("GET", "/api/matrix/tile/{level}/{x}/{y}.png", Lane::quick,
             [&, drawn](Call& call) { return tile(call, *models.of(call), *drawn); });
  routes.add("GET", "/api/map", Lane::quick, [&](Call& call) { return map(*models.of(call)); });
  routes.add("GET", "/api/map/points", Lane::quick, [&](Call& call) { return map_points(*models.of(call)); });
  routes.add("GET", "/api/matrix/value", Lane::quick, [&](Call& call) { return value(call, *models.of(call)); });
  routes.add("GET", "/api/matrix/values", Lane::work, [&](Call& call) { return values(call, *models.of(call)); });
}

}  // namespace embscope::server
