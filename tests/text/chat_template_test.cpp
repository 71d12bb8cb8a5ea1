// Conversations as transformers writes them (tests/reference/make_chat.py), and templates that mean harm.
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "embscope/text/chat_template.h"
#include "refusal.h"
#include "text/jinja.h"

namespace embscope {
namespace {

namespace bj = boost::json;
using ::testing::HasSubstr;

const bj::object& reference() {
  static const bj::value value = [] {
    std::ifstream file(EMBSCOPE_TEST_DATA "/reference/chat.json");
    return bj::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return value.as_object();
}

std::string text(const bj::value& value) { return std::string(value.as_string()); }

TEST(ChatTemplate, writes_what_transformers_writes) {
  const std::map<std::string, std::string> tokens = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
  for (const bj::value& one : reference().at("cases").as_array()) {
    const bj::object& c = one.as_object();
    const std::string name = text(c.at("template"));
    const ChatTemplate form(text(reference().at("templates").at(name)), tokens);
    std::vector<Message> messages;
    for (const bj::value& m : c.at("messages").as_array()) messages.push_back({text(m.at(0)), text(m.at(1))});
    const bool answer = c.at("answer").as_bool();
    if (c.at("text").is_null())
      EXPECT_THROW(form.render(messages, answer), Error) << name;
    else
      EXPECT_EQ(form.render(messages, answer), text(c.at("text"))) << name;
  }
}

TEST(ChatTemplate, has_python_s_values) {
  for (const auto& [expression, value] : reference().at("values").as_object())
    EXPECT_EQ(ChatTemplate("{{ " + std::string(expression) + " }}").render({}), text(value)) << expression;
}

std::string refused(const std::string& source, const std::vector<Message>& messages = {{"user", "hi"}}) {
  return refusal([&] { ChatTemplate(source).render(messages); });
}

TEST(ChatTemplate, is_refused_by_name_and_line_where_it_is_not_understood) {
  const std::pair<std::string, std::string> cases[] = {
      {"a\n{% include 'x' %}", "line 2: a statement 'include'"},
      {"{% call x() %}{% endcall %}", "a statement 'call'"},
      {"{{ 'a' | b64 }}", "a filter 'b64'"},
      {"{{ 1 is prime }}", "a test 'prime'"},
      {"{{ 'a'.zfill(1) }}", "a method 'zfill'"},
      {"{{ '{:>5}'.format(1) }}", "'format' with {:>5}"},
      {"{{ '{0.__class__}'.format(1) }}", "'format' with {0.__class__}"},
      {"{{ '{}'.format() }}", "'format' has no value for {}"},
      {"{{ '{'.format() }}", "a single bracket"},
      {"{{ ['é', 'a'] | sort }}", "beyond ASCII"},
      {"{{ [1, 'a'] | sort }}", "have no order"},
      {"{{ x | int }}", "'x' is undefined"},
      {"{{ x | dictsort }}", "is not a dict"},
      {"{% filter upper | trim %}a{% endfilter %}", "a block with several filters"},
      {"{% for m in messages %}{% generation %}{% break %}{% endgeneration %}{% endfor %}", "outside of a loop"},
      {"{{ range(*1) }}", "a loop over what holds nothing"},
      {"{{ dict(**[1]) }}", "of something that is not a dict"},
      {"{{ messages.append(1) }}", "a method 'append'"},
      {"{{ 'é' | upper }}", "beyond ASCII"},
      {"{{ x.y }}", "line 1: 'x' is undefined, and has no 'y'"},
      {"{{ 1 + 'a' }}", "do not go together"},
      {"{{ raise_exception('no ' + messages[0].role) }}", "it refuses: no user"},
      {"{{ open('/etc/passwd') }}", "'open' is undefined"},
      {"{{ messages.__class__.__mro__ }}", "is undefined"},
      {"{% if x %}", "expected 'elif' or 'else' or 'endif'"},
      {"{% endif %}", "a statement 'endif'"},
      {"{{ 'a", "is not closed"},
      {"{{ (1 }}", "unexpected '}'"},
      {"{# a", "a comment is not closed"},
      {"{{ 2 ** 3 }}", "a power"},
      {"{% set messages.x = 1 %}", "not a namespace"},
      {"{{ namespace }}", "a function"},
      {"{{ 99999999999999999999 }}", "does not fit"},
      {"{{ 9223372036854775807 + 1 }}", "beyond 64 bits"},
      {"{{ 1 // 0 }}", "a division by zero"},
      {"{{ '\\400' }}", "an escape"},
      {"{% break %}", "outside of a loop"},
  };
  for (const auto& [source, message] : cases) EXPECT_THAT(refused(source), HasSubstr(message)) << source;
}

TEST(ChatTemplate, that_would_take_forever_or_all_memory_ends) {
  const std::string many(100'000, '(');
  const std::string sources[] = {
      "{% for a in range(100000) %}{% for b in range(100000) %}{{ b }}{% endfor %}{% endfor %}",
      "{% set n = namespace(x='xxxxxxxx') %}{% for a in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
      "{% set n = namespace(x=[1]) %}{% for a in range(100000) %}{% set n.x = [n.x] %}{% endfor %}",
      "{% set n = namespace(x=[1]) %}{% for a in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
      "{{ range(100000000) }}",
      "{{ 'x' * 1000000000000 }}",
      "{{ [0] * 9223372036854775807 }}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{% macro f(x=f()) %}{% endmacro %}{{ f() }}",
      "{{ " + many,
      "{{ " + std::string(100'000, '-') + "1 }}",
      "{{ x" +
          [] {
            std::string s;
            for (int i = 0; i < 100'000; ++i) s += ".x";
            return s;
          }() +
          " }}",
      "{{ 1" +
          [] {
            std::string s;
            for (int i = 0; i < 100'000; ++i) s += "+1";
            return s;
          }() +
          " }}",
      "{{ " +
          [] {
            std::string s;
            for (int i = 0; i < 100'000; ++i) s += "not ";
            return s;
          }() +
          "1 }}",
      [] {
        std::string s;
        for (int i = 0; i < 100'000; ++i) s += "{% if 1 %}";
        return s;
      }(),
      "{% set n = namespace() %}{% set n.a = n %}{{ n.a }}",
      std::string((1 << 20) + 1, 'x'),
  };
  for (const std::string& source : sources) EXPECT_NE(refused(source), "no error") << source.substr(0, 80);
}

TEST(ChatTemplate, has_a_date_of_its_own_form) {
  const std::string date = ChatTemplate("{{ strftime_now('%Y-%m-%d') }}").render({});
  ASSERT_EQ(date.size(), 10u) << date;
  EXPECT_TRUE(date.starts_with("20") && date[4] == '-' && date[7] == '-') << date;
  EXPECT_EQ(ChatTemplate("{{ strftime_now('') }}").render({}), "");
}

}  // namespace
}  // namespace embscope
