// The default model: the published figures, and the promise that a row's bits depend on nothing but the row.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "embscope/base/threads.h"
#include "embscope/forward/transformer.h"

namespace embscope {
namespace {

const Transformer& smollm2() {
  static const Transformer transformer(Model::open("smollm2"));
  return transformer;
}

std::vector<TokenId> ids(std::string_view text) { return smollm2().model().tokenizer().encode(text).ids; }

std::vector<float> bits(const Tensor& t) { return {t.values().begin(), t.values().end()}; }

Result run(std::vector<std::vector<TokenId>> rows, LogitsAt logits = LogitsAt::all, bool share = true) {
  Request request;
  request.rows = std::move(rows);
  request.logits = logits;
  request.share = share;
  return smollm2().run(request);
}

TEST(Smollm2, says_Berlin) {
  const auto logits = bits(run({ids("The capital of Germany is")}, LogitsAt::last).rows[0].logits);
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x));
  const auto p = [&](std::string_view word) {
    return std::exp(static_cast<double>(logits[static_cast<std::size_t>(ids(word)[0])])) / sum;
  };
  EXPECT_NEAR(p(" Berlin"), 0.79637, 2e-4);
  EXPECT_NEAR(p(" Hamburg"), 0.0271, 1e-4);
  EXPECT_NEAR(p(" the"), 0.0232, 1e-4);
  EXPECT_NEAR(p(" Paris"), 0.00667, 2e-5);
}

TEST(Smollm2, a_row_has_the_same_bits_alone_and_in_a_batch_shared_or_not) {
  const auto a = ids("The capital of Germany is"),
             b = ids("The capital of France is Paris, and the capital of Spain is"), c = ids("x");
  const auto alone_a = bits(run({a}).rows[0].logits), alone_b = bits(run({b}).rows[0].logits),
             alone_c = bits(run({c}).rows[0].logits);
  for (bool share : {true, false}) {
    const Result together = run({a, b, c, a}, LogitsAt::all, share);
    EXPECT_EQ(bits(together.rows[0].logits), alone_a);
    EXPECT_EQ(bits(together.rows[1].logits), alone_b);
    EXPECT_EQ(bits(together.rows[2].logits), alone_c);
    EXPECT_EQ(bits(together.rows[3].logits), alone_a);
    if (share) {
      EXPECT_LT(together.cost.computed, together.cost.asked);
    } else {
      EXPECT_EQ(together.cost.computed, together.cost.asked);
    }
  }
}

// Heads of rows beyond 256 queries are shared out by queries too.
TEST(Smollm2, a_long_text_has_the_bits_of_its_beginning_and_those_of_a_run_whose_patterns_are_watched) {
  std::vector<TokenId> text;
  for (TokenId i = 0; i < 300; ++i) text.push_back(1000 + 7919 * i % 40000);
  Request request;
  request.rows = {text};
  request.capture = {{Point::z, 29}};
  const Tensor z = std::move(smollm2().run(request).rows[0].captured[0]);
  request.capture = {
      {Point::pattern, 29}, {Point::scores, 3}, {Point::pattern, 3}, {Point::z, 29}, {Point::pattern, 3}};
  const Result watched = smollm2().run(request);
  EXPECT_EQ(bits(watched.rows[0].captured[3]), bits(z));
  EXPECT_EQ(bits(watched.rows[0].captured[4]), bits(watched.rows[0].captured[2]));
  request.rows[0].resize(200);
  request.capture = {{Point::z, 29}};
  const auto beginning = bits(smollm2().run(request).rows[0].captured[0]);
  EXPECT_TRUE(std::equal(beginning.begin(), beginning.end(), bits(z).begin()));
}

TEST(Smollm2, threads_and_captures_do_not_change_a_bit) {
  const auto text = ids("A vector leaves its own token and comes to point at the next one.");
  const auto plain = bits(run({text}).rows[0].logits);
  const int before = threads();
  set_threads(1);
  EXPECT_EQ(bits(run({text}).rows[0].logits), plain);
  set_threads(before);
  Request request;
  request.rows = {text};
  request.logits = LogitsAt::all;
  for (const SiteInfo& info : sites(smollm2().config())) {
    if (in_block(info.point))
      request.capture.insert(request.capture.end(), {{info.point, 0}, {info.point, 29}});
    else
      request.capture.push_back({info.point, -1});
  }
  const Result captured = smollm2().run(request);
  EXPECT_EQ(bits(captured.rows[0].logits), plain);
  EXPECT_EQ(bits(captured.rows[0].captured.back()), plain);
}

TEST(Smollm2, the_cache_continues_bit_for_bit) {
  const auto text = ids("The capital of Germany is Berlin");
  const auto whole = run({text}).rows[0].logits.clone();
  Cache cache;
  for (std::size_t t = 0; t < text.size(); ++t) {
    Request request;
    request.rows = {{text[t]}};
    request.cache = &cache;
    const auto step = smollm2().run(request).rows[0].logits.clone();
    const auto row = whole.row(static_cast<std::int64_t>(t));
    ASSERT_TRUE(std::equal(row.begin(), row.end(), step.values().begin())) << "position " << t;
  }
}

