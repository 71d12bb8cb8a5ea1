// Functions that look in while the model runs: each fires once, in order, and leaves nothing behind.
#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include <gmock/gmock.h>

#include "embscope/forward/transformer.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

using ::testing::ElementsAre;

class HooksOf : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_ = tiny::open(GetParam());
    transformer_ = std::make_unique<Transformer>(model_);
  }
  std::vector<Site> every_site() const {
    std::vector<Site> all;
    for (const SiteInfo& info : sites(model_->config())) {
      for (int b = 0; b < (in_block(info.point) ? model_->config().blocks : 1); ++b)
        all.push_back({info.point, in_block(info.point) ? b : -1});
    }
    return all;
  }
  Request request(const Hooks& hooks) const {
    Request r;
    r.rows = {{5, 17, 3, 3, 88}, {9, 1, 77}};
    r.hooks = &hooks;
    return r;
  }
  std::vector<float> logits(const Request& r) const {
    const Result result = transformer_->run(r);
    return {result.rows[0].logits.values().begin(), result.rows[0].logits.values().end()};
  }
  std::vector<float> untouched() const {
    Hooks none;
    return logits(request(none));
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Transformer> transformer_;
};

TEST_P(HooksOf, every_site_fires_exactly_once_a_pass) {
  for (LogitsAt at : {LogitsAt::none, LogitsAt::last, LogitsAt::all}) {
    Hooks hooks;
    std::map<std::string, int> reads, writes;
    for (const Site& site : every_site()) {
      hooks.read(site, [&](const SiteValues& v) { ++reads[v.site.name()]; });
      hooks.write(site, [&](SiteValues& v) { ++writes[v.site.name()]; });
    }
    Request r = request(hooks);
    r.logits = at;
    for (int pass = 1; pass <= 2; ++pass) {
      transformer_->run(r);
      for (const Site& site : every_site()) {
        EXPECT_EQ(reads[site.name()], pass) << site.name();
        EXPECT_EQ(writes[site.name()], pass) << site.name();
      }
    }
    EXPECT_EQ(reads.size(), every_site().size());
  }
}

TEST_P(HooksOf, sites_fire_in_the_order_of_the_pass) {
  Hooks hooks;
  std::vector<std::string> fired, expected;
  for (const Site& site : every_site()) hooks.read(site, [&](const SiteValues& v) { fired.push_back(v.site.name()); });
  transformer_->run(request(hooks));
  const auto infos = sites(model_->config());  // in firing order, each block's once
  auto add = [&](int block, auto&& wanted) {
    for (const SiteInfo& info : infos) {
      if (wanted(info.point)) expected.push_back(Site{info.point, block}.name());
    }
  };
  add(-1, [](Point p) { return p < Point::resid_pre; });
  for (int b = 0; b < model_->config().blocks; ++b) add(b, [](Point p) { return in_block(p); });
  add(-1, [](Point p) { return p > Point::resid_post; });
  EXPECT_EQ(fired, expected);
}

TEST_P(HooksOf, a_reader_sees_what_a_capture_keeps) {
  Request r;
  r.rows = {{5, 17, 3, 3, 88}, {9, 1, 77}};
  r.capture = every_site();
  const Result captured = transformer_->run(r);
  Hooks hooks;
  std::map<std::string, std::vector<std::vector<float>>> seen;
  std::map<std::string, std::vector<Shape>> shapes;
  for (const Site& site : every_site()) {
    hooks.read(site, [&](const SiteValues& v) {
      for (const auto& row : v.rows) {
        seen[v.site.name()].emplace_back(row.values, row.values + row.shape.elements());
        shapes[v.site.name()].push_back(row.shape);
        EXPECT_EQ(row.first_position, 0);
      }
    });
  }
  transformer_->run(request(hooks));
  for (std::size_t s = 0; s < r.capture.size(); ++s) {
    const std::string name = r.capture[s].name();
    ASSERT_EQ(seen[name].size(), 2u) << name;
    for (std::size_t row = 0; row < 2; ++row) {
      EXPECT_EQ(shapes[name][row], captured.rows[row].captured[s].shape()) << name;
      EXPECT_TRUE(std::ranges::equal(seen[name][row], captured.rows[row].captured[s].values())) << name;
    }
  }
}

