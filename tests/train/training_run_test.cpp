#include "embscope/train/training_run.h"

#include <cmath>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "embscope/files/archive.h"
#include "embscope/forward/transformer.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string sentences() {
  std::string text;
  for (int i = 0; i < 60; ++i) text += i % 3 == 0 ? "the cat sat on the mat. " : "a dog ran to the hill. ";
  return text;
}

TrainingRequest small(const fs::path& out) {
  TrainingRequest r;
  r.out = out, r.text = sentences();
  r.layers = 2, r.heads = 2, r.width = 16, r.context = 16, r.batch = 4, r.accumulate = 2, r.steps = 30, r.warmup = 5;
  r.rate = 5e-3, r.dropout = 0.1, r.evaluate = 10, r.checkpoint = 7, r.snapshot = 10;
  return r;
}

TEST(TrainingRun, learns_and_leaves_a_model_that_opens) {
  const tiny::Folder folder;
  TrainingRequest request = small(folder.path() / "run");
  request.steps = 120, request.dropout = 0;
  std::vector<std::int64_t> checkpoints;
  const Table log = train(request, {{}, [&](const TrainingStep& s) { checkpoints.push_back(s.step); }});
  ASSERT_EQ(log.rows(), 120u);
  const auto& loss = log.column("loss").numbers();
  EXPECT_NEAR(loss.front(), std::log(17), 0.3);  // at random weights all characters are alike
  EXPECT_LT(loss.back(), 0.6 * loss.front());
  EXPECT_TRUE(std::isnan(log.column("held-out").numbers()[0]));
  EXPECT_LT(log.column("held-out").numbers()[119], 0.7 * loss.front());
  EXPECT_EQ(checkpoints.front(), 7);
  EXPECT_EQ(checkpoints.back(), 120);
  const auto model = Model::open(request.out.string());
  EXPECT_EQ(model->tokenizer().decode(model->tokenizer().encode_ids("the cat")), "the cat");
  Request run;
  run.rows = {model->tokenizer().encode_ids("the cat sat on th")};
  run.rows[0].resize(16);
  const Tensor logits = std::move(Transformer(model).run(run).rows[0].logits);
  EXPECT_EQ(logits.size(), model->config().vocab);
}

TEST(TrainingRun, stopped_anywhere_and_resumed_gives_the_same_bits) {
  const tiny::Folder folder;
  const TrainingRequest straight = small(folder.path() / "straight");
  const Table expected = train(straight);
  for (std::int64_t stop : {1, 7, 12, 29}) {
    const TrainingRequest request = small(folder.path() / ("stopped-" + std::to_string(stop)));
    struct Killed {};  // as a kill would: between two steps, without another checkpoint
    const TrainingWatch kill = {[&](const TrainingStep& s) -> bool { return s.step == stop ? throw Killed() : true; },
                                {}};
    EXPECT_THROW(train(request, kill), Killed);
    const Table found = resume_training(request.out);
    EXPECT_EQ(found.csv(), expected.csv()) << stop;
    for (const char* file : {"model.safetensors", "config.json", "tokenizer.json", "training/state.safetensors",
                             "training/log.csv", "training/snapshots/step-00000030.safetensors"})
      EXPECT_EQ(contents(request.out / file), contents(straight.out / file)) << file << " stopped after " << stop;
  }
}

// The state is written before the model: a kill in between, at the last checkpoint, leaves nothing to do but to write
// the model.
TEST(TrainingRun, a_model_older_than_its_state_is_written_again) {
  const tiny::Folder folder;
  const TrainingRequest request = small(folder.path() / "run");
  std::string older;
  train(request, {{}, [&](const TrainingStep& s) {
                    older = s.step < s.steps ? contents(request.out / "model.safetensors") : older;
                  }});
  const std::string last = contents(request.out / "model.safetensors");
  ASSERT_NE(older, last);
  tiny::write(request.out / "model.safetensors", older);
  resume_training(request.out);
  EXPECT_EQ(contents(request.out / "model.safetensors"), last);
}

