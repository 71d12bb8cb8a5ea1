// One mixture at a time, for a slider.
#include <algorithm>

#include "embscope/runs/mix.h"

namespace embscope {
namespace {

int from_start(int position, int length) { return position < 0 ? position + length : position; }

bool reaches(const Edit& edit, int length, int first, int last) {
  return edit.positions.empty() || std::ranges::any_of(edit.positions, [&](int p) {
           return from_start(p, length) >= first && from_start(p, length) < last;
         });
}

// The same edit for positions first..last only, counted from the start.
Edit within(Edit edit, int length, int first, int last) {
  std::vector<int> kept;
  for (const int p : edit.positions) {
    const int at = from_start(p, length);
    if (at >= first && at < last) kept.push_back(at);
  }
  edit.positions = std::move(kept);
  return edit;
}

}  // namespace

MixedAt::MixedAt(const Transformer& transformer, const MixRequest& r)
    : transformer_(transformer), site_(parse_site(r.site, transformer.config())), other_(mix_vector(transformer, r)) {
  const Prompt prompt = make_prompt(transformer.model().tokenizer(), r.text);
  const auto& ids = prompt.tokens.ids;
  position_ = position_of(prompt, r.replace);
  const bool maps = std::ranges::any_of(r.edits, [](const Edit& e) { return is_attention_map(e.site.point); });
  const int length = prompt.length(),
            kept = maps ? 0 : position_;  // edits of attention maps count keys from the text's start
  rest_.assign(ids.begin() + kept, ids.end());
  Request before;
  before.rows = {{ids.begin(), ids.begin() + kept}};
  before.cache = &before_;
  before.logits = LogitsAt::none;
  for (const Edit& edit : r.edits) {
    if (reaches(edit, length, 0, kept)) before.edits.push_back(within(edit, length, 0, kept));
    if (reaches(edit, length, kept, length)) edits_.push_back(within(edit, length, kept, length));
  }
  if (kept > 0) transformer.run(before);
}

Tensor MixedAt::logits(double p) const {
  Cache cache = before_;
  Request request;
  request.rows = {rest_};
  if (cache.positions() > 0) request.cache = &cache;
  request.edits = edits_;
  request.edits.push_back(mix_edit(site_, position_, other_, p));
  return std::move(transformer_.run(request).rows[0].logits);
}

double MixedAt::bytes() const { return before_.bytes(); }

}  // namespace embscope