TEST_P(HooksOf, readers_alone_change_nothing) {
  Hooks hooks;
  for (const Site& site : every_site()) hooks.read(site, [](const SiteValues&) {});
  EXPECT_EQ(logits(request(hooks)), untouched());
}

TEST_P(HooksOf, a_writer_does_what_the_same_edit_does) {
  for (const Site& site : every_site()) {
    Hooks hooks, none;
    hooks.write(site, [](SiteValues& v) {
      for (auto& row : v.rows) {
        for (std::int64_t i = 0; i < row.shape.elements(); ++i) row.values[i] *= 0.5f;
      }
    });
    Request edited = request(none);
    Edit half;
    half.site = site;
    half.change = Change::scale;
    half.amount = 0.5f;
    edited.edits = {half};
    const auto found = logits(request(hooks));
    EXPECT_EQ(found, logits(edited)) << site.name();
    EXPECT_NE(found, untouched()) << site.name();
  }
}

TEST_P(HooksOf, edits_come_first_then_writers_in_order_then_readers_and_captures) {
  const Site site{Point::resid_mid, 1};
  Hooks hooks;
  std::vector<std::string> order;
  std::vector<float> seen;
  auto note = [&](const std::string& who, const SiteValues& v) {
    order.push_back(who);
    seen.push_back(v.rows[0].values[0]);
  };
  hooks.read(site, [&](const SiteValues& v) { note("reader 1", v); });  // registered before every writer
  hooks.write(site, [&](SiteValues& v) { note("writer 1", v), v.rows[0].values[0] = 20; });
  hooks.write(site, [&](SiteValues& v) { note("writer 2", v), v.rows[0].values[0] *= 2; });
  hooks.read(site, [&](const SiteValues& v) { note("reader 2", v); });
  Request r = request(hooks);
  Edit edit;
  edit.site = site;
  edit.vector = {10};
  r.edits = {edit};
  r.capture = {site};
  const Result result = transformer_->run(r);
  EXPECT_THAT(order, ElementsAre("writer 1", "writer 2", "reader 1", "reader 2"));
  EXPECT_THAT(seen, ElementsAre(10, 20, 40, 40));
  EXPECT_EQ(result.rows[0].captured[0].data()[0], 40);
}

TEST_P(HooksOf, a_handle_removes_exactly_its_own) {
  const Site site{Point::resid_pre, 0};
  Hooks hooks;
  std::vector<int> fired;
  std::vector<Hooks::Handle> handles;
  for (int i = 0; i < 4; ++i)
    handles.push_back(hooks.read(site, [&fired, i](const SiteValues&) { fired.push_back(i); }));
  hooks.remove(handles[1]);
  transformer_->run(request(hooks));
  EXPECT_THAT(fired, ElementsAre(0, 2, 3));
  EXPECT_THAT(hooks.active(),
              ElementsAre(std::pair(handles[0], site), std::pair(handles[2], site), std::pair(handles[3], site)));

  hooks.remove(handles[1]);  // once more: nothing
  hooks.remove(987654);      // never given
  EXPECT_EQ(hooks.active().size(), 3u);
  const auto fresh = hooks.write({Point::wte, -1}, [](SiteValues&) {});
  EXPECT_THAT(handles, ::testing::Not(::testing::Contains(fresh)));  // an old handle can never remove a newer hook

  for (auto handle : {handles[0], handles[2], handles[3], fresh}) hooks.remove(handle);
  EXPECT_TRUE(hooks.empty());
  fired.clear();
  EXPECT_EQ(logits(request(hooks)), untouched());
  EXPECT_TRUE(fired.empty());
}

