// The embedding matrix as tiles, and what lies under the pointer.
#include <charconv>

#include <fmt/format.h>

#include "api.h"
#include "reply.h"
#include "texts.h"

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
    throw Refusal(400, "usage", what, fmt::format("'{}' is no whole number", text));
  return value;
}

Answer tile(const Call& call, OpenModel& model) {
  const std::int64_t level = number(call.parameters[0], "level");
  const auto png = model.tiles().png(level < 0 || level > 64 ? -1 : static_cast<int>(level), number(call.parameters[1], "x"),
                                     number(call.parameters[2], "y"), query_text(call, "tokens", "id"),
                                     query_text(call, "dimensions", "id"));
  Answer answer;
  answer.type = "image/png";
  answer.headers = {{"Cache-Control", "private, max-age=600"}};
  answer.body.assign(png.begin(), png.end());
  return answer;
}

Answer value(const Call& call, OpenModel& model) {
  const MatrixTiles::Cell cell =
      model.tiles().cell(query_integer(call, "x", 0, INT64_MIN, INT64_MAX), query_integer(call, "y", 0, INT64_MIN, INT64_MAX),
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

}  // namespace

void add_matrix(Routes& routes, Models& models) {
  routes.add("GET", "/api/matrix", Lane::quick, [&](Call& call) { return matrix(*models.of(call)); });
  routes.add("GET", "/api/matrix/tile/{level}/{x}/{y}.png", Lane::quick,
             [&](Call& call) { return tile(call, *models.of(call)); });
  routes.add("GET", "/api/matrix/value", Lane::quick, [&](Call& call) { return value(call, *models.of(call)); });
}

}  // namespace embscope::server
