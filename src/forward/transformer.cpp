#include "embscope/forward/transformer.h"

#include <algorithm>
#include <chrono>
#include <mutex>

#include <fmt/format.h>

#include "base/memory.h"
#include "forward/norm.h"
#include "forward/pass.h"

namespace embscope {

Hooks::Handle Hooks::read(Site site, Read function) {
  hooks_.push_back({next_, site, std::move(function), {}});
  return next_++;
}

Hooks::Handle Hooks::write(Site site, Write function) {
  hooks_.push_back({next_, site, {}, std::move(function)});
  return next_++;
}

void Hooks::remove(Handle handle) {
  hooks_.remove_if([handle](const Hook& hook) { return hook.handle == handle; });
}

std::vector<std::pair<Hooks::Handle, Site>> Hooks::active() const {
  std::vector<std::pair<Handle, Site>> list;
  list.reserve(hooks_.size());
  for (const Hook& hook : hooks_) list.emplace_back(hook.handle, hook.site);
  return list;
}

Cost& Cost::operator+=(const Cost& more) {
  asked += more.asked, computed += more.computed, logit_rows += more.logit_rows;
  return *this;
}

struct Transformer::Parts {
  explicit Parts(std::shared_ptr<const Model> m) : model(std::move(m)), weights(*model) {}
  std::shared_ptr<const Model> model;
  void spend(const Cost& cost) {
    const std::lock_guard lock(mutex);
    spent += cost;
  }
  PackedWeights weights;
  std::mutex mutex;
  Cost spent;
};

namespace {

std::int64_t first_position(const Request& request) {
  if (request.cache == nullptr) return 0;
  if (request.rows.size() != 1)
    throw Error(Code::usage, "run", fmt::format("a cache continues one row, the batch has {}", request.rows.size()));
  return request.cache->positions();
}

// A tokenizer may have more tokens than the matrix has rows: those are refused by name. What else is out of range, the
// plan refuses.
void refuse_rowless(const Model& model, const Request& request) {
  for (const auto& row : request.rows) {
    for (std::size_t t = 0; t < row.size(); ++t) {
      if (row[t] < model.config().vocab || model.label(row[t]) == fmt::format("<{}>", row[t])) continue;
      throw Error(
          Code::range, "run",
          fmt::format(
              "token id {} ('{}') at position {}: the tokenizer has it, but the embedding matrix has rows 0..{}",
              row[t], model.label(row[t]), t, model.config().vocab - 1));
    }
  }
}

// Of what a row of `length` tokens gives.
double values_of(const Config& config, const Request& request, std::int64_t first, std::int64_t length) {
  double values = 0;
  for (const Site& site : request.capture)
    values += static_cast<double>(values_at(config, site, length, first + length));
  const std::int64_t logits = request.logits == LogitsAt::none ? 0 : request.logits == LogitsAt::last ? 1 : length;
  const auto tokens = request.tokens.empty() ? config.vocab : static_cast<std::int64_t>(request.tokens.size());
  return values + static_cast<double>(logits) * static_cast<double>(tokens);
}

}  // namespace

Transformer::Transformer(std::shared_ptr<const Model> model) : parts_(std::make_unique<Parts>(std::move(model))) {}
Transformer::~Transformer() = default;
Transformer::Transformer(Transformer&&) noexcept = default;

const Model& Transformer::model() const { return *parts_->model; }

double Transformer::cache_bytes(std::int64_t positions) const {
  double values = 0;
  for (const Layer& layer : config().layers) {
    if (layer.keys_of >= 0) continue;
    const std::int64_t kept = reach(layer) == 0 ? positions : std::min(positions, reach(layer));
    values += static_cast<double>(kept) * static_cast<double>(layer.kv_heads * (layer.head_width + layer.value_width));
  }
  return sizeof(float) * values;
}

void Transformer::expect_cache(std::int64_t positions) const {
  const double bytes = cache_bytes(positions), allowed = static_cast<double>(memory_allowed());
  if (bytes <= allowed) return;
  throw Error(
      Code::range, "cache",
      fmt::format("the keys and values of {} tokens take {:.1f} GB, this process may use {:.1f} GB: ask for fewer "
                  "tokens",
                  positions, bytes / 1e9, allowed / 1e9));
}

Result Transformer::run(const Request& request) const {
  refuse_rowless(model(), request);
  const std::int64_t first = first_position(request);
  if (request.cache != nullptr) expect_cache(first + std::ssize(request.rows[0]));
  const Plan plan(config(), request, first);
  Result result = Pass(model(), parts_->weights, plan, request).run();
  parts_->spend(result.cost);
  return result;
}

Estimate Transformer::estimate(const Request& request, bool timed) const {
  constexpr std::size_t timed_tokens = 128;
  refuse_rowless(model(), request);
  const std::int64_t first = first_position(request);
  Estimate estimate;
  estimate.cost = Plan(config(), request, first).cost();
  std::size_t tokens = 0;
  for (const auto& row : request.rows) {
    tokens += row.size();
    estimate.bytes += sizeof(float) * values_of(config(), request, first, static_cast<std::int64_t>(row.size()));
  }
  if (!timed) return estimate;
  Request sample{{request.rows[0]}, request.capture, {}, request.logits, request.tokens};
  sample.rows[0].resize(std::min(timed_tokens, sample.rows[0].size()));
  const Plan plan(config(), sample, 0);
  Pass(model(), parts_->weights, plan, sample).run();  // packs the weights
  const auto begin = std::chrono::steady_clock::now();
  Pass(model(), parts_->weights, plan, sample).run();
  estimate.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() *
                     static_cast<double>(tokens) / static_cast<double>(sample.rows[0].size());
  return estimate;
}

Cost Transformer::spent() const {
  const std::lock_guard lock(parts_->mutex);
  return parts_->spent;
}

Tensor Transformer::unembed(const Tensor& residual) const {
  if (residual.rows() == 0 || residual.columns() != config().width) {
    throw Error(Code::shape, "unembed",
                fmt::format("needs rows of {} values, got {}", config().width, residual.shape().text()));
  }
  Tensor normed = Tensor::uninitialised(Shape{residual.rows(), residual.columns()});
  if (config().final_norm)
    norm_rows(config(), parts_->weights.ln_final(), residual, normed);
  else
    normed = residual.clone();
  Tensor logits = unembedded(config(), parts_->weights.unembedding(), unembedding_bias(model(), {}), normed);
  parts_->spend({0, 0, logits.rows()});
  return logits;
}

}  // namespace embscope
