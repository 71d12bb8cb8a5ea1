#include "forward/pass.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>

#include <fmt/format.h>

#include "forward/activation.h"
#include "forward/apply.h"
#include "forward/experts.h"
#include "forward/norm.h"

namespace embscope {
namespace {

// A buffer of N rows, kept from one block to the next.
void shape_as(Tensor& t, std::int64_t rows, std::int64_t columns) {
  if (t.empty() || t.shape() != Shape{rows, columns}) t = Tensor::uninitialised({rows, columns});
}

void add_to(Tensor& x, const Tensor& y) {
  for_rows(x, [&](std::int64_t i) { add(x.row(i).data(), y.row(i).data(), x.columns(), x.row(i).data()); });
}

void scale_rows(Tensor& x, float factor) {
  for_rows(x, [&](std::int64_t i) { scale(x.row(i).data(), factor, x.columns()); });
}

// Latents are normed as RMSNorm does, whatever the model's own norms are.
void norm_latents(const PackedNorm& w, float epsilon, Tensor& x) {
  const std::int64_t n = x.columns();
  for_rows(x, [&](std::int64_t i) {
    float* row = x.row(i).data();
    normalise(row, 0, norm_scale(row, 0, n, epsilon), n, row);
    apply_gain(w, row, n, row);
  });
}

Tensor gather(const Tensor& x, const std::vector<int>& rows) {
  Tensor out = Tensor::uninitialised({static_cast<std::int64_t>(rows.size()), x.columns()});
  for_rows(out,
           [&](std::int64_t i) { std::ranges::copy(x.row(rows[static_cast<std::size_t>(i)]), out.row(i).begin()); });
  return out;
}

[[noreturn]] void refuse_row(const Model& model, const char* matrix, std::int64_t row) {
  throw Error(
      Code::format, model.path().filename().string(),
      fmt::format("{} holds NaN or infinite values in row {}{}: the file is damaged or its training diverged", matrix,
                  row,
                  std::string_view(matrix) == "wpe" ? "" : ", of token " + model.label(static_cast<TokenId>(row))));
}

void refuse_rows_of_nan(const Model& model, const std::vector<TokenId>& tokens) {
  std::vector<float> row(static_cast<std::size_t>(model.config().width));
  for (TokenId id : tokens) {
    model.weights().unembed.row(id, row.data());
    if (!all_finite(row.data(), model.config().width)) refuse_row(model, "the unembedding", id);
  }
}

Shape captured_shape(std::int64_t positions, const SiteShape& shape) {
  return shape.has_heads ? Shape{positions, shape.heads, shape.width} : Shape{positions, shape.width};
}

}  // namespace

Pass::Pass(const Model& model, const PackedWeights& weights, const Plan& plan, const Request& request)
    : config_(model.config()),
      model_(model),
      weights_(weights),
      plan_(plan),
      request_(request),
      slots_(plan.stage(embedding_stage).slots.get()) {
  result_.cost = plan.cost();
  result_.rows.resize(request.rows.size());
  for (RowResult& row : result_.rows) row.captured.resize(request.capture.size());
}

Result Pass::run() {
  embed();
  bool ended = plan_.ends_at({Point::wpe, -1});
  for (int l = 0; l < static_cast<int>(config_.blocks) && !ended; ++l) {
    report(request_.progress, static_cast<double>(l) / static_cast<double>(config_.blocks), "block by block");
    block(l, weights_.block(static_cast<std::size_t>(l)));
    ended = plan_.ends_at({Point::resid_post, l});
  }
  if (!ended) finish();
  if (request_.cache != nullptr) request_.cache->positions_ += static_cast<std::int64_t>(request_.rows[0].size());
  return std::move(result_);
}

void Pass::embed() {
  const std::int64_t n = slots_->size();
  shape_as(x_, n, config_.width);
  auto token_at = [&](const Slots::Owner& o) {
    return request_.rows[static_cast<std::size_t>(o.row)][static_cast<std::size_t>(o.position - plan_.first())];
  };
  const Weights& w = model_.weights();
  for_rows(x_,
           [&](std::int64_t i) { w.wte.row(token_at(slots_->owners[static_cast<std::size_t>(i)]), x_.row(i).data()); });
  for (std::int64_t i = 0; i < n; ++i) {  // other rows may hold what they like: nobody reads them
    if (!all_finite(x_.row(i).data(), config_.width))
      refuse_row(model_, "wte", token_at(slots_->owners[static_cast<std::size_t>(i)]));
  }
  fire(Point::wte, -1, x_);
  if (config_.position == PositionKind::learned) {
    shape_as(normed_, n, config_.width);
    for_rows(normed_, [&](std::int64_t i) {
      w.wpe.row(slots_->owners[static_cast<std::size_t>(i)].position, normed_.row(i).data());
    });
    for (std::int64_t i = 0; i < n; ++i) {
      if (!all_finite(normed_.row(i).data(), config_.width))
        refuse_row(model_, "wpe", slots_->owners[static_cast<std::size_t>(i)].position);
    }
    fire(Point::wpe, -1, normed_);
    if (config_.embedding_scale != 1) scale_rows(x_, config_.embedding_scale);
    add_to(x_, normed_);
  } else if (config_.embedding_scale != 1) {
    scale_rows(x_, config_.embedding_scale);
  }
  if (config_.embedding_norm) {
    shape_as(scale_, n, 1);
    norm_rows(
        config_, weights_.embedding_norm(), x_, scale_, x_, [] {}, [] {});
  }
  std::int64_t positions = plan_.first();
  for (const auto& ids : request_.rows)
    positions = std::max(positions, plan_.first() + static_cast<std::int64_t>(ids.size()));
  for (const Rope& rope : config_.ropes) rotary_.push_back(rotary(rope, positions));
}

void Pass::enter(int stage, std::initializer_list<Tensor*> carried) {
  const Slots* before = slots_;
  slots_ = plan_.stage(stage).slots.get();
  if (slots_ == before) return;
  std::vector<int> sources;
  sources.reserve(slots_->owners.size());
  for (const Slots::Owner& o : slots_->owners) {
    sources.push_back(
        before->path[static_cast<std::size_t>(o.row)][static_cast<std::size_t>(o.position - plan_.first())]);
  }
  for (Tensor* t : carried) {
    if (t != nullptr) *t = gather(*t, sources);
  }
}

void Pass::block(int l, const PackedBlock& w) {
  enter(stage_of(l, Step::read), {&x_});
  fire(Point::resid_pre, l, x_);
  if (plan_.ends_at({Point::resid_pre, l})) return;
  if (config_.norm_before) norm(w.ln1, Point::ln1_scale, Point::ln1_normalized, Point::ln1, l);
  attention(l, w);
  if (plan_.ends_at({Point::pattern, l})) return;
  finish_branch(w.ln1_post, Point::ln1_post_scale, Point::ln1_post_normalized, l);
  fire(Point::attn_out, l, out_);
  if (config_.parallel) {
    std::swap(attn_out_, out_);
  } else {
    add_to(x_, out_);
    fire(Point::resid_mid, l, x_);
  }
  if (plan_.ends_at({Point::resid_mid, l})) return;
  if (config_.norm_before && !config_.one_norm) norm(w.ln2, Point::ln2_scale, Point::ln2_normalized, Point::ln2, l);
  mlp(l, w);
  finish_branch(w.ln2_post, Point::ln2_post_scale, Point::ln2_post_normalized, l);
  enter(stage_of(l, Step::out), {&x_, &out_, config_.parallel ? &attn_out_ : nullptr});
  fire(Point::mlp_out, l, out_);
  if (config_.parallel) add_to(x_, attn_out_);
  add_to(x_, out_);
  fire(Point::resid_post, l, x_);
}

void Pass::finish_branch(const PackedNorm& w, Point scale, Point normalized, int l) {
  if (config_.norm_after) {
    shape_as(scale_, out_.rows(), 1);
    norm_rows(
        config_, w, out_, scale_, out_, [&] { fire(scale, l, scale_); }, [&] { fire(normalized, l, out_); });
  }
  if (config_.residual_scale != 1) scale_rows(out_, config_.residual_scale);
}

void Pass::norm(const PackedNorm& w, Point scale, Point normalized, Point result, int l) {
  shape_as(normed_, x_.rows(), x_.columns());
  shape_as(scale_, x_.rows(), 1);
  norm_rows(
      config_, w, x_, scale_, normed_, [&] { fire(scale, l, scale_); }, [&] { fire(normalized, l, normed_); });
  fire(result, l, normed_);
}

void Pass::linear(const Tensor& x, std::initializer_list<Map> maps) {
  std::vector<Product> products;
  for (const Map& m : maps) {
    shape_as(m.y, x.rows(), m.w.weight.out());
    products.push_back({&m.w.weight, m.w.bias_or_null(), m.y.data(), m.y.columns()});
  }
  gemm(x.data(), x.columns(), x.rows(), products);
}

void Pass::queries_keys_values(const PackedBlock& w) {
  config_.latents.rank == 0 ? linear(read(), {{w.q, q_}, {w.k, k_}, {w.v, v_}}) : latents(w);
}

// Every head's key is its own part, of the latent, before the part that all share.
void Pass::latents(const PackedBlock& w) {
  const Latents& latents = config_.latents;
  if (latents.query_rank > 0) {
    linear(read(), {{w.q_latent, latent_}});
    norm_latents(w.q_latent_norm, latents.epsilon, latent_);
    linear(latent_, {{w.q, q_}});
  } else {
    linear(read(), {{w.q, q_}});
  }
  Tensor whole, own;
  linear(read(), {{w.kv_latent, whole}});
  shape_as(latent_, whole.rows(), latents.rank);
  for_rows(latent_, [&](std::int64_t i) {
    std::ranges::copy(whole.row(i).first(static_cast<std::size_t>(latents.rank)), latent_.row(i).begin());
  });
  norm_latents(w.kv_latent_norm, latents.epsilon, latent_);
  linear(latent_, {{w.k, own}, {w.v, v_}});
  const std::int64_t width = config_.head_width, part = width - latents.turned;
  shape_as(k_, whole.rows(), config_.heads * width);
  for_rows(k_, [&](std::int64_t i) {
    const float *from = own.row(i).data(), *shared = whole.row(i).data() + latents.rank;
    for (std::int64_t h = 0; h < config_.heads; ++h) {
      float* to = std::copy_n(from + h * part, part, k_.row(i).data() + h * width);
      std::copy_n(shared, latents.turned, to);
    }
  });
}

// After a rotation only where there was one.
void Pass::norm_queries_keys(int l, const PackedBlock& w) {
  if (config_.qk_norm == QkNorm::none) return;
  if (!config_.qk_norm_after || config_.layers[static_cast<std::size_t>(l)].rope >= 0)
    norm_heads(config_, w.q_norm, q_, config_.heads), norm_heads(config_, w.k_norm, k_, config_.kv_heads);
  if (config_.qkv_clip != 0 && config_.clip_after_norm) clip(q_), clip(k_);
  fire(Point::normed_q, l, q_);
  fire(Point::normed_k, l, k_);
}

void Pass::grow_queries() {
  for_rows(q_, [&](std::int64_t i) {
    scale(q_.row(i).data(), query_growth(config_, slots_->owners[static_cast<std::size_t>(i)].position), q_.columns());
  });
}

void Pass::attention(int l, const PackedBlock& w) {
  sinks_ = w.sinks.empty() ? nullptr : w.sinks.data();
  queries_keys_values(w);
  if (config_.qkv_clip != 0) clip(v_);
  if (config_.qkv_clip != 0 && !config_.clip_after_norm) clip(q_), clip(k_);
  fire(Point::q, l, q_);
  fire(Point::k, l, k_);
  fire(Point::v, l, v_);
  if (!config_.qk_norm_after) norm_queries_keys(l, w);
  if (config_.position == PositionKind::rotary) {
    rotate(q_, config_.heads, l);
    if (config_.layers[static_cast<std::size_t>(l)].grows) grow_queries();
    fire(Point::rot_q, l, q_);
    rotate(k_, config_.kv_heads, l);
    fire(Point::rot_k, l, k_);
  }
  if (config_.qk_norm_after) norm_queries_keys(l, w);
  append_to_cache(l);
  if (plan_.ends_at({Point::rot_k, l})) return;
  const Slots& read = *slots_;
  Tensor* const shared = config_.one_norm ? &normed_ : nullptr;  // the MLP reads it too
  enter(stage_of(l, Step::attended), {&x_, &q_, shared});
  shape_as(z_, q_.rows(), config_.heads * config_.value_width);
  const bool maps = plan_.at(Point::scores, l) != nullptr || plan_.at(Point::pattern, l) != nullptr;
  maps ? attend_with_maps(l, read) : attend_rows(l, read);
  if (plan_.ends_at({Point::pattern, l})) return;
  enter(stage_of(l, Step::after), {&x_, &z_, shared});
  fire(Point::z, l, z_);
  linear(z_, {{w.o, out_}});
}

void Pass::experts(int l, const PackedExperts& w) {
  const Experts& e = config_.experts;
  route(l, w);
  const std::int64_t d = config_.width;
  shape_as(expert_out_, chosen_.rows(), e.chosen * d);
  const auto rows = routed(e, chosen_);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].empty()) continue;
    Tensor input = gather(read(), rows[i]);
    auto weigh = [&](Tensor& x) {
      for_rows(x, [&](std::int64_t r) {
        const Routed& from = rows[i][static_cast<std::size_t>(r)];
        scale(x.row(r).data(), expert_weights_.row(from.row)[static_cast<std::size_t>(from.rank)], d);
      });
    };
    if (e.of_input) weigh(input);
    ExpertHidden hidden = expert_hidden(w.each[i], input);
    glu(config_, hidden);
    linear(hidden.gate, {{w.each[i].down, hidden.up}});
    if (!e.of_input) weigh(hidden.up);
    for_rows(hidden.up, [&](std::int64_t r) {
      const Routed& to = rows[i][static_cast<std::size_t>(r)];
      std::ranges::copy(hidden.up.row(r), expert_out_.row(to.row).data() + to.rank * d);
    });
  }
  fire(Point::experts_out, l, expert_out_);
  shape_as(out_, chosen_.rows(), d);
  for_rows(out_, [&](std::int64_t i) {
    const float* each = expert_out_.row(i).data();
    std::copy_n(each, d, out_.row(i).data());
    for (std::int64_t j = 1; j < e.chosen; ++j) add(out_.row(i).data(), each + j * d, d, out_.row(i).data());
  });
  if (e.shared_width > 0) add_shared(l, w);
}

