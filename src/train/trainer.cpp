#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/threads.h"
#include "embscope/files/archive.h"
#include "embscope/train/training.h"
#include "files/safetensors_writer.h"
#include "kernels/vector.h"
#include "model/block.h"
#include "train/network.h"

namespace embscope {
namespace {

constexpr std::int64_t piece = 1 << 14;  // floats of a parameter that one task updates

void check_batch(const Config& c, const Batch& batch) {
  const auto size = static_cast<std::size_t>(batch.rows * batch.length);
  if (batch.rows < 1 || batch.length < 1 || batch.inputs.size() != size || batch.targets.size() != size)
    throw Error(Code::shape, "training",
                fmt::format("a batch of {} x {} positions with {} ids and {} targets", batch.rows, batch.length,
                            batch.inputs.size(), batch.targets.size()));
  if (batch.length > c.context)
    throw Error(Code::shape, "training", fmt::format("rows of {} tokens: the context is {}", batch.length, c.context));
  for (const auto& ids : {batch.inputs, batch.targets}) {
    for (TokenId id : ids) {
      if (id < 0 || id >= c.vocab)
        throw Error(Code::range, "training", fmt::format("token id {}: the model has {} tokens", id, c.vocab));
    }
  }
}

// What a pass over parameters does not do piece by piece for the whole of the buffer: gaps hold zeros and stay zeros.
std::vector<std::pair<std::int64_t, std::int64_t>> pieces_of(const Parameter& p) {
  std::vector<std::pair<std::int64_t, std::int64_t>> pieces;
  for (std::int64_t i = 0; i < p.size(); i += piece) pieces.emplace_back(p.offset + i, std::min(piece, p.size() - i));
  return pieces;
}

std::string config_json(const Config& c) {
  const boost::json::object json = {{"architectures", {"GPT2LMHeadModel"}},
                                    {"model_type", "gpt2"},
                                    {"activation_function", "gelu_new"},
                                    {"vocab_size", c.vocab},
                                    {"n_positions", c.context},
                                    {"n_ctx", c.context},
                                    {"n_embd", c.width},
                                    {"n_layer", c.blocks},
                                    {"n_head", c.heads},
                                    {"n_inner", c.mlp_width},
                                    {"layer_norm_epsilon", static_cast<double>(c.epsilon)},
                                    {"tie_word_embeddings", true},
                                    {"attn_pdrop", 0.0},
                                    {"embd_pdrop", 0.0},
                                    {"resid_pdrop", 0.0},
                                    {"initializer_range", 0.02},
                                    {"torch_dtype", "float32"},
                                    {"bos_token_id", nullptr},
                                    {"eos_token_id", nullptr}};
  boost::json::object written = json;
  if (c.bos) written["bos_token_id"] = *c.bos;
  if (c.eos) written["eos_token_id"] = *c.eos;
  return boost::json::serialize(written) + "\n";
}

}  // namespace

Config gpt2_of(std::int64_t layers, std::int64_t heads, std::int64_t width, std::int64_t context, std::int64_t vocab) {
  for (const auto& [name, value, most] : {std::tuple{"layers", layers, std::int64_t{1} << 10},
                                          {"heads", heads, 1 << 10},
                                          {"width", width, 1 << 15},
                                          {"context", context, 1 << 20},
                                          {"vocabulary", vocab, 1 << 24}}) {
    if (value < 1 || value > most)
      throw Error(Code::usage, "training", fmt::format("{} of {}: choose 1 to {}", name, value, most));
  }
  if (width % heads != 0)
    throw Error(Code::usage, "training", fmt::format("a width of {} does not divide into {} heads", width, heads));
  Config c;
  c.family = "gpt2";
  c.blocks = layers, c.heads = c.kv_heads = heads, c.width = width, c.context = context, c.vocab = vocab;
  c.head_width = c.value_width = width / heads, c.mlp_width = 4 * width;
  c.layers.resize(static_cast<std::size_t>(layers));
  complete_layers(c);
  c.attn_scale = static_cast<float>(1 / std::sqrt(static_cast<double>(c.head_width)));
  return c;
}

struct Trainer::Parts {
  explicit Parts(const Config& c)
      : config(c),
        layout(c),
        values({layout.floats()}),
        gradients({layout.floats()}),
        first({layout.floats()}),
        second({layout.floats()}),
        network(c) {}

