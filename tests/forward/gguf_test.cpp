// GPT-2 as llama.cpp keeps it, made of Hugging Face's file: matrices [out, in], queries, keys and values in one.
#include <cstring>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "embscope/forward/transformer.h"
#include "files/makers.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

class GgufOfGpt2 {
 public:
  explicit GgufOfGpt2(const Model& model) : archive_(*model.archives().front()) {
    const Config& c = model.config();
    file_.keys = {files::key("general.architecture", 8, files::Bytes().string("gpt2")),
                  files::key("gpt2.attention.layer_norm_epsilon", 6, files::Bytes().put(c.epsilon))};
    for (const auto& [name, value] : {std::pair{"embedding_length", c.width},
                                      {"block_count", c.blocks},
                                      {"attention.head_count", c.heads},
                                      {"feed_forward_length", c.mlp_width},
                                      {"context_length", c.context}})
      file_.keys.push_back(
          files::key(fmt::format("gpt2.{}", name), 4, files::Bytes().u32(static_cast<std::uint64_t>(value))));
    file_.tensors.clear();
    add("token_embd.weight", "wte.weight"), add("position_embd.weight", "wpe.weight");
    add("output_norm.weight", "ln_f.weight"), add("output_norm.bias", "ln_f.bias");
    for (std::int64_t l = 0; l < c.blocks; ++l) {
      for (const auto& [ours, theirs] : {std::pair{"attn_norm", "ln_1"},
                                         {"attn_qkv", "attn.c_attn"},
                                         {"attn_output", "attn.c_proj"},
                                         {"ffn_norm", "ln_2"},
                                         {"ffn_up", "mlp.c_fc"},
                                         {"ffn_down", "mlp.c_proj"}}) {
        for (const char* part : {"weight", "bias"})
          add(fmt::format("blk.{}.{}.{}", l, ours, part), fmt::format("h.{}.{}.{}", l, theirs, part));
      }
    }
  }

  void write(const std::filesystem::path& path) {
    file_.data = data_.size();
    std::string bytes = file_.bytes();
    bytes.replace(bytes.size() - data_.size(), data_.size(), data_);
    tiny::write(path, bytes);
  }

 private:
  void add(const std::string& name, const std::string& from) {
    const Tensor tensor = decode(archive_.at("transformer." + from));
    const bool transposed = tensor.shape().rank() == 2 && from.starts_with("h.");  // Conv1D
    const auto rows = static_cast<std::uint64_t>(tensor.rows()), columns = static_cast<std::uint64_t>(tensor.columns());
    std::vector<std::uint64_t> sizes = {columns, rows};  // fastest first
    if (transposed) std::swap(sizes[0], sizes[1]);
    if (tensor.shape().rank() == 1) sizes = {columns};
    file_.tensors.push_back({name, sizes, 0, data_.size(), -1});
    files::Bytes bytes;
    for (std::int64_t i = 0; i < tensor.size(); ++i)
      bytes.put(
          transposed
              ? tensor.values()[static_cast<std::size_t>(i % tensor.rows() * tensor.columns() + i / tensor.rows())]
              : tensor.values()[static_cast<std::size_t>(i)]);
    data_ += bytes.pad(32).text;
  }

  const Archive& archive_;
  files::Gguf file_;
  std::string data_;
};

Tensor logits(const std::shared_ptr<const Model>& model) {
  Request request;
  request.rows = {{5, 17, 3, 96, 0, 41}};
  request.logits = LogitsAt::all;
  return Transformer(model).run(request).rows[0].logits.clone();
}

TEST(Gguf, of_gpt2_gives_the_bits_of_hugging_face_s_file) {
  const auto model = Model::open(EMBSCOPE_TEST_DATA "/reference/tiny-gpt2");
  const tiny::Folder folder;
  GgufOfGpt2(*model).write(folder.path() / "tiny.gguf");
  const auto same = Model::open((folder.path() / "tiny.gguf").string());
  EXPECT_EQ(same->config().family, "gpt2");
  EXPECT_TRUE(same->config().tied);
  const Tensor expected = logits(model), found = logits(same);
  ASSERT_EQ(found.shape(), expected.shape());
  EXPECT_EQ(std::memcmp(found.data(), expected.data(), expected.values().size_bytes()), 0);
}

// gelu through the error function, as "activation_function": "gelu" says; its approximation by tanh is 5e-4 away.
TEST(Activation, of_an_exact_gelu_is_that_of_the_error_function) {
  const tiny::Folder folder;
  tiny::copy_reference("tiny-gpt2", folder.path(), {{"activation_function", "gelu"}});
  const Transformer transformer(Model::open(folder.path().string()));
  Request request;
  request.rows = {{5, 17, 3}};
  request.capture = {parse_site("blocks.1.mlp_pre", transformer.config()),
                     parse_site("blocks.1.mlp_post", transformer.config())};
  const Result result = transformer.run(request);
  const Tensor &before = result.rows[0].captured[0], &after = result.rows[0].captured[1];
  ASSERT_GT(before.size(), 0);
  for (std::size_t i = 0; i < before.values().size(); ++i) {
    const double x = before.values()[i];
    ASSERT_NEAR(after.values()[i], 0.5 * x * std::erfc(-x / std::sqrt(2)), 1e-6) << x;
  }
}

}  // namespace
}  // namespace embscope
