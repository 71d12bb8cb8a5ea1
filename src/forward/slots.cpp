#include "forward/slots.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace embscope {
namespace {

bool contains(const std::vector<int>& list, std::int64_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Edits of stages up to `stage` that meet (row, position), as a small number; equal numbers mean equal lists.
class Signatures {
 public:
  Signatures(const Request& request, int stage, std::int64_t blocks)
      : by_row_(request.rows.size()), edits_(request.edits) {
    for (std::size_t e = 0; e < edits_.size(); ++e) {
      if (stage_of(edits_[e].site, blocks) > stage) continue;
      for (std::size_t r = 0; r < by_row_.size(); ++r) {
        if (edits_[e].rows.empty() || contains(edits_[e].rows, static_cast<std::int64_t>(r)))
          by_row_[r].push_back(static_cast<int>(e));
      }
    }
  }

  int of(std::size_t row, std::int64_t position, std::int64_t length) {
    std::vector<int> met;
    for (int e : by_row_[row]) {
      if (touches(edits_[static_cast<std::size_t>(e)], static_cast<int>(row), position, length)) met.push_back(e);
    }
    return numbers_.try_emplace(std::move(met), static_cast<int>(numbers_.size())).first->second;
  }

 private:
  std::vector<std::vector<int>> by_row_;
  const std::vector<Edit>& edits_;
  std::map<std::vector<int>, int> numbers_;
};

Slots build(const Request& request, std::int64_t first, int stage, std::int64_t blocks, bool share) {
  Slots slots;
  Signatures signatures(request, stage, blocks);
  std::map<std::tuple<int, TokenId, int>, int> known;  // (slot before, token, signature) -> slot
  for (std::size_t r = 0; r < request.rows.size(); ++r) {
    const auto& ids = request.rows[r];
    const std::int64_t length = first + static_cast<std::int64_t>(ids.size());
    const int first_slot = static_cast<int>(slots.size());
    std::vector<int> path;
    int before = -1;
    for (std::size_t t = 0; t < ids.size(); ++t) {
      const std::int64_t position = first + static_cast<std::int64_t>(t);
      const int next = static_cast<int>(slots.size());
      const int slot =
          share ? known.try_emplace({before, ids[t], signatures.of(r, position, length)}, next).first->second : next;
      if (slot == next) slots.owners.push_back({static_cast<int>(r), position});
      path.push_back(before = slot);
    }
    slots.path.push_back(std::move(path));
    slots.own.push_back({first_slot, static_cast<int>(slots.size()) - first_slot});
  }
  return slots;
}

}  // namespace

int stage_of(const Site& site, std::int64_t blocks) {
  if (in_block(site.point)) return site.block + 1;
  return site.point == Point::wte || site.point == Point::wpe ? 0 : static_cast<int>(blocks) + 1;
}

bool touches(const Edit& edit, int row, std::int64_t position, std::int64_t length) {
  if (!edit.rows.empty() && !contains(edit.rows, row)) return false;
  return edit.positions.empty() || contains(edit.positions, position) || contains(edit.positions, position - length);
}

std::vector<std::shared_ptr<const Slots>> slots_by_stage(const Request& request, std::int64_t first,
                                                         std::int64_t blocks, bool share) {
  std::vector<bool> splits(static_cast<std::size_t>(blocks + 2), false);
  splits[0] = true;
  for (const Edit& edit : request.edits) splits[static_cast<std::size_t>(stage_of(edit.site, blocks))] = share;
  splits[0] = true;
  std::vector<std::shared_ptr<const Slots>> stages;
  for (int stage = 0; stage < static_cast<int>(splits.size()); ++stage) {
    stages.push_back(splits[static_cast<std::size_t>(stage)]
                         ? std::make_shared<const Slots>(build(request, first, stage, blocks, share))
                         : stages.back());
  }
  return stages;
}

}  // namespace embscope
