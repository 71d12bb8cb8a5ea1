#include "embscope/figure/matrix_tiles.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/threads.h"
#include "figure/raster.h"

namespace embscope {
namespace {

constexpr std::int64_t kept_values = 8 << 20;    // of a pyramid's lowest level; all above it are as many again
constexpr std::int64_t sample_values = 4 << 20;  // of the tokens that the principal component is found from
constexpr std::int64_t readable_height = 512;
constexpr std::int64_t chunk = 256;  // tokens; sums are added chunk by chunk, so threads do not change them
constexpr std::uint8_t beyond = 232;

/// Statistics of every token and dimension.
struct Statistics {
  std::vector<double> token_mean, token_norm, token_score;             // [V]
  std::vector<double> dimension_mean, dimension_deviation, direction;  // [D]
};

/// Means over 2^level tokens in one order, from the lowest level that fits in memory upwards: [pixels, D] each.
struct Pyramid {
  int lowest = 0;
  std::vector<std::vector<float>> levels;
};

using Order = std::vector<std::int32_t>;

Order rising(const std::vector<double>& by) {
  Order order(by.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::int32_t a, std::int32_t b) {
    return by[static_cast<std::size_t>(a)] < by[static_cast<std::size_t>(b)];
  });
  return order;
}

Order by_id(std::int64_t count) {
  Order order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::size_t index_of(std::string_view order, const std::vector<std::string>& known, const char* what) {
  const auto at = std::ranges::find(known, order);
  if (at == known.end())
    throw Error(Code::not_found, fmt::format("order of {} '{}'", what, order),
                fmt::format("there are: {}", fmt::join(known, ", ")));
  return static_cast<std::size_t>(at - known.begin());
}

// The direction in which the tokens differ most, by power iteration on a sample of every n-th token.
std::vector<double> first_component(const Model& model, const std::vector<double>& mean) {
  const std::int64_t vocab = model.config().vocab, width = model.config().width;
  const std::int64_t rows = std::clamp<std::int64_t>(sample_values / width, std::min<std::int64_t>(vocab, 2), vocab);
  std::vector<float> sample(static_cast<std::size_t>(rows * width));
  for (std::int64_t i = 0; i < rows; ++i) model.weights().wte.row(i * vocab / rows, sample.data() + i * width);
  std::vector<double> direction(static_cast<std::size_t>(width));
  for (std::size_t d = 0; d < direction.size(); ++d) direction[d] = 1 + 0.001 * static_cast<double>(d % 7);
  constexpr int rounds = 30;
  for (int round = 0; round < rounds; ++round) {
    const std::int64_t chunks = (rows + chunk - 1) / chunk;
    std::vector<std::vector<double>> sums(static_cast<std::size_t>(chunks));
    parallel_for(rows, chunk, [&](std::int64_t begin, std::int64_t end) {
      std::vector<double> sum(direction.size());
      for (std::int64_t i = begin; i < end; ++i) {
        const float* x = sample.data() + i * width;
        double score = 0;
        for (std::size_t d = 0; d < sum.size(); ++d) score += (static_cast<double>(x[d]) - mean[d]) * direction[d];
        for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += score * (static_cast<double>(x[d]) - mean[d]);
      }
      sums[static_cast<std::size_t>(begin / chunk)] = std::move(sum);
    });
    std::vector<double> next(direction.size());
    for (const auto& sum : sums) {
      for (std::size_t d = 0; d < next.size(); ++d) next[d] += sum[d];
    }
    double length = 0;
    for (double x : next) length += x * x;
    if (!(length > 0)) break;  // all tokens are equal: any direction is correct
    for (std::size_t d = 0; d < next.size(); ++d) direction[d] = next[d] / std::sqrt(length);
  }
  return direction;
}

// Per token mean and norm, per dimension mean and deviation, in one reading of the matrix.
Statistics moments(const Model& model) {
  const std::int64_t vocab = model.config().vocab, width = model.config().width;
  const auto columns = static_cast<std::size_t>(width), tokens = static_cast<std::size_t>(vocab);
  Statistics s;
  s.token_mean.resize(tokens), s.token_norm.resize(tokens);
  struct Sums {
    std::vector<double> x, xx;
  };
  std::vector<Sums> sums(static_cast<std::size_t>((vocab + chunk - 1) / chunk));
  parallel_for(vocab, chunk, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(columns);
    Sums own{std::vector<double>(columns), std::vector<double>(columns)};
    for (std::int64_t id = begin; id < end; ++id) {
      model.weights().wte.row(id, row.data());
      double sum = 0, squares = 0;
      for (std::size_t d = 0; d < columns; ++d) {
        const auto x = static_cast<double>(row[d]);
        sum += x, squares += x * x, own.x[d] += x, own.xx[d] += x * x;
      }
      s.token_mean[static_cast<std::size_t>(id)] = sum / static_cast<double>(width);
      s.token_norm[static_cast<std::size_t>(id)] = std::sqrt(squares);
    }
    sums[static_cast<std::size_t>(begin / chunk)] = std::move(own);
  });
  s.dimension_mean.resize(columns), s.dimension_deviation.resize(columns);
  for (const Sums& part : sums) {
    for (std::size_t d = 0; d < columns; ++d) s.dimension_mean[d] += part.x[d], s.dimension_deviation[d] += part.xx[d];
  }
  const auto n = static_cast<double>(vocab);
  for (std::size_t d = 0; d < columns; ++d) {
    s.dimension_mean[d] /= n;
    s.dimension_deviation[d] =
        std::sqrt(std::max(0.0, s.dimension_deviation[d] / n - s.dimension_mean[d] * s.dimension_mean[d]));
  }
  return s;
}

Statistics statistics(const Model& model) {
  Statistics s = moments(model);
  s.direction = first_component(model, s.dimension_mean);
  s.token_score.resize(s.token_mean.size());
  parallel_for(model.config().vocab, chunk, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(s.direction.size());
    for (std::int64_t id = begin; id < end; ++id) {
      model.weights().wte.row(id, row.data());
      double score = 0;
      for (std::size_t d = 0; d < row.size(); ++d)
        score += (static_cast<double>(row[d]) - s.dimension_mean[d]) * s.direction[d];
      s.token_score[static_cast<std::size_t>(id)] = score;
    }
  });
  return s;
}

