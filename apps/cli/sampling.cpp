#include "sampling.h"

#include <iterator>

#include <fmt/format.h>

namespace embscope::cli {

std::vector<Edit> SamplingOptions::edits_in(const Transformer& transformer, const Prompt& prompt) const {
  std::vector<Edit> parsed;
  for (const std::string& text : edits)
    std::ranges::move(parse_edit(text, transformer, prompt, {.files = Files::allowed}), std::back_inserter(parsed));
  return parsed;
}

std::shared_ptr<SamplingOptions> add_sampling(CLI::App& command) {
  auto o = std::make_shared<SamplingOptions>();
  GenerateRequest& s = o->request;
  command.add_option("-n,--tokens", s.tokens, "At most so many new tokens");
  command.add_option("--temperature", s.temperature, "0: always the likeliest; 1: as the model has it");
  command.add_option("--top-k", s.top_k, "Choose among the k likeliest (0: all)");
  command.add_option("--top-p", s.top_p, "Choose among the likeliest that hold this share");
  command.add_option("--min-p", s.min_p,
                     "Leave out what is less probable than this share of the likeliest (0: nothing)");
  command.add_option("--repetition-penalty", s.repetition_penalty,
                     "Above 1: tokens that the text has become less likely");
  command.add_option("--stop", s.stop, "A text at which it ends (repeatable)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_flag("--shift", s.shift, "Where the context is full, go on with the later half of the text");
  command.add_option("--seed", s.seed, "Seed of the choice");
  command.add_option("--edit", o->edits, "An intervention in force, such as \"blocks.4.mlp_out zero\" (repeatable)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return o;
}

void Speed::token() {
  last_ = std::chrono::steady_clock::now();
  if (count_++ == 0) first_ = last_;
}

std::string Speed::text() const {
  const double seconds = std::chrono::duration<double>(last_ - first_).count();
  if (count_ < 2 || seconds <= 0) return fmt::format("{} token{}", count_, count_ == 1 ? "" : "s");
  return fmt::format("{} tokens, {:.1f} a second", count_, (count_ - 1) / seconds);
}

std::string remark_on(Ended ended, std::int64_t context) {
  if (ended != Ended::context) return "";
  return fmt::format("the context of {} tokens is full, and the text ends here: --shift goes on with its later half",
                     context);
}

}  // namespace embscope::cli
