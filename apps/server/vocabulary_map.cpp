#include "vocabulary_map.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "embscope/files/archive.h"
#include "embscope/project/map.h"
#include "embscope/space/space.h"

namespace embscope::server {
namespace {

namespace fs = std::filesystem;

// FNV-1a over the vectors, 64 bits at a time: a different matrix has a different map, whatever the name of its file.
std::uint64_t fingerprint(const Tensor& vectors, const MapOptions& options) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&](std::uint64_t word) { hash = (hash ^ word) * 0x100000001b3, hash ^= hash >> 29; };
  for (std::uint64_t word :
       {static_cast<std::uint64_t>(vectors.rows()), static_cast<std::uint64_t>(vectors.columns()),
        std::bit_cast<std::uint64_t>(options.perplexity), static_cast<std::uint64_t>(options.steps), options.seed})
    mix(word);
  for (float value : vectors.values()) mix(std::bit_cast<std::uint32_t>(value));
  return hash;
}

// The rows that have a direction: t-SNE compares directions.
std::vector<std::int64_t> directed(const Tensor& vectors) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < vectors.rows(); ++i) {
    if (std::ranges::any_of(vectors.row(i), [](float v) { return v != 0; })) rows.push_back(i);
  }
  return rows;
}

Tensor rows_of(const Tensor& vectors, const std::vector<std::int64_t>& rows) {
  Tensor out = Tensor::uninitialised({static_cast<std::int64_t>(rows.size()), vectors.columns()});
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::ranges::copy(vectors.row(rows[i]), out.row(static_cast<std::int64_t>(i)).begin());
  return out;
}

// The positions of all tokens, from the positions of some; the others are not-a-number.
Tensor spread(const Tensor& points, const std::vector<std::int64_t>& rows, std::int64_t tokens) {
  Tensor out = Tensor::uninitialised({tokens, 2});
  std::ranges::fill(out.values(), NAN);
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::ranges::copy(points.row(static_cast<std::int64_t>(i)), out.row(rows[i]).begin());
  return out;
}

// The cached map of these vectors; nothing if there is none or the file is not such a map.
Tensor kept(const fs::path& file, std::int64_t tokens) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return {};
  try {
    const auto archive = Archive::open(file);
    if (archive->tensors().size() != 1) return {};
    const View& view = archive->tensors()[0].view;
    if (view.shape.rank() != 2 || view.rows() != tokens || view.columns() != 2) return {};
    Tensor points = Tensor::uninitialised({tokens, 2});
    decode_rows(view, 0, tokens, points.data());
    for (float value : points.values()) {
      if (std::isinf(value)) return {};
    }
    return points;
  } catch (const Error&) { return {}; }
}

}  // namespace

VocabularyMap::VocabularyMap(std::shared_ptr<const Model> model)
    : model_(std::move(model)), thread_([this] { make(); }) {}

VocabularyMap::~VocabularyMap() {
  cancelled_ = true;
  thread_.join();
}

VocabularyMap::Status VocabularyMap::status() const {
  const std::lock_guard lock(mutex_);
  Status status = status_;
  if (status.state == State::computing) status.seconds_left = left_.seconds();
  return status;
}

std::string VocabularyMap::points(std::int64_t& version) const {
  const std::lock_guard lock(mutex_);
  version = status_.version;
  return points_;
}

void VocabularyMap::make() {
  try {
    compute(cache_folder() / "maps");
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    status_.state = State::failed;
    status_.error = cancelled_ ? "cancelled" : error.what();
  }
}

void VocabularyMap::compute(const fs::path& folder) {
  report(0, "reading the vectors");
  const Space space = space_of(model_);
  const std::vector<std::int64_t> rows = directed(space.vectors);
  MapOptions options;
  options.steps = 750;  // part of the name under which a map is kept
  options.perplexity = std::min(options.perplexity, static_cast<double>(rows.size() - 1) / 3);
  const fs::path file = folder / fmt::format("tsne-{:016x}.npy", fingerprint(space.vectors, options));
  Tensor points = kept(file, space.size());
  const bool from_cache = !points.empty();
  if (!from_cache) {
    report(0, "principal components");
    const Tensor vectors = rows_of(space.vectors, rows);
    const auto show = [&](const Tensor& some) { publish(spread(some, rows, space.size())); };
    int told = 0;
    const auto moved = [&](const Tensor& some) {
      if (told++ % 10 == 0) show(some);
    };
    const Progress progress = [this](double fraction, std::string_view what) { return report(fraction, what); };
    points = spread(make_map(vectors, options, moved, progress).points, rows, space.size());
  }
  publish(points);
  std::string note;
  if (!from_cache) {
    try {
      make_folder(folder);
      const std::vector<NamedArray> arrays = {{"points", points.shape(), points.values()}};
      write_arrays(file, arrays);
    } catch (const std::exception& error) {
      note = fmt::format("the map is not kept for the next start: {}", error.what());
    }
  }
  const std::lock_guard lock(mutex_);
  status_.state = State::ready, status_.fraction = 1, status_.what = "done";
  status_.from_cache = from_cache, status_.note = std::move(note);
}

bool VocabularyMap::report(double fraction, std::string_view what) {
  const std::lock_guard lock(mutex_);
  status_.fraction = fraction;
  left_.reached(fraction);
  status_.what = what;
  return !cancelled_;
}

void VocabularyMap::publish(const Tensor& points) {
  const std::lock_guard lock(mutex_);
  points_.assign(reinterpret_cast<const char*>(points.data()), static_cast<std::size_t>(points.size()) * sizeof(float));
  ++status_.version;
}

}  // namespace embscope::server