// Means over `span` tokens of the order for pixels [first, first + count): [count, D].
std::vector<float> means(const Model& model, const Order& order, std::int64_t span, std::int64_t first,
                         std::int64_t count) {
  const std::int64_t width = model.config().width;
  std::vector<float> out(static_cast<std::size_t>(count * width));
  parallel_for(count, std::max<std::int64_t>(1, 64 / span), [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(static_cast<std::size_t>(width));
    std::vector<double> sum(row.size());
    for (std::int64_t px = begin; px < end; ++px) {
      const std::int64_t from = (first + px) * span, to = std::min(from + span, model.config().vocab);
      std::ranges::fill(sum, 0.0);
      for (std::int64_t i = from; i < to; ++i) {
        model.weights().wte.row(order[static_cast<std::size_t>(i)], row.data());
        for (std::size_t d = 0; d < row.size(); ++d) sum[d] += static_cast<double>(row[d]);
      }
      for (std::size_t d = 0; d < row.size(); ++d)
        out[static_cast<std::size_t>(px * width) + d] = static_cast<float>(sum[d] / static_cast<double>(to - from));
    }
  });
  return out;
}

// The level above: pairs of pixels, each weighted by the tokens it covers (the last may cover fewer).
std::vector<float> halved(const std::vector<float>& below, std::int64_t width, std::int64_t span, std::int64_t vocab) {
  const std::int64_t count = static_cast<std::int64_t>(below.size()) / width;
  std::vector<float> out(static_cast<std::size_t>((count + 1) / 2 * width));
  const auto covered = [&](std::int64_t px) {
    return static_cast<double>(std::clamp<std::int64_t>(vocab - px * span, 0, span));
  };
  for (std::int64_t px = 0; px < (count + 1) / 2; ++px) {
    const double left = covered(2 * px), right = covered(2 * px + 1);
    for (std::int64_t d = 0; d < width; ++d) {
      const double a = static_cast<double>(below[static_cast<std::size_t>(2 * px * width + d)]);
      const double b = right > 0 ? static_cast<double>(below[static_cast<std::size_t>((2 * px + 1) * width + d)]) : 0;
      out[static_cast<std::size_t>(px * width + d)] = static_cast<float>((a * left + b * right) / (left + right));
    }
  }
  return out;
}

std::vector<MatrixTiles::Level> levels_of(std::int64_t vocab, std::int64_t width) {
  std::vector<MatrixTiles::Level> levels;
  for (std::int64_t tokens = 1, dimensions = 1;; tokens *= 2) {
    levels.push_back({tokens, dimensions, (vocab + tokens - 1) / tokens, (width + dimensions - 1) / dimensions});
    if (levels.back().width <= MatrixTiles::tile && levels.back().height <= 2 * readable_height) return levels;
    if (levels.back().height > readable_height && width / (2 * dimensions) >= readable_height) dimensions *= 2;
    if (tokens > vocab) return levels;
  }
}

}  // namespace