void Pass::route(int l, const PackedExperts& w) {
  const Experts& e = config_.experts;
  linear(read(), {{w.router, router_}});
  fire(Point::router_logits, l, router_);
  for_rows(router_, [&](std::int64_t i) { router_probabilities(e, router_.row(i).data()); });
  fire(Point::router_probabilities, l, router_);
  shape_as(chosen_, router_.rows(), e.chosen), shape_as(expert_weights_, router_.rows(), e.chosen);
  const float* correction = w.correction.empty() ? nullptr : w.correction.data();
  for_rows(chosen_,
           [&](std::int64_t i) { choose_experts(e, router_.row(i).data(), correction, chosen_.row(i).data()); });
  fire(Point::router_chosen, l, chosen_);
  routed(e, chosen_);  // what an edit chose is looked at before it is used
  for_rows(chosen_, [&](std::int64_t i) {
    weigh_experts(e, router_.row(i).data(), chosen_.row(i).data(), expert_weights_.row(i).data());
  });
  fire(Point::router_weights, l, expert_weights_);
}

void Pass::add_shared(int l, const PackedExperts& w) {
  ExpertHidden hidden = expert_hidden(w.shared, read());
  glu(config_, hidden);
  linear(hidden.gate, {{w.shared.down, hidden.up}});
  if (!w.shared_gate.weight.empty()) {
    linear(read(), {{w.shared_gate, scale_}});
    for_rows(hidden.up,
             [&](std::int64_t i) { scale(hidden.up.row(i).data(), sigmoid(*scale_.row(i).data()), config_.width); });
  }
  fire(Point::experts_shared, l, hidden.up);
  add_to(out_, hidden.up);
}

