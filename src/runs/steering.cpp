#include "embscope/runs/steering.h"

#include <fmt/format.h>

#include "embscope/runs/intervention.h"
#include "forward/working_memory.h"
#include "runs/targets.h"

namespace embscope {
namespace {

// Adds factor * each text's vector at the site at its last token.
void add_mean(const Transformer& transformer, const std::vector<std::string>& texts, const Site& site, double sign,
              std::vector<double>& sum) {
  Request request;
  request.logits = LogitsAt::none;
  request.capture = {site};
  for (const std::string& text : texts) request.rows.push_back(transformer.model().tokenizer().with_bos(text).ids);
  const Result result = run_in_batches(transformer, request);
  for (const RowResult& row : result.rows) {
    const Tensor& t = row.captured[0];
    const std::int64_t width = t.size() / t.shape()[0];
    sum.resize(static_cast<std::size_t>(width));
    const float* last = t.data() + t.size() - width;
    for (std::int64_t i = 0; i < width; ++i)
      sum[static_cast<std::size_t>(i)] += sign * static_cast<double>(last[i]) / static_cast<double>(texts.size());
  }
}

Edit added(const SteerRequest& r, double strength, std::vector<int> rows) {
  Edit edit;
  edit.site = r.site;
  edit.change = Change::add;
  edit.rows = std::move(rows);
  edit.vector = r.direction;
  edit.amount = static_cast<float>(strength);
  return edit;
}

}  // namespace

std::vector<float> steering_direction(const Transformer& transformer, const std::vector<std::string>& towards,
                                      const std::vector<std::string>& away, const Site& site) {
  if (towards.empty() || away.empty()) throw Error(Code::usage, "steer", "a direction needs texts on both sides");
  if (is_attention_map(site.point)) {
    throw Error(Code::usage, "steer", fmt::format("site {} has no vector of a position", site.name()));
  }
  std::vector<double> sum;
  add_mean(transformer, towards, site, 1, sum);
  add_mean(transformer, away, site, -1, sum);
  return {sum.begin(), sum.end()};
}

Table steer(const Transformer& transformer, const SteerRequest& r, const Progress& progress) {
  const Model& model = transformer.model();
  const auto target_ids = ids_named(model, r.targets);
  Request request;
  const auto ids = model.tokenizer().with_bos(r.text).ids;
  request.rows.assign(r.strengths.size() + 1, ids);  // the last row is unchanged
  for (std::size_t i = 0; i < r.strengths.size(); ++i) {
    request.edits.push_back(added(r, r.strengths[i], {static_cast<int>(i)}));
  }
  const Result result = run_in_batches(transformer, request);
  const auto plain = result.rows.back().logits.values();
  std::vector<std::vector<double>> targets(r.targets.size());
  std::vector<double> kl, top_probability;
  std::vector<std::string> likeliest, texts;
  for (std::size_t i = 0; i < r.strengths.size(); ++i) {
    report(progress, static_cast<double>(i) / static_cast<double>(r.strengths.size()), "steering");
    const auto logits = result.rows[i].logits.values();
    const auto p = softmax(logits);
    for (std::size_t t = 0; t < r.targets.size(); ++t) {
      targets[t].push_back(p[static_cast<std::size_t>(target_ids[t])]);
    }
    const TokenId best = top(logits, 1)[0];
    kl.push_back(divergence(logits, plain));
    likeliest.push_back(model.label(best));
    top_probability.push_back(p[static_cast<std::size_t>(best)]);
    Sampling sampling = r.sampling;
    sampling.edits = {added(r, r.strengths[i], {})};
    texts.push_back(generate(transformer, r.text, sampling));
  }
  report(progress, 1, "steering");
  Table table(fmt::format("steered at {}", r.site.name()));
  table.add("strength", r.strengths, 2);
  for (std::size_t t = 0; t < r.targets.size(); ++t)
    table.add(target_column(model.label(target_ids[t]), {"strength", "divergence", "top", "top_probability", "text"}),
              targets[t], 5);
  table.add("divergence", kl, 4).add("top", likeliest).add("top_probability", top_probability, 5);
  return std::move(table.add("text", texts));
}

}  // namespace embscope