TEST_P(HooksOf, an_exception_in_a_hook_reaches_the_caller_and_breaks_nothing) {
  const auto before = untouched();
  for (const Site& site : every_site()) {
    Hooks hooks;
    hooks.write(site, [](SiteValues& v) {
      for (auto& row : v.rows) std::fill_n(row.values, row.shape.elements(), NAN);
      throw std::domain_error("a hook's own");
    });
    EXPECT_THROW(transformer_->run(request(hooks)), std::domain_error) << site.name();
  }
  EXPECT_EQ(untouched(), before);
}

TEST_P(HooksOf, a_pass_that_failed_in_a_hook_adds_nothing_to_the_cache) {
  Request whole;
  whole.rows = {{5, 17, 3, 3, 88}};
  const auto expected = logits(whole);
  Cache cache;
  Request first, next;
  first.rows = {{5, 17, 3}};
  next.rows = {{3, 88}};
  first.cache = next.cache = &cache;
  transformer_->run(first);
  for (const Site& site : {Site{Point::v, 0}, Site{Point::mlp_out, 1}, Site{Point::logits, -1}}) {
    Hooks hooks;
    hooks.read(site, [](const SiteValues&) { throw std::domain_error("broken off"); });
    next.hooks = &hooks;
    EXPECT_THROW(transformer_->run(next), std::domain_error);
    EXPECT_EQ(cache.positions(), 3) << site.name();
  }
  next.hooks = nullptr;
  EXPECT_EQ(logits(next), expected);
  EXPECT_EQ(cache.positions(), 5);
}

TEST_P(HooksOf, with_a_cache_hooks_see_the_new_positions) {
  Cache cache;
  Request r;
  r.rows = {{5, 17, 3}};
  r.cache = &cache;
  transformer_->run(r);
  Hooks hooks;
  int fired = 0;
  const std::int64_t heads = model_->config().heads, width = model_->config().width;
  auto expect = [&](Site site, const Shape& shape) {
    hooks.read(site, [&fired, shape](const SiteValues& v) {
      ++fired;
      ASSERT_EQ(v.rows.size(), 1u);
      EXPECT_EQ(v.rows[0].shape, shape) << v.site.name();
      EXPECT_EQ(v.rows[0].first_position, 3);
    });
  };
  expect({Point::resid_post, 2}, {2, width});
  expect({Point::scores, 1}, {heads, 2, 5});
  expect({Point::pattern, 1}, {heads, 2, 5});
  r.rows = {{3, 88}};
  r.hooks = &hooks;
  transformer_->run(r);
  EXPECT_EQ(fired, 3);
}

TEST_P(HooksOf, a_hook_that_could_never_fire_is_refused) {
  const bool learned = model_->config().position == PositionKind::learned;
  for (const Site& site : {Site{Point::resid_pre, 3}, Site{Point::resid_pre, -1}, Site{Point::wte, 0},
                           learned ? Site{Point::rot_q, 0} : Site{Point::wpe, -1}}) {
    Hooks hooks;
    hooks.read(site, [](const SiteValues&) {});
    try {
      transformer_->run(request(hooks));
      ADD_FAILURE() << site.name() << " " << site.block << ": accepted";
    } catch (const Error& e) { EXPECT_EQ(e.code(), Code::not_found) << e.what(); }
  }
}

TEST_P(HooksOf, one_transformer_serves_runs_with_and_without_hooks_in_turn) {
  const auto plain = untouched();
  Hooks zero;
  zero.write({Point::resid_post, 0}, [](SiteValues& v) {
    for (auto& row : v.rows) std::fill_n(row.values, row.shape.elements(), 0.0f);
  });
  const auto zeroed = logits(request(zero));
  EXPECT_NE(zeroed, plain);
  EXPECT_EQ(untouched(), plain);
  EXPECT_EQ(logits(request(zero)), zeroed);
}

INSTANTIATE_TEST_SUITE_P(tiny, HooksOf, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& p) { return std::string(p.param).substr(5); });

}  // namespace
}  // namespace embscope
