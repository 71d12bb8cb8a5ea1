#include "forward/probe.h"

#include <algorithm>

#include "forward/apply.h"
#include "forward/attention.h"
#include "forward/norm.h"

namespace embscope {
namespace {

Shape captured_shape(std::int64_t positions, const SiteShape& shape) {
  return shape.has_heads ? Shape{positions, shape.heads, shape.width} : Shape{positions, shape.width};
}

}  // namespace

Tensor gather(const Tensor& x, const std::vector<int>& rows) {
  Tensor out = Tensor::uninitialised({static_cast<std::int64_t>(rows.size()), x.columns()});
  for_rows(out,
           [&](std::int64_t i) { std::ranges::copy(x.row(rows[static_cast<std::size_t>(i)]), out.row(i).begin()); });
  return out;
}

Probe::Probe(const Config& config, const Plan& plan, const Request& request, Result& result)
    : config_(config),
      plan_(plan),
      request_(request),
      result_(result),
      slots_(plan.stage(embedding_stage).slots.get()) {}

void Probe::enter(int stage, std::span<Tensor* const> carried) {
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

template <class F>
void Probe::for_edits(const Site& site, F&& body) const {
  const auto& touched = plan_.stage(stage_of(site, config_.blocks)).touched;
  parallel_for(static_cast<std::int64_t>(touched.size()), rows_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::size_t e : touched[static_cast<std::size_t>(i)].edits) {
        if (request_.edits[e].site == site) body(request_.edits[e], touched[static_cast<std::size_t>(i)].slot);
      }
    }
  });
}

bool Probe::at(const Site& site, Tensor& values) {
  const Listener* listener = plan_.at(site.point, site.block);
  if (listener == nullptr) return !plan_.ends_at(site);
  const SiteShape shape = site_shape(site, config_);
  if (listener->edited) {
    for_edits(site, [&](const Edit& edit, int slot) {
      const std::int64_t position = slots_->owners[static_cast<std::size_t>(slot)].position;
      apply(edit, shape, shape.width, values.row(slot).data(), position);
    });
  }
  if (listener->hooked()) {
    SiteValues seen{site, {}};
    for (const Slots::Own& own : slots_->own) {
      seen.rows.push_back({values.row(own.first_slot).data(), captured_shape(own.count, shape), plan_.first()});
    }
    call_hooks(*listener, seen);
  }
  for (std::size_t index : listener->captures) capture(index, shape, values);
  return !plan_.ends_at(site);
}

void Probe::call_hooks(const Listener& listener, SiteValues& seen) const {
  for (const Hooks::Write* write : listener.writers) (*write)(seen);
  for (const Hooks::Read* read : listener.readers) (*read)(seen);
}

void Probe::capture(std::size_t index, const SiteShape& shape, const Tensor& values) {
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

bool Probe::at_maps(const Site& site, std::vector<Tensor>& maps) {
  const Listener* listener = plan_.at(site.point, site.block);
  if (listener == nullptr) return !plan_.ends_at(site);
  const std::int64_t first = plan_.first();
  if (listener->edited) {
    for_edits(site, [&](const Edit& edit, int slot) {
      const auto [row, position] = slots_->owners[static_cast<std::size_t>(slot)];
      Tensor& map = maps[static_cast<std::size_t>(row)];
      const std::int64_t count = map.shape()[1], keys = map.shape()[2];
      // only the keys that the query may see: an edit never opens the future, nor what lies before the window
      const std::int64_t begin = head_shape(config_, 0, site.block, nullptr).first_key(position);
      apply(edit, {config_.heads, position + 1 - begin, true}, count * keys,
            map.data() + (position - first) * keys + begin, position);
    });
  }
  SiteValues seen{site, {}};
  for (Tensor& map : maps) seen.rows.push_back({map.data(), map.shape(), first});
  call_hooks(*listener, seen);
  return !plan_.ends_at(site);
}

bool Probe::keeps(const Site& site) const {
  const Listener* listener = plan_.at(site.point, site.block);
  return listener != nullptr && !listener->captures.empty();
}

void Probe::keep_maps(const Site& site, std::vector<Tensor>& maps) {
  if (!keeps(site)) return;
  const auto& captures = plan_.at(site.point, site.block)->captures;
  for (std::size_t r = 0; r < maps.size(); ++r) {
    auto& kept = result_.rows[r].captured;
    for (std::size_t i = 1; i < captures.size(); ++i) kept[captures[i]] = maps[r].clone();
    kept[captures[0]] = std::move(maps[r]);
  }
}

}  // namespace embscope
