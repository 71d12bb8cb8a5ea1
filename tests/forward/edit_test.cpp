// What each edit does, where it does it, and which edits are refused before anything runs.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include <gmock/gmock.h>

#include "base/random.h"
#include "embscope/forward/transformer.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> ramp(std::int64_t n, float scale = 1) {
  std::vector<float> v;
  for (std::int64_t i = 0; i < n; ++i) v.push_back(scale * static_cast<float>(std::sin(static_cast<double>(i) + 1)));
  return v;
}

class Edits : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_ = tiny::open(GetParam());
    transformer_ = std::make_unique<Transformer>(model_);
  }
  const Config& config() const { return model_->config(); }

  Request request(std::vector<Edit> edits = {}) const {
    Request r;
    r.rows = {{5, 17, 3, 3, 88}, {9, 1, 77}};
    r.edits = std::move(edits);
    r.logits = LogitsAt::all;
    return r;
  }
  /// The values at a site of each row, after the edits.
  std::vector<Tensor> at(const Site& site, std::vector<Edit> edits) const {
    Request r = request(std::move(edits));
    r.capture = {site};
    Result result = transformer_->run(r);
    std::vector<Tensor> out;
    for (RowResult& row : result.rows) out.push_back(std::move(row.captured[0]));
    return out;
  }
  Edit edit(Site site, Change change, std::vector<float> vector = {}, float amount = 1) const {
    Edit e;
    e.site = site;
    e.change = change;
    e.vector = std::move(vector);
    e.amount = amount;
    return e;
  }

  void expect_refused(const Edit& e, Code code, const std::string& says) const {
    try {
      transformer_->run(request({e}));
      ADD_FAILURE() << says << ": accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(says));
    }
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Transformer> transformer_;
};

/// expected(x, i, v) for every value i of every position; x are the untouched values.
template <class F>
void expect_changed(const std::vector<Tensor>& found, const std::vector<Tensor>& untouched, float tolerance,
                    F&& expected) {
  for (std::size_t r = 0; r < found.size(); ++r) {
    ASSERT_EQ(found[r].shape(), untouched[r].shape());
    const std::int64_t positions = found[r].shape()[0], width = found[r].size() / positions;
    for (std::int64_t t = 0; t < positions; ++t) {
      const float *x = untouched[r].data() + t * width, *y = found[r].data() + t * width;
      for (std::int64_t i = 0; i < width; ++i)
        ASSERT_NEAR(y[i], expected(x, i, width), tolerance) << "row " << r << ", position " << t << ", value " << i;
    }
  }
}

const Site residual{Point::resid_post, 1};

TEST_P(Edits, set_writes_the_vector) {
  const auto v = ramp(config().width);
  expect_changed(at(residual, {edit(residual, Change::set, v)}), at(residual, {}), 0,
                 [&](const float*, std::int64_t i, std::int64_t) { return v[static_cast<std::size_t>(i)]; });
}

TEST_P(Edits, set_broadcasts_one_value) {
  expect_changed(at(residual, {edit(residual, Change::set, {0.25f})}), at(residual, {}), 0,
                 [](const float*, std::int64_t, std::int64_t) { return 0.25f; });
}

TEST_P(Edits, add_adds_so_much_of_the_vector) {
  const auto v = ramp(config().width);
  expect_changed(
      at(residual, {edit(residual, Change::add, v, -1.5f)}), at(residual, {}), 1e-6f,
      [&](const float* x, std::int64_t i, std::int64_t) { return x[i] - 1.5f * v[static_cast<std::size_t>(i)]; });
}

TEST_P(Edits, scale_multiplies) {
  expect_changed(at(residual, {edit(residual, Change::scale, {}, -2)}), at(residual, {}), 0,
                 [](const float* x, std::int64_t i, std::int64_t) { return -2 * x[i]; });
}

TEST_P(Edits, zero_leaves_nothing) {
  expect_changed(at(residual, {edit(residual, Change::zero)}), at(residual, {}), 0,
                 [](const float*, std::int64_t, std::int64_t) { return 0.0f; });
}

TEST_P(Edits, mix_goes_from_the_vector_to_what_was_there) {
  const auto v = ramp(config().width);
  const auto untouched = at(residual, {});
  for (float p : {0.0f, 0.3f, 1.0f, 1.5f}) {
    const float tolerance = p == 0 || p == 1 ? 0 : 1e-6f;  // the ends are exact
    expect_changed(at(residual, {edit(residual, Change::mix, v, p)}), untouched, tolerance,
                   [&](const float* x, std::int64_t i, std::int64_t) {
                     return p * x[i] + (1 - p) * v[static_cast<std::size_t>(i)];
                   });
  }
}

