#include "embscope/transformer.h"

#include <fmt/format.h>

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
  for (const Hook& hook : hooks_) list.emplace_back(hook.handle, hook.site);
  return list;
}

struct Transformer::Parts {
  explicit Parts(std::shared_ptr<const Model> m) : model(std::move(m)), weights(*model) {}
  std::shared_ptr<const Model> model;
  PackedWeights weights;
};

Transformer::Transformer(std::shared_ptr<const Model> model) : parts_(std::make_unique<Parts>(std::move(model))) {}
Transformer::~Transformer() = default;
Transformer::Transformer(Transformer&&) noexcept = default;

const Model& Transformer::model() const { return *parts_->model; }

Result Transformer::run(const Request& request) const {
  if (request.cache != nullptr && request.rows.size() != 1) {
    throw Error(Code::usage, "run", fmt::format("a cache continues one row, the batch has {}", request.rows.size()));
  }
  const Plan plan(config(), request, request.cache == nullptr ? 0 : request.cache->positions());
  return Pass(model(), parts_->weights, plan, request).run();
}

Tensor Transformer::unembed(const Tensor& residual) const {
  if (residual.rows() == 0 || residual.columns() != config().width) {
    throw Error(Code::shape, "unembed",
                fmt::format("needs rows of {} values, got {}", config().width, residual.shape().text()));
  }
  Tensor scale = Tensor::uninitialised({residual.rows(), 1});
  Tensor normed = Tensor::uninitialised(Shape{residual.rows(), residual.columns()});
  norm_rows(
      config(), parts_->weights.ln_final(), residual, scale, normed, [] {}, [] {});
  Tensor logits = Tensor::uninitialised({residual.rows(), config().vocab});
  gemm(normed.data(), normed.columns(), normed.rows(),
       {{Product{&parts_->weights.unembedding(), nullptr, logits.data(), config().vocab}}});
  return logits;
}

}  // namespace embscope
