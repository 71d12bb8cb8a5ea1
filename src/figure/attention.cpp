// Attention patterns as small multiples: one mark per cell for short texts, pixels for longer ones.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "figure/raster.h"
#include "figure/spec.h"

namespace embscope {
namespace {

constexpr std::int64_t most_labelled = 64, most_pixels = 640;  // twice the points of a facet
constexpr int most_across = 1500;
constexpr const char* unseen = "#eceff3";  // keys after the query

// Along the square root, so that faint attention stays visible: blue is 1/4.
Rgb shade(float share) { return sequential(std::sqrt(static_cast<double>(share))); }

// As close to a square as a full last row allows: an axis is drawn below every column.
int columns_for(int facets) {
  const int side = static_cast<int>(std::ceil(std::sqrt(facets)));
  for (int columns = side; columns <= std::min(facets, side + 2); ++columns) {
    if (facets % columns == 0) return columns;
  }
  return side;
}

// One head's pattern [T, T]; a thin line must not vanish, so a pixel is the largest of its cells.
std::string picture(const float* pattern, std::int64_t length) {
  const std::int64_t side = std::min(length, most_pixels);
  const auto edge = [&](std::int64_t pixel) { return pixel * length / side; };
  std::vector<std::uint8_t> rgb;
  for (std::int64_t y = 0; y < side; ++y) {
    for (std::int64_t x = 0; x < side; ++x) {
      float most = 0;
      for (std::int64_t t = edge(y); t < edge(y + 1); ++t)
        most = std::max(most, *std::max_element(pattern + t * length + edge(x), pattern + t * length + edge(x + 1)));
      const Rgb c = x > y ? Rgb{0xec, 0xef, 0xf3} : shade(most);
      rgb.insert(rgb.end(), {c.r, c.g, c.b});
    }
  }
  return "data:image/png;base64," + base64(encode_png(rgb, static_cast<int>(side), static_cast<int>(side)));
}

bj::array cells_of(const Tensor& patterns, std::span<const int> heads, std::span<const std::string> labels) {
  const auto length = static_cast<std::int64_t>(labels.size());
  bj::array rows;
  for (std::size_t h = 0; h < heads.size(); ++h) {
    for (std::int64_t q = 0; q < length; ++q) {
      const float* p = patterns.data() + (static_cast<std::int64_t>(h) * length + q) * length;
      for (std::int64_t k = 0; k <= q; ++k)
        rows.push_back(bj::object{{"head", fmt::format("head {}", heads[h])},
                                  {"query", fmt::format("{} {}", q, labels[static_cast<std::size_t>(q)])},
                                  {"key", fmt::format("{} {}", k, labels[static_cast<std::size_t>(k)])},
                                  {"share", p[k]}});
    }
  }
  return rows;
}

bj::object labelled(int side, bool every_label) {
  bj::object x = text_field("key", "key"), y = text_field("query", "query");
  for (bj::object* axis : {&x, &y}) {
    (*axis)["sort"] = nullptr;
    (*axis)["axis"] = {{"labelOverlap", !every_label}, {"labelLimit", 90}, {"labelFontSize", 10}, {"title", nullptr}};
  }
  x["axis"].as_object()["labelAngle"] = -90;
  bj::object colour = number_field("share", "share");
  colour["scale"] = sequential_scale("sqrt", {0, 0.25, 1});
  colour["legend"] = nullptr;
  bj::array tooltip = {text_field("head", "head"), text_field("query", "query"), text_field("key", "key"),
                       number_field("share", "share")};
  return {{"width", side},
          {"height", side},
          {"view", {{"fill", unseen}}},
          {"mark", "rect"},
          {"encoding",
           {{"x", std::move(x)}, {"y", std::move(y)}, {"color", std::move(colour)}, {"tooltip", std::move(tooltip)}}}};
}

bj::object pixels(int side, std::int64_t length) {
  bj::object x = number_field("zero", "key"), y = number_field("zero", "query");
  x["scale"] = {{"domain", {0, length}}, {"nice", false}};
  y["scale"] = {{"domain", {length, 0}}, {"nice", false}};
  for (bj::object* axis : {&x, &y}) (*axis)["axis"] = {{"grid", false}, {"tickCount", 5}};
  return {{"width", side},
          {"height", side},
          {"mark",
           {{"type", "image"},
            {"width", side},
            {"height", side},
            {"align", "left"},
            {"baseline", "top"},
            {"aspect", false},
            {"smooth", false}}},
          {"encoding", {{"x", std::move(x)}, {"y", std::move(y)}, {"url", {{"field", "url"}, {"type", "nominal"}}}}}};
}

}  // namespace

Figure figure_attention(const Tensor& patterns, std::span<const int> heads, int block,
                        std::span<const std::string> labels) {
  const auto length = static_cast<std::int64_t>(labels.size());
  const int columns = columns_for(static_cast<int>(heads.size()));
  const bool few = length <= most_labelled;
  const int wanted = few ? std::clamp(static_cast<int>(length) * 12, 180, 400) : 320;
  const int side = std::max(140, std::min(wanted, most_across / columns));
  bj::array rows;
  if (few) {
    rows = cells_of(patterns, heads, labels);
  } else {
    for (std::size_t h = 0; h < heads.size(); ++h)
      rows.push_back(
          bj::object{{"head", fmt::format("head {}", heads[h])},
                     {"zero", 0},
                     {"url", picture(patterns.data() + static_cast<std::int64_t>(h) * length * length, length)}});
  }
  std::string subtitle =
      "rows: the token that attends; columns: the token it attends to; the stronger the colour, the larger the share";
  if (length > most_pixels) subtitle += "; a pixel is the largest of the cells it covers";
  bj::object head = {{"field", "head"}, {"type", "nominal"}, {"sort", nullptr}, {"title", nullptr}};
  head["header"] = {{"labelFontSize", 12}, {"labelPadding", 4}};
  bj::object body = {{"data", {{"values", std::move(rows)}}},
                     {"facet", std::move(head)},
                     {"columns", columns},
                     {"spacing", 18},
                     {"spec", few ? labelled(side, side / length >= 11) : pixels(side, length)}};
  // a last row that is not full would leave the axes of its neighbours below an empty place
  if (static_cast<int>(heads.size()) % columns != 0) body["resolve"] = {{"axis", {{"x", "independent"}}}};
  return finish("attention", fmt::format("Attention patterns of block {}", block), subtitle, std::move(body));
}

}  // namespace embscope