TEST(TrainingRun, snapshots_lie_closer_in_the_beginning) {
  const tiny::Folder folder;
  train(small(folder.path() / "run"));
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder.path() / "run/training/snapshots"))
    found.push_back(entry.path().stem().string());
  std::ranges::sort(found);
  const std::vector<std::string> expected = {"step-00000000", "step-00000001", "step-00000002", "step-00000005",
                                             "step-00000010", "step-00000020", "step-00000030"};
  EXPECT_EQ(found, expected);
}

TEST(TrainingRun, goes_on_from_an_opened_model) {
  const tiny::Folder folder;
  TrainingRequest request = small(folder.path() / "first");
  request.steps = 60, request.dropout = 0;
  const Table first = train(request);
  TrainingRequest more = small(folder.path() / "second");
  more.from = request.out.string(), more.dropout = 0, more.warmup = 0, more.rate = more.least_rate = 1e-4;
  const Table second = train(more);
  EXPECT_LT(second.column("loss").numbers()[0], first.column("loss").numbers()[30]);
  more.out = folder.path() / "third", more.text += "Ω";
  try {
    train(more);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("does not fit this text"), std::string::npos) << e.what();
  }
  more.text = sentences(), more.context = 32;
  EXPECT_THROW(train(more), Error);
}

TEST(TrainingRun, learning_rate_rises_and_falls_by_a_cosine) {
  TrainingRequest r;
  r.steps = 1100, r.warmup = 100, r.rate = 1, r.least_rate = 0.1;
  EXPECT_DOUBLE_EQ(learning_rate(r, 1), 0.01);
  EXPECT_DOUBLE_EQ(learning_rate(r, 100), 1);
  EXPECT_DOUBLE_EQ(learning_rate(r, 600), 0.55);
  EXPECT_DOUBLE_EQ(learning_rate(r, 1100), 0.1);
}

TEST(TrainingRun, a_loss_that_is_no_number_stops_it_and_the_last_checkpoint_stays) {
  const tiny::Folder folder;
  TrainingRequest request = small(folder.path() / "run");
  request.rate = 1e30, request.least_rate = 0, request.warmup = 0, request.adam.clip = 0, request.checkpoint = 1;
  try {
    train(request);
    FAIL() << "went on";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::range);
    EXPECT_NE(std::string(e.what()).find("no longer a finite number at step"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("first in the"), std::string::npos) << e.what();
  }
  EXPECT_NO_THROW(Model::open(request.out.string()));
}

TEST(TrainingRun, refuses_what_cannot_be_trained_on) {
  const tiny::Folder folder;
  auto refused = [&](auto&& change, const std::string& says) {
    TrainingRequest request = small(folder.path() / "run");
    change(request);
    try {
      train(request);
      ADD_FAILURE() << "was accepted: " << says;
    } catch (const Error& e) { EXPECT_NE(std::string(e.what()).find(says), std::string::npos) << e.what(); }
    EXPECT_FALSE(fs::exists(request.out)) << says;
  };
  refused([](auto& r) { r.text = ""; }, "empty");
  refused([](auto& r) { r.text = "abcdefgh"; }, "a context of 16 needs at least 17");
  refused([](auto& r) { r.text[9] = '\xff'; }, "is not UTF-8");
  refused([](auto& r) { r.heads = 3; }, "does not divide");
  refused([](auto& r) { r.rate = NAN; }, "learning rate");
  refused([](auto& r) { r.dropout = 1; }, "dropout");
  refused([](auto& r) { r.steps = 0; }, "steps");
  refused([](auto& r) { r.tokens = "no-such-tokenizer"; }, "no-such-tokenizer");
  EXPECT_THROW(resume_training(folder.path() / "nothing"), Error);
  TrainingRequest request = small(folder.path() / "run");
  request.steps = 2;
  train(request);
  EXPECT_THROW(train(request), Error);  // holds a run already
  fs::copy_file(fs::path(EMBSCOPE_TEST_DATA) / "training/model.safetensors", request.out / "training/state.safetensors",
                fs::copy_options::overwrite_existing);
  EXPECT_THROW(resume_training(request.out), Error);  // the state of another model
}

}  // namespace
}  // namespace embscope