TEST_P(Edits, mix_with_1_leaves_every_logit_as_it_is) {
  const Result untouched = transformer_->run(request());
  for (const Site& site : {Site{Point::wte, -1}, residual, Site{Point::logits, -1}}) {
    const Result mixed = transformer_->run(request({edit(site, Change::mix, {-7}, 1)}));
    for (std::size_t r = 0; r < 2; ++r)
      EXPECT_TRUE(std::ranges::equal(mixed.rows[r].logits.values(), untouched.rows[r].logits.values())) << site.name();
  }
}

TEST_P(Edits, project_out_leaves_nothing_along_the_vector_and_the_rest_alone) {
  const auto v = ramp(config().width, 3);
  double square = 0;
  for (float x : v) square += static_cast<double>(x) * x;
  const auto found = at(residual, {edit(residual, Change::project_out, v)});
  expect_changed(found, at(residual, {}), 1e-5f, [&](const float* x, std::int64_t i, std::int64_t n) {
    double along = 0;
    for (std::int64_t k = 0; k < n; ++k) along += static_cast<double>(x[k]) * v[static_cast<std::size_t>(k)];
    return static_cast<float>(x[i] - along / square * v[static_cast<std::size_t>(i)]);
  });
  for (const Tensor& row : found) {
    for (std::int64_t t = 0; t < row.rows(); ++t) {
      double along = 0;
      for (std::size_t k = 0; k < v.size(); ++k) along += static_cast<double>(row.row(t)[k]) * v[k];
      EXPECT_NEAR(along / std::sqrt(square), 0, 1e-5);
    }
  }
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}
double angle(std::span<const float> a, std::span<const float> b) {
  return std::acos(std::clamp(dot(a, b) / std::sqrt(dot(a, a) * dot(b, b)), -1.0, 1.0)) * 180 / std::numbers::pi;
}

TEST_P(Edits, rotate_turns_towards_the_vector_and_keeps_the_length) {
  const auto v = ramp(config().width, 3);
  const auto untouched = at(residual, {}), turned = at(residual, {edit(residual, Change::rotate, v, 30)});
  for (std::size_t r = 0; r < turned.size(); ++r) {
    for (std::int64_t t = 0; t < turned[r].rows(); ++t) {
      const auto x = untouched[r].row(t), y = turned[r].row(t);
      EXPECT_NEAR(dot(y, y), dot(x, x), 1e-5 * dot(x, x));
      EXPECT_NEAR(angle(x, y), 30, 0.01);
      EXPECT_NEAR(angle(y, v), angle(x, v) - 30, 0.01);  // so y lies in the plane of x and v
    }
  }
}

TEST_P(Edits, rotate_goes_no_further_than_the_vector) {
  const auto v = ramp(config().width, 3);
  const auto untouched = at(residual, {}), turned = at(residual, {edit(residual, Change::rotate, v, 180)});
  const auto x = untouched[0].row(0), y = turned[0].row(0);
  EXPECT_NEAR(angle(y, v), 0, 0.05);
  EXPECT_NEAR(dot(y, y), dot(x, x), 1e-5 * dot(x, x));
  std::vector<float> along(x.begin(), x.end());  // no plane: nothing is turned
  const auto same = at(residual, {edit(residual, Change::set, along), edit(residual, Change::rotate, along, 30)});
  EXPECT_TRUE(std::ranges::equal(same[0].row(0), x));
}

TEST_P(Edits, clamp_holds_the_dimensions_named_between_the_bounds) {
  Edit e = edit(residual, Change::clamp);
  e.low = -0.01f, e.high = 0.02f;
  const auto untouched = at(residual, {});
  const auto clamped = [&](float x) { return std::clamp(x, e.low, e.high); };
  expect_changed(at(residual, {e}), untouched, 0,
                 [&](const float* x, std::int64_t i, std::int64_t) { return clamped(x[i]); });
  e.dimensions = {1, 4};
  expect_changed(at(residual, {e}), untouched, 0,
                 [&](const float* x, std::int64_t i, std::int64_t) { return i == 1 || i == 4 ? clamped(x[i]) : x[i]; });
}

