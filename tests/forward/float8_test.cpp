// Models whose weights are floats of eight bits with factors (tests/reference/make_float8.py): PyTorch's dequantised
// values, transformers' logits, and what is refused.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "embscope/files/archive.h"
#include "embscope/forward/transformer.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const std::string data = EMBSCOPE_TEST_DATA "/reference/float8/";

class Float8 : public ::testing::TestWithParam<const char*> {};

TEST_P(Float8, weights_are_the_values_that_pytorch_dequantises) {
  const auto model = Model::open(data + GetParam());
  const auto expected = Archive::open(data + GetParam() + "/expected.safetensors");
  const Tensor down = decode(expected->at("down"));
  const Matrix& m = model->weights().blocks[0].down.weight;
  ASSERT_EQ(down.shape(), (Shape{m.out, m.in}));
  std::vector<float> row(static_cast<std::size_t>(m.in));
  for (std::int64_t j = 0; j < m.out; ++j) {
    m.row(j, row.data());
    ASSERT_EQ(std::memcmp(row.data(), down.row(j).data(), row.size() * sizeof(float)), 0) << j;
  }
}

TEST_P(Float8, logits_are_those_of_transformers) {
  const Transformer transformer(Model::open(data + GetParam()));
  const Tensor expected = decode(Archive::open(data + GetParam() + "/expected.safetensors")->at("logits"));
  Request request{{{5, 17, 3, 3, 88, 41, 0, 12}}};
  request.logits = LogitsAt::all;
  const Tensor logits = std::move(transformer.run(request).rows[0].logits);
  ASSERT_EQ(logits.shape(), expected.shape());
  for (std::int64_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits.data()[i], expected.data()[i], 1e-4) << i;
  request.rows = {{5}};
  const Tensor one = std::move(transformer.run(request).rows[0].logits);
  EXPECT_TRUE(std::ranges::equal(one.values(), logits.row(0)));
}

INSTANTIATE_TEST_SUITE_P(kinds, Float8, ::testing::Values("blocks", "channels", "tensor", "compressed-blocks"),
                         [](const auto& kind) {
                           std::string name = kind.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Float8Values, are_those_of_pytorch) {
  const auto archive = Archive::open(data + "codes.safetensors");
  for (const std::string name : {"e4m3", "e5m2"}) {
    const Tensor found = decode(archive->at(name)), expected = decode(archive->at(name + "_values"));
    for (std::int64_t i = 0; i < 256; ++i) {
      const float a = found.data()[i], b = expected.data()[i];
      EXPECT_TRUE(std::isnan(b) ? std::isnan(a) : std::memcmp(&a, &b, sizeof(float)) == 0) << name << " " << i;
    }
  }
}

// A copy of the model in blocks, with something in its files replaced.
class ChangedFloat8 : public ::testing::Test {
 protected:
  void copy(const std::string& name, const std::string& from, const std::string& to) {
    fs::copy(data + name, folder_.path(), fs::copy_options::overwrite_existing | fs::copy_options::recursive);
    if (from.empty()) return;
    const fs::path path = folder_.path() / "config.json";
    std::ifstream in(path);
    std::string text(std::istreambuf_iterator<char>(in), {});
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    tiny::write(path, text.replace(at, from.size(), to));
  }
  std::string opening() {
    try {
      Model::open(folder_.path().string());
      return "";
    } catch (const Error& error) { return error.what(); }
  }
  // Writes over the bytes of a tensor, in place.
  void overwrite(const std::string& tensor, const void* bytes, std::size_t size) {
    const fs::path path = folder_.path() / "model.safetensors";
    std::int64_t offset = 0;
    {
      const auto archive = Archive::open(path);
      const auto* first = archive->at("lm_head.weight").data;
      for (const auto& entry : archive->tensors()) first = std::min(first, entry.view.data);
      offset = archive->at(tensor).data - first;
      std::int64_t all = 0;
      for (const auto& entry : archive->tensors()) all += entry.view.bytes();
      offset += static_cast<std::int64_t>(fs::file_size(path)) - all;
    }
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(offset);
    file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  }
  tiny::Folder folder_;
};

TEST_F(ChangedFloat8, other_kinds_of_quantisation_are_refused_by_name) {
  copy("blocks", R"("quant_method": "fp8")", R"("quant_method": "gptq", "bits": 4)");
  EXPECT_THAT(opening(), HasSubstr("quant_method 'gptq'"));
  copy("blocks", R"("fmt": "e4m3")", R"("fmt": "e3m4")");
  EXPECT_THAT(opening(), HasSubstr("fmt 'e3m4'"));
  copy("channels", R"("format": "float-quantized")", R"("format": "pack-quantized")");
  EXPECT_THAT(opening(), HasSubstr("format 'pack-quantized'"));
  copy("channels", R"("num_bits": 8)", R"("num_bits": 4)");
  EXPECT_THAT(opening(), HasSubstr("num_bits 4"));
  copy("channels", R"("strategy": "channel")", R"("strategy": "group")");
  EXPECT_THAT(opening(), HasSubstr("strategy 'group'"));
  copy("channels", R"("kv_cache_scheme": null)", R"("kv_cache_scheme": {"num_bits": 8})");
  EXPECT_THAT(opening(), HasSubstr("kv_cache_scheme"));
  copy("channels", R"("strategy": "channel")", R"("strategy": "channel", "rounding": "odd")");
  EXPECT_THAT(opening(), HasSubstr("rounding"));
}

TEST_F(ChangedFloat8, a_table_of_factors_has_the_size_of_the_blocks) {
  copy("blocks", "16,", "32,");
  EXPECT_THAT(opening(), HasSubstr("weight_scale_inv': expected one factor, "));
  copy("blocks", "16,", "0,");
  EXPECT_THAT(opening(), HasSubstr("weight_block_size: expected two sizes"));
}

TEST_F(ChangedFloat8, a_factor_that_is_not_finite_is_refused_with_its_tensor) {
  copy("blocks", "", "");
  const float bad = std::numeric_limits<float>::infinity();
  overwrite("model.layers.0.mlp.up_proj.weight_scale_inv", &bad, sizeof(bad));
  EXPECT_THAT(opening(), HasSubstr("tensor 'model.layers.0.mlp.up_proj.weight_scale_inv' holds NaN or infinite"));
}

TEST_F(ChangedFloat8, a_value_that_is_no_number_is_found_by_the_product) {
  copy("blocks", "", "");
  const unsigned char nan = 0x7f;
  overwrite("model.layers.0.mlp.up_proj.weight", &nan, 1);
  const Transformer transformer(Model::open(folder_.path().string()));
  try {
    transformer.run(Request{{{5, 17}}});
    FAIL();
  } catch (const Error& error) { EXPECT_THAT(error.what(), HasSubstr("block 0: up holds NaN or infinite values")); }
}

TEST_F(ChangedFloat8, weights_without_factors_are_refused) {
  copy("blocks", "", "");
  const fs::path path = folder_.path() / "model.safetensors";
  std::ifstream in(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  const std::string name = "model.layers.0.mlp.up_proj.weight_scale_inv";
  bytes.replace(bytes.find(name), name.size(), "model.layers.0.mlp.up_proj.weight_scale_odd");
  tiny::write(path, bytes);
  EXPECT_THAT(opening(), HasSubstr("'model.layers.0.mlp.up_proj.weight' has no factors"));
}

}  // namespace
}  // namespace embscope
