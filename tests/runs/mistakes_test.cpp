// Requests that have no answer, each refused in a line that says why.
#include <gmock/gmock.h>

#include "embscope/runs/mix.h"
#include "embscope/runs/patching.h"
#include "embscope/runs/steering.h"
#include "forward/tiny.h"
#include "refusal.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

class Mistake : public ::testing::Test {
 protected:
  std::string patching(const std::function<void(PatchRequest&)>& change) const {
    PatchRequest r;
    r.clean = {9, 1, 77}, r.corrupt = {9, 1, 50}, r.target = 11, r.against = 42;
    change(r);
    return refusal([&] { patch(transformer_, r); });
  }
  std::string mixing(const std::function<void(MixRequest&)>& change) const {
    MixRequest r;
    r.text = "The cat is", r.replace = " cat", r.with = {" dog"}, r.targets = {" a"}, r.steps = 3;
    change(r);
    return refusal([&] { mix(transformer_, r); });
  }
  const Transformer transformer_{tiny::open("tiny-gpt2")};
};

TEST_F(Mistake, in_a_patch_is_in_its_texts_its_sites_or_its_answers) {
  EXPECT_EQ(patching([](PatchRequest&) {}), "no error");
  EXPECT_THAT(patching([](PatchRequest& r) {
                r.corrupt = {9, 1};
              }),
              HasSubstr("the clean text has 3 tokens, the corrupt one 2"));
  EXPECT_THAT(patching([](PatchRequest& r) { r.corrupt = r.clean; }), HasSubstr("the texts are the same"));
  for (Point point : {Point::pattern, Point::wte})
    EXPECT_THAT(patching([&](PatchRequest& r) { r.points = {point}; }),
                HasSubstr("holds no vector of a position in every block"));
  EXPECT_THAT(patching([](PatchRequest& r) { r.against = r.target; }),
              HasSubstr("both texts give the same difference, 0.0000"));
}

TEST_F(Mistake, in_a_mix_is_in_what_is_mixed_in_and_where) {
  EXPECT_EQ(mixing([](MixRequest&) {}), "no error");
  EXPECT_THAT(mixing([](MixRequest& r) { r.with.clear(); }),
              HasSubstr("name what is mixed in: words, or a vector expression"));
  EXPECT_THAT(mixing([](MixRequest& r) { r.site = "blocks.0.pattern"; }), HasSubstr("holds no vector to mix"));
}

TEST_F(Mistake, in_a_direction_is_a_missing_side_or_a_site_without_vectors) {
  const std::vector<std::string> one = {"The cat"}, other = {"The dog"};
  const Site vectors = parse_site("blocks.1.resid_post", transformer_.config()),
             map = parse_site("blocks.1.pattern", transformer_.config());
  EXPECT_EQ(steering_direction(transformer_, one, other, vectors).size(), 48u);
  EXPECT_THAT(refusal([&] { steering_direction(transformer_, one, {}, vectors); }),
              HasSubstr("a direction needs texts on both sides"));
  EXPECT_THAT(refusal([&] { steering_direction(transformer_, one, other, map); }),
              HasSubstr("site blocks.1.pattern has no vector of a position"));
}

TEST_F(Mistake, in_a_site_s_blocks_is_no_number_or_runs_backwards) {
  const auto parsing = [this](const char* text) { return refusal([&] { parse_sites(text, transformer_.config()); }); };
  EXPECT_EQ(parsing("blocks.0-1.z"), "no error");
  EXPECT_THAT(parsing("blocks.99999999999.z"), HasSubstr("'99999999999' is not a block number"));
  EXPECT_THAT(parsing("blocks.2-1.z"), HasSubstr("blocks 2-1 run backwards"));
}

}  // namespace
}  // namespace embscope
