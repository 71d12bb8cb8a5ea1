#include "figure/raster.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <png.h>

#include "base/threads.h"

namespace embscope {
namespace {

void append(png_structp png, png_bytep data, png_size_t size) {
  auto* out = static_cast<std::vector<std::uint8_t>*>(png_get_io_ptr(png));
  out->insert(out->end(), data, data + size);
}

}  // namespace

// The 99th percentile of |value| over every 7th token: enough to be robust, cheap enough to be immediate.
double robust_range(const Model& model) {
  const std::int64_t vocab = model.config().vocab, width = model.config().width;
  std::vector<float> sizes, row(static_cast<std::size_t>(width));
  for (std::int64_t id = 0; id < vocab; id += std::max<std::int64_t>(1, std::min<std::int64_t>(7, vocab / 64))) {
    model.weights().wte.row(id, row.data());
    for (float x : row) sizes.push_back(std::abs(x));
  }
  const auto place = sizes.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(sizes.size() - 1) * 0.99);
  std::nth_element(sizes.begin(), place, sizes.end());
  return *place > 0 ? static_cast<double>(*place) : 1;
}

std::vector<std::uint8_t> encode_png(const std::vector<std::uint8_t>& rgb, int width, int height) {
  std::vector<std::uint8_t> out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  if (info == nullptr || setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_write_struct(&png, &info);
    throw Error(Code::io, "png", "the picture could not be encoded");
  }
  png_set_write_fn(png, &out, append, nullptr);
  png_set_compression_level(png, 3);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8, PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int y = 0; y < height; ++y)
    png_write_row(png, rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width) * 3);
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

Rgb diverging(double value) {
  const double v = std::clamp(value, -1.0, 1.0), size = std::abs(v);
  const auto blend = [size](int full) { return static_cast<std::uint8_t>(std::lround(255 + (full - 255) * size)); };
  return v >= 0 ? Rgb{blend(178), blend(24), blend(43)} : Rgb{blend(33), blend(102), blend(172)};
}

Rgb sequential(double value) {
  const double at = 2 * std::clamp(value, 0.0, 1.0), part = at < 1 ? at : at - 1;
  const Rgb a = sequential_stops[at < 1 ? 0 : 1], b = sequential_stops[at < 1 ? 1 : 2];
  const auto blend = [part](int from, int to) {
    return static_cast<std::uint8_t>(std::lround(from + (to - from) * part));
  };
  return {blend(a.r, b.r), blend(a.g, b.g), blend(a.b, b.b)};
}

Heatmap heatmap(const Model& model, int pixels_across) {
  const std::int64_t vocab = model.config().vocab, width = model.config().width;
  const std::int64_t across = std::clamp<std::int64_t>(pixels_across, 1, vocab),
                     down = std::min<std::int64_t>(width, 768);
  Heatmap map;
  map.range = robust_range(model);
  map.tokens_per_pixel = static_cast<double>(vocab) / static_cast<double>(across);
  map.dimensions_per_pixel = static_cast<double>(width) / static_cast<double>(down);
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(across * down * 3));
  parallel_for(across, 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(static_cast<std::size_t>(width));
    std::vector<double> sums(static_cast<std::size_t>(width));
    for (std::int64_t px = begin; px < end; ++px) {
      const std::int64_t first = px * vocab / across, last = (px + 1) * vocab / across;
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t id = first; id < last; ++id) {
        model.weights().wte.row(id, row.data());
        for (std::size_t d = 0; d < row.size(); ++d) sums[d] += static_cast<double>(row[d]);
      }
      for (std::int64_t py = 0; py < down; ++py) {
        const std::int64_t top = py * width / down, bottom = (py + 1) * width / down;
        double sum = 0;
        for (std::int64_t d = top; d < bottom; ++d) sum += sums[static_cast<std::size_t>(d)];
        const Rgb colour = diverging(sum / static_cast<double>((last - first) * (bottom - top)) / map.range);
        std::memcpy(rgb.data() + (py * across + px) * 3, &colour, 3);
      }
    }
  });
  map.png = encode_png(rgb, static_cast<int>(across), static_cast<int>(down));
  return map;
}

}  // namespace embscope
