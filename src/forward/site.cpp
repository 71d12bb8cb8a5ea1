#include "embscope/forward/site.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "forward/site_shape.h"
#include "model/block.h"

namespace embscope {
namespace {

enum class Needs {
  nothing,
  learned,
  rotary,
  gated,
  norm_before,
  norm_after,
  final_norm,
  two_norms,
  serial,
  qk_norm,
  v_norm,
  mlp,
  experts,
  shared,
  per_layer
};

// One row a point, in firing order. `{}` is the block. Aliases: TransformerLens; Hugging Face's modules; llama.cpp's
// tensors and graph.
struct Row {
  std::string_view name, shape, transformer_lens, hugging_face, gguf;
  Needs needs = Needs::nothing;
};

constexpr std::array<Row, point_count> table{{
    {"wte", "T D", "hook_embed", "transformer.wte model.embed_tokens", "token_embd inp_embd"},
    {"wpe", "T D", "hook_pos_embed", "transformer.wpe", "position_embd", Needs::learned},
    {"resid_pre", "T D", "blocks.{}.hook_resid_pre", "", "l_in-{}"},
    {"ln1.scale", "T 1", "blocks.{}.ln1.hook_scale", "", "", Needs::norm_before},
    {"ln1.normalized", "T D", "blocks.{}.ln1.hook_normalized", "", "norm-{}", Needs::norm_before},
    {"ln1", "T D", "", "transformer.h.{}.ln_1 model.layers.{}.input_layernorm", "blk.{}.attn_norm attn_norm-{}",
     Needs::norm_before},
    {"q", "T H K", "blocks.{}.attn.hook_q", "model.layers.{}.self_attn.q_proj", "blk.{}.attn_q Qcur-{}"},
    {"k", "T KV K", "blocks.{}.attn.hook_k", "model.layers.{}.self_attn.k_proj", "blk.{}.attn_k Kcur-{}"},
    {"v", "T KV K", "blocks.{}.attn.hook_v", "model.layers.{}.self_attn.v_proj", "blk.{}.attn_v Vcur-{}"},
    {"normed_q", "T H K", "blocks.{}.attn.q_norm.hook_out", "model.layers.{}.self_attn.q_norm",
     "blk.{}.attn_q_norm Qcur_normed-{}", Needs::qk_norm},
    {"normed_k", "T KV K", "blocks.{}.attn.k_norm.hook_out", "model.layers.{}.self_attn.k_norm",
     "blk.{}.attn_k_norm Kcur_normed-{}", Needs::qk_norm},
    {"normed_v", "T KV K", "", "model.layers.{}.self_attn.v_norm", "Vcur_normed-{}", Needs::v_norm},
    {"rot_q", "T H K", "blocks.{}.attn.hook_rot_q", "", "", Needs::rotary},
    {"rot_k", "T KV K", "blocks.{}.attn.hook_rot_k", "", "", Needs::rotary},
    {"scores", "H T T", "blocks.{}.attn.hook_attn_scores", "", "kq-{}"},
    {"pattern", "H T T", "blocks.{}.attn.hook_pattern", "", "kq_soft_max-{}"},
    {"z", "T H K", "blocks.{}.attn.hook_z", "", "kqv_out-{}"},
    {"ln1_post.scale", "T 1", "blocks.{}.ln1_post.hook_scale", "", "", Needs::norm_after},
    {"ln1_post.normalized", "T D", "blocks.{}.ln1_post.hook_normalized", "", "", Needs::norm_after},
    {"attn_out", "T D", "blocks.{}.hook_attn_out", "transformer.h.{}.attn model.layers.{}.self_attn",
     "blk.{}.attn_output attn_out-{}"},
    {"resid_mid", "T D", "blocks.{}.hook_resid_mid", "", "ffn_inp-{}", Needs::serial},
    {"ln2.scale", "T 1", "blocks.{}.ln2.hook_scale", "", "", Needs::two_norms},
    {"ln2.normalized", "T D", "blocks.{}.ln2.hook_normalized", "", "", Needs::two_norms},
    {"ln2", "T D", "", "transformer.h.{}.ln_2 model.layers.{}.post_attention_layernorm", "blk.{}.ffn_norm ffn_norm-{}",
     Needs::two_norms},
    {"router.logits", "T E", "blocks.{}.mlp.gate.hook_out", "", "blk.{}.ffn_gate_inp ffn_moe_logits-{}",
     Needs::experts},
    {"router.probabilities", "T E", "blocks.{}.mlp.hook_expert_weights", "", "ffn_moe_probs-{}", Needs::experts},
    {"router.chosen", "T C", "blocks.{}.mlp.hook_expert_indices blocks.{}.mlp.gate.hook_expert_indices", "",
     "ffn_moe_topk-{}", Needs::experts},
    {"router.weights", "T C", "", "", "ffn_moe_weights-{}", Needs::experts},
    {"mlp_pre", "T F", "blocks.{}.mlp.hook_pre", "transformer.h.{}.mlp.c_fc model.layers.{}.mlp.gate_proj",
     "blk.{}.ffn_gate ffn_gate-{}", Needs::mlp},
    {"mlp_up", "T F", "blocks.{}.mlp.hook_pre_linear", "model.layers.{}.mlp.up_proj", "blk.{}.ffn_up ffn_up-{}",
     Needs::gated},
    {"mlp_post", "T F", "blocks.{}.mlp.hook_post", "transformer.h.{}.mlp.act", "ffn_gate_par-{}", Needs::mlp},
    {"experts.out", "T C D", "", "", "ffn_moe_weighted-{}", Needs::experts},
    {"experts.shared", "T D", "blocks.{}.mlp.shared_experts.hook_out", "", "ffn_shexp-{}", Needs::shared},
    {"ln2_post.scale", "T 1", "blocks.{}.ln2_post.hook_scale", "", "", Needs::norm_after},
    {"ln2_post.normalized", "T D", "blocks.{}.ln2_post.hook_normalized", "", "", Needs::norm_after},
    {"mlp_out", "T D", "blocks.{}.hook_mlp_out", "transformer.h.{}.mlp model.layers.{}.mlp",
     "blk.{}.ffn_down ffn_out-{}"},
    {"per_layer_in", "T P", "", "", "inp_per_layer_selected-{}", Needs::per_layer},
    {"per_layer_gate", "T P", "", "model.layers.{}.per_layer_input_gate", "blk.{}.inp_gate", Needs::per_layer},
    {"per_layer_post.scale", "T 1", "", "", "", Needs::per_layer},
    {"per_layer_post.normalized", "T D", "", "", "", Needs::per_layer},
    {"per_layer_out", "T D", "", "model.layers.{}.post_per_layer_input_norm", "blk.{}.post_norm per_layer_embd_out-{}",
     Needs::per_layer},
    {"resid_post", "T D", "blocks.{}.hook_resid_post", "transformer.h.{} model.layers.{}", "l_out-{}"},
    {"ln_final.scale", "T 1", "ln_final.hook_scale", "", "", Needs::final_norm},
    {"ln_final.normalized", "T D", "ln_final.hook_normalized", "", "", Needs::final_norm},
    {"ln_final", "T D", "", "transformer.ln_f model.norm", "output_norm result_norm"},
    {"logits", "T V", "unembed.hook_out", "lm_head", "output result_output"},
}};

// What others name and no site is, and what to ask for instead.
struct Elsewhere {
  std::string_view names, answer;
};

constexpr Elsewhere elsewhere[] = {
    {"transformer.h.{}.attn.c_attn blk.{}.attn_qkv",
     "queries, keys and values side by side: here they are blocks.{}.q, blocks.{}.k and blocks.{}.v"},
    {"transformer.h.{}.attn.c_proj model.layers.{}.self_attn.o_proj", "what it gives is blocks.{}.attn_out"},
    {"transformer.h.{}.mlp.c_proj model.layers.{}.mlp.down_proj", "what it gives is blocks.{}.mlp_out"},
    {"model.layers.{}.mlp.experts",
     "the experts' outputs are not kept summed: blocks.{}.experts.out has each of the chosen, weighed"},
    {"blocks.{}.mlp.gate.hook_expert_weights",
     "there it has a place for each expert: here blocks.{}.router.weights has the chosen ones"},
    {"model.layers.{}.mlp.act_fn",
     "the gate's activation is not kept alone: blocks.{}.mlp_post is it times blocks.{}.mlp_up"},
    {"blocks.{}.attn.hook_result",
     "what each head adds is not kept: blocks.{}.z is what the heads give before W_O, and attribute takes a logit "
     "apart by heads"},
    {"blocks.{}.hook_attn_in blocks.{}.hook_q_input blocks.{}.hook_k_input blocks.{}.hook_v_input",
     "heads have no inputs of their own: all read blocks.{}.ln1, which comes from blocks.{}.resid_pre"},
    {"blocks.{}.hook_mlp_in", "it is blocks.{}.resid_mid"},
    {"model.rotary_emb model.layers.{}.self_attn.rotary_emb", "its outputs are rot_q and rot_k of each block"},
    {"transformer.drop transformer.h.{}.attn.attn_dropout transformer.h.{}.attn.resid_dropout "
     "transformer.h.{}.mlp.dropout",
     "dropout does nothing outside training: name its input"},
};

const Row& row(Point point) { return table[static_cast<std::size_t>(point)]; }

bool any_experts(const Config& c) { return std::ranges::any_of(c.layers, &Layer::experts); }

bool any_mlp(const Config& c) {
  return std::ranges::any_of(c.layers, [&](const Layer& layer) { return has_mlp(c, layer); });
}

bool present(const Row& r, const Config& c) {
  switch (r.needs) {
    case Needs::nothing: return true;
    case Needs::learned: return c.position == PositionKind::learned;
    case Needs::rotary: return c.position == PositionKind::rotary;
    case Needs::gated: return c.gated_mlp && any_mlp(c);
    case Needs::mlp: return any_mlp(c);
    case Needs::experts: return any_experts(c);
    case Needs::shared: return any_experts(c) && c.experts.shared_width > 0;
    case Needs::norm_before: return c.norm_before;
    case Needs::norm_after: return c.norm_after;
    case Needs::final_norm: return c.final_norm;
    case Needs::two_norms: return c.norm_before && !c.one_norm;
    case Needs::serial: return !c.parallel;
    case Needs::qk_norm: return c.qk_norm != QkNorm::none;
    case Needs::v_norm: return c.v_norm;
    case Needs::per_layer: return c.per_layer.width > 0;
  }
  return true;
}

std::string_view why_absent(Needs needs, const Config& c) {
  const bool alibi = c.position == PositionKind::alibi;
  switch (needs) {
    case Needs::learned:
      return alibi ? "this model adds a bias to its scores (ALiBi), it has no position vectors"
                   : "this model has rotary positions, not learned position vectors";
    case Needs::rotary:
      return alibi ? "this model adds a bias to its scores (ALiBi), it does not rotate"
                   : "this model has learned position vectors, not rotary ones";
    case Needs::norm_before:
      return "this model's blocks read the residual stream itself: their norms come after attention and MLP";
    case Needs::norm_after:
      return c.norm_sums ? "this model norms its sums: resid_mid and resid_post are what these norms give"
                         : "this model has no norms after attention and MLP";
    case Needs::final_norm: return "this model has no norm after its last block: ln_final is what that gives";
    case Needs::two_norms: return "this model's MLP has no norm of its own before it";
    case Needs::serial: return "attention and MLP of this model both read resid_pre: there is nothing between them";
    case Needs::qk_norm: return "this model does not normalise its queries and keys";
    case Needs::gated:
      return any_mlp(c) ? "this model's MLP has no gate, so only mlp_pre and mlp_post" : why_absent(Needs::mlp, c);
    case Needs::mlp: return "this model has experts in place of its MLPs: experts.out is what each gives";
    case Needs::experts: return "this model has no experts";
    case Needs::v_norm: return "this model does not normalise its values";
    case Needs::per_layer: return "this model has no per-layer embeddings";
    case Needs::shared: return any_experts(c) ? "this model has no shared expert" : why_absent(Needs::experts, c);
    case Needs::nothing: break;
  }
  return "";
}

std::string replaced(std::string_view pattern, std::string_view with) {
  std::string out(pattern);
  for (std::size_t at = 0; (at = out.find("{}", at)) != std::string::npos; at += with.size()) out.replace(at, 2, with);
  return out;
}

// The axes of a row's shape: "T", "H", "K".
std::vector<std::string_view> axes(const Row& r) {
  std::vector<std::string_view> letters;
  for (std::string_view rest = r.shape; !rest.empty();) {
    const std::size_t space = rest.find(' ');
    letters.push_back(rest.substr(0, space));
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  }
  return letters;
}

// How long an axis is in a block; 0 for T, which the text decides.
std::int64_t length(std::string_view axis, const Row& r, const Config& c, const Layer& layer) {
  const bool of_values = r.name == "v" || r.name == "z" || r.name == "normed_v";
  for (const auto& [letter, size] : {std::pair{"D", c.width},
                                     {"H", c.heads},
                                     {"KV", layer.kv_heads},
                                     {"K", of_values ? layer.value_width : layer.head_width},
                                     {"F", layer.mlp_width},
                                     {"P", c.per_layer.width},
                                     {"E", c.experts.count},
                                     {"C", c.experts.chosen},
                                     {"V", c.vocab},
                                     {"1", std::int64_t{1}}}) {
    if (axis == letter) return size;
  }
  return 0;
}

// "T x 4 x 64"; of blocks that differ, "T x 4 x 64|128".
std::string shape_of(const Row& r, const Config& c) {
  std::string out;
  for (std::string_view axis : axes(r)) {
    std::set<std::int64_t> sizes;
    for (const Layer& layer : c.layers) sizes.insert(length(axis, r, c, layer));
    out += (out.empty() ? "" : " x ") + (axis == "T" ? "T" : fmt::format("{}", fmt::join(sizes, "|")));
  }
  return out;
}

// The module of this family, or the table's names where the family has none of its own.
std::string hugging_face(const Row& r, const Config& c) {
  if (c.modules.empty()) return std::string(r.hugging_face);
  const auto found = c.modules.find(r.name);
  return found == c.modules.end() ? "" : found->second;
}

struct Match {
  Point point;
  std::string_view block;
};

// Whether `text` is `pattern` with something where the block stands; that something.
bool match(std::string_view text, std::string_view pattern, std::string_view& block) {
  const std::size_t hole = pattern.find("{}");
  if (hole == std::string_view::npos) return text == pattern && (block = "", true);
  const std::string_view before = pattern.substr(0, hole), behind = pattern.substr(hole + 2);
  if (text.size() <= before.size() + behind.size() || text.substr(0, before.size()) != before ||
      text.substr(text.size() - behind.size()) != behind)
    return false;
  block = text.substr(before.size(), text.size() - before.size() - behind.size());
  return block.find('.') == std::string_view::npos && block.find_first_not_of("0123456789-*") == std::string_view::npos;
}

std::vector<std::string> own_names(const Config& c, std::string_view block) {
  std::vector<std::string> names;
  for (int p = 0; p < point_count; ++p) {
    const auto point = static_cast<Point>(p);
    if (present(row(point), c))
      names.push_back(in_block(point) ? fmt::format("blocks.{}.{}", block, row(point).name)
                                      : std::string(row(point).name));
  }
  return names;
}

bool matches_any(std::string_view text, std::string_view aliases, std::string_view& block) {
  while (!aliases.empty()) {
    const std::size_t space = aliases.find(' ');
    if (match(text, aliases.substr(0, space), block)) return true;
    aliases.remove_prefix(space == std::string_view::npos ? aliases.size() : space + 1);
  }
  return false;
}

void refuse_elsewhere(std::string_view text) {
  std::string_view block;
  for (const auto& [names, answer] : elsewhere) {
    if (matches_any(text, names, block))
      throw Error(Code::not_found, fmt::format("site {}", text), "no site here; " + replaced(answer, block));
  }
}

Match find(std::string_view text, const Config& c) {
  for (int p = 0; p < point_count; ++p) {
    const auto point = static_cast<Point>(p);
    const Row& r = row(point);
    std::string_view block;
    const std::string own = in_block(point) ? fmt::format("blocks.{{}}.{}", r.name) : std::string(r.name);
    const bool bare = in_block(point) && text == r.name;
    if (!bare && !match(text, own, block) && !matches_any(text, r.transformer_lens, block) &&
        !matches_any(text, hugging_face(r, c), block) && !matches_any(text, r.gguf, block))
      continue;
    if (!present(r, c)) throw Error(Code::not_found, fmt::format("site {}", text), std::string(why_absent(r.needs, c)));
    return {point, bare ? "*" : block};
  }
  refuse_elsewhere(text);
  const std::size_t digit = text.find_first_of("0123456789");
  std::string block = digit == std::string_view::npos
                          ? "0"
                          : std::string(text.substr(digit, text.find_first_not_of("0123456789", digit) - digit));
  throw Error(Code::not_found, fmt::format("site {}", text),
              fmt::format("no such site{}; 'embscope info' lists all", nearest_names(text, own_names(c, block))));
}

int block_number(std::string_view text, std::string_view site, const Config& c) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(Code::usage, fmt::format("site {}", site), fmt::format("'{}' is not a block number", text));
  const int resolved = number < 0 ? number + static_cast<int>(c.blocks) : number;
  if (resolved < 0 || resolved >= c.blocks)
    throw Error(Code::not_found, fmt::format("site {}", site),
                fmt::format("block {}: the model has blocks 0..{}", number, c.blocks - 1));
  return resolved;
}

[[noreturn]] void refuse_blocks(Point point, int first, std::string_view text, const Config& c) {
  throw Error(Code::not_found, fmt::format("site {}", text),
              fmt::format("block {} {}", first, why_not({point, first}, c)));
}

}  // namespace

