#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "command.h"
#include "embscope/kernels/simd.h"

namespace embscope::cli {
namespace {

std::string_view name_of(Activation activation) {
  switch (activation) {
    case Activation::gelu_tanh: return "gelu (tanh)";
    case Activation::gelu_exact: return "gelu";
    case Activation::relu: return "relu";
    case Activation::silu: return "silu";
    case Activation::relu_squared: return "relu squared";
    case Activation::xielu: return "xIELU";
  }
  return "";
}

// "0, 2-5": blocks that have something in common.
template <class Has>
std::string blocks_where(const Config& c, Has&& has) {
  std::string list;
  for (std::size_t l = 0; l < c.layers.size(); ++l) {
    if (!has(c.layers[l])) continue;
    std::size_t last = l;
    while (last + 1 < c.layers.size() && has(c.layers[last + 1])) ++last;
    list +=
        fmt::format("{}{}", list.empty() ? "" : ", ", l == last ? std::to_string(l) : fmt::format("{}-{}", l, last));
    l = last;
  }
  return list;
}

std::string positions_of(const Config& c) {
  if (c.position != PositionKind::rotary) return c.position == PositionKind::alibi ? "ALiBi" : "learned";
  const auto turning = std::ranges::find(c.layers, 0, &Layer::rope);
  const Layer& layer = turning == c.layers.end() ? c.layers.front() : *turning;
  const std::vector<double>& f = c.ropes[0].frequencies;
  const auto turned = 2 * static_cast<std::int64_t>(f.size() - static_cast<std::size_t>(std::ranges::count(f, 0.0)));
  std::string text = turned == layer.head_width
                         ? "rotary"
                         : fmt::format("rotary, {} of {} values of a head", turned, layer.head_width);
  const std::string other = blocks_where(c, [](const Layer& l) { return l.rope == 1; }),
                    none = blocks_where(c, [](const Layer& l) { return l.rope < 0; });
  if (!other.empty()) text += fmt::format(", of a second base in blocks {}", other);
  if (!none.empty()) text += fmt::format(", none in blocks {}", none);
  return text;
}

const char* name_of(RouterKind router) {
  switch (router) {
    case RouterKind::softmax: return "softmax";
    case RouterKind::sigmoid: return "sigmoid";
    case RouterKind::sparse_mixer: return "a sparse mixer";
  }
  return "";
}

std::string experts_of(const Config& c) {
  const Experts& e = c.experts;
  std::string text =
      fmt::format("{} of {} experts of width {}, chosen by {}", e.chosen, e.count, e.width, name_of(e.router));
  if (e.groups > 1) text += fmt::format(" from the best {} of {} groups", e.groups_chosen, e.groups);
  if (e.normalised) text += ", weights that sum to 1";
  if (e.scale != 1) text += fmt::format(", times {:g}", e.scale);
  if (e.shared_width > 0) text += fmt::format(", beside a shared one of width {}", e.shared_width);
  if (e.beside) text += ", beside the MLP";
  const std::string where = blocks_where(c, [](const Layer& l) { return l.experts; });
  return text + fmt::format(" (blocks {})", where);
}

// What positions see and how queries change with them.
void add_sight(const Config& c, const std::function<void(std::string, std::string)>& add) {
  if (const std::string windowed = blocks_where(c, [](const Layer& l) { return l.window > 0; }); !windowed.empty()) {
    const auto layer = std::ranges::find_if(c.layers, [](const Layer& l) { return l.window > 0; });
    add("window", fmt::format("{} keys in blocks {}", layer->window, windowed));
  }
  if (const std::string chunked = blocks_where(c, [](const Layer& l) { return l.chunk > 0; }); !chunked.empty()) {
    const auto layer = std::ranges::find_if(c.layers, [](const Layer& l) { return l.chunk > 0; });
    add("window", fmt::format("the keys of a run of {} positions in blocks {}", layer->chunk, chunked));
  }
  if (const std::string growing = blocks_where(c, [](const Layer& l) { return l.grows; }); !growing.empty())
    add("queries", fmt::format("grow every {} positions in blocks {}", c.growth_span, growing));
  if (c.sinks) add("sinks", "a score of each head to which no key belongs");
  if (c.latents.rank > 0)
    add("latents", fmt::format("keys and values of {} values{}; {} of a key turn", c.latents.rank,
                               c.latents.query_rank > 0 ? fmt::format(", queries of {}", c.latents.query_rank) : "",
                               c.latents.turned));
}

// Where blocks have other widths than most, or read what is not their own.
void add_differences(const Config& c, const std::function<void(std::string, std::string)>& add) {
  std::set<std::pair<std::int64_t, std::int64_t>> heads;
  std::set<std::int64_t> mlps;
  std::set<int> sources;
  for (const Layer& l : c.layers) {
    heads.emplace(l.head_width, l.kv_heads), mlps.insert(l.mlp_width);
    if (l.keys_of >= 0) sources.insert(l.keys_of);
  }
  for (const auto& [width, kv] : heads) {
    if (heads.size() == 1) break;
    add("heads",
        fmt::format("of width {}, {} for keys and values in blocks {}", width, kv,
                    blocks_where(c, [&](const Layer& l) { return l.head_width == width && l.kv_heads == kv; })));
  }
  for (const std::int64_t width : mlps) {
    if (mlps.size() > 1)
      add("mlp",
          fmt::format("{} in blocks {}", width, blocks_where(c, [&](const Layer& l) { return l.mlp_width == width; })));
  }
  for (const int source : sources)
    add("keys, values", fmt::format("those of block {} in blocks {}", source,
                                    blocks_where(c, [&](const Layer& l) { return l.keys_of == source; })));
  if (const std::string same = blocks_where(c, [](const Layer& l) { return l.values_of_keys; }); !same.empty())
    add("values", fmt::format("made as the keys are in blocks {}", same));
  if (c.v_norm) add("values", "normed head by head");
  if (c.per_layer.width > 0)
    add("per-layer embeddings", fmt::format("{} values for each block and position", c.per_layer.width));
  if (const std::string scaled = blocks_where(c, [](const Layer& l) { return l.out_scale != 1; }); !scaled.empty())
    add("residual stream", fmt::format("scaled behind blocks {}", scaled));
}

std::string norm_of(const Config& c) {
  const char* where = c.norm_before && c.norm_after ? ", before and after attention and MLP"
                      : c.norm_after                ? ", after attention and MLP"
                      : c.norm_sums                 ? ", of the sums after attention and MLP"
                                                    : "";
  return fmt::format("{}{}, epsilon {:g}", c.norm == NormKind::rms ? "RMSNorm" : "LayerNorm", where, c.epsilon);
}

Table config_table(const Model& model) {
  const Config& c = model.config();
  std::vector<std::string> key, value;
  auto add = [&](std::string k, std::string v) { key.push_back(std::move(k)), value.push_back(std::move(v)); };
  add("model", model.name());
  add("family", c.family);
  add("format", fmt::format("{} ({})", model.archives()[0]->format(), name(model.weights().wte.view.dtype)));
  add("wte", fmt::format("{} x {}", c.vocab, c.width));
  add("blocks", std::to_string(c.blocks));
  add("heads", c.heads == c.kv_heads
                   ? fmt::format("{} of width {}", c.heads, c.head_width)
                   : fmt::format("{} of width {}, {} for keys and values", c.heads, c.head_width, c.kv_heads));
  const std::string dense = blocks_where(c, [&](const Layer& l) { return !l.experts || c.experts.beside; });
  if (!dense.empty())
    add("mlp", fmt::format("{}, {}{}", c.mlp_width, name_of(c.activation), c.gated_mlp ? ", gated" : ""));
  if (c.experts.count > 0) add("experts", experts_of(c));
  if (c.parallel)
    add("branches", c.one_norm ? "attention and MLP in parallel, behind one norm" : "attention and MLP in parallel");
  add("norm", norm_of(c));
  if (c.qk_norm != QkNorm::none)
    add("queries, keys", fmt::format("normed {}{}", c.qk_norm == QkNorm::together ? "over all heads" : "head by head",
                                     c.qk_norm_after ? ", after they turn" : ""));
  add_differences(c, add);
  add_sight(c, add);
  add("positions", positions_of(c));
  add("context", std::to_string(c.context));
  add("unembedding", c.tied ? "tied to wte" : "its own");
  if (c.score_cap != 0 || c.logit_cap != 0)
    add("caps", fmt::format("scores {:g}, logits {:g}", c.score_cap, c.logit_cap));
  if (c.embedding_scale != 1 || c.residual_scale != 1 || c.logit_scale != 1)
    add("multipliers",
        fmt::format("embedding {:g}, branches {:g}, logits {:g}", c.embedding_scale, c.residual_scale, c.logit_scale));
  Table table;
  return std::move(table.add("what", key).add("value", value));
}

Table site_table(const Model& model) {
  std::vector<std::string> name, shape, lens, face, gguf;
  for (const SiteInfo& site : sites(model.config())) {
    name.push_back(site.name), shape.push_back(site.shape), lens.push_back(site.transformer_lens),
        face.push_back(site.hugging_face), gguf.push_back(site.gguf);
  }
  Table table("sites (L is the block, T the number of tokens)");
  return std::move(table.add("site", name)
                       .add("shape", shape)
                       .add("TransformerLens", lens)
                       .add("Hugging Face", face)
                       .add("llama.cpp", gguf));
}

Table tensor_table(const Model& model) {
  std::vector<std::string> name, dtype, shape;
  std::vector<double> bytes;
  for (const auto& archive : model.archives()) {
    for (const auto& entry : archive->tensors()) {
      name.push_back(entry.name), dtype.emplace_back(embscope::name(entry.view.dtype)),
          shape.push_back(entry.view.shape.text());
      bytes.push_back(static_cast<double>(entry.view.bytes()));
    }
  }
  Table table("tensors");
  return std::move(table.add("tensor", name).add("type", dtype).add("shape", shape).add("bytes", bytes, whole));
}

// A file of vectors has no other properties.
Table vectors_table(const Space& space) {
  Table table;
  table.add("what", std::vector<std::string>{"vectors of", "labels", "wte"});
  return std::move(table.add(
      "value", std::vector<std::string>{space.name, fmt::format("{} .. {}", space.labels.front(), space.labels.back()),
                                        fmt::format("{} x {}", space.size(), space.width())}));
}

// Which instruction sets there are; EMBSCOPE_SIMD chooses among them.
Table kernel_table() {
  std::vector<std::string> name, fused, used;
  for (const SimdTarget& target : simd_targets()) {
    name.push_back(target.name), fused.emplace_back(target.fused ? "yes" : "no"),
        used.emplace_back(target.in_use ? "yes" : "no");
  }
  Table table("instruction sets");
  return std::move(table.add("name", name).add("fused", fused).add("in_use", used));
}

}  // namespace

void fill_info(CLI::App& command) {
  const auto common = std::make_shared<Common>();
  add_model(command, common->model), add_formats(command, *common), add_threads(command, common->threads);
  auto tensors = std::make_shared<bool>(false);
  command.add_flag("--tensors", *tensors, "List the tensors of the file instead of the sites");
  auto kernels = std::make_shared<bool>(false);
  command.add_flag("--kernels", *kernels, "List the instruction sets (EMBSCOPE_SIMD=NAME selects one)");
  command.callback([common, tensors, kernels] {
    if (*kernels) return print(*common, kernel_table());
    if (common->has_vectors_only()) return print(*common, vectors_table(common->space()));
    const auto model = common->open();
    const Table second = *tensors ? tensor_table(*model) : site_table(*model);
    if (common->csv) return print(*common, second);
    const Table config = config_table(*model);
    if (!common->json) {
      fmt::print("{}\n{}", config.text(), second.text());
      return;
    }
    fmt::print("{{\"config\":{},\"{}\":{}}}\n", config.json(), *tensors ? "tensors" : "sites", second.json());
  });
}

}  // namespace embscope::cli