struct MatrixTiles::Parts {
  std::shared_ptr<const Model> model;
  double range = 1;
  std::mutex mutex;  // of all below
  std::optional<Statistics> known;
  Order token_order[4], dimension_order[4];
  std::optional<Pyramid> pyramid[4];

  const Statistics& statistics() {
    if (!known) known = embscope::statistics(*model);
    return *known;
  }
  const Order& tokens(std::size_t which) {
    Order& order = token_order[which];
    if (!order.empty()) return order;
    if (which == 0) return order = by_id(model->config().vocab);
    const Statistics& s = statistics();
    return order = rising(which == 1 ? s.token_mean : which == 2 ? s.token_norm : s.token_score);
  }
  const Order& dimensions(std::size_t which) {
    Order& order = dimension_order[which];
    if (!order.empty()) return order;
    if (which == 0) return order = by_id(model->config().width);
    const Statistics& s = statistics();
    return order = rising(which == 1 ? s.dimension_mean : which == 2 ? s.dimension_deviation : s.direction);
  }
  const Pyramid& pyramid_of(std::size_t which, std::size_t levels) {
    std::optional<Pyramid>& p = pyramid[which];
    if (p) return *p;
    const std::int64_t vocab = model->config().vocab, width = model->config().width;
    Pyramid made;
    constexpr int cheap = 4;  // levels below are drawn from the matrix itself: 4,096 rows for a tile
    std::int64_t span = 1;    // tokens of a pixel
    for (; made.lowest + 1 < static_cast<int>(levels) && (made.lowest < cheap || vocab / span * width > kept_values);
         span *= 2)
      ++made.lowest;
    made.levels.push_back(means(*model, tokens(which), span, 0, (vocab + span - 1) / span));
    for (std::size_t l = static_cast<std::size_t>(made.lowest) + 1; l < levels; ++l, span *= 2)
      made.levels.push_back(halved(made.levels.back(), width, span, vocab));
    p = std::move(made);
    return *p;
  }
};

MatrixTiles::MatrixTiles(std::shared_ptr<const Model> model)
    : levels_(levels_of(model->config().vocab, model->config().width)), parts_(std::make_unique<Parts>()) {
  parts_->range = robust_range(*model);
  parts_->model = std::move(model);
}

MatrixTiles::~MatrixTiles() = default;

double MatrixTiles::range() const { return parts_->range; }

const std::vector<std::string>& MatrixTiles::token_orders() {
  static const std::vector<std::string> names = {"id", "mean", "norm", "cluster"};
  return names;
}

const std::vector<std::string>& MatrixTiles::dimension_orders() {
  static const std::vector<std::string> names = {"id", "mean", "deviation", "cluster"};
  return names;
}

std::vector<std::uint8_t> MatrixTiles::png(int level, std::int64_t x, std::int64_t y, std::string_view token_order,
                                           std::string_view dimension_order) {
  const std::size_t t = index_of(token_order, token_orders(), "tokens");
  const std::size_t d = index_of(dimension_order, dimension_orders(), "dimensions");
  if (level < 0 || level >= static_cast<int>(levels_.size()))
    throw Error(Code::range, fmt::format("level {}", level), fmt::format("there are 0..{}", levels_.size() - 1));
  const Level& l = levels_[static_cast<std::size_t>(level)];
  const std::int64_t columns = (l.width + tile - 1) / tile, rows = (l.height + tile - 1) / tile;
  if (x < 0 || y < 0 || x >= columns || y >= rows)
    throw Error(Code::range, fmt::format("tile {}/{}", x, y),
                fmt::format("level {} has {} x {} tiles", level, columns, rows));
  const std::int64_t first = x * tile, count = std::min<std::int64_t>(tile, l.width - first);
  const std::int64_t width = parts_->model->config().width;
  const Order* tokens = nullptr;
  const Order* dimensions = nullptr;
  const float* values = nullptr;
  {
    const std::lock_guard lock(parts_->mutex);  // what is found under it stays where it is
    tokens = &parts_->tokens(t), dimensions = &parts_->dimensions(d);
    constexpr int from_matrix = 4;
    if (level >= from_matrix) {
      const Pyramid& p = parts_->pyramid_of(t, levels_.size());
      if (level >= p.lowest) values = p.levels[static_cast<std::size_t>(level - p.lowest)].data() + first * width;
    }
  }
  std::vector<float> fresh;
  if (values == nullptr) {
    fresh = means(*parts_->model, *tokens, l.tokens_per_pixel, first, count);
    values = fresh.data();
  }
  std::vector<std::uint8_t> rgb(std::size_t{3} * tile * tile, beyond);
  for (std::int64_t py = 0; py < std::min<std::int64_t>(tile, l.height - y * tile); ++py) {
    const std::int64_t from = (y * tile + py) * l.dimensions_per_pixel,
                       to = std::min(from + l.dimensions_per_pixel, width);
    for (std::int64_t px = 0; px < count; ++px) {
      double sum = 0;
      for (std::int64_t i = from; i < to; ++i)
        sum += static_cast<double>(values[px * width + (*dimensions)[static_cast<std::size_t>(i)]]);
      const Rgb colour = diverging(sum / static_cast<double>(to - from) / parts_->range);
      std::uint8_t* at = rgb.data() + 3 * (py * tile + px);
      at[0] = colour.r, at[1] = colour.g, at[2] = colour.b;
    }
  }
  return encode_png(rgb, tile, tile);
}