SiteShape site_shape(const Site& site, const Config& config) {
  const Row& r = row(site.point);
  const Layer& layer = config.layers[static_cast<std::size_t>(std::max(site.block, 0))];
  const std::vector<std::string_view> letters = axes(r);  // T, and then these
  const std::int64_t last = length(letters.back(), r, config, layer);
  if (letters.size() == 2) return {1, last, false};
  return {length(letters[1], r, config, layer), last, true};
}

bool makes_keys(Point point) {
  using enum Point;
  return point == k || point == v || point == normed_k || point == normed_v || point == rot_k;
}

std::string why_not(const Site& site, const Config& config) {
  const Layer& layer = config.layers[static_cast<std::size_t>(site.block)];
  if (makes_keys(site.point) && layer.keys_of >= 0)
    return fmt::format("reads the keys and values of block {}: name those", layer.keys_of);
  return fmt::format("has {}, so no {}", layer.experts ? "experts in place of an MLP" : "an MLP and no experts",
                     name(site.point));
}

bool in_block(Point point) { return point >= Point::resid_pre && point <= Point::resid_post; }

bool is_attention_map(Point point) { return point == Point::scores || point == Point::pattern; }

std::int64_t values_at(const Config& config, const Site& site, std::int64_t positions, std::int64_t keys) {
  return positions * (is_attention_map(site.point) ? config.heads * keys : site_shape(site, config).total());
}

