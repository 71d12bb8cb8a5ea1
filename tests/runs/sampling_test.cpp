// The choice of a token as transformers makes it (tests/reference/make_sampling.py).
#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "embscope/runs/generate.h"
#include "refusal.h"
#include "runs/sampler.h"

namespace embscope {
namespace {

namespace bj = boost::json;
using ::testing::HasSubstr;

constexpr float none = -std::numeric_limits<float>::infinity();

const bj::object& reference() {
  static const bj::value value = [] {
    std::ifstream file(EMBSCOPE_TEST_DATA "/reference/sampling.json");
    return bj::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return value.as_object();
}

struct Case {
  std::string name;
  std::vector<float> logits;
  std::vector<TokenId> text;
  GenerateRequest request;
  std::vector<double> probabilities;
};

double number(const bj::object& o, const char* name, double otherwise) {
  const bj::value* value = o.if_contains(name);
  return value == nullptr ? otherwise : value->to_number<double>();
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const bj::value& one : reference().at("cases").as_array()) {
    const bj::object& o = one.as_object();
    Case& c = all.emplace_back();
    c.name = bj::serialize(o).substr(0, 120);
    for (const bj::value& x : reference().at("logits").at(o.at("logits").as_string()).as_array())
      c.logits.push_back(x.is_null() ? none : x.to_number<float>());
    for (const bj::value& id : o.at("text").as_array()) c.text.push_back(id.to_number<TokenId>());
    for (const bj::value& p : o.at("probabilities").as_array()) c.probabilities.push_back(p.to_number<double>());
    c.request.temperature = number(o, "temperature", 1);
    c.request.repetition_penalty = number(o, "repetition_penalty", 1);
    c.request.top_k = static_cast<int>(number(o, "top_k", 0));
    c.request.top_p = number(o, "top_p", 1);
    c.request.min_p = number(o, "min_p", 0);
  }
  return all;
}

// By logit: of equal ones at the edge of top p, transformers does not say which it keeps.
std::map<float, double> shares(const Case& c, const std::vector<double>& probabilities) {
  std::map<float, double> sums;
  for (std::size_t i = 0; i < probabilities.size(); ++i) sums[c.logits[i]] += probabilities[i];
  return sums;
}

TEST(Sampling, leaves_the_candidates_that_transformers_leaves) {
  const std::vector<Case> all = cases();
  ASSERT_GT(all.size(), 800u);
  for (const Case& c : all) {
    std::vector<double> found(c.logits.size());
    for (const Candidate& one : candidates(c.logits, c.text, c.request)) {
      EXPECT_GT(one.probability, 0) << c.name;
      found[static_cast<std::size_t>(one.id)] = one.probability;
    }
    // Changed logits are rounded to fp32, which shows where they are 30,000: the reference is of doubles.
    const bool changed = c.request.repetition_penalty != 1 || c.request.temperature != 1;
    const double near = c.logits[0] > 1000 && changed ? 1e-2 : 1e-6;
    std::vector<double> ours = found, theirs = c.probabilities;
    std::ranges::sort(ours), std::ranges::sort(theirs);
    for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i], theirs[i], near) << c.name;
    const auto expected = shares(c, c.probabilities);
    for (const auto& [logit, sum] : shares(c, found)) ASSERT_NEAR(sum, expected.at(logit), near) << c.name;
  }
}

TEST(Sampling, of_equal_logits_keeps_all_at_the_edge_of_top_k_and_draws_the_first_at_temperature_0) {
  const std::vector<float> logits = {1, 3, 2, 2, 2};
  GenerateRequest s;
  s.temperature = 1, s.top_k = 2;
  std::vector<TokenId> ids;
  for (const Candidate& c : candidates(logits, {}, s)) ids.push_back(c.id);
  EXPECT_EQ(ids, (std::vector<TokenId>{1, 2, 3, 4}));
  s.temperature = 0;
  EXPECT_EQ(Sampler(s).next(std::vector<float>{1, 2, 2}, {}), 1);
}

TEST(Sampling, never_draws_what_cannot_come) {
  const std::vector<float> logits = {none, 0, none, 0, none};
  GenerateRequest s;
  s.temperature = 1;
  Sampler sampler(s);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(sampler.next(logits, {}) % 2, 1);
}

TEST(Sampling, of_logits_that_are_no_numbers_is_refused) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const double temperature : {0.0, 1.0}) {
    GenerateRequest s;
    s.temperature = temperature;
    for (const std::vector<float>& logits : {std::vector<float>{none, none}, {1, nan}, {1, -none}, {}})
      EXPECT_THAT(refusal([&] { Sampler(s).next(logits, {}); }), HasSubstr("no token can be chosen")) << temperature;
  }
}

}  // namespace
}  // namespace embscope
