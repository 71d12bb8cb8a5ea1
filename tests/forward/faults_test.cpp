// A model's file that becomes shorter while it is in use.
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

}  // namespace
}  // namespace embscope
