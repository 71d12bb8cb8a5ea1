// A model's file that becomes shorter while it is in use; keys and values for which there is no memory.
#include <filesystem>

#include <gmock/gmock.h>

#include "embscope/forward/transformer.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;

class CutModel : public ::testing::TestWithParam<const char*> {
 protected:
  CutModel() { tiny::copy_reference(GetParam(), folder_.path()); }
  void cut() { fs::resize_file(folder_.path() / "model.safetensors", 20000); }
  std::shared_ptr<const Model> open() { return Model::open(folder_.path().string()); }
  static void expect_error(const std::function<void()>& action) {
    try {
      action();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::io) << error.what();
      EXPECT_THAT(
          error.what(),
          ::testing::EndsWith("model.safetensors] became shorter or unreadable while it was in use: open it again"));
    }
  }

  tiny::Folder folder_;
};

TEST_P(CutModel, is_an_error_of_the_run_and_of_every_row_beyond_the_cut) {
  const auto model = open();
  const Transformer transformer(model);
  cut();
  Request request;
  request.rows = {{1, 2, 3}};
  expect_error([&] { transformer.run(request); });
  expect_error([&] { transformer.run(request); });  // it stays one
  expect_error([&] {
    for (TokenId id = 0; id < model->config().vocab; ++id) model->embedding(id);
    decode(model->weights().unembed.view);
  });
}

INSTANTIATE_TEST_SUITE_P(models, CutModel, ::testing::Values("tiny-gpt2", "tiny-llama"),
                         [](const auto& m) { return std::string(m.param) == "tiny-gpt2" ? "gpt2" : "llama"; });

TEST(Cache, for_which_there_is_no_memory_is_refused_before_the_run) {
  const Transformer transformer(Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-llama"));
  const Config& c = transformer.config();
  EXPECT_EQ(transformer.cache_bytes(10), 10.0 * 2 * 4 * static_cast<double>(c.blocks * c.kv_heads * c.head_width));
  transformer.expect_cache(1000);
  try {
    transformer.expect_cache(std::int64_t{1} << 50);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::range);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("the keys and values of 1125899906842624 tokens take"));
    EXPECT_THAT(error.what(), ::testing::EndsWith("ask for fewer tokens"));
  }
}

}  // namespace
}  // namespace embscope
