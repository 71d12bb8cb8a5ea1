// Figures of gradients: gradient x activation by block and position or head; estimated patches against real ones.
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "figure/spec.h"

namespace embscope {
namespace {

// The sum of a site's rows in each cell of block x (position or head).
struct Cells {
  bj::array values;
  double most = 0;  // |value|
};

Cells summed(const Table& parts, std::string_view site, bool by_head) {
  const auto &block = parts.column("block").numbers(), &head = parts.column("head").numbers(),
             &position = parts.column("position").numbers();
  std::map<std::pair<double, double>, std::pair<double, std::string>> sums;
  for (std::size_t i = 0; i < parts.rows(); ++i) {
    if (parts.column("site").texts()[i] != site) continue;
    auto& [sum, label] = sums[{std::isnan(block[i]) ? -1 : block[i], by_head ? head[i] : position[i]}];
    sum += parts.column("value").numbers()[i];
    label = by_head ? fmt::format("{}", head[i]) : fmt::format("{} {}", position[i], parts.column("token").texts()[i]);
  }
  Cells cells;
  for (const auto& [at, cell] : sums) {
    cells.values.push_back(bj::object{{"block", at.first < 0 ? bj::value("") : bj::value(at.first)},
                                      {"order", at.second},
                                      {"place", cell.second},
                                      {"value", cell.first}});
    cells.most = std::max(cells.most, std::abs(cell.first));
  }
  return cells;
}

bj::object panel(Cells cells, const std::string& title, bool by_head, int width) {
  const double range = std::max(cells.most, 1e-12);
  const bool blocks = !cells.values.empty() && cells.values[0].at("block").is_number();
  const bj::object x = {{"field", "place"},
                        {"type", "nominal"},
                        {"sort", {{"field", "order"}}},
                        {"title", by_head ? bj::value("head") : bj::value(nullptr)},
                        {"axis", {{"labelAngle", by_head ? 0 : -45}, {"labelLimit", 90}}}};
  const bj::object y = {{"field", "block"},
                        {"type", "ordinal"},
                        {"sort", "descending"},
                        {"title", blocks ? bj::value("block") : bj::value(nullptr)},
                        {"axis", {{"labelOverlap", true}}}};
  const bj::object colour = {{"field", "value"},
                             {"type", "quantitative"},
                             {"title", "logit"},
                             {"scale", {{"domain", {-range, range}}, {"scheme", "redblue"}, {"reverse", true}}}};
  return {{"title", {{"text", title}, {"fontSize", 12}}},
          {"width", width},
          {"height", blocks ? 240 : 24},
          {"data", {{"values", std::move(cells.values)}}},
          {"mark", "rect"},
          {"encoding",
           {{"x", x},
            {"y", y},
            {"color", colour},
            {"tooltip",
             {text_field("place", by_head ? "head" : "token"), number_field("block", "block"),
              number_field("value", "gradient x activation")}}}}};
}

}  // namespace

Figure figure_gradient(const Table& parts, std::string_view title, std::string_view subtitle) {
  std::vector<std::string> sites;
  std::map<std::string, bool> heads;
  double positions = 0;
  for (std::size_t i = 0; i < parts.rows(); ++i) {
    const std::string& site = parts.column("site").texts()[i];
    if (std::ranges::find(sites, site) == sites.end()) sites.push_back(site);
    heads[site] = !std::isnan(parts.column("head").numbers()[i]);
    positions = std::max(positions, parts.column("position").numbers()[i] + 1);
  }
  const int width = std::clamp(static_cast<int>(positions) * 24, 120, 320);
  bj::array panels;
  for (const std::string& site : sites) {
    panels.push_back(panel(summed(parts, site, false), heads[site] ? site + ", all heads" : site, false, width));
    if (heads[site]) panels.push_back(panel(summed(parts, site, true), site + ", all positions", true, 200));
  }
  return finish("gradient", std::string(title), std::string(subtitle),
                {{"concat", std::move(panels)}, {"columns", 2}, {"resolve", {{"scale", {{"color", "independent"}}}}}});
}

Figure figure_patch_agreement(const Table& patches, const Table& sites, std::string_view target,
                              std::string_view against) {
  bj::array line;
  double low = 0, high = 1;
  for (const char* name : {"restored", "estimated"}) {
    for (double x : patches.column(name).numbers()) low = std::min(low, x), high = std::max(high, x);
  }
  for (double x : {low, high}) line.push_back({{"restored", x}, {"estimated", x}});
  std::string correlations;
  for (std::size_t i = 0; i < sites.rows(); ++i)
    correlations += fmt::format("{}{} {:.3f}", i == 0 ? "correlation: " : ", ", sites.column("site").texts()[i],
                                sites.column("correlation").numbers()[i]);
  bj::array range;
  for (std::size_t i = 0; i < sites.rows(); ++i) range.push_back(bj::string(palette[i % std::size(palette)]));
  const bj::object x = number_field("restored", "restored by the real patch"),
                   y = number_field("estimated", "estimated by the gradient");
  const bj::object dots = {
      {"data", {{"values", rows_of(patches)}}},
      {"mark", {{"type", "circle"}, {"size", 26}, {"opacity", 0.65}}},
      {"encoding",
       {{"x", x},
        {"y", y},
        {"color",
         {{"field", "site"}, {"type", "nominal"}, {"title", nullptr}, {"scale", {{"range", std::move(range)}}}}},
        {"tooltip",
         {text_field("site", "site"), number_field("block", "block"), number_field("position", "position"),
          number_field("head", "head"), x, y}}}}};
  const bj::object equal = {{"data", {{"values", std::move(line)}}},
                            {"mark", {{"type", "line"}, {"color", "#8a929a"}, {"strokeDash", {4, 4}}}},
                            {"encoding", {{"x", x}, {"y", y}}}};
  return finish("patch-agreement", fmt::format("Patches of {} against {}: estimated and real", target, against),
                correlations, {{"width", 440}, {"height", 360}, {"layer", {equal, dots}}});
}

}  // namespace embscope