void Pass::mlp(int l, const PackedBlock& w) {
  if (config_.layers[static_cast<std::size_t>(l)].experts) return experts(l, w.experts);
  const std::int64_t f = config_.mlp_width;
  if (config_.gated_mlp) {
    linear(read(), {{w.gate, gate_}, {w.up, up_}});
    fire(Point::mlp_pre, l, gate_);
    fire(Point::mlp_up, l, up_);
    for_rows(gate_, [&](std::int64_t i) {
      activate(config_.activation, gate_.row(i).data(), f);
      multiply(gate_.row(i).data(), up_.row(i).data(), f);
    });
  } else {
    linear(read(), {{w.up, gate_}});
    fire(Point::mlp_pre, l, gate_);
    for_rows(gate_, [&](std::int64_t i) { activate(config_.activation, gate_.row(i).data(), f); });
  }
  fire(Point::mlp_post, l, gate_);
  linear(gate_, {{w.down, out_}});
}

void Pass::clip(Tensor& x) const {
  for_rows(x, [&](std::int64_t i) {
    for (float& value : x.row(i)) value = std::clamp(value, -config_.qkv_clip, config_.qkv_clip);
  });
}

void Pass::rotate(Tensor& x, std::int64_t heads, int l) const {
  const int rope = config_.layers[static_cast<std::size_t>(l)].rope;
  if (rope < 0) return;
  const Rotary& rotary = rotary_[static_cast<std::size_t>(rope)];
  for_rows(x, [&](std::int64_t i) {
    rotary.turn(x.row(i).data(), heads, config_.head_width, slots_->owners[static_cast<std::size_t>(i)].position);
  });
}

