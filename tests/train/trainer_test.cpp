// The backward pass and AdamW against PyTorch (tests/reference/make_training.py) and against finite differences.
#include "embscope/train/training.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "embscope/base/threads.h"
#include "embscope/files/archive.h"
#include "embscope/forward/transformer.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

std::string data() { return std::string(EMBSCOPE_TEST_DATA) + "/training"; }

struct Reference {
  std::shared_ptr<const Archive> archive = Archive::open(data() + "/expected.safetensors");
  std::vector<TokenId> inputs = ids("inputs"), targets = ids("targets");
  Batch batch() const { return {inputs, targets, 3, 11}; }
  Tensor at(const std::string& name) const { return decode(archive->at(name)); }

 private:
  std::vector<TokenId> ids(const char* name) const {
    const Tensor values = at(name);
    return {values.values().begin(), values.values().end()};
  }
};

double largest(std::span<const float> values) {
  double most = 0;
  for (float v : values) most = std::max(most, std::abs(static_cast<double>(v)));
  return most;
}

void expect_near(std::span<const float> found, const Tensor& expected, double tolerance, const std::string& name) {
  ASSERT_EQ(found.size(), expected.values().size()) << name;
  const double size = largest(expected.values());
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(found[i], expected.values()[i], tolerance * std::max(size, 1e-3)) << name << " element " << i;
}

TEST(Trainer, logits_loss_and_every_gradient_equal_pytorch) {
  const Reference reference;
  Trainer trainer(*Model::open(data()));
  EXPECT_NEAR(trainer.gradient({{reference.batch()}}), reference.at("loss").values()[0], 1e-6);
  for (const Trainer::Named& p : trainer.parameters())
    expect_near(p.gradient, reference.at("gradient." + p.name), 2e-5, p.name);
  const Tensor expected = reference.at("logits");
  for (std::size_t r = 0; r < 3; ++r) {
    const Tensor logits = trainer.logits(std::span(reference.inputs).subspan(r * 11, 11));
    const auto rows = expected.values().subspan(r * 11 * 29, 11 * 29);
    expect_near(logits.values(), Tensor::of({11, 29}, rows), 1e-5, "logits");
  }
}

TEST(Trainer, ten_steps_equal_pytorch) {
  const Reference reference;
  Trainer trainer(*Model::open(data()));
  const Tensor rates = reference.at("rates"), losses = reference.at("losses"), norms = reference.at("norms");
  for (std::size_t step = 0; step < 10; ++step) {
    EXPECT_NEAR(trainer.gradient({{reference.batch()}}), losses.values()[step], 1e-5) << step;
    EXPECT_NEAR(trainer.update({}, static_cast<double>(rates.values()[step])), norms.values()[step],
                1e-4 * norms.values()[step])
        << step;
  }
  for (const Trainer::Named& p : trainer.parameters()) {
    Tensor expected = reference.at("after." + p.name);
    // The softmax does not see a bias of the keys: its gradient is 0 but for rounding, which AdamW makes steps of.
    if (p.name.ends_with("c_attn.bias")) std::ranges::copy(p.values.subspan(20, 20), expected.data() + 20);
    expect_near(p.values, expected, 2e-4, p.name);
  }
}

TEST(Trainer, the_inference_pass_gives_the_same_bits) {
  const auto model = Model::open(data());
  Trainer trainer(*model);
  const Transformer transformer(model);
  Request request;
  request.rows = {{5, 3, 28, 0, 11, 11, 2, 9, 17, 20, 1, 6, 13, 4}};
  request.logits = LogitsAt::all;
  const Tensor expected = std::move(transformer.run(request).rows[0].logits), found = trainer.logits(request.rows[0]);
  for (std::size_t i = 0; i < expected.values().size(); ++i) ASSERT_EQ(found.values()[i], expected.values()[i]) << i;
}

