#include "embscope/vocabulary/growth.h"

#include <cmath>

#include <gtest/gtest.h>

#include "embscope/base/error.h"
#include "embscope/files/archive.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;

/// A run's folder made by hand: tiny-gpt2 as its model, two snapshots whose figures are known.
class Grown {
 public:
  Grown() {
    tiny::copy_reference("tiny-gpt2", folder_.path());
    tiny::write_tokenizer(folder_.path());
    fs::create_directories(folder_.path() / "training/snapshots");
    const auto config = Model::open(path().string())->config();
    vocab_ = config.vocab, width_ = config.width;
  }
  const fs::path& path() const { return folder_.path(); }
  std::int64_t vocab() const { return vocab_; }
  std::int64_t width() const { return width_; }

  /// Rows of tokens 0..5 are given by their first two numbers; the others are zero.
  void snapshot(int step, const std::vector<std::pair<float, float>>& rows) {
    Tensor wte({vocab_, width_});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      wte.row(static_cast<std::int64_t>(i))[0] = rows[i].first;
      wte.row(static_cast<std::int64_t>(i))[1] = rows[i].second;
    }
    const std::vector<NamedArray> arrays = {{"wte", wte.shape(), std::span<const float>(wte.values())}};
    write_arrays(path() / "training/snapshots" / fmt::format("step-{:08}.safetensors", step), arrays);
  }
  void frequencies(const std::vector<float>& counts) {
    std::vector<float> all(counts);
    all.resize(static_cast<std::size_t>(vocab_));
    const std::vector<NamedArray> arrays = {{"frequency", {vocab_}, std::span<const float>(all)}};
    write_arrays(path() / "training/frequency.safetensors", arrays);
  }

 private:
  tiny::Folder folder_;
  std::int64_t vocab_ = 0, width_ = 0;
};

TEST(Growth, measures_the_tokens_that_occur_at_each_snapshot) {
  Grown run;
  run.frequencies({100, 50, 25, 12, 6});  // token 5 never occurs: its vector counts nowhere
  run.snapshot(0, {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 0}, {9, 9}});
  run.snapshot(20, {{3, 4}, {3, 4}, {3, 4}, {3, 4}, {3, 4.1f}, {9, 9}});
  GrowthRequest request;
  request.run = run.path(), request.method = "pca", request.words = {"a"}, request.neighbours = 1;
  const Growth found = growth(request);
  EXPECT_EQ(found.shape.column("step").numbers(), (std::vector<double>{0, 20}));
  EXPECT_NEAR(found.shape.column("norm").numbers()[0], 1, 1e-6);
  EXPECT_NEAR(found.shape.column("norm").numbers()[1], 5.016, 1e-3);
  // of ten pairs at first three are opposite (-1), one equal (+1), the others at right angles
  EXPECT_NEAR(found.shape.column("mean cosine").numbers()[0], -0.2, 1e-6);
  EXPECT_NEAR(found.shape.column("positive share").numbers()[0], 0.1, 1e-6);
  EXPECT_NEAR(found.shape.column("positive share").numbers()[1], 1, 1e-6);
  EXPECT_LT(found.shape.column("frequency and norm").numbers()[1], -0.5);  // the rarest is the longest
  EXPECT_EQ(found.neighbours.column("word").texts(), (std::vector<std::string>{"a", "a"}));
  EXPECT_EQ(found.neighbours.column("neighbours").texts()[0], "e 1.00");
  EXPECT_EQ(found.frequency.column("count").numbers(), (std::vector<double>{100, 50, 25, 12, 6}));
  EXPECT_EQ(found.map.rows(), 10u);
}

TEST(Growth, alignment_undoes_turns_and_mirrors) {
  Tensor points({5, 2});
  for (std::int64_t i = 0; i < 5; ++i)
    points.row(i)[0] = static_cast<float>(std::sin(3 * i)), points.row(i)[1] = static_cast<float>(i * i) / 7;
  for (const bool mirror : {false, true}) {
    Tensor moved = points.clone();
    for (std::int64_t i = 0; i < 5; ++i) {
      const float x = points.row(i)[0], y = (mirror ? -1 : 1) * points.row(i)[1];
      moved.row(i)[0] = 0.6f * x - 0.8f * y + 10, moved.row(i)[1] = 0.8f * x + 0.6f * y - 4;
    }
    const Tensor back = aligned(moved, points);
    for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(back.values()[i], points.values()[i], 1e-5) << mirror;
  }
}

TEST(Growth, refuses_what_is_no_run) {
  Grown run;
  GrowthRequest request;
  request.run = run.path();
  EXPECT_THROW(growth(request), Error);  // no snapshots
  run.snapshot(0, {{1, 0}});
  EXPECT_THROW(growth(request), Error);  // no frequencies
  run.frequencies({1, 2});
  EXPECT_THROW(growth(request), Error);  // two tokens make no map
  request.method = "umap";
  EXPECT_THROW(growth(request), Error);
}

}  // namespace
}  // namespace embscope
