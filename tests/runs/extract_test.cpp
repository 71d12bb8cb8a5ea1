// Extraction on tiny models: what lies in the parts equals a run of each text alone, wherever the cuts are, and however
// often the work was interrupted.
#include "embscope/runs/extract.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>

#include "embscope/files/archive.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const std::vector<std::string> texts = {
    "The cat is a dog", "", "The dog", "a", "The cat is a cat. The dog is a dog!", "The cat is a cat", "x y z"};

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Extract : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_ = tiny::open(GetParam());
    transformer_ = std::make_unique<Transformer>(model_);
    std::string lines;
    for (const std::string& text : texts) lines += text + "\n";
    tiny::write(corpus(), lines);
  }
  fs::path corpus() const { return folder_.path() / "corpus.txt"; }
  ExtractRequest request(const char* to) const {
    ExtractRequest r;
    r.corpus = corpus();
    r.folder = folder_.path() / to;
    r.sites = {"blocks.1.resid_post", "blocks.0.z"};
    r.part_tokens = 5;
    r.batch_tokens = 5;
    return r;
  }
  ExtractResult run(const ExtractRequest& r) const { return extract(*transformer_, r); }
  void expect_refused(const ExtractRequest& r, Code code, const std::string& says) const {
    try {
      run(r);
      ADD_FAILURE() << says << ": accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      EXPECT_THAT(e.what(), HasSubstr(says));
    }
  }
  std::vector<fs::path> parts(const fs::path& folder) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".safetensors") found.push_back(entry.path());
    }
    std::ranges::sort(found);
    return found;
  }
  /// The rows of a site of all parts, in order, for the lines that `wanted` names.
  std::vector<float> rows_of(const fs::path& folder, const std::string& site, std::int64_t line) const {
    std::vector<float> rows;
    for (const fs::path& part : parts(folder)) {
      const auto archive = Archive::open(part);
      const Tensor document = decode(archive->at("document")), values = decode(archive->at(site));
      const std::int64_t width = values.size() / document.size();
      for (std::int64_t i = 0; i < document.size(); ++i) {
        if (static_cast<std::int64_t>(document.values()[static_cast<std::size_t>(i)]) == line)
          rows.insert(rows.end(), values.data() + i * width, values.data() + (i + 1) * width);
      }
    }
    return rows;
  }
  std::vector<float> alone(const std::string& text, const Site& site) const {
    Request r;
    r.rows = {model_->tokenizer().with_bos(text).ids};
    r.capture = {site};
    r.logits = LogitsAt::none;
    const Result result = transformer_->run(r);
    const auto values = result.rows[0].captured[0].values();
    return {values.begin(), values.end()};
  }

  tiny::Folder folder_;
  std::shared_ptr<const Model> model_;
  std::unique_ptr<Transformer> transformer_;
};

TEST_P(Extract, holds_what_each_text_gives_alone_bit_for_bit) {
  const ExtractResult result = run(request("a"));
  EXPECT_EQ(result.documents, 6);
  EXPECT_GT(result.parts, 1);
  EXPECT_LT(result.cost.computed, result.cost.asked);  // nothing behind block 1
  for (std::size_t line = 0; line < texts.size(); ++line) {
    if (texts[line].empty()) continue;
    EXPECT_EQ(rows_of(folder_.path() / "a", "blocks.1.resid_post", static_cast<std::int64_t>(line)),
              alone(texts[line], {Point::resid_post, 1}));
    EXPECT_EQ(rows_of(folder_.path() / "a", "blocks.0.z", static_cast<std::int64_t>(line)),
              alone(texts[line], {Point::z, 0}));
  }
}

TEST_P(Extract, ranges_name_the_bytes_of_each_token) {
  run(request("a"));
  std::vector<std::string> joined(texts.size());
  for (const fs::path& part : parts(folder_.path() / "a")) {
    const auto archive = Archive::open(part);
    const Tensor document = decode(archive->at("document")), begin = decode(archive->at("begin")),
                 end = decode(archive->at("end"));
    for (std::size_t i = 0; i < document.values().size(); ++i) {
      const auto line = static_cast<std::size_t>(document.values()[i]),
                 first = static_cast<std::size_t>(begin.values()[i]);
      joined[line] += texts[line].substr(first, static_cast<std::size_t>(end.values()[i]) - first);
    }
  }
  EXPECT_EQ(joined, texts);
}

TEST_P(Extract, an_interrupted_run_goes_on_to_the_same_bytes) {
  run(request("whole"));
  const auto whole = parts(folder_.path() / "whole");
  ASSERT_GT(whole.size(), 2u);
  for (int stop = 0; stop < 6; ++stop) {
    const ExtractRequest r = request(("cut" + std::to_string(stop)).c_str());
    int calls = 0;
    const auto after = [&](double, std::string_view) { return calls++ < stop; };
    EXPECT_THROW(extract(*transformer_, r, after), Error);
    const ExtractResult result = run(r);
    const auto again = parts(r.folder);
    ASSERT_EQ(again.size(), whole.size());
    EXPECT_EQ(result.parts, static_cast<std::int64_t>(whole.size()));
    for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(bytes_of(again[i]), bytes_of(whole[i]));
  }
}

