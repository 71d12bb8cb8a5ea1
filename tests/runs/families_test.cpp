// The parts of a logit sum to it in every family, whatever stands between a part and the logit.
#include "forward/families.h"

#include <gmock/gmock.h>

#include "embscope/runs/attribution.h"
#include "refusal.h"

namespace embscope {
namespace {

class FamilyAttribution : public ::testing::TestWithParam<const char*> {};

TEST_P(FamilyAttribution, sums_to_the_logit) {
  const families::Family family(GetParam());
  const Transformer transformer(family.open());
  AttributionRequest r;
  r.ids = family.ids("text"), r.target = 11;
  if (transformer.config().norm_sums) {
    EXPECT_THAT(refusal([&] { attribute(transformer, r); }), ::testing::HasSubstr("a logit is not a sum of parts"));
    return;
  }
  const AttributionResult one = attribute(transformer, r);
  EXPECT_NEAR(one.sum, one.logit, 2e-4);
  r.against = 7;
  const AttributionResult two = attribute(transformer, r);
  EXPECT_NEAR(two.sum, two.logit, 2e-4);
  EXPECT_NE(one.logit, two.logit);
}

INSTANTIATE_TEST_SUITE_P(families, FamilyAttribution, ::testing::ValuesIn(families::names),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace embscope
