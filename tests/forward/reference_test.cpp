// Tiny models whose every site was computed by transformers (tests/reference/make_tiny.py).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <span>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "embscope/base/threads.h"
#include "embscope/forward/transformer.h"
#include "embscope/kernels/simd.h"

namespace embscope {
namespace {

const std::string data = EMBSCOPE_TEST_DATA "/reference/";

struct Case {
  const char* name;
  const char* model;
  const char* folder;
  const char* bits;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Reference : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    model_ = Model::open(data + GetParam().model);
    transformer_ = std::make_unique<Transformer>(model_);
    std::ifstream file(data + GetParam().folder + "/ids.json");
    const auto json = boost::json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
    for (const auto& row : json.as_array()) {
      rows_.emplace_back();
      for (const auto& id : row.as_array()) rows_.back().push_back(static_cast<TokenId>(id.as_int64()));
    }
  }

  std::vector<Site> every_site() const {
    std::vector<Site> all;
    for (const SiteInfo& info : sites(model_->config())) {
      if (!in_block(info.point))
        all.push_back({info.point, -1});
      else
        for (int b = 0; b < model_->config().blocks; ++b) all.push_back({info.point, b});
    }
    return all;
  }

  Result run(std::vector<std::vector<TokenId>> rows, bool capture, bool share = true) const {
    Request request;
    request.rows = std::move(rows);
    request.logits = LogitsAt::all;
    request.share = share;
    if (capture) request.capture = every_site();
    return transformer_->run(request);
  }

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Transformer> transformer_;
  std::vector<std::vector<TokenId>> rows_;
};

std::vector<float> bits(const Tensor& t) { return {t.values().begin(), t.values().end()}; }

TEST_P(Reference, every_site_equals_transformers) {
  for (std::size_t text = 0; text < rows_.size(); ++text) {
    const auto expected = Archive::open(data + GetParam().folder + "/sites-" + std::to_string(text) + ".safetensors");
    const Result result = run({rows_[text]}, true);
    const auto all = every_site();
    ASSERT_EQ(all.size(), expected->tensors().size());
    for (std::size_t s = 0; s < all.size(); ++s) {
      const Tensor& found = result.rows[0].captured[s];
      const Tensor reference = decode(expected->at(all[s].name()));
      ASSERT_EQ(found.shape(), reference.shape()) << all[s].name();
      const std::int64_t keys = found.columns();
      for (std::int64_t i = 0; i < found.size(); ++i) {
        const bool unseen = all[s].point == Point::scores && i % keys > i / keys % keys;
        if (unseen)
          ASSERT_TRUE(std::isinf(found.values()[static_cast<std::size_t>(i)])) << all[s].name();
        else
          ASSERT_NEAR(found.values()[static_cast<std::size_t>(i)], reference.values()[static_cast<std::size_t>(i)],
                      1e-4)
              << all[s].name() << " value " << i;
      }
    }
  }
}

TEST_P(Reference, batches_threads_captures_and_sharing_do_not_change_a_bit) {
  const int before = threads();
  std::vector<std::vector<float>> alone;
  set_threads(1);
  for (const auto& row : rows_) alone.push_back(bits(run({row}, false).rows[0].logits));
  for (int count : {1, 2, 3}) {
    set_threads(count);
    for (bool capture : {false, true}) {
      for (bool share : {false, true}) {
        const Result together = run({rows_[1], rows_[0], rows_[1]}, capture, share);
        EXPECT_EQ(bits(together.rows[0].logits), alone[1]);
        EXPECT_EQ(bits(together.rows[1].logits), alone[0]);
        EXPECT_EQ(bits(together.rows[2].logits), alone[1]);
      }
    }
  }
  set_threads(before);
}

TEST_P(Reference, the_cache_continues_bit_for_bit_in_pieces_of_any_size) {
  const auto& row = rows_[0];
  const auto whole = bits(run({row}, false).rows[0].logits);
  const auto vocab = static_cast<std::size_t>(model_->config().vocab);
  for (std::size_t piece : {1u, 2u, 5u}) {
    Cache cache;
    for (std::size_t t = 0; t < row.size(); t += piece) {
      Request request;
      request.rows = {{row.begin() + static_cast<std::ptrdiff_t>(t),
                       row.begin() + static_cast<std::ptrdiff_t>(std::min(row.size(), t + piece))}};
      request.cache = &cache;
      request.logits = LogitsAt::all;
      const auto part = bits(transformer_->run(request).rows[0].logits);
      ASSERT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(t * vocab)))
          << "from position " << t;
    }
  }
}

// FNV-1a over every site of every text, and the logits: the same for AVX2, AVX-512 and NEON.
std::uint64_t fingerprint(const Result& result) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](const Tensor& tensor) {
    for (const std::byte byte : std::as_bytes(tensor.values()))
      hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  };
  for (const Tensor& captured : result.rows[0].captured) add(captured);
  add(result.rows[0].logits);
  return hash;
}

TEST_P(Reference, instruction_sets_with_fused_multiply_add_give_the_same_bits_on_every_processor) {
  const auto targets = simd_targets();
  for (const SimdTarget& target : targets) {
    if (!target.fused) continue;
    set_simd(target.name);
    std::uint64_t bits = 0;
    for (const auto& row : rows_) bits ^= fingerprint(run({row}, true));
    EXPECT_EQ(fmt::format("{:016x}", bits), GetParam().bits) << target.name;
  }
  for (const SimdTarget& target : targets)
    if (target.in_use) set_simd(target.name);
}

INSTANTIATE_TEST_SUITE_P(tiny, Reference,
                         ::testing::Values(Case{"gpt2", "tiny-gpt2", "tiny-gpt2", "89fafdd5dc88fab4"},
                                           Case{"gpt2_relu", "tiny-gpt2-relu", "tiny-gpt2-relu", "7aa1f8c21ef7ef26"},
                                           Case{"llama", "tiny-llama", "tiny-llama", "fe64f18f09dac19c"},
                                           Case{"llama_gguf", "tiny-llama/tiny-llama.gguf", "tiny-llama",
                                                "fe64f18f09dac19c"},
                                           Case{"llama_bf16", "tiny-llama-bf16", "tiny-llama-bf16", "c4029dd59164b2f3"},
                                           Case{"llama_f16", "tiny-llama-f16", "tiny-llama-f16", "d3c43bd670a999b3"}),
                         [](const auto& c) { return std::string(c.param.name); });

}  // namespace
}  // namespace embscope