void Pass::append_to_cache(int l) {
  if (request_.cache == nullptr) return;
  Cache& cache = *request_.cache;
  cache.keys_.resize(static_cast<std::size_t>(config_.blocks));
  cache.values_.resize(static_cast<std::size_t>(config_.blocks));
  auto append = [&](std::vector<float>& kept, const Tensor& fresh) {
    kept.resize(static_cast<std::size_t>(cache.positions_ * fresh.columns()));  // drops what a failed pass left
    kept.insert(kept.end(), fresh.values().begin(), fresh.values().end());
  };
  append(cache.keys_[static_cast<std::size_t>(l)], k_);
  append(cache.values_[static_cast<std::size_t>(l)], v_);
}

HeadShape Pass::head_shape(std::int64_t h, int l) const { return embscope::head_shape(config_, h, l, sinks_); }

KeysValues Pass::keys_values(const Slots& read, int row, int l) const {
  KeysValues kv;
  const std::int64_t width = k_.columns(), value_width = v_.columns();
  for (std::int64_t p = 0; p < plan_.first(); ++p) {
    kv.keys.push_back(request_.cache->keys_[static_cast<std::size_t>(l)].data() + p * width);
    kv.values.push_back(request_.cache->values_[static_cast<std::size_t>(l)].data() + p * value_width);
  }
  for (int slot : read.path[static_cast<std::size_t>(row)]) {
    kv.keys.push_back(k_.row(slot).data());
    kv.values.push_back(v_.row(slot).data());
  }
  return kv;
}

