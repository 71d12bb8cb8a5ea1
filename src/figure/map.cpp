// Maps: few points as circles with names, many as a density of coloured pixels with some names.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "figure/raster.h"
#include "figure/spec.h"
#include "text/unicode.h"

namespace embscope {
namespace {

constexpr double width = 720, height = 560;  // of the picture, in its own pixels
constexpr std::int64_t most_circles = 2000;
constexpr std::string_view names_font =
    "system-ui, DejaVu Sans, sans-serif";  // the second has the mark of a leading space

// Okabe & Ito's colours first, then some that still differ from them in hue or lightness. More could not be
// distinguished: the most common scripts have a colour, and the others share the last.
constexpr std::string_view kind_colours[] = {"#0072B2", "#D55E00", "#56B4E9", "#E69F00", "#009E73", "#CC79A7",
                                             "#B15928", "#000000", "#6A3D9A", "#B2DF8A", "#FB9A99", "#A0A0A0"};
constexpr std::string_view kind_order[] = {"word",   "Word",        "piece", "Piece",
                                           "digits", "punctuation", "bytes", "special"};

struct Script {
  std::int32_t first, last;
  std::string_view name;
};
// Blocks of Unicode 15 by their script; letters of Latin-1 and its extensions count as Latin.
constexpr Script scripts[] = {{0x370, 0x3ff, "Greek"},     {0x400, 0x52f, "Cyrillic"}, {0x530, 0x58f, "Armenian"},
                              {0x590, 0x5ff, "Hebrew"},    {0x600, 0x77f, "Arabic"},   {0x900, 0x97f, "Devanagari"},
                              {0x980, 0xdff, "Indic"},     {0xe00, 0xe7f, "Thai"},     {0x10a0, 0x10ff, "Georgian"},
                              {0x1100, 0x11ff, "Hangul"},  {0x3040, 0x30ff, "Kana"},   {0x3130, 0x318f, "Hangul"},
                              {0x3400, 0x9fff, "Han"},     {0xac00, 0xd7af, "Hangul"}, {0xf900, 0xfaff, "Han"},
                              {0x1f000, 0x1faff, "emoji"}, {0x20000, 0x3ffff, "Han"}};

std::string_view script_of(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point(text, at);
    at += static_cast<std::size_t>(c.length);
    for (const Script& script : scripts) {
      if (c.value >= script.first && c.value <= script.last) return script.name;
    }
  }
  return {};
}

bool latin_letter(std::int32_t c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }

struct Place {
  double x, y;  // pixels from the left and from the top
};

struct Frame {
  double x0, x1, y0, y1;

