#include "forward/pass.h"

#include <algorithm>

#include <fmt/format.h>

#include "forward/norm.h"

namespace embscope {
namespace {

void scale_rows(Tensor& x, float factor) {
  if (factor == 1) return;
  for_rows(x, [&](std::int64_t i) { scale(x.row(i).data(), factor, x.columns()); });
}

}  // namespace

void add_to(Tensor& x, const Tensor& y) {
  for_rows(x, [&](std::int64_t i) { add(x.row(i).data(), y.row(i).data(), x.columns(), x.row(i).data()); });
}

void refuse_row(const Model& model, const char* matrix, std::int64_t row) {
  throw Error(
      Code::format, model.path().filename().string(),
      fmt::format("{} holds NaN or infinite values in row {}{}: the file is damaged or its training diverged", matrix,
                  row,
                  std::string_view(matrix) == "wpe" ? "" : ", of token " + model.label(static_cast<TokenId>(row))));
}

Pass::Pass(const Model& model, const PackedWeights& weights, const Plan& plan, const Request& request)
    : config_(model.config()),
      model_(model),
      weights_(weights),
      plan_(plan),
      request_(request),
      probe_(config_, plan, request, result_),
      cache_(config_, request.cache) {
  result_.cost = plan.cost();
  result_.rows.resize(request.rows.size());
  for (RowResult& row : result_.rows) row.captured.resize(request.capture.size());
}

Result Pass::run() {
  make_rotary();
  if (embed()) blocks_from(0);
  cache_.commit(static_cast<std::int64_t>(request_.rows[0].size()));
  return std::move(result_);
}

Result Pass::run_from(int block, const Tensor& residual) {
  make_rotary();
  if (config_.per_layer.width > 0 && !embed()) return std::move(result_);
  x_ = residual.clone();
  blocks_from(block);
  return std::move(result_);
}

void Pass::blocks_from(int block) {
  for (l_ = block; l_ < static_cast<int>(config_.blocks); ++l_) {
    report(request_.progress, static_cast<double>(l_) / static_cast<double>(config_.blocks), "block by block");
    if (!this->block(weights_.block(static_cast<std::size_t>(l_)))) return;
  }
  output();
}

void Pass::make_rotary() {
  std::int64_t positions = 0;
  for (const auto& ids : request_.rows)
    positions = std::max(positions, plan_.first() + static_cast<std::int64_t>(ids.size()));
  for (const Rope& rope : config_.ropes) rotary_.push_back(rotary(rope, positions));
}

bool Pass::embed() {
  const auto& owners = probe_.slots().owners;
  auto token_at = [&](const Slots::Owner& o) {
    return request_.rows[static_cast<std::size_t>(o.row)][static_cast<std::size_t>(o.position - plan_.first())];
  };
  // other rows may hold anything: they are not read
  auto look_up = [&](const char* name, const Matrix& matrix, Tensor& to, auto&& row_of) {
    shape_as(to, probe_.slots().size(), config_.width);
    for_rows(to, [&](std::int64_t i) { matrix.row(row_of(owners[static_cast<std::size_t>(i)]), to.row(i).data()); });
    for (std::int64_t i = 0; i < to.rows(); ++i) {
      if (!all_finite(to.row(i).data(), config_.width))
        refuse_row(model_, name, row_of(owners[static_cast<std::size_t>(i)]));
    }
  };
  look_up("wte", model_.weights().wte, x_, token_at);
  if (!at(Point::wte, x_)) return false;
  scale_rows(x_, config_.embedding_scale);
  if (config_.per_layer.width > 0) embedding_ = x_.clone();
  if (config_.position == PositionKind::learned) {
    look_up("wpe", model_.weights().wpe, normed_, [](const Slots::Owner& o) { return o.position; });
    if (!at(Point::wpe, normed_)) return false;
    add_to(x_, normed_);
  }
  if (config_.embedding_norm) norm_rows(config_, weights_.embedding_norm(), x_, x_);
  return true;
}

bool Pass::block(const PackedBlock& w) {
  const bool two_norms = config_.norm_before && !config_.one_norm;
  return at(Point::resid_pre, x_) &&
         (!config_.norm_before || norm(w.ln1, {Point::ln1_scale, Point::ln1_normalized}, Point::ln1)) && attention(w) &&
         finish_branch(w.ln1_post, {Point::ln1_post_scale, Point::ln1_post_normalized}, Point::attn_out, attn_out_) &&
         add_attention(w) && (!two_norms || norm(w.ln2, {Point::ln2_scale, Point::ln2_normalized}, Point::ln2)) &&
         mlp(w) &&
         finish_branch(w.ln2_post, {Point::ln2_post_scale, Point::ln2_post_normalized}, Point::mlp_out, mlp_out_) &&
         (add_mlp(), add_per_layer(w)) && finish_block(w);
}

bool Pass::norm(const PackedNorm& w, NormSites sites, Point result) {
  reuse(normed_, z_, !z_.empty());
  shape_as(normed_, x_.rows(), x_.columns());
  shape_as(scale_, x_.rows(), 1);
  return norm_rows(
             config_, w, x_, scale_, normed_, [&] { return at(sites.scale, scale_); },
             [&] { return at(sites.normalized, normed_); }) &&
         at(result, normed_);
}

bool Pass::finish_branch(const PackedNorm& w, NormSites sites, Point out, Tensor& y) {
  if (config_.norm_after && !norm_branch(w, sites, y)) return false;
  scale_rows(y, config_.residual_scale);
  return at(out, y);
}

bool Pass::norm_branch(const PackedNorm& w, NormSites sites, Tensor& y) {
  shape_as(scale_, y.rows(), 1);
  return norm_rows(
      config_, w, y, scale_, y, [&] { return at(sites.scale, scale_); }, [&] { return at(sites.normalized, y); });
}

bool Pass::add_attention(const PackedBlock& w) {
  if (config_.parallel) return true;
  add_to(x_, attn_out_);
  if (config_.norm_sums) norm_rows(config_, w.ln1_post, x_, x_);
  return at(Point::resid_mid, x_);
}

void Pass::add_mlp() {
  if (config_.parallel) add_to(x_, attn_out_);
  add_to(x_, mlp_out_);
}

bool Pass::finish_block(const PackedBlock& w) {
  if (config_.norm_sums) norm_rows(config_, w.ln2_post, x_, x_);
  scale_rows(x_, layer().out_scale);
  return at(Point::resid_post, x_);
}

void Pass::linear(const Tensor& x, std::initializer_list<Map> maps) {
  std::vector<Product> products;
  for (const Map& m : maps) {
    shape_as(m.y, x.rows(), m.w.weight.out());
    products.push_back(product_of(m.w, m.y.data(), m.y.columns()));
  }
  gemm(x.data(), x.columns(), x.rows(), products);
}

bool Pass::at(Point point, Tensor& values) {
  enter(stage_of(site(point), config_.blocks), values);
  return probe_.at(site(point), values);
}

// Beside the residual stream and the current values, parallel branches need what the MLP will read, and then what
// attention has given.
void Pass::enter(int stage, Tensor& values) {
  const bool out = stage == stage_of(l_, Step::out),
             branch = stage == stage_of(l_, Step::attended) || stage == stage_of(l_, Step::after);
  Tensor* const beside = out && config_.parallel ? &attn_out_ : branch && config_.one_norm ? &normed_ : nullptr;
  std::vector<Tensor*> carried = {&x_, &values == &x_ ? nullptr : &values, beside,
                                  embedding_.empty() ? nullptr : &embedding_};
  for (auto& [block, kv] : read_later_) carried.push_back(&kv.keys), carried.push_back(&kv.values);
  probe_.enter(stage, carried);
}

}  // namespace embscope