TEST(Smollm2, the_lens_of_the_last_block_equals_the_logits_and_the_parts_add_up) {
  Request request;
  request.rows = {ids("The capital of Germany is")};
  request.logits = LogitsAt::all;
  request.capture = {{Point::resid_post, 29},
                     {Point::resid_pre, 29},
                     {Point::attn_out, 29},
                     {Point::resid_mid, 29},
                     {Point::mlp_out, 29}};
  const Result result = smollm2().run(request);
  const auto& c = result.rows[0].captured;
  EXPECT_EQ(bits(smollm2().unembed(c[0])), bits(result.rows[0].logits));
  for (std::size_t i = 0; i < static_cast<std::size_t>(c[0].size()); ++i) {
    ASSERT_EQ(c[1].values()[i] + c[2].values()[i], c[3].values()[i]);
    ASSERT_EQ(c[3].values()[i] + c[4].values()[i], c[0].values()[i]);
  }
}

TEST(Smollm2, patterns_are_causal_and_sum_to_one) {
  Request request;
  request.rows = {ids("The capital of Germany is")};
  request.capture = {{Point::pattern, 7}, {Point::scores, 7}};
  const Result result = smollm2().run(request);
  const Tensor& pattern = result.rows[0].captured[0];
  ASSERT_EQ(pattern.shape(), (Shape{9, 5, 5}));
  for (std::int64_t row = 0; row < pattern.rows(); ++row) {
    double sum = 0;
    for (std::int64_t key = 0; key < 5; ++key) {
      const auto p = static_cast<double>(pattern.row(row)[static_cast<std::size_t>(key)]);
      if (key > row % 5) { EXPECT_EQ(p, 0); }
      sum += p;
    }
    EXPECT_NEAR(sum, 1, 1e-6);
  }
}

TEST(Hooks, read_overwrite_and_are_removed_one_by_one) {
  const auto text = ids("The capital of Germany is");
  const auto plain = bits(run({text}, LogitsAt::last).rows[0].logits);
  Hooks hooks;
  int fired = 0;
  const Site site{Point::resid_post, 3};
  const auto reader = hooks.read(site, [&](const SiteValues& values) {
    ++fired;
    ASSERT_EQ(values.rows.size(), 1u);
    EXPECT_EQ(values.rows[0].shape, (Shape{5, 576}));
    EXPECT_EQ(values.rows[0].values[0], 7);
  });
  const auto writer = hooks.write(site, [](SiteValues& values) { values.rows[0].values[0] = 7; });
  Request request;
  request.rows = {text};
  request.hooks = &hooks;
  EXPECT_NE(bits(smollm2().run(request).rows[0].logits), plain);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(hooks.active().size(), 2u);
  hooks.remove(writer);
  hooks.remove(writer);
  EXPECT_EQ(hooks.active().size(), 1u);
  hooks.remove(reader);
  EXPECT_EQ(bits(smollm2().run(request).rows[0].logits), plain);
  hooks.write(site, [](SiteValues&) { throw Error(Code::usage, "hook", "stop"); });
  EXPECT_THROW(smollm2().run(request), Error);
  request.hooks = nullptr;
  EXPECT_EQ(bits(smollm2().run(request).rows[0].logits), plain);
}

// Edits at random places of random rows: sharing must not change a bit.
TEST(Plan, shared_runs_equal_single_runs_for_random_edits) {
  std::uint64_t state = 7;
  const auto random = [&](int n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int>(state >> 33) % n;
  };
  const auto base = ids("The capital of Germany is Berlin");
  const Point points[] = {Point::wte, Point::resid_pre, Point::attn_out, Point::mlp_out, Point::z,
                          Point::q,   Point::v,         Point::mlp_post, Point::ln2,     Point::resid_post};
  for (int round = 0; round < 6; ++round) {
    Request request;
    request.logits = LogitsAt::all;
    for (int row = 0; row < 4; ++row)
      request.rows.emplace_back(base.begin(), base.begin() + 2 + random(static_cast<int>(base.size()) - 2));
    for (int row = 0; row < 4; ++row) {
      Edit edit;
      const Point point = points[random(10)];
      edit.site = {point, in_block(point) ? random(30) : -1};
      edit.rows = {row};
      edit.positions = {random(2) == 0 ? -1
                                       : random(static_cast<int>(request.rows[static_cast<std::size_t>(row)].size()))};
      edit.change = random(2) == 0 ? Change::scale : Change::add;
      edit.amount = 0.5f;
      edit.vector = {0.25f};
      request.edits.push_back(edit);
    }
    const Result shared = smollm2().run(request);
    for (int row = 0; row < 4; ++row) {
      Request single;
      single.logits = LogitsAt::all;
      single.rows = {request.rows[static_cast<std::size_t>(row)]};
      single.edits = {request.edits[static_cast<std::size_t>(row)]};
      single.edits[0].rows = {};
      single.share = false;
      ASSERT_EQ(bits(smollm2().run(single).rows[0].logits), bits(shared.rows[static_cast<std::size_t>(row)].logits))
          << "round " << round << " row " << row;
    }
  }
}

}  // namespace
}  // namespace embscope
