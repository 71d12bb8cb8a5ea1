#include "figure/spec.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "embscope/text/utf8.h"
#include "figure/raster.h"

namespace embscope {
namespace {

bj::object look() {
  bj::array colours;
  for (std::string_view colour : palette) colours.emplace_back(bj::string(colour));
  return {{"font", "system-ui, sans-serif"},
          {"background", "white"},
          {"view", {{"stroke", nullptr}}},
          {"axis",
           {{"gridColor", "#eceff3"},
            {"domainColor", "#9aa4b2"},
            {"tickColor", "#9aa4b2"},
            {"labelColor", "#3c4654"},
            {"titleColor", "#3c4654"},
            {"titleFontWeight", 500},
            {"labelFontSize", 11},
            {"titleFontSize", 12}}},
          {"legend", {{"orient", "top"}, {"title", nullptr}, {"labelFontSize", 12}}},
          {"title",
           {{"anchor", "start"},
            {"fontSize", 15},
            {"fontWeight", 600},
            {"subtitleColor", "#5b6675"},
            {"subtitleFontSize", 12},
            {"offset", 12}}},
          {"range", {{"category", std::move(colours)}}}};
}

// Vega keeps groups, stacks and lines by their words in plain objects of JavaScript, which have inherited properties: a
// word with the name of such a property breaks the whole figure. It gets an invisible character, U+2060.
std::string no_property(std::string text) {
  for (const char* property :
       {"constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString",
        "valueOf", "__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"})
    if (text == property) return text + "\xe2\x81\xa0";
  return text;
}

// Values that JSON cannot represent: bytes that are not text become U+FFFD, NaN and infinity become null.
void make_valid(bj::value& value) {
  if (value.is_string()) value = no_property(well_formed(value.get_string()));
  if (value.is_double() && !std::isfinite(value.get_double())) value = nullptr;
  if (value.is_array()) {
    for (bj::value& one : value.get_array()) make_valid(one);
  }
  if (!value.is_object()) return;
  bj::object valid;
  for (auto& [key, one] : value.get_object()) {
    make_valid(one);
    valid[well_formed(key)] = std::move(one);
  }
  value = std::move(valid);
}

}  // namespace

bj::array rows_of(const Table& table) {
  bj::array rows;
  for (std::size_t r = 0; r < table.rows(); ++r) {
    bj::object row;
    for (const Column& column : table.columns()) {
      if (!column.is_number())
        row[column.name] = column.texts()[r];
      else
        row[column.name] = column.numbers()[r];
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

bj::object number_field(std::string_view field, std::string_view title) {
  return {{"field", bj::string(field)}, {"type", "quantitative"}, {"title", bj::string(title)}};
}

bj::object text_field(std::string_view field, std::string_view title) {
  return {{"field", bj::string(field)}, {"type", "nominal"}, {"title", bj::string(title)}};
}

bj::object sequential_scale(std::string_view type, const double (&domain)[3]) {
  bj::array range;
  for (const Rgb& c : sequential_stops)
    range.emplace_back(bj::string(fmt::format("#{:02x}{:02x}{:02x}", c.r, c.g, c.b)));
  return {{"type", bj::string(type)},
          {"domain", {domain[0], domain[1], domain[2]}},
          {"range", std::move(range)},
          {"interpolate", "rgb"},
          {"clamp", true}};
}

std::string base64(const std::vector<std::uint8_t>& bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < left ? bytes[i + k] : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += k <= left ? digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

Figure finish(std::string name, std::string title, const std::string& subtitle, bj::object body) {
  bj::array lines;
  for (std::size_t at = 0; at <= subtitle.size();) {
    const std::size_t end = std::min(subtitle.find('\n', at), subtitle.size());
    lines.emplace_back(bj::string(subtitle.substr(at, end - at)));
    at = end + 1;
  }
  bj::value spec = {
      {"$schema", "https://vega.github.io/schema/vega-lite/v6.json"},
      {"title", {{"text", title}, {"subtitle", lines.size() == 1 ? std::move(lines[0]) : bj::value(std::move(lines))}}},
      {"config", look()}};
  for (auto& [key, value] : body) spec.get_object()[key] = std::move(value);
  make_valid(spec);
  return {std::move(name), well_formed(title), bj::serialize(spec)};
}

}  // namespace embscope