// A row's key-value heads are shared out to the threads, each with its query heads; those of a long row by queries too,
// and then what all of its queries read is rearranged once, before.
void Pass::attend_rows(int l, const Slots& read) {
  constexpr std::int64_t most_queries = 256;
  struct Task {
    std::size_t row;
    std::int64_t kv_head, first, count;
    const HeadPanels* panels;
  };
  std::vector<KeysValues> kv(slots_->own.size());
  std::vector<Task> tasks, rearranged;
  std::deque<HeadPanels> panels;
  for (std::size_t r = 0; r < kv.size(); ++r) {
    const std::int64_t count = slots_->own[r].count;
    if (count > 0) kv[r] = keys_values(read, static_cast<int>(r), l);
    for (std::int64_t g = 0; count > 0 && g < config_.kv_heads; ++g) {
      if (count > most_queries) rearranged.push_back({r, g, 0, 0, &panels.emplace_back()});
      for (std::int64_t t = 0; t < count; t += most_queries)
        tasks.push_back({r, g, t, std::min(most_queries, count - t), count > most_queries ? &panels.back() : nullptr});
    }
  }
  parallel_for(static_cast<std::int64_t>(panels.size()), 1, [&](std::int64_t i, std::int64_t) {
    const Task& task = rearranged[static_cast<std::size_t>(i)];
    HeadPanels& to = panels[static_cast<std::size_t>(i)];
    const HeadShape head = head_shape(task.kv_head * config_.heads / config_.kv_heads, l);
    to.fill_keys(head, kv[task.row]), to.fill_values(head, kv[task.row]);
  });
  parallel_for(static_cast<std::int64_t>(tasks.size()), 1, [&](std::int64_t i, std::int64_t) {
    const Task& task = tasks[static_cast<std::size_t>(i)];
    attend_group(l, task.kv_head, kv[task.row], task.panels, slots_->own[task.row].first_slot + task.first, task.count);
  });
}

