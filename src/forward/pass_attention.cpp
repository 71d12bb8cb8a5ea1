// The attention of a block, from what it reads to what it gives.
#include <algorithm>
#include <deque>

#include "forward/norm.h"
#include "forward/pass.h"
#include "model/block.h"

namespace embscope {
namespace {

// Latents are normed as RMSNorm does, whatever the model's own norms are.
void norm_latents(const PackedNorm& w, float epsilon, Tensor& x) {
  const float *gain = data_or_null(w.gain), *bias = data_or_null(w.bias);
  for_rows(x, [&](std::int64_t i) {
    norm_row(NormKind::rms, epsilon, gain, bias, x.row(i).data(), x.columns(), x.row(i).data());
  });
}

void clip(float limit, std::initializer_list<Tensor*> tensors) {
  for (Tensor* x : tensors)
    for_rows(*x, [&](std::int64_t i) {
      for (float& value : x->row(i)) value = std::clamp(value, -limit, limit);
    });
}

}  // namespace

bool Pass::attention(const PackedBlock& w) {
  sinks_ = w.sinks.empty() ? nullptr : w.sinks.data();
  queries_keys_values(w);
  const bool on = see_queries_keys_values() && (config_.qk_norm_after || norm_queries_keys(w)) && norm_values() &&
                  turn_queries_keys() && (!config_.qk_norm_after || norm_queries_keys(w)) && attend() &&
                  at(Point::z, z_);
  if (!on) return false;
  reuse(attn_out_, q_);
  linear(z_, {{w.o, attn_out_}});
  return true;
}

void Pass::queries_keys_values(const PackedBlock& w) {
  reuse(q_, mlp_out_);
  if (config_.latents.rank > 0)
    latents(w);
  else if (layer().keys_of >= 0)
    linear(read(), {{w.q, q_}});
  else if (layer().values_of_keys)
    linear(read(), {{w.q, q_}, {w.k, k_}});
  else
    linear(read(), {{w.q, q_}, {w.k, k_}, {w.v, v_}});
  if (config_.qkv_clip == 0) return;
  clip(config_.qkv_clip, {&v_});
  if (!config_.clip_after_norm) clip(config_.qkv_clip, {&q_, &k_});
}

bool Pass::see_queries_keys_values() {
  if (!at(Point::q, q_)) return false;
  if (layer().keys_of >= 0) return true;
  if (!at(Point::k, k_)) return false;
  if (layer().values_of_keys) v_ = k_.clone();
  return at(Point::v, v_);
}

bool Pass::norm_values() {
  if (!config_.v_norm || layer().keys_of >= 0) return true;
  const std::int64_t n = layer().value_width;
  for_rows(v_, [&](std::int64_t i) {
    for (float *head = v_.row(i).data(), *end = head + v_.columns(); head < end; head += n)
      norm_row(NormKind::rms, config_.epsilon, nullptr, nullptr, head, n, head);
  });
  return at(Point::normed_v, v_);
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
  const std::int64_t width = layer().head_width, part = width - latents.turned;
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
bool Pass::norm_queries_keys(const PackedBlock& w) {
  if (config_.qk_norm == QkNorm::none) return true;
  const bool keys = layer().keys_of < 0;
  if (!config_.qk_norm_after || layer().rope >= 0) {
    norm_heads(config_, w.q_norm, q_, config_.heads);
    if (keys) norm_heads(config_, w.k_norm, k_, layer().kv_heads);
  }
  if (config_.qkv_clip != 0 && config_.clip_after_norm) clip(config_.qkv_clip, {&q_, &k_});
  return at(Point::normed_q, q_) && (!keys || at(Point::normed_k, k_));
}

bool Pass::turn_queries_keys() {
  if (config_.position != PositionKind::rotary) return true;
  auto turn = [&](Tensor& x, std::int64_t heads) {
    if (layer().rope < 0) return;
    const Rotary& rotary = rotary_[static_cast<std::size_t>(layer().rope)];
    for_rows(x, [&](std::int64_t i) { rotary.turn(x.row(i).data(), heads, layer().head_width, position_of(i)); });
  };
  turn(q_, config_.heads);
  if (layer().grows)
    for_rows(q_, [&](std::int64_t i) { scale(q_.row(i).data(), query_growth(config_, position_of(i)), q_.columns()); });
  if (!at(Point::rot_q, q_)) return false;
  if (layer().keys_of >= 0) return true;
  turn(k_, layer().kv_heads);
  return at(Point::rot_k, k_);
}

bool Pass::attend() {
  if (layer().keys_of < 0) {
    cache_.append(l_, k_, v_);
    if (read_by_others(config_, l_)) read_later_[l_] = {k_.clone(), v_.clone()};
  } else {
    const KeysAndValues& other = read_later_.at(layer().keys_of);
    k_ = other.keys.clone(), v_ = other.values.clone();
  }
  const Slots& read = probe_.slots();
  enter(stage_of(l_, Step::attended), q_);
  reuse(z_, normed_, !config_.one_norm);
  shape_as(z_, q_.rows(), config_.heads * layer().value_width);
  if (watched(Point::scores) || watched(Point::pattern)) return attend_with_maps();
  attend_rows(read);
  return true;
}

KeysValues Pass::keys_values(const Slots& read, int row, std::int64_t query) const {
  const std::int64_t cached = plan_.first();
  KeysValues kv{head_shape(0).first_key(query), {}, {}};
  for (std::int64_t p = kv.first; p < cached; ++p)
    kv.keys.push_back(cache_.key(keys_of(), p)), kv.values.push_back(cache_.value(keys_of(), p));
  const std::vector<int>& path = read.path[static_cast<std::size_t>(row)];
  for (auto t = static_cast<std::size_t>(std::max<std::int64_t>(0, kv.first - cached)); t < path.size(); ++t)
    kv.keys.push_back(k_.row(path[t]).data()), kv.values.push_back(v_.row(path[t]).data());
  return kv;
}

// A row's key-value heads are shared out to the threads, each with its query heads; those of a long row by queries too,
// and then what all of its queries read is rearranged once, before.
void Pass::attend_rows(const Slots& read) {
  constexpr std::int64_t most_queries = 256;
  struct Task {
    std::size_t row;
    std::int64_t kv_head, first, count;
    const HeadPanels* panels;
  };
  const std::vector<Slots::Own>& rows = probe_.slots().own;
  std::vector<KeysValues> kv(rows.size());
  std::vector<Task> tasks, rearranged;
  std::deque<HeadPanels> panels;
  for (std::size_t r = 0; r < kv.size(); ++r) {
    const std::int64_t count = rows[r].count;
    if (count > 0) kv[r] = keys_values(read, static_cast<int>(r), position_of(rows[r].first_slot));
    for (std::int64_t g = 0; count > 0 && g < layer().kv_heads; ++g) {
      if (count > most_queries) rearranged.push_back({r, g, 0, 0, &panels.emplace_back()});
      for (std::int64_t t = 0; t < count; t += most_queries)
        tasks.push_back({r, g, t, std::min(most_queries, count - t), count > most_queries ? &panels.back() : nullptr});
    }
  }
  parallel_for(static_cast<std::int64_t>(panels.size()), 1, [&](std::int64_t i, std::int64_t) {
    const Task& task = rearranged[static_cast<std::size_t>(i)];
    HeadPanels& to = panels[static_cast<std::size_t>(i)];
    const HeadShape head = head_shape(task.kv_head * config_.heads / layer().kv_heads);
    to.fill_keys(head, kv[task.row]), to.fill_values(head, kv[task.row]);
  });
  parallel_for(static_cast<std::int64_t>(tasks.size()), 1, [&](std::int64_t i, std::int64_t) {
    const Task& task = tasks[static_cast<std::size_t>(i)];
    attend_group(task.kv_head, kv[task.row], task.panels, rows[task.row].first_slot + task.first, task.count);
  });
}

void Pass::attend_group(std::int64_t kv_head, const KeysValues& kv, const HeadPanels* shared, std::int64_t slot,
                        std::int64_t count) {
  thread_local HeadPanels own;
  const std::int64_t group = config_.heads / layer().kv_heads;
  for (std::int64_t h = kv_head * group; h < (kv_head + 1) * group; ++h) {
    const HeadShape head = head_shape(h);
    if (shared == nullptr && h == kv_head * group) own.fill_keys(head, kv), own.fill_values(head, kv);
    embscope::attend(head, shared == nullptr ? own : *shared, q_.row(slot).data() + h * head.width, q_.columns(), count,
                     position_of(slot), z_.row(slot).data() + h * head.value_width, z_.columns());
  }
}

// Where maps are watched, every row has slots of its own: those that attention reads are the current ones.
bool Pass::attend_with_maps() {
  const std::int64_t heads = config_.heads, first = plan_.first();
  const std::vector<Slots::Own>& rows = probe_.slots().own;
  std::vector<KeysValues> kv;
  std::vector<Tensor> scores;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    kv.push_back(keys_values(probe_.slots(), static_cast<int>(r), first));
    scores.push_back(Tensor::uninitialised({heads, rows[r].count, first + rows[r].count}));
  }
  // body(row, head, where the head's map begins in the row's, the head's number)
  auto for_heads = [&](auto&& body) {
    parallel_for(static_cast<std::int64_t>(kv.size()) * heads, 1, [&](std::int64_t task, std::int64_t) {
      const auto r = static_cast<std::size_t>(task / heads);
      const std::int64_t h = task % heads, count = rows[r].count;
      body(r, head_shape(h), h * count * (first + count), h);
    });
  };
  for_heads([&](std::size_t r, const HeadShape& head, std::int64_t map, std::int64_t h) {
    thread_local HeadPanels panels;
    panels.fill_keys(head, kv[r]);
    attention_scores(head, panels, q_.row(rows[r].first_slot).data() + h * head.width, q_.columns(), rows[r].count,
                     first, scores[r].data() + map);
  });
  bool on = probe_.at_maps(site(Point::scores), scores);
  std::vector<Tensor> kept, &patterns = probe_.keeps(site(Point::scores)) ? kept : scores;  // else the scores' memory
  if (&patterns == &kept && on)
    for (const Tensor& s : scores) kept.push_back(Tensor::uninitialised(s.shape()));
  if (on) {
    for_heads([&](std::size_t r, const HeadShape& head, std::int64_t map, std::int64_t) {
      const std::int64_t count = rows[r].count;
      attention_pattern(head, scores[r].data() + map, count, first, first + count, patterns[r].data() + map);
    });
  }
  probe_.keep_maps(site(Point::scores), scores);
  if (!on) return false;
  on = probe_.at_maps(site(Point::pattern), patterns);
  if (on)
    for_heads([&](std::size_t r, const HeadShape& head, std::int64_t map, std::int64_t h) {
      thread_local HeadPanels panels;
      panels.fill_values(head, kv[r]);
      attention_values(head, panels, patterns[r].data() + map, rows[r].count, first,
                       z_.row(rows[r].first_slot).data() + h * head.value_width, z_.columns());
    });
  probe_.keep_maps(site(Point::pattern), patterns);
  return on;
}

}  // namespace embscope