bool has_site(const Config& config, const Site& site) {
  const Row& r = row(site.point);
  if (!present(r, config) || in_block(site.point) != (site.block >= 0) || site.block >= config.blocks) return false;
  if (site.block < 0) return true;
  const Layer& layer = config.layers[static_cast<std::size_t>(site.block)];
  if (r.needs == Needs::experts || r.needs == Needs::shared) return layer.experts;
  if (r.needs == Needs::mlp || r.needs == Needs::gated) return has_mlp(config, layer);
  return layer.keys_of < 0 || !makes_keys(site.point);
}

std::string_view name(Point point) { return row(point).name; }

std::string Site::name() const {
  return in_block(point) ? fmt::format("blocks.{}.{}", block, embscope::name(point))
                         : std::string(embscope::name(point));
}

std::vector<SiteInfo> sites(const Config& config) {
  std::vector<SiteInfo> list;
  for (int p = 0; p < point_count; ++p) {
    const auto point = static_cast<Point>(p);
    const Row& r = row(point);
    if (!present(r, config)) continue;
    const std::string own = in_block(point) ? fmt::format("blocks.L.{}", r.name) : std::string(r.name);
    list.push_back({own, shape_of(r, config), replaced(r.transformer_lens, "L"), replaced(hugging_face(r, config), "L"),
                    replaced(r.gguf, "L"), point});
  }
  return list;
}