TEST_P(Edits, noise_is_normal_of_its_deviation_and_belongs_to_seed_and_position) {
  const auto untouched = at(residual, {});
  const auto added = [&](float deviation, std::uint64_t seed) {
    Edit e = edit(residual, Change::noise, {}, deviation);
    e.seed = seed;
    auto found = at(residual, {e});
    for (std::size_t r = 0; r < found.size(); ++r) {
      for (std::int64_t i = 0; i < found[r].size(); ++i) found[r].data()[i] -= untouched[r].data()[i];
    }
    return found;
  };
  const auto noise = added(2, 1), again = added(2, 1), other = added(2, 7);
  const auto all = noise[0].values();
  double mean = 0;
  for (float x : all) mean += static_cast<double>(x) / static_cast<double>(all.size());
  EXPECT_NEAR(mean, 0, 6 / std::sqrt(static_cast<double>(all.size())));
  EXPECT_NEAR(std::sqrt(dot(all, all) / static_cast<double>(all.size())), 2, 0.5);
  EXPECT_TRUE(std::ranges::equal(all, again[0].values()));
  EXPECT_FALSE(std::ranges::equal(all, other[0].values()));
  EXPECT_FALSE(std::ranges::equal(noise[0].row(0), noise[0].row(1)));
  // A noted edit gives tomorrow what it gave today: the stream of seed and position, with its sign.
  Random stream(0x9e3779b97f4a7c15 + 2);
  for (float x : noise[0].row(2)) EXPECT_NEAR(x, 2 * stream.normal(), 1e-5);
  for (std::size_t i = 0; i < noise[1].row(2).size(); ++i)
    EXPECT_NEAR(noise[0].row(2)[i], noise[1].row(2)[i], 1e-5);  // whatever the row
}

TEST_P(Edits, every_site_takes_every_change) {
  const Change all[] = {Change::set, Change::add, Change::scale, Change::mix, Change::zero, Change::project_out};
  for (const SiteInfo& info : sites(config())) {
    const Site site{info.point, in_block(info.point) ? 2 : -1};
    for (Change change : all) {
      const auto found = at(site, {edit(site, change, {0.5f}, 0.5f)});
      const auto untouched = at(site, {});
      EXPECT_FALSE(std::ranges::equal(found[0].values(), untouched[0].values()))
          << site.name() << " was not changed by change " << static_cast<int>(change);
    }
  }
}

TEST_P(Edits, an_edit_meets_its_positions_only) {
  const auto untouched = at(residual, {});
  auto positions_changed = [&](std::vector<int> positions, std::vector<int> rows) {
    Edit e = edit(residual, Change::zero);
    e.positions = std::move(positions);
    e.rows = std::move(rows);
    const auto found = at(residual, {e});
    std::vector<std::string> changed;
    for (std::size_t r = 0; r < found.size(); ++r) {
      for (std::int64_t t = 0; t < found[r].rows(); ++t) {
        const bool zero = std::ranges::all_of(found[r].row(t), [](float x) { return x == 0; });
        if (zero)
          changed.push_back(fmt::format("{}@{}", r, t));
        else
          EXPECT_TRUE(std::ranges::equal(found[r].row(t), untouched[r].row(t))) << r << "@" << t;
      }
    }
    return changed;
  };
  EXPECT_THAT(positions_changed({1}, {}), ElementsAre("0@1", "1@1"));
  EXPECT_THAT(positions_changed({-1}, {}), ElementsAre("0@4", "1@2"));  // each row's own end
  EXPECT_THAT(positions_changed({0, -2}, {}), ElementsAre("0@0", "0@3", "1@0", "1@1"));
  EXPECT_THAT(positions_changed({2, -3}, {0}), ElementsAre("0@2"));  // the same place named twice
  EXPECT_THAT(positions_changed({}, {1}), ElementsAre("1@0", "1@1", "1@2"));
  EXPECT_THAT(positions_changed({-3}, {0, 1}), ElementsAre("0@2", "1@0"));
}

TEST_P(Edits, an_edit_reaches_the_logits_of_its_own_and_later_positions) {
  const Result untouched = transformer_->run(request());
  for (const Site& site : {Site{Point::wte, -1}, Site{Point::k, 0}, Site{Point::resid_pre, 2}}) {
    Edit e = edit(site, Change::add, {1});
    e.rows = {0};
    e.positions = {2};
    const Result edited = transformer_->run(request({e}));
    for (std::int64_t t = 0; t < 5; ++t) {
      const bool same = std::ranges::equal(edited.rows[0].logits.row(t), untouched.rows[0].logits.row(t));
      EXPECT_EQ(same, t < 2) << site.name() << " at position " << t;
    }
    EXPECT_TRUE(std::ranges::equal(edited.rows[1].logits.values(), untouched.rows[1].logits.values())) << site.name();
  }
}