void Pass::attend_group(int l, std::int64_t kv_head, const KeysValues& kv, const HeadPanels* shared, std::int64_t slot,
                        std::int64_t count) {
  thread_local HeadPanels own;
  const std::int64_t group = config_.heads / config_.kv_heads;
  for (std::int64_t h = kv_head * group; h < (kv_head + 1) * group; ++h) {
    const HeadShape head = head_shape(h, l);
    if (shared == nullptr && h == kv_head * group) own.fill_keys(head, kv), own.fill_values(head, kv);
    attend(head, shared == nullptr ? own : *shared, q_.row(slot).data() + h * head.width, q_.columns(), count,
           slots_->owners[static_cast<std::size_t>(slot)].position, z_.row(slot).data() + h * head.value_width,
           z_.columns());
  }
}

void Pass::attend_with_maps(int l, const Slots& read) {
  const std::int64_t heads = config_.heads, first = plan_.first();
  std::vector<KeysValues> kv;
  std::vector<Tensor> scores;
  for (std::size_t r = 0; r < slots_->own.size(); ++r) {
    kv.push_back(keys_values(read, static_cast<int>(r), l));
    const std::int64_t count = slots_->own[r].count;
    scores.push_back(Tensor::uninitialised({heads, count, first + count}));
  }
  // body(row, head, where the head's map begins in the row's, the head's number)
  auto for_heads = [&](auto&& body) {
    parallel_for(static_cast<std::int64_t>(kv.size()) * heads, 1, [&](std::int64_t task, std::int64_t) {
      const auto r = static_cast<std::size_t>(task / heads);
      const std::int64_t h = task % heads, count = slots_->own[r].count;
      const HeadShape head = head_shape(h, l);
      body(r, head, h * count * (first + count), h);
    });
  };
  for_heads([&](std::size_t r, const HeadShape& head, std::int64_t map, std::int64_t h) {
    const Slots::Own own = slots_->own[r];
    thread_local HeadPanels panels;
    panels.fill_keys(head, kv[r]);
    attention_scores(head, panels, q_.row(own.first_slot).data() + h * head.width, q_.columns(), own.count, first,
                     scores[r].data() + map);
  });
  fire_maps(Point::scores, l, read, scores);
  std::vector<Tensor> kept, &patterns = captured(Point::scores, l) ? kept : scores;  // else the scores' own memory
  if (&patterns == &kept)
    for (const Tensor& s : scores) kept.push_back(Tensor::uninitialised(s.shape()));
  for_heads([&](std::size_t r, const HeadShape& head, std::int64_t map, std::int64_t) {
    const std::int64_t count = slots_->own[r].count;
    attention_pattern(head, scores[r].data() + map, count, first, first + count, patterns[r].data() + map);
  });
  if (&patterns == &kept) keep_maps(Point::scores, l, scores);
  fire_maps(Point::pattern, l, read, patterns);
  for_heads([&](std::size_t r, const HeadShape& head, std::int64_t map, std::int64_t h) {
    const Slots::Own own = slots_->own[r];
    thread_local HeadPanels panels;
    panels.fill_values(head, kv[r]);
    attention_values(head, panels, patterns[r].data() + map, own.count, first,
                     z_.row(own.first_slot).data() + h * head.value_width, z_.columns());
  });
  keep_maps(Point::pattern, l, patterns);
}