  embscope::Parts<const float> weights() const { return {layout, values.data()}; }

  Config config;
  Layout layout;
  Tensor values, gradients, first, second;
  Network network;
  std::int64_t steps = 0;
  bool packed = false;

  std::vector<std::int64_t> configuration() const {
    return {config.blocks, config.heads, config.width, config.context, config.vocab};
  }

  void prepare() {
    if (!packed) network.pack(weights());
    packed = true;
  }

  /// body(parameter, offset, count) for pieces of all parameters, in parallel.
  template <class F>
  void for_pieces(F&& body) const {
    struct Work {
      const Parameter* parameter;
      std::int64_t offset, count;
    };
    std::vector<Work> work;
    for (const Parameter& p : layout.parameters()) {
      for (const auto& [offset, count] : pieces_of(p)) work.push_back({&p, offset, count});
    }
    parallel_for(static_cast<std::int64_t>(work.size()), 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const Work& w = work[static_cast<std::size_t>(i)];
        body(i, *w.parameter, w.offset, w.count);
      }
    });
  }
};

Trainer::Trainer(const Config& config, std::uint64_t seed) : parts_(std::make_unique<Parts>(config)) {
  initialise(parts_->layout, seed, parts_->values.data());
}

Trainer::Trainer(const Model& model) {
  refuse_untrainable(model.config());
  parts_ = std::make_unique<Parts>(model.config());
  load(parts_->layout, model, parts_->values.data());
}

Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;

const Config& Trainer::config() const { return parts_->config; }
std::int64_t Trainer::parameter_count() const { return parts_->layout.count(); }
std::int64_t Trainer::steps_done() const { return parts_->steps; }
void Trainer::changed() { parts_->packed = false; }

double Trainer::loss(const Batch& batch) {
  check_batch(parts_->config, batch);
  parts_->prepare();
  return parts_->network.loss(parts_->weights(), batch);
}

double Trainer::gradient(std::span<const Batch> batches, const DropoutStep& dropout) {
  Parts& p = *parts_;
  if (batches.empty()) throw Error(Code::shape, "training", "no batch");
  for (const Batch& batch : batches) check_batch(p.config, batch);
  p.prepare();
  const embscope::Parts<float> gradients(p.layout, p.gradients.data());
  Network::Step step;
  step.rate = static_cast<float>(dropout.rate);
  step.factor = 1 / static_cast<float>(batches.size());
  double total = 0;
  for (const Batch& batch : batches) {
    step.key = dropout.key * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(&batch - batches.data());
    total += p.network.backward(p.weights(), batch, step, gradients);
    step.add = true;
  }
  return total / static_cast<double>(batches.size());
}

double Trainer::gradient_norm() const {
  const Parts& p = *parts_;
  std::vector<double> shares(static_cast<std::size_t>(p.layout.floats() / piece) + p.layout.parameters().size() + 1);
  p.for_pieces([&](std::int64_t i, const Parameter&, std::int64_t offset, std::int64_t count) {
    shares[static_cast<std::size_t>(i)] = squares(p.gradients.data() + offset, count);
  });
  double total = 0;
  for (double share : shares) total += share;
  return std::sqrt(total);
}

double Trainer::update(const AdamW& adam, double rate) {
  Parts& p = *parts_;
  const double norm = gradient_norm();
  const double count = static_cast<double>(++p.steps);
  AdamStep step{static_cast<float>(rate),
                static_cast<float>(adam.beta1),
                static_cast<float>(adam.beta2),
                static_cast<float>(adam.epsilon),
                0,
                static_cast<float>(1 - std::pow(adam.beta1, count)),
                static_cast<float>(1 - std::pow(adam.beta2, count)),
                adam.clip > 0 && norm > adam.clip ? static_cast<float>(adam.clip / (norm + 1e-6)) : 1.0f};
  p.for_pieces([&](std::int64_t, const Parameter& parameter, std::int64_t offset, std::int64_t size) {
    AdamStep own = step;
    own.decay = parameter.decays() ? static_cast<float>(adam.decay) : 0;
    adamw(p.values.data() + offset, p.first.data() + offset, p.second.data() + offset, p.gradients.data() + offset,
          size, own);
  });
  p.packed = false;
  return norm;
}

Tensor Trainer::logits(std::span<const TokenId> ids) {
  check_batch(parts_->config, {ids, ids, 1, static_cast<std::int64_t>(ids.size())});
  parts_->prepare();
  return parts_->network.logits(parts_->weights(), ids);
}