TEST_P(Edits, an_edit_meets_its_heads_only) {
  for (Point point : {Point::q, Point::k, Point::v, Point::z}) {
    const Site site{point, 1};
    const auto untouched = at(site, {});
    const std::int64_t heads = untouched[0].shape()[1], width = untouched[0].shape()[2];
    const auto last = static_cast<int>(heads - 1);
    Edit e = edit(site, Change::set, ramp(width));
    e.heads = {last};
    const auto one = ramp(width), every = ramp(heads * width);
    expect_changed(at(site, {e}), untouched, 0, [&](const float* x, std::int64_t i, std::int64_t) {
      return i / width == last ? one[static_cast<std::size_t>(i % width)] : x[i];
    });
    e.vector = every;  // a vector for all heads: each takes its own part
    expect_changed(at(site, {e}), untouched, 0, [&](const float* x, std::int64_t i, std::int64_t) {
      return i / width == last ? every[static_cast<std::size_t>(i)] : x[i];
    });
    e.vector = {2};
    expect_changed(at(site, {e}), untouched, 0,
                   [&](const float* x, std::int64_t i, std::int64_t) { return i / width == last ? 2 : x[i]; });
    e.heads = {};
    e.vector = every;
    expect_changed(at(site, {e}), untouched, 0,
                   [&](const float*, std::int64_t i, std::int64_t) { return every[static_cast<std::size_t>(i)]; });
  }
}

TEST_P(Edits, attention_is_edited_head_by_head_and_never_opens_the_future) {
  const Site site{Point::pattern, 0};
  const auto untouched = at(site, {});
  Edit e = edit(site, Change::set, {0.125f});
  e.heads = {1};
  e.positions = {2};
  const auto found = at(site, {e});
  for (std::size_t r = 0; r < found.size(); ++r) {
    const std::int64_t queries = found[r].shape()[1], keys = found[r].shape()[2];
    for (std::int64_t i = 0; i < found[r].size(); ++i) {
      const std::int64_t h = i / (queries * keys), t = i / keys % queries, s = i % keys;
      const float before = untouched[r].data()[i];
      ASSERT_EQ(found[r].data()[i], h == 1 && t == 2 && s <= 2 ? 0.125f : before) << h << ", " << t << ", " << s;
    }
  }
}

TEST_P(Edits, a_change_of_attention_does_not_depend_on_a_cache) {
  for (Point point : {Point::scores, Point::pattern}) {
    for (Change change : {Change::add, Change::project_out}) {
      Edit e = edit({point, 1}, change, {1.0f}, 0.5f);
      e.positions = {-1};
      Request whole;
      whole.rows = {{5, 17, 3, 3, 88}};
      whole.edits = {e};
      const Result expected = transformer_->run(whole);
      Cache cache;
      Request first, next;
      first.rows = {{5, 17, 3, 3}};
      next.rows = {{88}};
      first.cache = next.cache = &cache;
      transformer_->run(first);
      next.edits = {e};
      const Result found = transformer_->run(next);
      EXPECT_TRUE(std::ranges::equal(found.rows[0].logits.values(), expected.rows[0].logits.values()))
          << name(point) << ", change " << static_cast<int>(change);
    }
  }
}

TEST_P(Edits, edits_of_one_site_apply_in_the_order_given) {
  const Edit twice = edit(residual, Change::scale, {}, 2), more = edit(residual, Change::add, {3});
  const auto untouched = at(residual, {});
  expect_changed(at(residual, {twice, more}), untouched, 0,
                 [](const float* x, std::int64_t i, std::int64_t) { return 2 * x[i] + 3; });
  expect_changed(at(residual, {more, twice}), untouched, 0,
                 [](const float* x, std::int64_t i, std::int64_t) { return 2 * (x[i] + 3); });
  expect_changed(at(residual, {edit(residual, Change::zero), twice, more}), untouched, 0,
                 [](const float*, std::int64_t, std::int64_t) { return 3.0f; });
}

