// Verify on what transformers computed for the tiny models, and on copies with a mistake in them.
#include "embscope/runs/verify.h"

#include <gmock/gmock.h>

#include "forward/tiny.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

const std::string data = EMBSCOPE_TEST_DATA "/reference/";
const std::vector<TokenId> ids = {5, 17, 3, 3, 88, 41, 0, 12, 96, 7, 29, 64, 50};  // of make_tiny.py

class Verify : public ::testing::TestWithParam<const char*> {
 protected:
  std::string file() const { return data + GetParam() + "/sites-0.safetensors"; }
  tiny::Folder folder_;
  Transformer transformer_{Model::open(data + GetParam())};
};

TEST_P(Verify, finds_every_site_of_transformers_the_same) {
  const VerifyResult result = verify(transformer_, *Archive::open(file()), ids);
  EXPECT_LT(result.worst, 1e-5);
  EXPECT_TRUE(result.passed_over.empty());
  EXPECT_EQ(result.sites.column("site").texts().front(), "wte");
  EXPECT_EQ(result.sites.column("site").texts().back(), "logits");
}

TEST_P(Verify, finds_the_one_value_that_is_wrong_under_a_name_of_transformer_lens) {
  const auto archive = Archive::open(file());
  Tensor values = decode(archive->at("blocks.1.mlp_out"));
  values.data()[7] += 0.5f;
  const std::vector<std::int64_t> tokens(ids.begin(), ids.end());
  const Tensor right = decode(archive->at("blocks.0.z"));
  const Shape batch{1, values.shape()[0], values.shape()[1]};  // as PyTorch gives it
  for (const char* name : {"a.safetensors", "a.npz"}) {
    write_arrays(folder_.path() / name,
                 std::vector<NamedArray>{
                     {"blocks.1.hook_mlp_out", batch, std::span<const float>(values.values())},
                     {"blocks.0.attn.hook_z", right.shape(), right.values()},
                     {"somebody.else", right.shape(), right.values()},
                     {"ids", {static_cast<std::int64_t>(tokens.size())}, std::span<const std::int64_t>(tokens)}});
    const VerifyResult result = verify(transformer_, *Archive::open(folder_.path() / name));
    EXPECT_THAT(result.sites.column("site").texts(), ::testing::ElementsAre("blocks.0.z", "blocks.1.mlp_out"));
    EXPECT_THAT(result.passed_over, ::testing::ElementsAre("somebody.else"));
    EXPECT_NEAR(result.sites.column("difference").numbers()[1], 0.5, 1e-4);
    EXPECT_EQ(result.sites.column("at").numbers()[1], 7);
    EXPECT_LT(result.sites.column("ratio").numbers()[0], 1e-5);
  }
}

TEST_P(Verify, refuses_what_it_cannot_compare) {
  const Tensor values({3, 4});
  write_arrays(folder_.path() / "a.safetensors", std::vector<NamedArray>{{"wte", values.shape(), values.values()}});
  write_arrays(folder_.path() / "b.safetensors", std::vector<NamedArray>{{"nothing", values.shape(), values.values()}});
  const auto says = [&](const char* name, std::span<const TokenId> given) -> std::string {
    try {
      verify(transformer_, *Archive::open(folder_.path() / name), given);
    } catch (const Error& e) { return e.what(); }
    return "accepted";
  };
  EXPECT_THAT(says("a.safetensors", {}), HasSubstr("holds no array 'ids'"));
  EXPECT_THAT(says("a.safetensors", ids), HasSubstr("the reference has 3 x 4"));
  EXPECT_THAT(says("b.safetensors", ids), HasSubstr("no array named like a site"));
}

INSTANTIATE_TEST_SUITE_P(tiny, Verify, ::testing::Values("tiny-gpt2", "tiny-llama"));

}  // namespace
}  // namespace embscope