std::vector<Trainer::Named> Trainer::parameters() {
  std::vector<Named> named;
  for (const Parameter& p : parts_->layout.parameters()) {
    const auto size = static_cast<std::size_t>(p.size());
    named.push_back(
        {p.name, p.shape, {parts_->values.data() + p.offset, size}, {parts_->gradients.data() + p.offset, size}});
  }
  return named;
}

std::string Trainer::first_not_finite() const {
  const Parts& p = *parts_;
  auto first_in = [&](const Tensor& buffer) -> const Parameter* {
    for (const Parameter& parameter : p.layout.parameters()) {
      if (!all_finite(buffer.data() + parameter.offset, parameter.size())) return &parameter;
    }
    return nullptr;
  };
  if (const Parameter* bad = first_in(p.values)) return "the parameter " + bad->name;
  if (std::string site = p.network.first_bad_site(); !site.empty()) return "the activation " + site;
  if (const Parameter* bad = first_in(p.gradients)) return "the gradient of " + bad->name;
  return {};
}

void Trainer::write_model(const std::filesystem::path& folder) const {
  const Parts& p = *parts_;
  std::vector<NamedArray> arrays;
  for (const Parameter& parameter : p.layout.parameters()) {
    const std::span values(p.values.data() + parameter.offset, static_cast<std::size_t>(parameter.size()));
    arrays.push_back({parameter.name, parameter.shape, values});
  }
  write_arrays(folder / "model.safetensors", arrays);
  write_file(folder / "config.json", config_json(p.config));
}

void Trainer::write_state(const std::filesystem::path& file) const {
  const Parts& p = *parts_;
  std::vector<NamedArray> arrays;
  for (const auto& [kind, buffer] :
       {std::pair{"value.", &p.values}, {"first_moment.", &p.first}, {"second_moment.", &p.second}}) {
    for (const Parameter& parameter : p.layout.parameters()) {
      const std::span values(buffer->data() + parameter.offset, static_cast<std::size_t>(parameter.size()));
      arrays.push_back({kind + parameter.name, parameter.shape, values});
    }
  }
  const std::vector<std::int64_t> steps = {p.steps}, configuration = p.configuration();
  arrays.push_back({"steps", {1}, std::span<const std::int64_t>(steps)});
  arrays.push_back({"configuration",
                    {static_cast<std::int64_t>(configuration.size())},
                    std::span<const std::int64_t>(configuration)});
  write_arrays(file, arrays);
}

void Trainer::read_state(const std::filesystem::path& file) {
  Parts& p = *parts_;
  const auto archive = Archive::open(file);
  const auto expect = [&](const std::string& name, const Shape& shape, DType dtype) -> const View& {
    const View& view = archive->at(name);
    if (view.shape != shape || view.dtype != dtype)
      throw Error(Code::shape, file.string(),
                  fmt::format("'{}' is {}, this configuration has {}: it is the state of another model", name,
                              view.shape.text(), shape.text()));
    return view;
  };
  const std::vector<std::int64_t> own = p.configuration();
  std::vector<std::int64_t> found(own.size());
  std::memcpy(found.data(), expect("configuration", {static_cast<std::int64_t>(own.size())}, DType::i64).data,
              own.size() * sizeof(own[0]));
  if (found != own)
    throw Error(Code::shape, file.string(),
                fmt::format("{} layers, {} heads, width {}, context {}, {} tokens; this configuration has {}, {}, {}, "
                            "{}, {}: it is the state "
                            "of another model",
                            found[0], found[1], found[2], found[3], found[4], own[0], own[1], own[2], own[3], own[4]));
  for (const auto& [kind, buffer] :
       {std::pair{"value.", &p.values}, {"first_moment.", &p.first}, {"second_moment.", &p.second}}) {
    for (const Parameter& parameter : p.layout.parameters()) {
      const View& view = expect(kind + parameter.name, parameter.shape, DType::f32);
      decode_rows(view, 0, view.rows(), buffer->data() + parameter.offset);
    }
  }
  std::int64_t steps = 0;
  std::memcpy(&steps, expect("steps", {1}, DType::i64).data, sizeof(steps));
  if (steps < 0) throw Error(Code::format, file.string(), fmt::format("{} steps", steps));
  p.steps = steps;
  p.packed = false;
}

}  // namespace embscope