std::vector<int> Pass::logit_slots() const {
  std::vector<int> wanted;
  for (const auto& path : slots_->path) {
    if (request_.logits == LogitsAt::last) wanted.push_back(path.back());
    if (request_.logits == LogitsAt::all) wanted.insert(wanted.end(), path.begin(), path.end());
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  return wanted;
}

void Pass::finish() {
  enter(final_stage(config_.blocks), {&x_});
  const bool watch_logits = plan_.listens(Point::logits);
  const bool watch_norm = plan_.listens(Point::ln_final) || plan_.listens(Point::ln_final_normalized) ||
                          plan_.listens(Point::ln_final_scale);
  std::vector<int> wanted = logit_slots();
  if (wanted.empty() && !watch_logits && !watch_norm) return;
  const bool every_row = watch_logits || watch_norm || static_cast<std::int64_t>(wanted.size()) == x_.rows();
  if (!every_row) x_ = gather(x_, wanted);
  norm(weights_.ln_final(), Point::ln_final_scale, Point::ln_final_normalized, Point::ln_final, -1);
  if (every_row && !watch_logits && static_cast<std::int64_t>(wanted.size()) < normed_.rows())
    normed_ = gather(normed_, wanted);
  if (normed_.rows() == 0 || (wanted.empty() && !watch_logits)) return;

  refuse_rows_of_nan(model_, request_.tokens);
  const Packed some = request_.tokens.empty() ? Packed() : pack_unembedding(model_, request_.tokens);
  const Packed& unembedding = request_.tokens.empty() ? weights_.unembedding() : some;
  Tensor logits = Tensor::uninitialised({normed_.rows(), unembedding.out()});
  gemm(normed_.data(), normed_.columns(), normed_.rows(),
       {{Product{&unembedding, nullptr, logits.data(), logits.columns()}}});
  finish_logits(config_, unembedding_bias(model_, request_.tokens), logits);
  fire(Point::logits, -1, logits);
  result_.cost.logit_rows = logits.rows();
  if (request_.logits == LogitsAt::none) return;
  auto row_of = [&](int slot) {
    return watch_logits ? slot
                        : static_cast<int>(std::lower_bound(wanted.begin(), wanted.end(), slot) - wanted.begin());
  };
  if (request_.logits == LogitsAt::all && slots_->path.size() == 1) {
    result_.rows[0].logits = std::move(logits);
    return;
  }
  for (std::size_t r = 0; r < slots_->path.size(); ++r) {
    std::vector<int> rows;
    for (int slot : slots_->path[r]) {
      if (request_.logits == LogitsAt::all || slot == slots_->path[r].back()) rows.push_back(row_of(slot));
    }
    result_.rows[r].logits = request_.logits == LogitsAt::all ? gather(logits, rows)
                                                              : Tensor::of({logits.columns()}, logits.row(rows.back()));
  }
}

template <class F>
void Pass::for_edits(const Site& site, F&& body) const {
  const auto& touched = plan_.stage(stage_of(site, config_.blocks)).touched;
  parallel_for(static_cast<std::int64_t>(touched.size()), rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::size_t e : touched[static_cast<std::size_t>(i)].edits) {
        if (request_.edits[e].site == site) body(request_.edits[e], touched[static_cast<std::size_t>(i)].slot);
      }
    }
  });
}