TEST_P(Extract, a_part_that_was_cut_short_or_lost_is_made_again) {
  const ExtractRequest r = request("a");
  run(r);
  const auto files = parts(r.folder);
  ASSERT_GT(files.size(), 2u);
  const std::string second = bytes_of(files[1]), last = bytes_of(files.back());
  fs::resize_file(files[1], 100);
  fs::remove(files.back());
  const ExtractResult result = run(r);
  EXPECT_GT(result.tokens, result.tokens_before);
  EXPECT_EQ(bytes_of(files[1]), second);
  EXPECT_EQ(bytes_of(files.back()), last);
}

TEST_P(Extract, the_shards_together_are_the_whole) {
  run(request("whole"));
  for (int shard = 0; shard < 3; ++shard) {
    ExtractRequest r = request("shards");
    r.shard = shard, r.shards = 3;
    run(r);
  }
  for (std::size_t line = 0; line < texts.size(); ++line) {
    const auto number = static_cast<std::int64_t>(line);
    EXPECT_EQ(rows_of(folder_.path() / "shards", "blocks.0.z", number),
              rows_of(folder_.path() / "whole", "blocks.0.z", number));
  }
}

TEST_P(Extract, a_text_longer_than_the_context_is_cut_into_windows) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += " cat dog";
  tiny::write(corpus(), text);
  const ExtractRequest r = request("a");
  const ExtractResult result = run(r);
  EXPECT_EQ(result.documents, 1);
  std::int64_t rows = 0, windows = 0;
  for (const fs::path& part : parts(r.folder)) {
    const Tensor position = decode(Archive::open(part)->at("position"));
    for (float p : position.values()) {
      ++rows;
      windows += p == 0;
      EXPECT_LT(p, static_cast<float>(model_->config().context));
    }
  }
  EXPECT_EQ(rows, result.tokens);
  EXPECT_GT(windows, 1);
}

TEST_P(Extract, half_precision_is_the_same_values_rounded) {
  ExtractRequest r = request("half");
  r.dtype = DType::f16;
  run(r);
  run(request("full"));
  const auto half = rows_of(r.folder, "blocks.0.z", 0), full = rows_of(folder_.path() / "full", "blocks.0.z", 0);
  ASSERT_EQ(half.size(), full.size());
  for (std::size_t i = 0; i < half.size(); ++i) EXPECT_NEAR(half[i], full[i], 1e-3 * std::abs(full[i]) + 1e-7);
}

TEST_P(Extract, jsonl_gives_its_field) {
  const fs::path lines = folder_.path() / "corpus.jsonl";
  tiny::write(lines, "{\"id\": 1, \"text\": \"The \\u0063at\"}\n\n{\"text\": \"The dog\"}");
  ExtractRequest r = request("a");
  r.corpus = lines;
  EXPECT_EQ(run(r).documents, 2);
  EXPECT_EQ(rows_of(r.folder, "blocks.0.z", 0), alone("The cat", {Point::z, 0}));
  EXPECT_EQ(rows_of(r.folder, "blocks.0.z", 2), alone("The dog", {Point::z, 0}));
  tiny::write(lines, "{\"text\": \"The cat\"}\n{\"body\": \"The dog\"}");
  r.folder = folder_.path() / "b";
  expect_refused(r, Code::format, "corpus.jsonl line 2");
}

TEST_P(Extract, refuses_what_it_cannot_do) {
  tiny::write(corpus(), "The cat\nThe \xff dog\n");
  expect_refused(request("a"), Code::format, "corpus.txt line 2] byte 4 is 0xFF, which is not UTF-8");
  tiny::write(corpus(), "\n\n");
  expect_refused(request("b"), Code::usage, "holds no text");
  SetUp();
  run(request("c"));
  ExtractRequest other = request("c");
  other.sites = {"blocks.0.z"};
  expect_refused(other, Code::usage, "holds another extraction (sites is");
  tiny::write(corpus(), "The cat\n");
  expect_refused(request("c"), Code::usage, "holds another extraction (corpus is");
  fs::create_directory(folder_.path() / "d");
  tiny::write(folder_.path() / "d" / "thesis.tex", "mine");
  expect_refused(request("d"), Code::usage, "is not empty and holds no extraction");
  ExtractRequest map = request("e");
  map.sites = {"blocks.0.pattern"};
  expect_refused(map, Code::usage, "a value for each pair of positions");
  ExtractRequest shard = request("e");
  shard.shard = 3, shard.shards = 3;
  expect_refused(shard, Code::range, "shard 3/3");
}

TEST_P(Extract, the_estimate_is_near_what_comes_of_it) {
  const ExtractRequest r = request("a");
  const ExtractEstimate estimate = estimate_extract(*transformer_, r, true);
  const ExtractResult result = run(r);
  EXPECT_NEAR(estimate.tokens, static_cast<double>(result.tokens), 1);
  EXPECT_GT(estimate.seconds, 0);
  EXPECT_LE(estimate.bytes, static_cast<double>(result.bytes));
}

INSTANTIATE_TEST_SUITE_P(BothArchitectures, Extract, ::testing::Values("tiny-gpt2", "tiny-llama"));

}  // namespace
}  // namespace embscope
