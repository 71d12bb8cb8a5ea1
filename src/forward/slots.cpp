#include "forward/slots.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace embscope {
namespace {

// The edits of one stage, by the rows that they meet.
class StageEdits {
 public:
  StageEdits(const Request& request, std::int64_t first, std::int64_t blocks, int stage)
      : edits_(request.edits), by_row_(request.rows.size()) {
    for (const auto& ids : request.rows) lengths_.push_back(first + static_cast<std::int64_t>(ids.size()));
    for (std::size_t e = 0; e < edits_.size(); ++e) {
      if (stage_of(edits_[e].site, blocks) != stage) continue;
      any_ = true;
      if (edits_[e].rows.empty()) {
        for (auto& row : by_row_) row.push_back(e);
      } else {
        for (int row : edits_[e].rows) {
          auto& list = by_row_[static_cast<std::size_t>(row)];
          if (list.empty() || list.back() != e) list.push_back(e);  // a row that is named twice is meant once
        }
      }
    }
  }

  bool any() const { return any_; }

  std::vector<std::size_t> meeting(std::size_t row, std::int64_t position) const {
    std::vector<std::size_t> met;
    for (std::size_t e : by_row_[row]) {
      const auto& positions = edits_[e].positions;
      auto listed = [&](std::int64_t p) { return std::find(positions.begin(), positions.end(), p) != positions.end(); };
      if (positions.empty() || listed(position) || listed(position - lengths_[row])) met.push_back(e);
    }
    return met;
  }

 private:
  const std::vector<Edit>& edits_;
  std::vector<std::vector<std::size_t>> by_row_;
  std::vector<std::int64_t> lengths_;
  bool any_ = false;
};

// Numbers for pairs of numbers: equal pairs get equal numbers.
class Numbering {
 public:
  int operator()(std::int64_t a, std::int64_t b) {
    const auto key = static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint32_t>(b);
    return known_.try_emplace(key, static_cast<int>(known_.size())).first->second;
  }

 private:
  std::unordered_map<std::uint64_t, int> known_;
};

// Numbers for lists of edits; 0 is the empty one.
class ListNumbering {
 public:
  int operator()(const std::vector<std::size_t>& list) {
    return list.empty() ? 0 : known_.try_emplace(list, static_cast<int>(known_.size()) + 1).first->second;
  }

 private:
  std::map<std::vector<std::size_t>, int> known_;
};

// Builds the slots of a stage from an identity for each position of each row: equal identities share a slot.
class Builder {
 public:
  Builder(const Request& request, std::int64_t first, bool share) : request_(request), first_(first), share_(share) {}

  /// identity(row, t, position) -> a number, or -1 where nothing is needed.
  template <class Identity>
  std::shared_ptr<const Slots> build(Identity&& identity) const {
    auto slots = std::make_shared<Slots>();
    std::unordered_map<int, int> known;
    for (std::size_t r = 0; r < request_.rows.size(); ++r) {
      const int first_slot = static_cast<int>(slots->size());
      auto& path = slots->path.emplace_back();
      for (std::size_t t = 0; t < request_.rows[r].size(); ++t) {
        const std::int64_t position = first_ + static_cast<std::int64_t>(t);
        const int id = identity(r, t, position), next = static_cast<int>(slots->size());
        const int slot = id < 0 ? -1 : share_ ? known.try_emplace(id, next).first->second : next;
        if (slot == next) slots->owners.push_back({static_cast<int>(r), position});
        path.push_back(slot);
      }
      slots->own.push_back({first_slot, static_cast<int>(slots->size()) - first_slot});
    }
    return slots;
  }

 private:
  const Request& request_;
  std::int64_t first_;
  bool share_;
};

std::shared_ptr<const Slots> embedded(const Builder& builder, const Request& request, const StageEdits& edits) {
  Numbering token_at, number;
  ListNumbering list;
  return builder.build([&](std::size_t r, std::size_t t, std::int64_t position) {
    return number(token_at(request.rows[r][t], position), list(edits.meeting(r, position)));
  });
}

std::shared_ptr<const Slots> edited(const Builder& builder, const Slots& before, const StageEdits& edits) {
  Numbering number;
  ListNumbering list;
  return builder.build([&](std::size_t r, std::size_t t, std::int64_t position) {
    const int slot = before.path[r][t];
    return slot < 0 ? -1 : number(slot, list(edits.meeting(r, position)));
  });
}

// After attention a position is known by the whole path up to it.
std::shared_ptr<const Slots> attended(const Builder& builder, const Slots& before, bool last_only) {
  Numbering number;  // (path before, slot) -> path
  int path = 0;
  return builder.build([&](std::size_t r, std::size_t t, std::int64_t) {
    path = number(t == 0 ? -1 : path, before.path[r][t]);
    return last_only && t + 1 < before.path[r].size() ? -1 : path;
  });
}

std::vector<Stage::Touched> touched(const Slots& slots, const StageEdits& edits) {
  std::vector<Stage::Touched> list;
  for (std::size_t s = 0; s < slots.owners.size(); ++s) {
    auto met = edits.meeting(static_cast<std::size_t>(slots.owners[s].row), slots.owners[s].position);
    if (!met.empty()) list.push_back({static_cast<int>(s), std::move(met)});
  }
  return list;
}

}  // namespace

int stage_of(const Site& site, std::int64_t blocks) {
  if (site.point == Point::wte || site.point == Point::wpe) return embedding_stage;
  if (!in_block(site.point)) return final_stage(blocks);
  const Step step = site.point < Point::z ? Step::read : site.point < Point::mlp_out ? Step::after : Step::out;
  return stage_of(site.block, step);
}

std::vector<Stage> stages_of(const Request& request, std::int64_t first, std::int64_t blocks, bool share,
                             bool last_only) {
  const Builder builder(request, first, share);
  const StageEdits at_embedding(request, first, blocks, embedding_stage);
  std::vector<Stage> stages;
  stages.push_back({embedded(builder, request, at_embedding), {}});
  stages[0].touched = touched(*stages[0].slots, at_embedding);
  for (int stage = 1; stage <= final_stage(blocks); ++stage) {
    const std::shared_ptr<const Slots> before = stages.back().slots;
    const StageEdits edits(request, first, blocks, stage);
    const bool attends = (stage - 1) % steps_per_block == static_cast<int>(Step::attended);
    std::shared_ptr<const Slots> slots = before;
    if (attends) slots = attended(builder, *before, last_only && stage == stage_of(blocks - 1, Step::attended));
    if (edits.any()) slots = edited(builder, *before, edits);
    if (slots->path == before->path) slots = before;
    stages.push_back({slots, edits.any() ? touched(*slots, edits) : std::vector<Stage::Touched>{}});
  }
  return stages;
}

}  // namespace embscope
