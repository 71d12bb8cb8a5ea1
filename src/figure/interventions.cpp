// What edits, patches and steering do, as pictures.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "figure/spec.h"

namespace embscope {
namespace {

// 0 white, 1 (all is restored) red, -1 blue.
bj::object restored_colour(bool legend) {
  bj::object colour = {{"field", "restored"},
                       {"type", "quantitative"},
                       {"title", "restored"},
                       {"scale", {{"domain", {-1, 1}}, {"scheme", "redblue"}, {"reverse", true}, {"clamp", true}}}};
  if (!legend) colour["legend"] = nullptr;
  return colour;
}

bj::object block_axis() {
  return {{"field", "block"},
          {"type", "ordinal"},
          {"sort", "descending"},
          {"title", "block"},
          {"axis", {{"labelOverlap", true}}}};
}

bj::array rows_at(const Table& grid, std::string_view site) {
  bj::array all = rows_of(grid), rows;
  for (auto& row : all) {
    if (row.as_object()["site"].as_string() != site) continue;
    bj::object cell = row.as_object();
    cell["place"] =
        fmt::format("{} {}", cell["position"].to_number<double>(), std::string_view(cell["token"].as_string()));
    rows.push_back(std::move(cell));
  }
  return rows;
}

bj::object grid_panel(const Table& grid, const std::string& site, int width) {
  const bj::object x = {{"field", "place"},
                        {"type", "nominal"},
                        {"sort", {{"field", "position"}}},
                        {"title", nullptr},
                        {"axis", {{"labelAngle", -45}, {"labelLimit", 90}}}};
  return {{"title", {{"text", site}, {"fontSize", 12}}},
          {"width", width},
          {"height", 260},
          {"data", {{"values", rows_at(grid, site)}}},
          {"mark", "rect"},
          {"encoding",
           {{"x", x},
            {"y", block_axis()},
            {"color", restored_colour(true)},
            {"tooltip",
             {text_field("token", "token"), number_field("block", "block"), number_field("restored", "restored"),
              number_field("difference", "logit difference")}}}}};
}

bj::object head_panel(const Table& heads, int width) {
  return {{"title", {{"text", "z of one head, all positions"}, {"fontSize", 12}}},
          {"width", width},
          {"height", 260},
          {"data", {{"values", rows_of(heads)}}},
          {"mark", "rect"},
          {"encoding",
           {{"x", {{"field", "head"}, {"type", "ordinal"}, {"title", "head"}, {"axis", {{"labelAngle", 0}}}}},
            {"y", block_axis()},
            {"color", restored_colour(true)},
            {"tooltip",
             {number_field("block", "block"), number_field("head", "head"), number_field("restored", "restored"),
              number_field("difference", "logit difference")}}}}};
}

// The first characters of a text. Vega cuts what exceeds a mark's limit between the halves of an emoji, which
// vl-convert refuses.
std::string beginning(std::string_view text, std::size_t characters) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (begins && characters-- == 0) return std::string(text.substr(0, at)) + "…";
  }
  return std::string(text);
}

// What the model writes at each strength, a line each.
bj::object written(const Table& runs) {
  bj::array rows;  // without the columns that are called as words
  for (std::size_t i = 0; i < runs.rows(); ++i) {
    const std::string& text = runs.column("text").texts()[i];
    rows.push_back(
        bj::object{{"strength", runs.column("strength").numbers()[i]}, {"text", text}, {"shown", beginning(text, 90)}});
  }
  return {{"title", {{"text", "what the model then writes"}, {"fontSize", 12}}},
          {"width", 560},
          {"height", static_cast<int>(runs.rows()) * 22},
          {"data", {{"values", std::move(rows)}}},
          {"mark", {{"type", "text"}, {"align", "left"}, {"x", 4}, {"clip", true}}},
          {"encoding",
           {{"y", {{"field", "strength"}, {"type", "ordinal"}, {"sort", "descending"}, {"title", "strength"}}},
            {"text", {{"field", "shown"}, {"type", "nominal"}}},
            {"tooltip", {text_field("text", "text")}}}}};
}

}  // namespace