void Pass::fire(Point point, int l, Tensor& values) {
  const Listener* listener = plan_.at(point, l);
  if (listener == nullptr) return;
  const SiteShape shape = site_shape(point, config_);
  const Site site{point, l};
  if (listener->edited) {
    for_edits(site, [&](const Edit& edit, int slot) {
      const std::int64_t position = slots_->owners[static_cast<std::size_t>(slot)].position;
      apply(edit, shape, shape.width, values.row(slot).data(), position);
    });
  }
  call_hooks(*listener, site, shape, values);
  for (std::size_t index : listener->captures) capture(index, shape, values);
}

void Pass::call_hooks(const Listener& listener, const Site& site, const SiteShape& shape, Tensor& values) const {
  if (listener.writers.empty() && listener.readers.empty()) return;
  SiteValues seen{site, {}};
  for (const Slots::Own& own : slots_->own) {
    seen.rows.push_back({values.row(own.first_slot).data(), captured_shape(own.count, shape), plan_.first()});
  }
  for (const Hooks::Write* write : listener.writers) (*write)(seen);
  for (const Hooks::Read* read : listener.readers) (*read)(seen);
}

void Pass::capture(std::size_t index, const SiteShape& shape, const Tensor& values) {
  for (std::size_t r = 0; r < slots_->path.size(); ++r) {
    const auto& path = slots_->path[r];
    Tensor out = Tensor::uninitialised(captured_shape(static_cast<std::int64_t>(path.size()), shape));
    parallel_for(static_cast<std::int64_t>(path.size()), rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        std::ranges::copy(values.row(path[static_cast<std::size_t>(t)]), out.data() + t * shape.total());
      }
    });
    result_.rows[r].captured[index] = std::move(out);
  }
}

void Pass::fire_maps(Point point, int l, const Slots& read, std::vector<Tensor>& maps) {
  const Listener* listener = plan_.at(point, l);
  if (listener == nullptr) return;
  const std::int64_t first = plan_.first();
  const Site site{point, l};
  if (listener->edited) {
    for_edits(site, [&](const Edit& edit, int slot) {
      const auto [row, position] = read.owners[static_cast<std::size_t>(slot)];
      Tensor& map = maps[static_cast<std::size_t>(row)];
      const std::int64_t count = map.shape()[1], keys = map.shape()[2];
      // only the keys that the query may see: an edit never opens the future, nor what lies before the window
      const std::int64_t begin = head_shape(0, l).first_key(position);
      apply(edit, {config_.heads, position + 1 - begin, true}, count * keys,
            map.data() + (position - first) * keys + begin, position);
    });
  }
  SiteValues seen{site, {}};
  for (Tensor& map : maps) seen.rows.push_back({map.data(), map.shape(), first});
  for (const Hooks::Write* write : listener->writers) (*write)(seen);
  for (const Hooks::Read* read_hook : listener->readers) (*read_hook)(seen);
}

bool Pass::captured(Point point, int l) const {
  const Listener* listener = plan_.at(point, l);
  return listener != nullptr && !listener->captures.empty();
}

void Pass::keep_maps(Point point, int l, std::vector<Tensor>& maps) {
  if (!captured(point, l)) return;
  const auto& captures = plan_.at(point, l)->captures;
  for (std::size_t r = 0; r < maps.size(); ++r) {
    auto& kept = result_.rows[r].captured;
    for (std::size_t i = 1; i < captures.size(); ++i) kept[captures[i]] = maps[r].clone();
    kept[captures[0]] = std::move(maps[r]);
  }
}

}  // namespace embscope
