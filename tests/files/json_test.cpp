// JSON from files: whole numbers, which other programs write as 12.0 too, and keys that occur twice.
#include <gmock/gmock.h>

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

std::string refusal(const std::string& text) {
  try {
    parse_json(text, "f");
    return "";
  } catch (const Error& error) { return error.what(); }
}

TEST(Json, a_key_that_occurs_twice_is_met_behind_every_kind_of_value) {
  for (const char* value : {"1", "-1", "18446744073709551615", "1.5", "true", "false", "null", "\"text\"", "\"a\\u00e9\\nb\"", "[]", "[1, [true]]", "{}", "{\"k\": {\"k\": 1}}"}) {
    const std::string before = std::string("{\"x\": ") + value + ", \"kk\": 1, ";
    EXPECT_EQ(refusal(before + "\"l\": 2}"), "") << value;
    EXPECT_THAT(refusal(before + "\"kk\": 2}"), ::testing::HasSubstr("the key 'kk' occurs twice")) << value;
    EXPECT_THAT(refusal(before + "\"k\\u006b\": 2}"), ::testing::HasSubstr("the key 'kk' occurs twice")) << value;
  }
}

TEST(Json, equal_keys_of_long_texts_are_left_to_their_readers) {
  const std::string text = "{\"k\": 1, \"k\": 2}";
  EXPECT_THROW(parse_json(text, "f", text.size()), Error);
  EXPECT_NO_THROW(parse_json(text, "f", text.size() - 1));
}

}  // namespace
}  // namespace embscope
