#include "model/quantization.h"

#include <fmt/format.h>

namespace embscope {
namespace {

[[noreturn]] void refuse(const Keys& keys, const std::string& found) {
  throw Error(Code::unsupported, keys.where(),
              fmt::format("quantization_config: {} is not supported; supported are 'fp8' and 'compressed-tensors' of "
                          "'float-quantized' values of 8 bits; GGUF files of the model open too",
                          found));
}

void expect(const Keys& keys, std::string_view key, std::string_view otherwise, std::string_view expected) {
  const std::string_view found = keys.string(key, otherwise);
  if (found != expected) refuse(keys, fmt::format("{} '{}'", key, found));
}

void expect_nothing(const Keys& keys, std::string_view key) {
  if (keys.has(key)) refuse(keys, fmt::format("a {}", key));
}

void read_blocks(const Keys& keys, std::string_view key, Tensors& tensors) {
  const std::vector<double> size = keys.numbers(key);
  const auto is_size = [](double x) { return x >= 1 && x <= 1 << 20 && x == static_cast<double>(static_cast<int>(x)); };
  if (size.size() != 2 || !is_size(size[0]) || !is_size(size[1]))
    throw Error(Code::format, keys.where(), fmt::format("{}: expected two sizes", key));
  tensors.scaled_by_blocks(static_cast<std::int64_t>(size[0]), static_cast<std::int64_t>(size[1]));
}

// transformers' FineGrainedFP8Config: DeepSeek's, Qwen's, MiniMax's files.
void read_fp8(const Keys& keys, Tensors& tensors) {
  for (const char* key : {"activation_scheme", "modules_to_not_convert", "ignored_layers", "modules_to_convert",
                          "dequantize", "scale_fmt", "kv_cache_scheme"})
    keys.ignore(key);
  expect(keys, "fmt", "e4m3", "e4m3");
  expect(keys, "expert_dtype", "fp8", "fp8");
  if (keys.has("weight_block_size")) {
    read_blocks(keys, "weight_block_size", tensors);
  } else if (keys.absent("weight_block_size")) {
    tensors.scaled_by_blocks(128, 128);
  }
}

void read_group(const Keys& group, Tensors& tensors) {
  for (const char* key : {"targets", "input_activations", "output_activations"}) group.ignore(key);
  expect(group, "format", "float-quantized", "float-quantized");
  const Keys weights = group.object("weights");
  for (const char* key :
       {"dynamic", "observer", "observer_kwargs", "actorder", "group_size", "scale_dtype", "zp_dtype"})
    weights.ignore(key);
  expect(weights, "type", "float", "float");
  if (weights.integer("num_bits") != 8) refuse(weights, fmt::format("num_bits {}", weights.integer("num_bits")));
  if (!weights.truth("symmetric", true)) refuse(weights, "a scheme of asymmetric values");
  const std::string_view strategy = weights.string("strategy", "tensor");
  if (strategy == "block") {
    read_blocks(weights, "block_structure", tensors);
  } else if (strategy != "tensor" && strategy != "channel") {
    refuse(weights, fmt::format("strategy '{}'", strategy));
  }
  weights.ignore("block_structure");
  weights.refuse_rest();
  group.refuse_rest();
}

void read_compressed(const Keys& keys, Tensors& tensors) {
  for (const char* key : {"ignore", "quantization_status", "global_compression_ratio", "version"}) keys.ignore(key);
  expect(keys, "format", "", "float-quantized");
  expect_nothing(keys, "kv_cache_scheme");
  if (keys.has("sparsity_config")) {
    const Keys sparsity = keys.object("sparsity_config");
    for (const char* key : {"registry_requires_subclass", "sparsity_structure", "global_sparsity", "ignore", "targets"})
      sparsity.ignore(key);
    expect(sparsity, "format", "dense", "dense");
    sparsity.refuse_rest();
  }
  if (!keys.has("config_groups")) refuse(keys, "a configuration without config_groups");
  const Keys groups = keys.object("config_groups");
  if (!groups.has("group_0")) refuse(groups, "a configuration without group_0");
  read_group(groups.object("group_0"), tensors);
  groups.refuse_rest();  // of another group, whose values would be scaled in another way
}

}  // namespace

void read_quantization(const Keys& keys, Tensors& tensors) {
  if (!keys.has("quantization_config")) return;
  const Keys own = keys.object("quantization_config");
  const std::string_view method = own.string("quant_method", "");
  if (method == "mxfp4") return;  // its tensors have names of their own: the family reads them, or they are left over
  if (method == "fp8") {
    read_fp8(own, tensors);
  } else if (method == "compressed-tensors") {
    read_compressed(own, tensors);
  } else {
    refuse(own, fmt::format("quant_method '{}'", method));
  }
  own.refuse_rest();
  tensors.expect_scales();
}

}  // namespace embscope
