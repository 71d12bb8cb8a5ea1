// Numbers in JSON from files: other programs write whole ones as 12.0 too.
#include <gtest/gtest.h>

#include "files/json.h"

namespace embscope {
namespace {

std::int64_t integer(std::string_view number) { return JsonObject(parse_json("{\"n\": " + std::string(number) + "}", "f"), "f").integer("n"); }

TEST(Json, whole_numbers_may_be_written_as_reals) {
  EXPECT_EQ(integer("12"), 12);
  EXPECT_EQ(integer("12.0"), 12);
  EXPECT_EQ(integer("-3e2"), -300);
  EXPECT_EQ(integer("-9223372036854775808"), INT64_MIN);
}

TEST(Json, what_is_no_whole_number_is_refused) {
  for (const char* number : {"12.5", "1e15", "-1e300", "9223372036854775808", "\"12\"", "true", "null", "[1]"}) EXPECT_THROW(integer(number), Error) << number;
}

}  // namespace
}  // namespace embscope