Figure figure_intervention(const Table& changes, std::string_view what) {
  bj::array rows;
  for (std::size_t i = 0; i < changes.rows(); ++i) {
    for (const char* when : {"before", "after"}) {
      rows.push_back(bj::object{{"token", changes.column("token").texts()[i]},
                                {"when", when},
                                {"probability", changes.column(fmt::format("probability_{}", when)).numbers()[i]},
                                {"change", changes.column("change").numbers()[i]}});
    }
  }
  const int height = static_cast<int>(changes.rows()) * 30;
  const bj::object body = {
      {"width", 560},
      {"height", height},
      {"data", {{"values", rows}}},
      {"mark", "bar"},
      {"encoding",
       {{"y", {{"field", "token"}, {"type", "nominal"}, {"sort", nullptr}, {"title", nullptr}}},
        {"yOffset", {{"field", "when"}, {"sort", {"before", "after"}}}},
        {"x", number_field("probability", "probability of the next token")},
        {"color",
         {{"field", "when"},
          {"type", "nominal"},
          {"title", nullptr},
          {"sort", {"before", "after"}},
          {"scale", {{"domain", {"before", "after"}}, {"range", {"#b8c0c8", bj::string(palette[1])}}}}}},
        {"tooltip",
         {text_field("token", "token"), text_field("when", "when"), number_field("probability", "probability"),
          number_field("change", "change of the logit")}}}}};
  return finish("edit", "The next token, before and after", std::string(what), body);
}

Figure figure_patch(const Table& grid, const Table& heads, std::string_view target, std::string_view against) {
  std::vector<std::string> sites;
  double positions = 0;
  for (std::size_t i = 0; i < grid.rows(); ++i) {
    const std::string& site = grid.column("site").texts()[i];
    if (std::ranges::find(sites, site) == sites.end()) sites.push_back(site);
    positions = std::max(positions, grid.column("position").numbers()[i] + 1);
  }
  const int width = std::clamp(static_cast<int>(positions) * 24, 120, 320);
  bj::array panels;
  for (const std::string& site : sites) panels.push_back(grid_panel(grid, site, width));
  if (heads.rows() > 0) panels.push_back(head_panel(heads, 200));
  const std::string title = fmt::format("Where {} against {} is restored", target, against);
  return finish("patch", title,
                "a vector of the clean run in the corrupt one; 1: the clean answer is restored, 0: nothing changes",
                {{"concat", std::move(panels)}, {"columns", 2}});
}

Figure figure_steer(const Table& runs, std::string_view site) {
  bj::array rows;
  for (const Column& column : runs.columns()) {
    const bool probability = column.is_number() && column.name != "strength" && column.name != "divergence";
    if (!probability) continue;
    const std::string series = column.name == "top_probability" ? "most likely token" : column.name;
    for (std::size_t i = 0; i < runs.rows(); ++i) {
      rows.push_back(bj::object{{"strength", runs.column("strength").numbers()[i]},
                                {"series", series},
                                {"probability", column.numbers()[i]},
                                {"top", runs.column("top").texts()[i]},
                                {"text", runs.column("text").texts()[i]}});
    }
  }
  const bj::object curves = {
      {"width", 560},
      {"height", 260},
      {"data", {{"values", rows}}},
      {"mark", {{"type", "line"}, {"point", true}}},
      {"encoding",
       {{"x", number_field("strength", "strength of the direction")},
        {"y", number_field("probability", "probability of the next token")},
        {"color", {{"field", "series"}, {"type", "nominal"}, {"title", nullptr}, {"sort", nullptr}}},
        {"tooltip",
         {number_field("strength", "strength"), text_field("series", "token"),
          number_field("probability", "probability"), text_field("top", "most likely token"),
          text_field("text", "then writes")}}}}};
  return finish("steer", "Steered by a direction", fmt::format("added at {} of every position", site),
                {{"vconcat", {curves, written(runs)}}});
}

}  // namespace embscope