// The loss is computed in float: steps large enough to rise above its rounding, in the direction of the gradient of one
// parameter at a time, so that what is compared is large.
TEST(Trainer, gradients_with_dropout_off_are_finite_differences) {
  const Reference reference;
  Trainer trainer(*Model::open(data()));
  trainer.gradient({{reference.batch()}});
  for (Trainer::Named& p : trainer.parameters()) {
    const std::vector<float> before(p.values.begin(), p.values.end()), gradient(p.gradient.begin(), p.gradient.end());
    double norm = 0;
    for (float g : gradient) norm += static_cast<double>(g) * g;
    norm = std::sqrt(norm);
    auto loss_at = [&](double step) {
      for (std::size_t i = 0; i < before.size(); ++i)
        p.values[i] = static_cast<float>(before[i] + step * gradient[i] / norm);
      trainer.changed();
      return trainer.loss(reference.batch());
    };
    const double step = 5e-3, slope = (loss_at(step) - loss_at(-step)) / (2 * step);
    loss_at(0);
    EXPECT_NEAR(slope, norm, 5e-3 * norm + 2e-5) << p.name;
  }
}

// A dropped element is dropped in both directions: with the same key the loss is a function of the weights, and the
// gradient its slope.
TEST(Trainer, gradients_under_dropout_are_finite_differences) {
  const Reference reference;
  Trainer trainer(*Model::open(data()));
  const DropoutStep dropout{0.3, 17};
  const double loss = trainer.gradient({{reference.batch()}}, dropout);
  EXPECT_NE(loss, trainer.loss(reference.batch()));
  for (const char* name :
       {"transformer.wte.weight", "transformer.h.0.attn.c_attn.weight", "transformer.h.1.attn.c_attn.weight",
        "transformer.h.0.mlp.c_fc.weight", "transformer.h.0.attn.c_proj.weight", "transformer.wpe.weight"}) {
    for (Trainer::Named& p : trainer.parameters()) {
      if (p.name != name) continue;
      trainer.gradient({{reference.batch()}}, dropout);
      const std::vector<float> before(p.values.begin(), p.values.end()), gradient(p.gradient.begin(), p.gradient.end());
      double norm = 0;
      for (float g : gradient) norm += static_cast<double>(g) * g;
      norm = std::sqrt(norm);
      auto loss_at = [&](double step) {
        for (std::size_t i = 0; i < before.size(); ++i)
          p.values[i] = static_cast<float>(before[i] + step * gradient[i] / norm);
        trainer.changed();
        return trainer.gradient({{reference.batch()}}, dropout);
      };
      const double step = 5e-3, slope = (loss_at(step) - loss_at(-step)) / (2 * step);
      EXPECT_NEAR(slope, norm, 5e-3 * norm + 2e-5) << p.name;
      std::ranges::copy(before, p.values.begin());
      trainer.changed();
    }
  }
}

TEST(Trainer, batches_that_are_added_up_equal_one_of_all_their_rows) {
  const Reference reference;
  Trainer trainer(*Model::open(data()));
  trainer.gradient({{reference.batch()}});
  std::vector<std::vector<float>> whole;
  for (const auto& p : trainer.parameters()) whole.emplace_back(p.gradient.begin(), p.gradient.end());
  std::vector<Batch> rows;
  for (std::size_t r = 0; r < 3; ++r)
    rows.push_back(
        {std::span(reference.inputs).subspan(r * 11, 11), std::span(reference.targets).subspan(r * 11, 11), 1, 11});
  trainer.gradient(rows);
  std::size_t i = 0;
  for (const auto& p : trainer.parameters()) {
    expect_near(p.gradient, Tensor::of({static_cast<std::int64_t>(whole[i].size())}, whole[i]), 1e-5, p.name);
    ++i;
  }
}

// Enough positions for several chunks, heads and pieces.
TEST(Trainer, steps_have_the_same_bits_for_any_number_of_threads) {
  std::vector<TokenId> inputs, targets;
  for (int i = 0; i < 5 * 70; ++i) inputs.push_back((i * i + i / 7) % 300), targets.push_back((i * 31) % 300);
  const Batch batch{inputs, targets, 5, 70};
  auto train = [&](int count) {
    set_threads(count);
    Trainer trainer(gpt2_of(2, 3, 48, 70, 300), 4);
    for (int step = 0; step < 3; ++step) {
      trainer.gradient({{batch, batch}}, {0.1, static_cast<std::uint64_t>(step)});
      trainer.update({}, 1e-3);
    }
    std::vector<float> all;
    for (const auto& p : trainer.parameters()) all.insert(all.end(), p.values.begin(), p.values.end());
    return all;
  };
  const int before = threads();
  const auto one = train(1);
  for (int count : {2, 3, 8}) EXPECT_TRUE(train(count) == one) << count << " threads";
  set_threads(before);
}

