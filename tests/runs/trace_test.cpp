// A vector's life is told by numbers that must fit each other: sums add up, and the last lens is the prediction.
#include "embscope/runs/trace.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>

#include "embscope/runs/predict.h"
#include "embscope/vocabulary/similarity.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

constexpr const char* text = "The cat is a dog";

class Trace : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_ = tiny::open(GetParam());
    transformer_ = std::make_unique<Transformer>(model_);
  }
  TraceResult life(int position, int top = 5) const { return trace(*transformer_, {ids_of(text), position, top}); }
  std::vector<TokenId> ids_of(const char* words) const { return model_->tokenizer().with_bos(words).ids; }
  RowResult run(std::vector<Site> capture) const {
    Request r;
    r.rows = {model_->tokenizer().encode(text).ids};
    r.capture = std::move(capture);
    r.logits = LogitsAt::all;
    Result result = transformer_->run(r);
    return std::move(result.rows[0]);
  }
  std::size_t blocks() const { return static_cast<std::size_t>(model_->config().blocks); }
  std::string label(TokenId id) const {
    return id < model_->tokenizer().size() ? model_->tokenizer().label(id) : fmt::format("<{}>", id);
  }
  int last_block() const { return static_cast<int>(model_->config().blocks) - 1; }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Transformer> transformer_;
};

TEST_P(Trace, the_lens_of_the_last_residual_is_the_logits_bit_for_bit) {
  const RowResult row = run({{Point::resid_post, last_block()}});
  const Tensor lens = transformer_->unembed(row.captured[0]);
  EXPECT_EQ(lens.shape(), row.logits.shape());
  EXPECT_TRUE(std::ranges::equal(lens.values(), row.logits.values()));
}

TEST_P(Trace, the_last_row_of_the_lens_is_the_prediction_bit_for_bit) {
  const RowResult row = run({});
  for (int position : {0, 2, 4}) {
    const int vocab = static_cast<int>(model_->config().vocab);
    const TraceResult result = life(position, vocab);
    const auto logits = row.logits.row(position);
    const auto p = softmax(logits);
    const auto best = top(logits, vocab);
    const std::size_t first = blocks() * static_cast<std::size_t>(vocab);
    ASSERT_EQ(result.lens.rows(), (blocks() + 1) * static_cast<std::size_t>(vocab));
    for (std::size_t i = 0; i < best.size(); ++i) {
      ASSERT_EQ(result.lens.column("block").numbers()[first + i], last_block());
      ASSERT_EQ(result.lens.column("rank").numbers()[first + i], static_cast<double>(i + 1));
      ASSERT_EQ(result.lens.column("token").texts()[first + i], label(best[i]));
      ASSERT_EQ(result.lens.column("probability").numbers()[first + i], p[static_cast<std::size_t>(best[i])]);
    }
    EXPECT_EQ(result.predicted, best[0]);
    EXPECT_EQ(result.life.column("rank_predicted").numbers().back(), 1);
  }
}

TEST_P(Trace, each_row_of_the_lens_is_the_final_norm_anew_and_not_the_run_s_frozen_one) {
  const TraceResult result = life(-1, 3);
  for (int b = 0; b < static_cast<int>(blocks()); ++b) {
    const RowResult row = run({{Point::resid_post, b}});
    const Tensor logits = transformer_->unembed(Tensor::of({1, model_->config().width}, row.captured[0].row(4)));
    const auto best = top(logits.values(), 3);
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_EQ(result.lens.column("token").texts()[static_cast<std::size_t>(b + 1) * 3 + i], label(best[i]));
    EXPECT_EQ(result.life.column("top").texts()[static_cast<std::size_t>(b + 1)],
              label(best[0]) + " " + label(best[1]) + " " + label(best[2]));
    double rank = 1;
    for (float x : logits.values()) rank += x > logits.values()[static_cast<std::size_t>(result.own)];
    EXPECT_EQ(result.life.column("rank_own").numbers()[static_cast<std::size_t>(b + 1)], rank);
  }
}

TEST_P(Trace, the_changes_of_the_residual_stream_add_up) {
  const bool learned = model_->config().position == PositionKind::learned;
  std::vector<Site> parts = {{Point::wte, -1}};
  if (learned) parts.push_back({Point::wpe, -1});
  for (int b = 0; b < static_cast<int>(blocks()); ++b)
    parts.insert(parts.end(), {{Point::attn_out, b}, {Point::mlp_out, b}});
  parts.push_back({Point::resid_post, last_block()});
  const RowResult row = run(parts);
  const Tensor& whole = row.captured.back();
  for (std::int64_t i = 0; i < whole.size(); ++i) {
    double sum = 0;
    for (std::size_t p = 0; p + 1 < row.captured.size(); ++p) sum += static_cast<double>(row.captured[p].data()[i]);
    ASSERT_NEAR(whole.data()[i], sum, 1e-5);
  }
}