Site parse_site(std::string_view text, const Config& config) {
  const auto found = parse_sites(text, config);
  if (found.size() != 1)
    throw Error(Code::usage, fmt::format("site {}", text),
                fmt::format("names {} sites, one is needed: say which block (blocks.0.{})", found.size(),
                            name(found[0].point)));
  return found[0];
}

std::vector<Site> parse_sites(std::string_view text, const Config& config) {
  const auto [point, block] = find(text, config);
  if (!in_block(point)) return {{point, -1}};
  std::vector<Site> list;
  int first = 0, last = static_cast<int>(config.blocks) - 1;
  const std::size_t dash = block.size() > 1 ? block.find('-', 1) : std::string_view::npos;
  if (dash != std::string_view::npos) {
    first = block_number(block.substr(0, dash), text, config),
    last = block_number(block.substr(dash + 1), text, config);
    if (first > last)
      throw Error(Code::usage, fmt::format("site {}", text), fmt::format("blocks {}-{} run backwards", first, last));
  } else if (block != "*") {
    first = last = block_number(block, text, config);
  }
  for (int b = first; b <= last; ++b) {
    if (has_site(config, {point, b})) list.push_back({point, b});
  }
  if (list.empty()) refuse_blocks(point, first, text, config);
  return list;
}

}  // namespace embscope
