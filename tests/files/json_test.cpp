// JSON as models' and tokenizers' files have it: numbers in any spelling, and what is not a value of the kind that is
// asked for.
#include "files/json.h"

#include <gmock/gmock.h>

#include "refusal.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

std::int64_t integer(std::string_view number) {
  return JsonObject(parse_json("{\"n\": " + std::string(number) + "}", "f"), "f").integer("n");
}

TEST(Json, whole_numbers_may_be_written_as_reals) {
  EXPECT_EQ(integer("12"), 12);
  EXPECT_EQ(integer("12.0"), 12);
  EXPECT_EQ(integer("-3e2"), -300);
  EXPECT_EQ(integer("-9223372036854775808"), INT64_MIN);
}

TEST(Json, what_is_no_whole_number_is_refused) {
  for (const char* number : {"12.5", "1e15", "-1e300", "9223372036854775808", "\"12\"", "true", "null", "[1]"})
    EXPECT_THROW(integer(number), Error) << number;
}

TEST(Json, a_key_that_occurs_twice_is_met_behind_every_kind_of_value) {
  for (const char* value : {"1", "-1", "18446744073709551615", "1.5", "true", "false", "null", "\"text\"",
                            "\"a\\u00e9\\nb\"", "[]", "[1, [true]]", "{}", "{\"k\": {\"k\": 1}}"}) {
    const std::string before = std::string("{\"x\": ") + value + ", \"kk\": 1, ";
    EXPECT_EQ(refusal([&] { parse_json(before + "\"l\": 2}", "f"); }), "no error") << value;
    EXPECT_THAT(refusal([&] { parse_json(before + "\"kk\": 2}", "f"); }), HasSubstr("the key 'kk' occurs twice"))
        << value;
    EXPECT_THAT(refusal([&] { parse_json(before + "\"k\\u006b\": 2}", "f"); }), HasSubstr("the key 'kk' occurs twice"))
        << value;
  }
}

TEST(Json, equal_keys_of_long_texts_are_left_to_their_readers) {
  const std::string text = "{\"k\": 1, \"k\": 2}";
  EXPECT_THROW(parse_json(text, "f", text.size()), Error);
  EXPECT_NO_THROW(parse_json(text, "f", text.size() - 1));
}

TEST(JsonObject, takes_a_number_of_any_size) {
  const auto value = parse_json(R"({"a":-1,"b":18446744073709551615,"c":0.5,"d":true})", "f");
  const JsonObject json(value, "f");
  EXPECT_EQ(json.number("a"), -1);
  EXPECT_EQ(json.number("b"), 18446744073709551615.0);
  EXPECT_EQ(json.number("c"), 0.5);
  EXPECT_EQ(json.number("x", 7), 7);
  EXPECT_THAT(refusal([&] { json.number("d"); }), HasSubstr("'d': expected a number, found true"));
}

TEST(JsonObject, says_what_it_expected_and_the_beginning_of_what_it_found) {
  const auto value = parse_json(R"({"a":1,"long":")" + std::string(100, 'x') + R"("})", "f");
  const JsonObject json(value, "f");
  EXPECT_THAT(refusal([&] { json.truth("a", false); }), HasSubstr("[f] 'a': expected true or false, found 1"));
  EXPECT_THAT(refusal([&] { json.object("a"); }), HasSubstr("'a': expected an object, found 1"));
  EXPECT_EQ(refusal([&] { json.array("long"); }),
            "[f] 'long': expected a list, found \"" + std::string(56, 'x') + "...");
}

TEST(Json, has_an_end) {
  EXPECT_EQ(refusal([] { parse_json("{}\n{}", "f"); }), "[f] line 2, column 1: not valid JSON: text after the end");
  EXPECT_NO_THROW(parse_json("{} \r\n\t", "f"));
}

TEST(Json, sees_a_key_twice_however_it_is_spelled) {
  const std::string rest(5000, 'x');  // longer than what the parser keeps of one at a time
  EXPECT_THAT(refusal([&] { parse_json("{\"a" + rest + "\":1,\"\\u0061" + rest + "\":2}", "f"); }),
              HasSubstr("occurs twice"));
  EXPECT_NO_THROW(parse_json("{\"a" + rest + "\":1,\"\\u0062" + rest + "\":2}", "f"));
}

}  // namespace
}  // namespace embscope
