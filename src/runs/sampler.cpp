#include "runs/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "embscope/runs/predict.h"

namespace embscope {
namespace {

constexpr std::size_t most_stops = 64, longest_stop = 1000;

void expect(bool holds, const char* what) {
  if (!holds) throw Error(Code::range, "generate", what);
}

// A logit of -inf is a token that cannot come.
void check_logits(std::span<const float> logits) {
  constexpr float most = std::numeric_limits<float>::max();
  const auto is_low = [](float x) { return x <= most; };  // NaN is not
  if (!std::ranges::all_of(logits, is_low) || std::ranges::none_of(logits, [](float x) { return x >= -most; }))
    throw Error(Code::range, "generate", "no token can be chosen: logits are NaN, +inf, or all -inf");
}

std::vector<float> penalised(std::span<const float> logits, std::span<const TokenId> text, double penalty) {
  check_logits(logits);
  std::vector<float> out(logits.begin(), logits.end());
  if (penalty == 1) return out;
  const auto by = static_cast<float>(penalty);
  for (TokenId id : std::set<TokenId>(text.begin(), text.end())) {
    float& x = out.at(static_cast<std::size_t>(id));
    x = x < 0 ? x * by : x / by;
  }
  return out;
}

// Logits by the temperature. Where they would leave fp32 they are taken less the largest, which softmax does not see.
std::vector<float> scaled_by(std::span<const float> logits, double temperature) {
  const auto [least, most] = std::ranges::minmax(logits);
  const double size = std::max(std::abs(static_cast<double>(least)), std::abs(static_cast<double>(most)));
  const double shift =
      size / temperature > static_cast<double>(std::numeric_limits<float>::max()) ? static_cast<double>(most) : 0;
  std::vector<float> scaled;
  scaled.reserve(logits.size());
  for (float x : logits) scaled.push_back(static_cast<float>((static_cast<double>(x) - shift) / temperature));
  return scaled;
}

void normalise(std::vector<Candidate>& list) {
  double total = 0;
  for (const Candidate& c : list) total += c.probability;
  for (Candidate& c : list) c.probability /= total;
}

// The fewest, the likeliest first, that hold a share.
void keep_share(std::vector<Candidate>& list, double share) {
  double held = 0;
  std::size_t count = 0;
  while (count < list.size() && (count == 0 || held < share)) held += list[count++].probability;
  list.resize(count);
}

// The k likeliest, and those that are as likely as the last of them.
std::vector<TokenId> likeliest(std::span<const float> logits, int k) {
  const int all = static_cast<int>(logits.size());
  if (k >= all) return top(logits, all);
  std::vector<TokenId> ids = top(logits, k);
  const float least = logits[static_cast<std::size_t>(ids.back())];
  const auto count = std::ranges::count_if(logits, [least](float x) { return x >= least; });
  return count > k ? top(logits, static_cast<int>(count)) : ids;
}

// Sorts by falling logit, equal ones by id, as `top` does.
std::uint64_t sort_key(float logit, std::size_t id) {
  const auto bits = std::bit_cast<std::uint32_t>(logit + 0.0F);  // one zero
  const std::uint32_t rising = (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
  return static_cast<std::uint64_t>(~rising) << 32 | id;
}

// All that have a probability of at least `least`, in order: whole numbers sort faster than a vocabulary by its logits.
std::vector<TokenId> likely(std::span<const float> logits, std::span<const double> p, double least) {
  std::vector<std::uint64_t> keys;
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (p[i] > 0 && p[i] >= least) keys.push_back(sort_key(logits[i], i));
  std::ranges::sort(keys);
  std::vector<TokenId> ids;
  for (const std::uint64_t key : keys) ids.push_back(static_cast<TokenId>(key & 0xffffffff));
  return ids;
}

// A probability below which neither top p nor min p leaves a token: all that are below hold less than half of what top
// p leaves out.
double never_left(std::span<const double> p, const GenerateRequest& s) {
  return std::max((1 - s.top_p) / (2 * static_cast<double>(p.size())), s.min_p * std::ranges::max(p));
}

std::vector<Candidate> among(std::span<const float> logits, const GenerateRequest& s) {
  const std::vector<float> scaled = scaled_by(logits, s.temperature);
  const auto p = softmax(scaled);
  std::vector<Candidate> list;
  for (TokenId id : s.top_k > 0 ? likeliest(scaled, s.top_k) : likely(scaled, p, never_left(p, s)))
    list.push_back({id, p[static_cast<std::size_t>(id)]});
  std::erase_if(list, [](const Candidate& c) { return c.probability == 0; });
  if (s.top_k > 0) normalise(list);
  if (s.top_p < 1) keep_share(list, s.top_p);
  std::erase_if(list,
                [least = s.min_p * list.front().probability](const Candidate& c) { return c.probability < least; });
  normalise(list);
  return list;
}

}  // namespace

void check(const GenerateRequest& s) {
  if (s.tokens < 0) throw Error(Code::range, "generate", fmt::format("{} tokens: choose 0 or more", s.tokens));
  expect(s.temperature >= 0 && std::isfinite(s.temperature), "the temperature must be 0 (greedy) or positive");
  expect(s.top_p > 0 && s.top_p <= 1, "top-p must lie in 0..1");
  expect(s.top_k >= 0, "top-k must be 0 (all) or positive");
  expect(s.min_p >= 0 && s.min_p <= 1, "min-p must lie in 0..1");
  expect(s.repetition_penalty > 0 && std::isfinite(s.repetition_penalty),
         "the repetition penalty must be positive (1: none)");
  expect(s.stop.size() <= most_stops, "at most 64 stop words");
  for (const std::string& word : s.stop)
    expect(!word.empty() && word.size() <= longest_stop, "a stop word must have 1 to 1000 bytes");
  if (s.shift && std::ranges::any_of(s.edits, [](const Edit& edit) { return !edit.positions.empty(); }))
    throw Error(Code::usage, "generate",
                "edits at positions do not go with a context that is shifted: positions change");
}

std::vector<Candidate> candidates(std::span<const float> logits, std::span<const TokenId> text,
                                  const GenerateRequest& s) {
  check(s);
  expect(s.temperature > 0, "at temperature 0 nothing is drawn");
  return among(penalised(logits, text, s.repetition_penalty), s);
}

Sampler::Sampler(const GenerateRequest& sampling) : sampling_(sampling), random_(sampling.seed) { check(sampling); }

TokenId Sampler::next(std::span<const float> logits, std::span<const TokenId> text) {
  const std::vector<float> changed = penalised(logits, text, sampling_.repetition_penalty);
  if (sampling_.temperature == 0) return top(changed, 1)[0];
  double x = random_.uniform();
  const std::vector<Candidate> list = among(changed, sampling_);
  for (const Candidate& c : list) {
    if ((x -= c.probability) < 0) return c.id;
  }
  return list.back().id;
}

}  // namespace embscope