TEST(Trainer, what_is_written_opens_as_a_model_and_goes_on_as_if_never_stopped) {
  const Reference reference;
  const tiny::Folder folder;
  auto step = [&](Trainer& trainer) {
    trainer.gradient({{reference.batch()}});
    trainer.update({}, 1e-3);
  };
  Trainer straight(gpt2_of(2, 2, 20, 14, 29), 5), first(gpt2_of(2, 2, 20, 14, 29), 5),
      second(gpt2_of(2, 2, 20, 14, 29), 6);
  for (int i = 0; i < 4; ++i) step(straight);
  step(first), step(first);
  first.write_state(folder.path() / "state.safetensors");
  second.read_state(folder.path() / "state.safetensors");
  EXPECT_EQ(second.steps_done(), 2);
  step(second), step(second);
  const auto expected = straight.parameters(), found = second.parameters();
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(std::ranges::equal(expected[i].values, found[i].values)) << expected[i].name;

  second.write_model(folder.path());
  const auto model = Model::open(folder.path().string());
  Request request;
  request.rows = {{1, 2, 3}};
  request.logits = LogitsAt::all;
  const Tensor logits = second.logits(request.rows[0]);
  EXPECT_TRUE(std::ranges::equal(Transformer(model).run(request).rows[0].logits.values(), logits.values()));
}

TEST(Trainer, a_state_of_another_configuration_is_refused) {
  const tiny::Folder folder;
  Trainer(gpt2_of(1, 2, 20, 14, 29), 5).write_state(folder.path() / "state.safetensors");
  for (const Config& other : {gpt2_of(2, 2, 20, 14, 29), gpt2_of(1, 2, 20, 14, 30), gpt2_of(1, 2, 24, 14, 29)}) {
    try {
      Trainer(other, 1).read_state(folder.path() / "state.safetensors");
      FAIL() << "was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Code::shape) << e.what();
      EXPECT_NE(std::string(e.what()).find("another model"), std::string::npos) << e.what();
    }
  }
}

TEST(Trainer, says_where_a_value_stopped_being_finite) {
  const Reference reference;
  Trainer trainer(*Model::open(data()));
  trainer.gradient({{reference.batch()}});
  EXPECT_EQ(trainer.first_not_finite(), "");
  auto parameters = trainer.parameters();
  auto& weight = *std::ranges::find(parameters, "transformer.h.1.mlp.c_fc.weight", &Trainer::Named::name);
  weight.values[3] = 3e38f;  // finite itself: the product is not
  trainer.changed();
  trainer.gradient({{reference.batch()}});
  EXPECT_NE(trainer.first_not_finite().find("blocks.1."), std::string::npos) << trainer.first_not_finite();
  weight.values[3] = NAN;
  EXPECT_EQ(trainer.first_not_finite(), "the parameter transformer.h.1.mlp.c_fc.weight");
}

TEST(Trainer, refuses_what_does_not_fit) {
  Trainer trainer(gpt2_of(1, 2, 8, 4, 10), 1);
  const std::vector<TokenId> ids{1, 2, 3, 10, 1};
  EXPECT_THROW(trainer.loss({ids, ids, 1, 5}), Error);  // longer than the context
  EXPECT_THROW(trainer.loss({std::span(ids).first(4), std::span(ids).first(4), 1, 4}), Error);  // an id of 10
  EXPECT_THROW(trainer.loss({std::span(ids).first(2), std::span(ids).first(3), 1, 2}), Error);
  EXPECT_THROW(gpt2_of(1, 3, 8, 4, 10), Error);
  EXPECT_THROW(gpt2_of(0, 1, 8, 4, 10), Error);
  EXPECT_THROW(Trainer(*Model::open(std::string(EMBSCOPE_TEST_DATA) + "/reference/tiny-llama")), Error);
}

}  // namespace
}  // namespace embscope
