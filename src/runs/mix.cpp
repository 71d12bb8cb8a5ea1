#include "embscope/runs/mix.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/threads.h"
#include "embscope/runs/predict.h"
#include "forward/working_memory.h"
#include "runs/targets.h"

namespace embscope {
namespace {

// The vector that is mixed in: the mean over the other words of the text's vector at the site with that word, or the
// expression.
std::vector<float> distractor(const Transformer& transformer, const MixRequest& r, const Site& site,
                              const std::vector<TokenId>& ids, int position) {
  if (!r.vector.empty()) return parse_vector(r.vector, transformer, site, position, {.files = r.files});
  Request request;
  for (TokenId id : ids_named(transformer.model(), r.with)) {
    request.rows.emplace_back(ids.begin(), ids.begin() + position + 1);  // nothing later changes it
    request.rows.back().back() = id;
  }
  request.capture = {site};
  request.logits = LogitsAt::none;
  const Result result = run_in_batches(transformer, request);
  std::vector<float> mean;
  for (const RowResult& row : result.rows) {
    const Tensor& t = row.captured[0];
    const auto width = static_cast<std::size_t>(t.size() / t.shape()[0]);
    mean.resize(width);
    const float* at = t.data() + static_cast<std::size_t>(position) * width;
    for (std::size_t i = 0; i < width; ++i) mean[i] += at[i] / static_cast<float>(r.with.size());
  }
  return mean;
}

void check(const MixRequest& r, const Site& site) {
  if (r.with.empty() == r.vector.empty())
    throw Error(Code::usage, "mix", "name what is mixed in: words, or a vector expression");
  if (is_attention_map(site.point) || site.point == Point::logits) {
    throw Error(Code::usage, "mix", fmt::format("site {} holds no vector to mix", r.site));
  }
}

// One row for each p, the same text with that mixture in it, and the text without one as the last: a row has the same
// bits in any batch. The other edits are applied first, in every row.
Request sweep_request(const MixRequest& r, const Site& site, const std::vector<TokenId>& ids, int position,
                      const std::vector<float>& other, const std::vector<double>& p) {
  Request request;
  request.edits = r.edits;
  for (int i = 0; i < r.steps; ++i) {
    request.rows.push_back(ids);
    Edit edit = mix_edit(site, position, other, p[static_cast<std::size_t>(i)]);
    edit.rows = {i};
    request.edits.push_back(std::move(edit));
  }
  request.rows.push_back(ids);
  return request;
}

// The table's values for one mixture.
struct Step {
  std::vector<double> probabilities;  // of the targets
  TokenId likeliest = 0;
  double likeliest_probability = 0;
};

Step step_of(std::span<const float> logits, const std::vector<TokenId>& targets) {
  const auto all = softmax(logits);
  Step step;
  for (TokenId id : targets) step.probabilities.push_back(all[static_cast<std::size_t>(id)]);
  step.likeliest = top(logits, 1)[0];
  step.likeliest_probability = all[static_cast<std::size_t>(step.likeliest)];
  return step;
}

std::vector<double> crossings(const std::vector<double>& p, const std::vector<double>& a,
                              const std::vector<double>& b) {
  std::vector<double> found;
  for (std::size_t i = 0; i + 1 < p.size(); ++i) {
    const double now = std::log(a[i]) - std::log(b[i]), next = std::log(a[i + 1]) - std::log(b[i + 1]);
    if ((now < 0) != (next < 0)) found.push_back(p[i] + (p[i + 1] - p[i]) * now / (now - next));
  }
  return found;
}

// The description of what is mixed in, for titles: the tokens, or the expression as written.
std::string mixed_in(const Model& model, const MixRequest& r) {
  std::string names = r.vector;
  for (TokenId id : ids_named(model, r.with)) names += (names.empty() ? "" : ", ") + model.label(id);
  return names;
}

}  // namespace

std::vector<float> mix_vector(const Transformer& transformer, const MixRequest& r) {
  const Site site = parse_site(r.site, transformer.config());
  check(r, site);
  const Prompt prompt = make_prompt(transformer.model().tokenizer(), r.text);
  return distractor(transformer, r, site, prompt.tokens.ids, position_of(prompt, r.replace));
}

Edit mix_edit(const Site& site, int position, std::vector<float> other, double p) {
  Edit edit;
  edit.site = site;
  edit.change = Change::mix;
  edit.positions = {position};
  edit.vector = std::move(other);
  edit.amount = static_cast<float>(p);
  return edit;
}

MixResult mix(const Transformer& transformer, const MixRequest& r, const Progress& progress) {
  if (r.steps < 2 || r.steps > 100000)
    throw Error(Code::range, "mix", fmt::format("{} steps: choose 2 to 100000", r.steps));
  if (r.targets.empty()) throw Error(Code::usage, "mix", "no target words: name at least one");
  const Site site = parse_site(r.site, transformer.config());
  check(r, site);
  const Model& model = transformer.model();
  const Prompt prompt = make_prompt(model.tokenizer(), r.text);
  const auto targets = ids_named(model, r.targets);
  MixResult result;
  result.position = position_of(prompt, r.replace);
  const auto& ids = prompt.tokens.ids;
  result.replaced = model.label(ids[static_cast<std::size_t>(result.position)]);
  result.mixed_in = mixed_in(model, r);
  std::vector<double> p;
  p.reserve(static_cast<std::size_t>(r.steps));
  for (int i = 0; i < r.steps; ++i) p.push_back(static_cast<double>(i) / (r.steps - 1));
  const auto other = distractor(transformer, r, site, ids, result.position);
  Request request = sweep_request(r, site, ids, result.position, other, p);
  request.progress = progress;
  const Result sweep = run_in_batches(transformer, request);
  result.cost = sweep.cost;
  const auto steps = static_cast<std::size_t>(r.steps);
  result.untouched_equals_p1 =
      std::ranges::equal(sweep.rows[steps - 1].logits.values(), sweep.rows[steps].logits.values());

  std::vector<Step> found(steps);
  parallel_for(r.steps, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      found[i] = step_of(sweep.rows[i].logits.values(), targets);
  });
  std::vector<std::vector<double>> probabilities(targets.size());
  std::vector<std::string> likeliest;
  std::vector<double> likeliest_probability;
  for (const Step& step : found) {
    for (std::size_t t = 0; t < targets.size(); ++t) probabilities[t].push_back(step.probabilities[t]);
    likeliest.push_back(model.label(step.likeliest));
    likeliest_probability.push_back(step.likeliest_probability);
  }
  result.sweep = Table(fmt::format("p x {} + (1 - p) x {}", result.replaced, result.mixed_in));
  result.sweep.add("p", p, 4);
  for (std::size_t t = 0; t < r.targets.size(); ++t)
    result.sweep.add(target_column(model.label(targets[t]), {"p", "top", "top_probability"}), probabilities[t], 5);
  result.sweep.add("top", likeliest).add("top_probability", likeliest_probability, 5);
  if (r.targets.size() >= 2) result.crossings = crossings(p, probabilities[0], probabilities[1]);
  return result;
}

}  // namespace embscope
