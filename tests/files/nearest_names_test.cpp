// What "did you mean" offers: the names that the fewest letters put in, left out or exchanged make of what was asked
// for.
#include <gmock/gmock.h>

#include "embscope/files/archive.h"

namespace embscope {
namespace {

TEST(NearestNames, are_those_with_one_letter_too_many_too_few_or_another_first_last_or_between) {
  for (const char* name : {"weights", "aweight", "weiight", "weigh", "eight", "weght", "height", "weighs", "weaght"})
    EXPECT_EQ(nearest_names("weight", {"unlike", name, "nothing"}), std::string("; did you mean '") + name + "'?")
        << name;
}

TEST(NearestNames, come_nearest_first_then_by_name_and_at_most_three) {
  EXPECT_EQ(nearest_names("weight", {"wight", "heights", "weights", "eight"}),
            "; did you mean 'eight', 'weights', 'wight'?");
}

TEST(NearestNames, may_differ_in_two_letters_or_a_third_of_them) {
  EXPECT_NE(nearest_names("weight", {"weixxt"}), "");
  EXPECT_EQ(nearest_names("weight", {"weixxx"}), "");
  EXPECT_NE(nearest_names("blk.0.attn_q", {"blk.0.atXXXX"}), "");
  EXPECT_EQ(nearest_names("blk.0.attn_q", {"blk.0.aXXXXX"}), "");
}

TEST(NearestNames, of_more_than_200_letters_are_nobody_s_mistake) {
  const std::string longest(200, 'a'), beyond(201, 'a');
  EXPECT_NE(nearest_names(longest, {longest + ""}), "");
  EXPECT_EQ(nearest_names(longest, {beyond}), "");
  EXPECT_EQ(nearest_names(beyond, {beyond}), "");
}

}  // namespace
}  // namespace embscope