TEST_P(Edits, one_that_would_wipe_out_another_is_refused) {
  Request r = request({edit(residual, Change::scale, {}, 2), edit(residual, Change::zero)});
  try {
    transformer_->run(r);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::usage);
    EXPECT_THAT(error.what(), HasSubstr("edit 2 wipes out what edit 1 does at the same place"));
  }
  r.edits[1].positions = {0};  // of one position only: the other edit still has a sense
  EXPECT_NO_THROW(transformer_->run(r));
}

TEST_P(Edits, sharing_computations_between_rows_does_not_change_a_bit) {
  Request r;
  for (int i = 0; i < 4; ++i) r.rows.push_back({5, 17, 3, 3, 88});
  for (int i = 0; i < 3; ++i) {  // row 3 stays untouched; rows 0 to 2 part at different depths
    const Site places[] = {{Point::wte, -1}, {Point::attn_out, 0}, {Point::resid_post, 2}};
    Edit e = edit(places[i], Change::add, {0.5f});
    e.rows = {i};
    e.positions = {1 + i};
    r.edits.push_back(e);
  }
  r.logits = LogitsAt::all;
  const Result shared = transformer_->run(r);
  r.share = false;
  const Result apart = transformer_->run(r);
  EXPECT_LT(shared.cost.computed, apart.cost.computed);
  EXPECT_EQ(apart.cost.computed, apart.cost.asked);
  for (std::size_t row = 0; row < 4; ++row)
    EXPECT_TRUE(std::ranges::equal(shared.rows[row].logits.values(), apart.rows[row].logits.values())) << row;
}

TEST_P(Edits, what_could_not_fire_is_refused) {
  const auto width = config().width;
  auto with = [&](auto&& change) {
    Edit e = edit(residual, Change::set, {1});
    change(e);
    return e;
  };
  expect_refused(with([](Edit& e) { e.site.block = 3; }), Code::not_found, "blocks 0..2");
  expect_refused(with([](Edit& e) { e.site.block = -1; }), Code::not_found, "blocks 0..2");
  expect_refused(with([](Edit& e) { e.rows = {2}; }), Code::range, "rows 0..1");
  expect_refused(with([](Edit& e) { e.rows = {-1}; }), Code::range, "rows 0..1");
  expect_refused(with([](Edit& e) { e.positions = {3}; }), Code::range, "positions 0..2");  // row 1 is shorter
  expect_refused(with([](Edit& e) { e.positions = {-4}; }), Code::range, "positions 0..2");
  expect_refused(with([](Edit& e) { e.heads = {0}; }), Code::shape, "no heads");
  expect_refused(with([](Edit& e) { e.vector = {}; }), Code::shape,
                 fmt::format("needs a vector of {} values, got 0", width));
  expect_refused(with([&](Edit& e) { e.vector = ramp(width - 1); }), Code::shape, fmt::format("got {}", width - 1));
  expect_refused(with([](Edit& e) { e.vector = {NAN}; }), Code::range, "NaN");
  expect_refused(with([](Edit& e) { e.amount = INFINITY; }), Code::range, "amount");
  expect_refused(edit(residual, Change::project_out, {0}), Code::range, "zero vector");
  Edit heads = edit({Point::k, 0}, Change::zero);
  heads.heads = {static_cast<int>(config().kv_heads)};
  expect_refused(heads, Code::range, fmt::format("heads 0..{}", config().kv_heads - 1));
  expect_refused(edit({Point::scores, 0}, Change::set, {1, 2}), Code::shape, "one value for all keys");
  const bool learned = config().position == PositionKind::learned;
  expect_refused(edit(learned ? Site{Point::rot_q, 0} : Site{Point::wpe, -1}, Change::zero), Code::not_found,
                 "this model has");
}

TEST_P(Edits, a_position_in_the_cache_is_refused) {
  Cache cache;
  Request r;
  r.rows = {{5, 17, 3}};
  r.cache = &cache;
  transformer_->run(r);
  r.rows = {{88}};
  Edit e = edit(residual, Change::zero);
  e.positions = {1};
  r.edits = {e};
  try {
    transformer_->run(r);
    FAIL() << "accepted";
  } catch (const Error& error) { EXPECT_THAT(error.what(), HasSubstr("position 1 is already in the cache")); }
}

INSTANTIATE_TEST_SUITE_P(tiny, Edits, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& p) { return std::string(p.param).substr(5); });

}  // namespace
}  // namespace embscope