TEST_P(Trace, lengths_and_cosines_of_the_table_fit_each_other) {
  // |a + b|^2 = |a|^2 + |b|^2 + 2 |a| |b| cos, from each row's residual through both changes to the next row's
  for (int position : {0, 3, -1}) {
    const Table table = life(position).life;
    auto at = [&](const char* column, std::size_t r) { return table.column(column).numbers()[r]; };
    const bool learned = model_->config().position == PositionKind::learned;
    for (std::size_t r = learned ? 2 : 1; r <= blocks(); ++r) {  // wpe comes between GPT-2's first two rows
      double square = std::pow(at("length", r - 1), 2);
      for (const auto& [length, cosine] :
           {std::pair{"length_attn_out", "cosine_attn_out"}, {"length_mlp_out", "cosine_mlp_out"}})
        square += std::pow(at(length, r), 2) + 2 * std::sqrt(square) * at(length, r) * at(cosine, r);
      EXPECT_NEAR(at("length", r), std::sqrt(square), 1e-4 * std::sqrt(square)) << "block " << r - 1;
    }
  }
}

TEST_P(Trace, lengths_and_cosines_are_those_of_the_sites) {
  const int position = 3;
  const Table table = life(position).life;
  for (int b = 0; b < static_cast<int>(blocks()); ++b) {
    const RowResult row = run({{Point::resid_pre, b},
                               {Point::ln1, b},
                               {Point::attn_out, b},
                               {Point::resid_mid, b},
                               {Point::ln2, b},
                               {Point::mlp_out, b}});
    const auto r = static_cast<std::size_t>(b + 1);
    struct Change {
      const char* name;
      std::size_t change, met;
    };
    for (const Change& c :
         {Change{"ln1", 1, 0}, Change{"attn_out", 2, 0}, Change{"ln2", 4, 3}, Change{"mlp_out", 5, 3}}) {
      const auto v = row.captured[c.change].row(position), met = row.captured[c.met].row(position);
      double square = 0;
      for (float x : v) square += static_cast<double>(x) * x;
      EXPECT_NEAR(table.column(fmt::format("length_{}", c.name)).numbers()[r], std::sqrt(square), 1e-12);
      EXPECT_EQ(table.column(fmt::format("cosine_{}", c.name)).numbers()[r], cosine(v, met));
    }
  }
}

TEST_P(Trace, begins_as_the_embedding_of_its_own_token) {
  const TraceResult result = life(1);
  const auto& table = result.life;
  EXPECT_EQ(result.position, 1);
  EXPECT_EQ(result.own, model_->tokenizer().find(" cat").value());
  EXPECT_EQ(table.rows(), blocks() + 1);
  EXPECT_EQ(table.column("block").numbers().front(), -1);
  EXPECT_NEAR(table.column("cosine_own").numbers().front(), 1, 1e-15);
  const Tensor own = model_->embedding(result.own);
  Tensor predicted({model_->config().width});
  model_->weights().unembed.row(result.predicted, predicted.data());
  EXPECT_NEAR(table.column("cosine_predicted").numbers().front(), cosine(own.values(), predicted.values()), 1e-15);
  for (const char* change : {"ln1", "attn_out", "ln2", "mlp_out"})  // nothing has changed it yet
    EXPECT_TRUE(std::isnan(table.column(fmt::format("length_{}", change)).numbers().front()));
}

TEST_P(Trace, a_negative_position_counts_from_the_end) {
  EXPECT_EQ(life(-1).life.csv(), life(4).life.csv());
  EXPECT_EQ(life(-5).lens.csv(), life(0).lens.csv());
  EXPECT_NE(life(0).life.csv(), life(4).life.csv());
}

TEST_P(Trace, what_has_no_life_is_refused) {
  auto expect_refused = [&](const TraceRequest& r, Code code, const std::string& says) {
    try {
      trace(*transformer_, r);
      ADD_FAILURE() << says << ": accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      EXPECT_THAT(e.what(), HasSubstr(says));
    }
  };
  expect_refused({ids_of(text), 5, 5}, Code::range, "positions 0..4");
  expect_refused({ids_of(text), -6, 5}, Code::range, "position -6");
  expect_refused({{}, -1, 5}, Code::usage, "empty");
  expect_refused({ids_of(text), -1, 0}, Code::range, "1 to 1000");
  expect_refused({ids_of(text), -1, 1001}, Code::range, "1 to 1000");
}

TEST_P(Trace, a_zero_vector_among_the_changes_gives_no_nan) {
  Tensor rows({80, 6});
  for (std::int64_t i = 0; i < 80; ++i) rows.row(i)[static_cast<std::size_t>(i % 6)] = 1;
  const Transformer still(tiny::embedding_only(rows));  // its attention and MLP add nothing at all
  const TraceResult result = trace(still, {still.model().tokenizer().with_bos("The cat").ids, -1, 2});
  for (const char* column : {"length_attn_out", "cosine_attn_out", "length_mlp_out", "cosine_mlp_out"})
    EXPECT_EQ(result.life.column(column).numbers().back(), 0) << column;
  EXPECT_NEAR(result.life.column("cosine_own").numbers().back(), 1, 1e-15);
}

INSTANTIATE_TEST_SUITE_P(tiny, Trace, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& p) { return std::string(p.param).substr(5); });

}  // namespace
}  // namespace embscope
