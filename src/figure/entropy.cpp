// How sure the model is of the next token, along a text.
#include <fmt/format.h>

#include "figure/spec.h"

namespace embscope {
namespace {

constexpr std::size_t most_labels = 48;  // for more tokens, labels are only their positions

bj::object line(const Table& positions, std::string_view field, std::string_view name) {
  bj::array rows;
  const auto &position = positions.column("position").numbers(), &bits = positions.column(field).numbers();
  const auto &token = positions.column("token").texts(), &top = positions.column("top").texts();
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i] != bits[i]) continue;  // nothing came before the first token
    rows.push_back(bj::object{{"position", position[i]},
                              {"at", fmt::format("{} {}", position[i], token[i])},
                              {"bits", bits[i]},
                              {"top", top[i]},
                              {"of", name}});
  }
  return {{"values", std::move(rows)}};
}

}  // namespace

Figure figure_entropy(const Table& positions) {
  const bool few = positions.rows() <= most_labels;
  bj::array order;
  for (std::size_t i = 0; few && i < positions.rows(); ++i)
    order.emplace_back(
        fmt::format("{} {}", positions.column("position").numbers()[i], positions.column("token").texts()[i]));
  bj::object x = few ? text_field("at", "position and token") : number_field("position", "position");
  if (few) x["sort"] = order, x["scale"] = {{"domain", order}};
  const bj::array names = {"entropy of the next token", "surprise of this token"};
  bj::array layers;
  for (const auto& [field, name] : {std::pair{"entropy", names[0]}, std::pair{"surprise", names[1]}}) {
    layers.push_back(
        bj::object{{"data", line(positions, field, name.get_string())},
                   {"mark", {{"type", "line"}, {"point", few}, {"strokeWidth", 1.2}}},
                   {"encoding",
                    {{"x", x},
                     {"y", number_field("bits", "bits")},
                     {"color",
                      {{"field", "of"},
                       {"type", "nominal"},
                       {"title", nullptr},
                       {"scale", {{"domain", names}, {"range", {bj::string(palette[0]), bj::string(palette[1])}}}}}},
                     {"tooltip",
                      {text_field("at", "token"), text_field("of", "of"), number_field("bits", "bits"),
                       text_field("top", "most likely next token")}}}}});
  }
  return finish("entropy", "How sure the model is of the next token", "in bits, position by position",
                {{"width", 640}, {"height", 280}, {"layer", std::move(layers)}});
}

}  // namespace embscope
