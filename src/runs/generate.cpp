#include "embscope/runs/generate.h"

#include <algorithm>
#include <set>

#include "embscope/base/error.h"
#include "embscope/model/chat.h"
#include "embscope/runs/predict.h"
#include "runs/sampler.h"

namespace embscope {
namespace {

/// Lets tokens through to the caller, but for those that may belong to a stop word, which are kept until it is known.
class Outlet {
 public:
  Outlet(const std::vector<std::string>& stops, const OnToken& on_token, Generated& out)
      : stops_(stops), on_token_(on_token), out_(out) {}

  /// False where it ends here: out.ended says why.
  bool put(TokenId id, std::string bytes, double probability) {
    tail_ += bytes;
    held_.push_back({id, std::move(bytes), probability});
    if (const std::size_t stop = first_stop(); stop != std::string::npos) {
      out_.ended = Ended::stop_word;
      release(stop, true);
      return false;
    }
    return release(tail_.size() - possible(), false);
  }

  bool flush() { return release(tail_.size(), false); }

 private:
  struct Held {
    TokenId id;
    std::string bytes;
    double probability;
  };

  std::size_t first_stop() const {
    std::size_t first = std::string::npos;
    for (const std::string& stop : stops_) first = std::min(first, tail_.find(stop));
    return first;
  }

  // How many bytes at the end may begin a stop word.
  std::size_t possible() const {
    std::size_t most = 0;
    for (const std::string& stop : stops_)
      for (std::size_t n = std::min(stop.size() - 1, tail_.size()); n > most; --n)
        if (tail_.ends_with(std::string_view(stop).substr(0, n))) most = n;
    return most;
  }

  // Tokens that end within the first `count` bytes; with `cut` also the part of the next one.
  bool release(std::size_t count, bool cut) {
    bool on = true;
    while (on && !held_.empty() && (held_.front().bytes.size() <= count || (cut && count > 0))) {
      Held token = std::move(held_.front());
      held_.erase(held_.begin());
      const std::size_t size = std::min(token.bytes.size(), count);
      token.bytes.resize(size), tail_.erase(0, size), count -= size;
      out_.text += token.bytes;
      on = !on_token_ || on_token_(token.id, token.bytes, token.probability);
      if (cut && count == 0) held_.clear();
    }
    if (!on) out_.ended = Ended::cancelled;
    return on;
  }

  const std::vector<std::string>& stops_;
  const OnToken& on_token_;
  Generated& out_;
  std::vector<Held> held_;
  std::string tail_;  // the bytes of `held_`
};

class Generation {
 public:
  Generation(const Transformer& transformer, std::span<const TokenId> ids, const GenerateRequest& s,
             const OnToken& on_token, GenerationState* running)
      : transformer_(transformer),
        tokenizer_(transformer.model().tokenizer()),
        s_(s),
        sampler_(s),
        ends_(end_tokens(transformer.model())),
        text_(ids.begin(), ids.end()),
        running_(running == nullptr ? own_ : *running),
        outlet_(s.stop, on_token, out_) {
    request_.edits = s.edits;
    begin();
  }

  Generated run() {
    out_.ended = Ended::tokens;
    for (int i = 0; i < s_.tokens; ++i) {
      if (i > 0 && running_.cache.positions() >= transformer_.config().context) {
        if (!s_.shift) {
          out_.ended = Ended::context;
          break;
        }
        shift();
      }
      if (!next()) return std::move(out_);
    }
    outlet_.flush();
    return std::move(out_);
  }

 private:
  bool has_positions() const {
    return std::ranges::any_of(s_.edits, [](const Edit& edit) { return !edit.positions.empty(); });
  }

  void begin() {
    const auto& known = running_.ids;
    const bool goes_on = !known.empty() && known.size() < text_.size() &&
                         std::equal(known.begin(), known.end(), text_.begin()) && !has_positions();
    if (!goes_on) running_ = {};
    transformer_.expect_cache(std::min<std::int64_t>(transformer_.config().context, std::ssize(text_) + s_.tokens));
    request_.rows = {{text_.begin() + static_cast<std::ptrdiff_t>(running_.ids.size()), text_.end()}};
  }

  // The later half of the text, behind what the tokenizer puts in front, as a text of its own.
  void shift() {
    const std::vector<TokenId> front = tokenizer_.with_bos("").ids;
    const bool bos = !front.empty() && tokenizer_.bos() && front[0] == *tokenizer_.bos() && text_[0] == front[0];
    const auto half = static_cast<std::ptrdiff_t>(transformer_.config().context / 2);
    std::vector<TokenId> kept(text_.end() - std::max<std::ptrdiff_t>(1, half), text_.end());
    if (bos) kept.insert(kept.begin(), front[0]);
    text_ = std::move(kept);
    running_ = {};
    request_.rows = {text_};
  }

  // One more token; false where it ends.
  bool next() {
    request_.cache = &running_.cache;
    const Result result = transformer_.run(request_);
    running_.ids.insert(running_.ids.end(), request_.rows[0].begin(), request_.rows[0].end());
    const auto logits = result.rows[0].logits.values();
    const TokenId id = sampler_.next(logits, text_);
    if (ends_.contains(id)) {
      out_.ended = Ended::end_of_text;
      outlet_.flush();
      return false;
    }
    out_.ids.push_back(id), text_.push_back(id);
    if (!outlet_.put(id, id < tokenizer_.size() ? tokenizer_.bytes(id) : "",
                     softmax(logits)[static_cast<std::size_t>(id)]))
      return false;
    request_.rows = {{id}};
    std::erase_if(request_.edits, [](const Edit& edit) { return !edit.positions.empty(); });
    return true;
  }

  const Transformer& transformer_;
  const Tokenizer& tokenizer_;
  const GenerateRequest& s_;
  Sampler sampler_;
  const std::set<TokenId> ends_;
  std::vector<TokenId> text_;  // all tokens so far
  GenerationState own_;
  GenerationState& running_;
  Request request_;
  Generated out_;
  Outlet outlet_;
};

}  // namespace

std::string_view name(Ended ended) {
  constexpr std::string_view names[] = {"end of text", "stop word", "tokens", "context", "cancelled"};
  return names[static_cast<std::size_t>(ended)];
}

Generated continue_text(const Transformer& transformer, std::string_view text, const GenerateRequest& sampling,
                        const OnToken& on_token) {
  check(sampling);
  return continue_tokens(transformer, transformer.model().tokenizer().with_bos(text).ids, sampling, on_token);
}

Generated continue_tokens(const Transformer& transformer, std::span<const TokenId> ids, const GenerateRequest& sampling,
                          const OnToken& on_token, GenerationState* running) {
  return Generation(transformer, ids, sampling, on_token, running).run();
}

}  // namespace embscope
