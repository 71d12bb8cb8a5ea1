#include "forward/plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "forward/changes.h"
#include "model/block.h"

namespace embscope {
namespace {

void check_rows(const Config& config, const Request& request, std::int64_t first) {
  if (request.rows.empty()) throw Error(Code::usage, "run", "no text: give at least one row of tokens");
  for (std::size_t r = 0; r < request.rows.size(); ++r) {
    const auto& ids = request.rows[r];
    if (ids.empty()) throw Error(Code::usage, "run", "the text is empty: there is no token to run");
    for (std::size_t t = 0; t < ids.size(); ++t) {
      if (ids[t] < 0 || ids[t] >= config.vocab) {
        throw Error(
            Code::range, "run",
            fmt::format("token id {} at position {}: the vocabulary has ids 0..{}", ids[t], t, config.vocab - 1));
      }
    }
    const std::int64_t length = first + static_cast<std::int64_t>(ids.size());
    if (length > config.context) {
      throw Error(Code::range, "run",
                  fmt::format("the text has {} tokens, the model's context {}: shorten it", length, config.context));
    }
  }
}

void check_site(const Config& config, const Site& site) {
  const auto infos = sites(config);
  const bool exists = std::any_of(infos.begin(), infos.end(), [&](const SiteInfo& i) { return i.point == site.point; });
  const bool placed = in_block(site.point) ? site.block >= 0 && site.block < config.blocks : site.block == -1;
  if (exists && placed) {
    if (has_site(config, site)) return;
    throw Error(Code::not_found, "site " + site.name(), "this block " + why_not(site, config));
  }
  if (exists && in_block(site.point)) {
    throw Error(Code::not_found, "site " + site.name(), fmt::format("the model has blocks 0..{}", config.blocks - 1));
  }
  std::vector<std::string> names;
  names.reserve(infos.size());
  for (const SiteInfo& i : infos) names.push_back(i.name);
  throw Error(Code::not_found, "site " + site.name(), fmt::format("this model has {}", fmt::join(names, ", ")));
}

void check_numbers(const Edit& edit, const std::string& where) {
  for (float v : edit.vector) {
    if (!std::isfinite(v)) throw Error(Code::range, where, "the vector holds NaN or infinite values");
  }
  if (!std::isfinite(edit.amount)) throw Error(Code::range, where, "the amount is not a finite number");
  const auto problem = operation(edit.change).problem;
  if (problem == nullptr) return;
  if (const std::string why = problem(edit); !why.empty()) throw Error(Code::range, where, why);
}

// How many values the edit meets at once.
std::int64_t met_width(const Config& config, const Edit& edit) {
  const SiteShape shape = site_shape(edit.site, config);
  return edit.heads.empty() ? shape.total() : shape.width;
}

void check_dimensions(const Config& config, const Edit& edit, const std::string& where) {
  if (edit.dimensions.empty()) return;
  if (is_attention_map(edit.site.point)) throw Error(Code::shape, where, "this site has keys, not dimensions");
  const std::int64_t width = met_width(config, edit);
  for (int d : edit.dimensions) {
    if (d < 0 || d >= width) {
      throw Error(Code::range, where, fmt::format("dimension {}: there are 0..{}", d, width - 1));
    }
  }
}

void check_vector(const Config& config, const Edit& edit, const std::string& where) {
  if (!takes_vector(edit.change)) return;
  const auto size = static_cast<std::int64_t>(edit.vector.size());
  if (is_attention_map(edit.site.point)) {
    if (size != 1) throw Error(Code::shape, where, fmt::format("takes one value for all keys, got {}", size));
    return;
  }
  const SiteShape shape = site_shape(edit.site, config);
  const bool fits = size == 1 || size == shape.total() || (!edit.heads.empty() && size == shape.width);
  if (!fits) {
    throw Error(Code::shape, where,
                edit.heads.empty() ? fmt::format("needs a vector of {} values, got {}", shape.total(), size)
                                   : fmt::format("needs a vector of {} values (one head) or {} (all heads), got {}",
                                                 shape.width, shape.total(), size));
  }
  if (operation(edit.change).needs_length &&
      std::all_of(edit.vector.begin(), edit.vector.end(), [](float v) { return v == 0; })) {
    throw Error(Code::range, where, "a zero vector has no direction to project out or to rotate towards");
  }
}

bool wipes_out(const Edit& later, const Edit& earlier) {
  return operation(later.change).overwrites && later.site == earlier.site && later.rows == earlier.rows &&
         later.positions == earlier.positions && later.heads == earlier.heads;
}

// Edits that meet at one slot, the later of which leaves nothing of the earlier.
void refuse_wiped_out(const std::vector<Edit>& edits, const Stage& stage) {
  for (const Stage::Touched& touched : stage.touched) {
    for (std::size_t j = 1; j < touched.edits.size(); ++j) {
      for (std::size_t i = 0; i < j; ++i) {
        const std::size_t earlier = touched.edits[i], later = touched.edits[j];
        if (!wipes_out(edits[later], edits[earlier])) continue;
        throw Error(Code::usage, "edit at " + edits[later].site.name(),
                    fmt::format("edit {} wipes out what edit {} does at the same place: leave one of them out",
                                later + 1, earlier + 1));
      }
    }
  }
}

void check_places(const Config& config, const Request& request, const Edit& edit, std::int64_t first,
                  const std::string& where) {
  const auto rows = static_cast<int>(request.rows.size());
  for (int row : edit.rows) {
    if (row < 0 || row >= rows)
      throw Error(Code::range, where, fmt::format("row {}: the batch has rows 0..{}", row, rows - 1));
  }
  for (int row = 0; row < rows; ++row) {
    if (!edit.rows.empty() && std::find(edit.rows.begin(), edit.rows.end(), row) == edit.rows.end()) continue;
    const std::int64_t length = first + static_cast<std::int64_t>(request.rows[static_cast<std::size_t>(row)].size());
    for (int position : edit.positions) {
      const std::int64_t p = position < 0 ? position + length : position;
      if (p < 0 || p >= length) {
        throw Error(Code::range, where, fmt::format("position {}: the text has positions 0..{}", position, length - 1));
      }
      if (p < first)
        throw Error(Code::range, where,
                    fmt::format("position {} is already in the cache: an edit there would have no effect", position));
    }
  }
  const bool map = is_attention_map(edit.site.point);
  const bool has_heads = map || site_shape(edit.site, config).has_heads;
  if (!has_heads && !edit.heads.empty()) throw Error(Code::shape, where, "this site has no heads");
  const std::int64_t heads = map ? config.heads : has_heads ? site_shape(edit.site, config).heads : 1;
  for (int head : edit.heads) {
    if (head < 0 || head >= heads)
      throw Error(Code::range, where, fmt::format("head {}: this site has heads 0..{}", head, heads - 1));
  }
}

void check_tokens(const Config& config, const Request& request, bool watched) {
  for (TokenId id : request.tokens) {
    if (id < 0 || id >= config.vocab) {
      throw Error(Code::range, "run",
                  fmt::format("logit of token {}: the vocabulary has ids 0..{}", id, config.vocab - 1));
    }
  }
  if (!request.tokens.empty() && watched) {
    throw Error(Code::usage, "site logits",
                "only some tokens' logits are computed: request all, or leave the site out");
  }
}

}  // namespace

Plan::Plan(const Config& config, const Request& request, std::int64_t first)
    : blocks_(config.blocks),
      first_(first),
      norms_after_rotation_(config.qk_norm_after),
      table_(static_cast<std::size_t>((config.blocks + 1) * point_count)) {
  check_rows(config, request, first);
  for (const Edit& edit : request.edits) {
    check_site(config, edit.site);
    const std::string where = "edit at " + edit.site.name();
    check_numbers(edit, where);
    check_vector(config, edit, where);
    check_dimensions(config, edit, where);
    check_places(config, request, edit, first, where);
    listener(edit.site).edited = true;
  }
  for (std::size_t c = 0; c < request.capture.size(); ++c) {
    check_site(config, request.capture[c]);
    listener(request.capture[c]).captures.push_back(c);
    see(request.capture[c]);
  }
  if (request.hooks != nullptr) {
    for (const Hooks::Hook& hook : request.hooks->hooks_) {
      check_site(config, hook.site);
      if (hook.write) listener(hook.site).writers.push_back(&hook.write);
      if (hook.read) listener(hook.site).readers.push_back(&hook.read);
      see(hook.site);
    }
  }
  check_tokens(config, request, at(Point::logits, -1) != nullptr);
  // What only the last position's logits need ends at the last block's attention, unless something there is watched.
  const int last = static_cast<int>(blocks_) - 1;
  const bool last_only = request.logits == LogitsAt::last && deepest_ < depth({Point::z, last}) &&
                         at(Point::scores, last) == nullptr && at(Point::pattern, last) == nullptr;
  if (request.logits != LogitsAt::none) see({Point::logits, -1});
  if (request.cache != nullptr) see({Point::resid_post, last});
  // A hook may write anywhere, and maps of attention belong to rows: then every row keeps its own slots.
  const bool hooked = request.hooks != nullptr && !request.hooks->empty();
  const bool share = request.share && !hooked && !listens(Point::scores) && !listens(Point::pattern);
  stages_ = stages_of(request, first, config.blocks, share, last_only);
  for (const Stage& stage : stages_) refuse_wiped_out(request.edits, stage);
  count_cost(config, request);
}

std::int64_t Plan::depth(const Site& site) const {
  const std::int64_t block = stage_of(site, blocks_) == embedding_stage ? -1 : site.block < 0 ? blocks_ : site.block;
  std::int64_t order = static_cast<std::int64_t>(site.point);
  if (norms_after_rotation_) {
    if (site.point == Point::normed_q || site.point == Point::normed_k) order += 2;
    if (site.point == Point::rot_q || site.point == Point::rot_k) order -= 3;
  }
  return (block + 1) * point_count + order;
}

// A token-layer is one position through one block; its halves before and after attention count by their weights.
void Plan::count_cost(const Config& config, const Request& request) {
  const auto d = static_cast<double>(config.width);
  const Experts& e = config.experts;
  auto z_of = [&](const Layer& layer) { return static_cast<double>(config.heads * layer.head_width); };
  auto read_of = [&](const Layer& layer) {
    return d * (z_of(layer) + (layer.keys_of < 0 ? 2.0 : 0.0) * static_cast<double>(layer.kv_heads * layer.head_width));
  };
  auto after_of = [&](const Layer& layer) {
    const std::int64_t f =
        (layer.experts ? e.chosen * e.width + e.shared_width : 0) + (has_mlp(config, layer) ? layer.mlp_width : 0);
    return z_of(layer) * d + (config.gated_mlp ? 3 : 2) * d * static_cast<double>(f) +
           2 * d * static_cast<double>(config.per_layer.width);
  };
  for (const auto& ids : request.rows) cost_.asked += static_cast<double>(blocks_) * static_cast<double>(ids.size());
  for (int l = 0; l < static_cast<int>(blocks_) && !ends_at({Point::resid_pre, l}); ++l) {
    const Layer& layer = config.layers[static_cast<std::size_t>(l)];
    const double read = read_of(layer), after = after_of(layer);
    cost_.computed += read / (read + after) * static_cast<double>(stage(stage_of(l, Step::read)).slots->size());
    if (ends_at({Point::pattern, l})) continue;
    cost_.computed += after / (read + after) * static_cast<double>(stage(stage_of(l, Step::after)).slots->size());
  }
}

bool Plan::listens(Point point) const {
  for (std::int64_t block = 0; block <= blocks_; ++block) {
    if (table_[static_cast<std::size_t>(block * point_count + static_cast<int>(point))]) return true;
  }
  return false;
}

Listener& Plan::listener(const Site& site) {
  auto& slot = table_[index(site.point, site.block)];
  if (!slot) slot = std::make_unique<Listener>();
  return *slot;
}

}  // namespace embscope