  // All points, with a margin.
  explicit Frame(const Tensor& points) : x0(INFINITY), x1(-INFINITY), y0(INFINITY), y1(-INFINITY) {
    for (std::int64_t i = 0; i < points.rows(); ++i) {
      const double x = static_cast<double>(points.row(i)[0]), y = static_cast<double>(points.row(i)[1]);
      if (std::isfinite(x)) x0 = std::min(x0, x), x1 = std::max(x1, x);
      if (std::isfinite(y)) y0 = std::min(y0, y), y1 = std::max(y1, y);
    }
    if (x0 > x1) x0 = 0, x1 = 1;
    if (y0 > y1) y0 = 0, y1 = 1;
    const double mx = std::max(0.03 * (x1 - x0), 1e-6), my = std::max(0.03 * (y1 - y0), 1e-6);
    x0 -= mx, x1 += mx, y0 -= my, y1 += my;
  }
  Place place(std::span<const float> point) const {
    const double x = (static_cast<double>(point[0]) - x0) / (x1 - x0),
                 y = (y1 - static_cast<double>(point[1])) / (y1 - y0);
    return {std::isfinite(x) ? width * x : 0, std::isfinite(y) ? height * y : 0};
  }
};

// A colour for each point.
struct Colours {
  std::vector<std::string> names;  // of the classes, for the legend
  std::vector<std::string> hues;
  std::vector<std::size_t> of;  // class of each point
};

// The kinds that occur, in the order of the legend: those of kind_order, then the others, the most common first.
std::vector<std::string> kinds_of(std::span<const std::string> of_points) {
  std::map<std::string, std::size_t> sizes;
  for (const std::string& kind : of_points) ++sizes[kind];
  std::vector<std::string> out;
  for (std::string_view kind : kind_order) {
    if (sizes.erase(std::string(kind)) > 0) out.emplace_back(kind);
  }
  std::vector<std::pair<std::size_t, std::string>> others;
  others.reserve(sizes.size());
  for (const auto& [kind, size] : sizes) others.emplace_back(size, kind);
  std::stable_sort(others.begin(), others.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [size, kind] : others) out.push_back(kind);
  return out;
}

Colours colours_of(const MapStyle& look, std::size_t count) {
  Colours out;
  out.of.resize(count);
  if (look.kinds.size() < count) {
    out.hues = {std::string(kind_colours[0])};
    return out;
  }
  const std::span of_points = std::span(look.kinds).first(count);
  const std::vector<std::string> kinds = kinds_of(of_points);
  constexpr std::size_t most = std::size(kind_colours);
  std::map<std::string, std::size_t> number;
  for (std::size_t c = 0; c < kinds.size(); ++c) {
    const bool shared = kinds.size() > most && c >= most - 1;
    number[kinds[c]] = std::min(c, most - 1);
    if (shared && c >= most) continue;
    out.names.push_back(shared ? fmt::format("{} others", kinds.size() - c) : kinds[c]);
    out.hues.emplace_back(kind_colours[c]);
  }
  for (std::size_t i = 0; i < count; ++i) out.of[i] = number[of_points[i]];
  return out;
}

Rgb parsed(std::string_view hue) {
  auto pair = [&](std::size_t at) {
    return static_cast<std::uint8_t>(std::stoi(std::string(hue.substr(at, 2)), nullptr, 16));
  };
  return {pair(1), pair(3), pair(5)};
}

// The rank of each value among all, 0 to 1, so that outliers do not use up the range of colours.
std::vector<double> quantiles(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (std::size_t r = 0; r < order.size(); ++r)
    out[order[r]] = order.size() > 1 ? static_cast<double>(r) / static_cast<double>(order.size() - 1) : 0;
  return out;
}

std::vector<Rgb> colour_of_points(const MapStyle& look, const Colours& colours) {
  std::vector<Rgb> out;
  if (look.values.size() >= colours.of.size()) {
    for (double q : quantiles(std::span(look.values).first(colours.of.size())))
      out.push_back(sequential(0.25 + 0.75 * q));
    return out;
  }
  for (std::size_t c : colours.of) out.push_back(parsed(colours.hues[c]));
  return out;
}

// Each pixel has the mean colour of its points, stronger where they are many: 1 - exp(-weight / usual).
std::string raster(const Tensor& points, const Frame& frame, const std::vector<Rgb>& colours) {
  constexpr int across = 1080, down = 840;
  std::vector<std::array<float, 4>> sums(static_cast<std::size_t>(across * down));
  for (std::size_t i = 0; i < colours.size(); ++i) {
    const Place p = frame.place(points.row(static_cast<std::int64_t>(i)));
    const int cx = static_cast<int>(p.x / width * across), cy = static_cast<int>(p.y / height * down);
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        const int x = std::clamp(cx + dx, 0, across - 1), y = std::clamp(cy + dy, 0, down - 1);
        const float w = dx == 0 && dy == 0 ? 1.0f : dx == 0 || dy == 0 ? 0.5f : 0.2f;
        auto& sum = sums[static_cast<std::size_t>(y) * static_cast<std::size_t>(across) + static_cast<std::size_t>(x)];
        sum[0] += w * colours[i].r, sum[1] += w * colours[i].g, sum[2] += w * colours[i].b, sum[3] += w;
      }
    }
  }
  std::vector<float> weights;
  for (const auto& sum : sums) {
    if (sum[3] > 0) weights.push_back(sum[3]);
  }
  float usual = 0.5f;
  if (!weights.empty()) {
    std::nth_element(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(weights.size() / 2), weights.end());
    usual = std::max(usual, 0.7f * weights[weights.size() / 2]);
  }
  std::vector<std::uint8_t> rgb(sums.size() * 3, 255);
  for (std::size_t p = 0; p < sums.size(); ++p) {
    if (sums[p][3] == 0) continue;
    const float strength = 1 - std::exp(-sums[p][3] / usual);
    for (std::size_t c = 0; c < 3; ++c)
      rgb[3 * p + c] = static_cast<std::uint8_t>(std::lround(255 + (sums[p][c] / sums[p][3] - 255) * strength));
  }
  return "data:image/png;base64," + base64(encode_png(rgb, across, down));
}

