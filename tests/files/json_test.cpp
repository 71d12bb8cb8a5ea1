// JSON as models' and tokenizers' files have it: numbers in any spelling, and what is no value of the kind that is asked for.
#include "files/json.h"

#include <gmock/gmock.h>

#include "embscope/error.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

template <class Action>
std::string refusal(Action&& action) {
  try {
    action();
  } catch (const Error& error) { return error.what(); }
  return "no error";
}

TEST(JsonObject, takes_a_whole_number_however_it_is_written) {
  const auto value = parse_json(R"({"a":12,"b":12.0,"c":1.2e1,"d":12.5,"e":1e300,"f":"12"})", "f");
  const JsonObject json(value, "f");
  for (const char* key : {"a", "b", "c"}) EXPECT_EQ(json.integer(key), 12) << key;
  for (const char* key : {"d", "e", "f"}) EXPECT_THAT(refusal([&] { json.integer(key); }), HasSubstr("expected a whole number, found ")) << key;
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
  EXPECT_EQ(refusal([&] { json.array("long"); }), "[f] 'long': expected a list, found \"" + std::string(56, 'x') + "...");
}

TEST(Json, has_an_end) {
  EXPECT_EQ(refusal([] { parse_json("{}\n{}", "f"); }), "[f] line 2, column 1: not valid JSON: text after the end");
  EXPECT_NO_THROW(parse_json("{} \r\n\t", "f"));
}

TEST(Json, sees_a_key_twice_however_it_is_spelled) {
  const std::string rest(5000, 'x');  // longer than what the parser keeps of one at a time
  EXPECT_THAT(refusal([&] { parse_json("{\"a" + rest + "\":1,\"\\u0061" + rest + "\":2}", "f"); }), HasSubstr("occurs twice"));
  EXPECT_NO_THROW(parse_json("{\"a" + rest + "\":1,\"\\u0062" + rest + "\":2}", "f"));
}

}  // namespace
}  // namespace embscope