MatrixTiles::Cell MatrixTiles::cell(std::int64_t x, std::int64_t y, std::string_view token_order,
                                    std::string_view dimension_order) {
  const std::size_t t = index_of(token_order, token_orders(), "tokens");
  const std::size_t d = index_of(dimension_order, dimension_orders(), "dimensions");
  const std::int64_t vocab = parts_->model->config().vocab, width = parts_->model->config().width;
  if (x < 0 || x >= vocab || y < 0 || y >= width)
    throw Error(Code::range, fmt::format("cell {}, {}", x, y), fmt::format("the matrix has {} x {}", vocab, width));
  const std::lock_guard lock(parts_->mutex);
  Cell cell;
  cell.token = parts_->tokens(t)[static_cast<std::size_t>(x)];
  cell.dimension = parts_->dimensions(d)[static_cast<std::size_t>(y)];
  const auto token = static_cast<std::size_t>(cell.token), dimension = static_cast<std::size_t>(cell.dimension);
  cell.value = static_cast<double>(parts_->model->embedding(cell.token).values()[dimension]);
  const Statistics& s = parts_->statistics();
  cell.token_mean = s.token_mean[token], cell.token_norm = s.token_norm[token];
  cell.dimension_mean = s.dimension_mean[dimension], cell.dimension_deviation = s.dimension_deviation[dimension];
  return cell;
}

Table MatrixTiles::values(const Area& a, std::string_view token_order, std::string_view dimension_order) {
  const std::size_t t = index_of(token_order, token_orders(), "tokens");
  const std::size_t d = index_of(dimension_order, dimension_orders(), "dimensions");
  const Model& model = *parts_->model;
  const std::int64_t vocab = model.config().vocab, width = model.config().width;
  const std::string where = fmt::format("tokens {}:{}, dimensions {}:{}", a.left, a.right, a.top, a.bottom);
  if (a.left < 0 || a.right <= a.left || a.right > vocab || a.top < 0 || a.bottom <= a.top || a.bottom > width)
    throw Error(Code::range, where, fmt::format("the matrix has {} x {}", vocab, width));
  const std::int64_t across = a.right - a.left, down = a.bottom - a.top;
  if (across > most_values / down)
    throw Error(Code::range, where,
                fmt::format("{} values: at most {} can be written, zoom in", across * down, most_values));
  const std::lock_guard lock(parts_->mutex);
  const Order &tokens = parts_->tokens(t), &dimensions = parts_->dimensions(d);
  std::vector<double> ids;
  std::vector<std::string> names;
  std::vector<std::vector<double>> columns(static_cast<std::size_t>(down));
  std::vector<float> row(static_cast<std::size_t>(width));
  for (std::int64_t x = a.left; x < a.right; ++x) {
    const TokenId token = tokens[static_cast<std::size_t>(x)];
    ids.push_back(token), names.push_back(model.label(token));
    model.weights().wte.row(token, row.data());
    for (std::int64_t y = a.top; y < a.bottom; ++y)
      columns[static_cast<std::size_t>(y - a.top)].push_back(
          static_cast<double>(row[static_cast<std::size_t>(dimensions[static_cast<std::size_t>(y)])]));
  }
  Table table("values of the embedding matrix");
  table.add("id", std::move(ids), whole).add("token", std::move(names));
  for (std::int64_t y = 0; y < down; ++y)
    table.add(fmt::format("d{}", dimensions[static_cast<std::size_t>(a.top + y)]),
              std::move(columns[static_cast<std::size_t>(y)]));
  return table;
}

}  // namespace embscope