// Points in the order in which they get names: added points first, then those of crowded cells.
std::vector<std::size_t> asking(const Tensor& points, const Frame& frame, std::size_t added) {
  const auto n = static_cast<std::size_t>(points.rows());
  constexpr int cell = 24, columns = static_cast<int>(width) / cell + 1;
  std::vector<int> crowd(static_cast<std::size_t>(columns * (static_cast<int>(height) / cell + 1))), of(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Place p = frame.place(points.row(static_cast<std::int64_t>(i)));
    of[i] = static_cast<int>(p.y) / cell * columns + static_cast<int>(p.x) / cell;
    ++crowd[static_cast<std::size_t>(of[i])];
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  auto crowded = [&](std::size_t i) { return i >= n - added ? 1 << 30 : crowd[static_cast<std::size_t>(of[i])]; };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return crowded(a) > crowded(b); });
  return order;
}

std::size_t letters(std::string_view text) {
  std::size_t count = 0;
  for (char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

// Those whose names fit beside their points without touching another; `spare` more pixels around each where points are
// many.
std::vector<std::size_t> named(const Tensor& points, std::span<const std::string> labels, const Frame& frame,
                               std::size_t added, double spare, std::size_t most) {
  struct Box {
    double x0, y0, x1, y1;
  };
  std::vector<Box> taken;
  std::vector<std::size_t> out;
  for (std::size_t i : asking(points, frame, added)) {
    if (out.size() >= most) break;
    const Place p = frame.place(points.row(static_cast<std::int64_t>(i)));
    const Box box{p.x, p.y - 6, p.x + 8 + 6.2 * static_cast<double>(letters(labels[i])), p.y + 6};
    if (labels[i].empty() || box.x1 > width) continue;
    const bool free = std::ranges::none_of(taken, [&](const Box& other) {
      return box.x0 < other.x1 + spare && other.x0 < box.x1 + spare && box.y0 < other.y1 + spare / 2 &&
             other.y0 < box.y1 + spare / 2;
    });
    if (!free) continue;
    taken.push_back(box);
    out.push_back(i);
  }
  std::sort(out.begin(), out.end());
  return out;
}

bj::object axis(std::string_view field, double begin, double end) {
  return {{"field", bj::string(field)},
          {"type", "quantitative"},
          {"axis", {{"labels", false}, {"ticks", false}, {"title", nullptr}, {"grid", false}}},
          {"scale", {{"domain", {begin, end}}, {"nice", false}, {"zero", false}}}};
}

bj::object colour_channel(const MapStyle& look, const Colours& colours) {
  const std::string title = look.colour_title.empty() ? "kind" : look.colour_title;
  if (!look.values.empty())
    return {{"field", "colour"},
            {"type", "quantitative"},
            {"title", title},
            {"scale", {{"type", "quantile"}, {"range", {"#b9d6ea", "#7fb5d8", "#4292c6", "#2171b5", "#08306b"}}}}};
  if (colours.names.empty()) return {{"value", bj::string(kind_colours[0])}};
  return {{"field", "colour"},
          {"type", "nominal"},
          {"title", title},
          {"legend", {{"columns", 6}, {"symbolOpacity", 1}, {"symbolSize", 80}}},  // no wider than the map
          {"scale",
           {{"domain", bj::array(colours.names.begin(), colours.names.end())},
            {"range", bj::array(colours.hues.begin(), colours.hues.end())}}}};
}

}  // namespace

std::string_view token_kind(std::string_view label) {
  constexpr std::string_view space = "␣";
  if (label.find("<0x") != std::string_view::npos) return "bytes";
  if (label.size() > 2 && label.front() == '<' && label.back() == '>') return "special";
  if (const std::string_view script = script_of(label); !script.empty()) return script;
  const bool leading = label.substr(0, space.size()) == space;
  while (label.substr(0, space.size()) == space) label.remove_prefix(space.size());
  if (label.empty()) return "punctuation";
  if (std::ranges::all_of(label, [](char c) { return c >= '0' && c <= '9'; })) return "digits";
  for (std::size_t at = 0; at < label.size();) {
    const auto [c, length] = code_point(label, at);
    at += static_cast<std::size_t>(length);
    const bool upper = (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
    if (latin_letter(c) || (c >= 0xc0 && c < 0x250))
      return leading ? (upper ? "Word" : "word") : upper ? "Piece" : "piece";
  }
  return "punctuation";
}

Figure figure_map(const Tensor& points, std::span<const std::string> labels, std::string_view title,
                  const MapStyle& look) {
  const Frame frame(points);
  const auto n = static_cast<std::size_t>(points.rows());
  const bool many = points.rows() > most_circles;
  const std::size_t added = std::min(look.added, n);
  const Colours colours = colours_of(look, n);
  auto row_of = [&](std::size_t i) {
    const auto point = points.row(static_cast<std::int64_t>(i));
    bj::object row = {{"x", point[0]}, {"y", point[1]}, {"label", labels[i]}};
    if (look.values.size() >= n)
      row["colour"] = look.values[i];
    else if (!colours.names.empty())
      row["colour"] = colours.names[colours.of[i]];
    return row;
  };
  const bj::object x = axis("x", frame.x0, frame.x1), y = axis("y", frame.y0, frame.y1);
  const bj::object tip = text_field("label", "token");
  bj::array layers, circles, names;
  // Drawn as circles: all points if there are few; otherwise only added points, and one of each colour for the legend.
  for (std::size_t i = 0; i < n; ++i) {
    if (!many || i >= n - added) circles.push_back(row_of(i));
  }
  for (std::size_t i : named(points, labels, frame, added, many ? 14 : 0, many ? 160 : 2000))
    names.push_back(row_of(i));
  if (many) {
    const bj::object picture = {{"url", raster(points, frame, colour_of_points(look, colours))},
                                {"x", (frame.x0 + frame.x1) / 2},
                                {"y", (frame.y0 + frame.y1) / 2}};
    layers.push_back(bj::object{{"data", {{"values", bj::array{picture}}}},
                                {"mark", {{"type", "image"}, {"width", width}, {"height", height}, {"aspect", false}}},
                                {"encoding", {{"url", {{"field", "url"}, {"type", "nominal"}}}, {"x", x}, {"y", y}}}});
  }
  bj::object dots = {{"data", {{"values", many ? names : circles}}},
                     {"mark",
                      {{"type", "circle"},
                       {"size", many      ? 10
                                : n > 400 ? 12
                                          : 24},
                       {"opacity", many ? 1.0 : 0.7}}},
                     {"encoding", {{"x", x}, {"y", y}, {"tooltip", {tip}}, {"color", colour_channel(look, colours)}}}};
  if (!many) dots["params"] = {bj::object{{"name", "view"}, {"select", "interval"}, {"bind", "scales"}}};
  layers.push_back(std::move(dots));
  for (bool halo : {true, false}) {  // white behind the letters
    if (halo && !many) continue;
    bj::object mark = {
        {"type", "text"}, {"fontSize", 10}, {"align", "left"}, {"dx", 5}, {"font", bj::string(names_font)}};
    if (halo) mark["stroke"] = "white", mark["strokeWidth"] = 3;
    layers.push_back(bj::object{{"data", {{"values", names}}},
                                {"mark", std::move(mark)},
                                {"encoding", {{"x", x}, {"y", y}, {"text", {{"field", "label"}}}}}});
  }
  if (added > 0) {
    bj::array rows;
    for (std::size_t i = n - added; i < n; ++i) rows.push_back(row_of(i));
    layers.push_back(bj::object{{"data", {{"values", rows}}},
                                {"mark", {{"type", "point"}, {"size", 90}, {"strokeWidth", 2}, {"color", "#000000"}}},
                                {"encoding", {{"x", x}, {"y", y}, {"tooltip", {tip}}}}});
  }
  std::string subtitle =
      fmt::format("{} tokens; points that are near each other have similar vectors, the axes have no meaning{}", n,
                  many ? "" : "; drag to move, scroll to zoom");
  if (added > 0) subtitle += fmt::format("; {} added to the finished map (rings)", added);
  if (!look.note.empty()) subtitle += "\n" + look.note;
  return finish("map", std::string(title), subtitle,
                {{"width", width}, {"height", height}, {"layer", std::move(layers)}});
}

}  // namespace embscope
