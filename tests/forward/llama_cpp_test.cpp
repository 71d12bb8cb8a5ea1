// GGUF files of many architectures against llama.cpp, which read the same bytes: tests/reference/make_llama_cpp.py made
// the numbers.
#include <cmath>
#include <fstream>

#include <gmock/gmock.h>

#include "embscope/forward/transformer.h"
#include "forward/families.h"
#include "model/rewritten.h"
#include "refusal.h"

namespace embscope {
namespace {

namespace bj = families::bj;

const bj::object& references() {
  static const bj::object all = [] {
    std::ifstream file(EMBSCOPE_TEST_DATA "/families/llama_cpp.json");
    return bj::parse(std::string(std::istreambuf_iterator<char>(file), {})).as_object();
  }();
  return all;
}

std::vector<std::string> reference_names() {
  std::vector<std::string> names;
  for (const auto& [name, reference] : references()) {
    if (reference.is_object()) names.emplace_back(name);
  }
  return names;
}

std::vector<TokenId> integers(std::string_view key) {
  std::vector<TokenId> list;
  for (const auto& item : references().at(bj::string_view(key.data(), key.size())).as_array())
    list.push_back(static_cast<TokenId>(item.as_int64()));
  return list;
}

MetaValue meta_value(const bj::value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_int64()) return static_cast<std::uint64_t>(value.as_int64());
  if (value.is_string()) return std::string_view(value.as_string());
  if (value.is_double()) return value.as_double();
  std::vector<double> list;
  for (const auto& item : value.as_array()) list.push_back(item.to_number<double>());
  return list;
}

Rewritten::Entry tensor_of(std::string_view name, const bj::array& recipe) {
  std::vector<std::int64_t> sizes;
  for (const auto& size : recipe.at(0).as_array()) sizes.push_back(size.as_int64());
  Rewritten::Entry entry{std::string(name), Shape(sizes), {}};
  const auto scale = static_cast<float>(recipe.at(1).to_number<double>()),
             shift = static_cast<float>(recipe.at(2).to_number<double>());
  const std::uint64_t seed = families::seed_of(name);
  for (std::int64_t i = 0; i < entry.shape.elements(); ++i)
    entry.values.push_back(families::weight(seed, static_cast<std::uint64_t>(i)) * scale + shift);
  return entry;
}

Rewritten file_of(const bj::object& reference) {
  Rewritten file;
  const std::string architecture(reference.at("architecture").as_string());
  auto key = [&](const std::string& name, const MetaValue& value) {
    file.records[name] = Rewritten::record(name, value);
  };
  key("general.architecture", std::string_view(architecture));
  for (const auto& [name, value] : reference.at("metadata").as_object())
    key((name.starts_with('.') ? architecture : "") + std::string(name), meta_value(value));
  for (const auto& [name, recipe] : reference.at("tensors").as_object())
    file.tensors.push_back(tensor_of(name, recipe.as_array()));
  return file;
}

class LlamaCpp : public ::testing::TestWithParam<std::string> {
 protected:
  const bj::object& reference_ = references().at(GetParam()).as_object();
  const tiny::Folder folder_;

  std::shared_ptr<const Model> open(const Rewritten& file) const {
    file.write_gguf(folder_.path() / "m.gguf");
    return Model::open((folder_.path() / "m.gguf").string());
  }
  static Tensor logits_of(const std::shared_ptr<const Model>& model) {
    Request request;
    request.rows = {integers("text")}, request.logits = LogitsAt::all;
    return std::move(Transformer(model).run(request).rows[0].logits);
  }
};

double log_of_sum(std::span<const float> logits) {
  const float most = *std::ranges::max_element(logits);
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x) - static_cast<double>(most));
  return static_cast<double>(most) + std::log(sum);
}

// `table`: its GELU comes from a table in half precision, or is another one than the model's.
TEST_P(LlamaCpp, computes_the_same) {
  const Tensor logits = logits_of(open(file_of(reference_)));
  const double allowed = reference_.at("table").as_bool() ? 5e-3 : 1e-4;
  const auto texts = integers("texts");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::span<const float> row = logits.row(texts[i] - 1);
    const auto& expected = reference_.at("log_probabilities").as_array()[i].as_array();
    ASSERT_EQ(row.size(), expected.size());
    const double whole = log_of_sum(row);
    for (std::size_t v = 0; v < row.size(); ++v)
      ASSERT_NEAR(static_cast<double>(row[v]) - whole, expected[v].to_number<double>(), allowed)
          << "token " << v << " after " << texts[i];
  }
}

// Where it opens without one, that one is optional there too, and shows.
TEST_P(LlamaCpp, file_needs_each_of_its_tensors) {
  const Rewritten whole = file_of(reference_);
  const Tensor expected = logits_of(open(whole));
  for (const Rewritten::Entry& entry : whole.tensors) {
    if (entry.name.starts_with("blk.") && !entry.name.starts_with("blk.1.")) continue;
    Rewritten less = whole;
    less.erase(entry.name);
    std::shared_ptr<const Model> model;
    if (refusal([&] { model = open(less); }) != "no error") continue;
    EXPECT_FALSE(std::ranges::equal(logits_of(model).values(), expected.values())) << entry.name;
  }
}

TEST_P(LlamaCpp, file_with_another_tensor_or_key_is_refused) {
  Rewritten more = file_of(reference_);
  more.tensors.push_back({"blk.1.attn_extra.weight", {3}, {1, 2, 3}});
  EXPECT_THAT(refusal([&] { open(more); }), ::testing::HasSubstr("'blk.1.attn_extra.weight' (3) has no place"));
  more = file_of(reference_);
  const std::string key = std::string(reference_.at("architecture").as_string()) + ".attention.new_kind";
  more.records[key] = Rewritten::record(key, 2.5);
  EXPECT_THAT(refusal([&] { open(more); }), ::testing::HasSubstr("'" + key + "': 2.5"));
}

INSTANTIATE_TEST_SUITE_P(files, LlamaCpp, ::testing::ValuesIn(reference_names()), [](const auto& tested) {
  std::string name = tested.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace embscope
