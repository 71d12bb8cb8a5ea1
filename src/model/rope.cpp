#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

namespace embscope {
namespace {

// What a kind of scaling is computed from.
struct Scaling {
  const Keys& keys;
  double theta;
  std::int64_t width, context;  ///< of what turns; max_position_embeddings
  double original;              ///< original_max_position_embeddings

  bool alpha, mscale;  ///< whether this family knows one

  double over(double limit) const { return static_cast<double>(context) / limit; }
};

void divide(Rope& rope, double factor) {
  for (double& f : rope.frequencies) f /= factor;
}

void linear(const Scaling& s, Rope& rope) { divide(rope, s.keys.number("factor")); }

// Up to the trained context, beyond which no text goes here, dynamic scaling changes nothing.
// With an alpha the base is stretched once and for all (NTK-aware scaling, as Hunyuan has it).
void dynamic(const Scaling& s, Rope& rope) {
  const double alpha = s.alpha ? s.keys.optional_number("alpha").value_or(0) : 0;
  if (alpha == 0) return (void)s.keys.number("factor");
  for (const char* key : {"factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim"}) s.keys.ignore(key);
  if (!(alpha > 0) || s.width <= 2)
    throw Error(Code::format, s.keys.where(), fmt::format("a rope scaling with alpha {}", alpha));
  const auto width = static_cast<double>(s.width);
  rope.frequencies = rope_frequencies(s.theta * std::pow(alpha, width / (width - 2)), s.width);
}

// Llama 3.1 stretches the slow rotations by a factor and blends in between (Hugging Face, _compute_llama3_parameters).
void llama3(const Scaling& s, Rope& rope) {
  const double factor = s.keys.number("factor"), low = s.keys.number("low_freq_factor"),
               high = s.keys.number("high_freq_factor");
  for (double& f : rope.frequencies) {
    const double wavelength = 2 * std::numbers::pi / f;
    if (wavelength > s.original / low) {
      f /= factor;
    } else if (wavelength > s.original / high) {
      const double smooth = (s.original / wavelength - low) / (high - low);
      f = (1 - smooth) * f / factor + smooth * f;
    }
  }
}

struct Yarn {
  double factor, fast, slow, theta, original;
  bool truncate;
};

// YaRN (Peng et al. 2023): fast rotations stay, slow ones are divided, a ramp in between.
void stretch_yarn(const Yarn& y, Rope& rope) {
  const auto width = 2 * static_cast<double>(rope.frequencies.size());
  auto dimension = [&](double turns) {
    return width * std::log(y.original / (turns * 2 * std::numbers::pi)) / (2 * std::log(y.theta));
  };
  double low = dimension(y.fast), high = dimension(y.slow);
  if (y.truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0), high = std::min(high, width - 1);
  if (low == high) high += 0.001;
  for (std::size_t i = 0; i < rope.frequencies.size(); ++i) {
    const double slow = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    rope.frequencies[i] = rope.frequencies[i] / y.factor * slow + rope.frequencies[i] * (1 - slow);
  }
}

double yarn_scale(double factor, double m = 1) { return factor <= 1 ? 1 : 0.1 * m * std::log(factor) + 1; }

void yarn(const Scaling& s, Rope& rope) {
  const double factor = s.keys.number("factor");
  const double m = s.keys.optional_number("mscale").value_or(0),
               all = s.keys.optional_number("mscale_all_dim").value_or(0);
  const double scale = m != 0 && all != 0 ? yarn_scale(factor, m) / yarn_scale(factor, all) : yarn_scale(factor);
  auto or_default = [&](const char* key, double otherwise) {
    const double x = s.keys.optional_number(key).value_or(0);
    return x == 0 ? otherwise : x;
  };
  stretch_yarn({factor, or_default("beta_fast", 32), or_default("beta_slow", 1), s.theta, s.original,
                s.keys.truth("truncate", true)},
               rope);
  rope.scale = s.keys.optional_number("attention_factor").value_or(scale);
}

// LongRoPE (Ding et al. 2024) has two sets of factors and chooses by the length of the text, so that the vectors of a
// word would depend on what follows it. Texts up to the first context have the short ones; longer texts are refused.
void longrope(const Scaling& s, Rope& rope) {
  const std::vector<double> factors = s.keys.numbers("short_factor");
  s.keys.ignore("long_factor");
  if (factors.size() != rope.frequencies.size())
    throw Error(Code::format, s.keys.where(),
                fmt::format("'short_factor' has {} values: expected {}", factors.size(), rope.frequencies.size()));
  for (std::size_t i = 0; i < factors.size(); ++i) rope.frequencies[i] /= factors[i];
  const double factor = s.keys.optional_number("factor").value_or(s.over(s.original));
  const double scale = factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(s.original));
  rope.scale = s.keys.optional_number("attention_factor").value_or(scale);
  if (!s.mscale) return;
  s.keys.ignore("long_mscale");
  rope.scale = s.keys.number("short_mscale");
}

void plain(const Scaling&, Rope&) {}

const std::pair<std::string_view, void (*)(const Scaling&, Rope&)> kinds[] = {
    {"default", plain}, {"linear", linear},     {"dynamic", dynamic}, {"llama3", llama3},
    {"yarn", yarn},     {"longrope", longrope}, {"su", longrope}};  // Phi-3's first name for longrope

void check_theta(double theta, const std::string& where) {
  if (!(theta > 0)) throw Error(Code::format, where, fmt::format("rope_theta {}: must be positive", theta));
}

// rope_scaling wins over rope_parameters, and what neither says is said at the top.
std::optional<Keys> rope_object(const Keys& keys) {
  std::optional<Keys> found;
  for (const char* name : {"rope_parameters", "rope_scaling"}) {
    keys.ignore(name);
    if (keys.has(name)) found = keys.object(name);
  }
  return found;
}

}  // namespace

std::vector<double> rope_frequencies(double theta, std::int64_t width) {
  std::vector<double> frequencies;
  for (std::int64_t i = 0; i < width / 2; ++i)
    frequencies.push_back(std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(width)));
  return frequencies;
}

ReadRope read_rope(const Keys& keys, std::int64_t head_width, std::int64_t context, const RopeDefaults& defaults) {
  RopeDefaults at_top = defaults;
  at_top.theta = keys.number("rope_theta", defaults.theta);
  if (defaults.partial_allowed) at_top.partial = keys.number(defaults.partial_key, defaults.partial);
  return read_rope_object(rope_object(keys), head_width, context, at_top, keys);
}

double yarn_mscale(const Keys& keys) {
  const std::optional<Keys> object = rope_object(keys);
  if (!object || object->string("rope_type", object->string("type", "default")) != "yarn") return 1;
  const double all = object->optional_number("mscale_all_dim").value_or(0);
  return all == 0 ? 1 : yarn_scale(object->number("factor"), all);
}

ReadRope read_rope_object(const std::optional<Keys>& object, std::int64_t head_width, std::int64_t context,
                          const RopeDefaults& defaults, const Keys& keys) {
  const auto original_at_top = keys.optional_number("original_max_position_embeddings");
  const double theta = object ? object->number("rope_theta", defaults.theta) : defaults.theta;
  check_theta(theta, keys.where());
  const double partial =
      object && defaults.partial_allowed ? object->number("partial_rotary_factor", defaults.partial) : defaults.partial;
  const std::int64_t width = static_cast<std::int64_t>(static_cast<double>(head_width) * partial);
  if (!(partial > 0) || width < 2 || width > head_width || width % 2 != 0)
    throw Error(Code::format, keys.where(),
                fmt::format("{} of a head's {} values are rotated: expected an even number", width, head_width));
  ReadRope found{{rope_frequencies(theta, width), 1, false}, {}};
  if (!object) return found;
  const std::string_view older = object->string("type", "default");
  std::string_view kind = object->string("rope_type", older);
  if (defaults.sections) {
    for (const char* key : {"mrope_section", "mrope_interleaved"}) object->ignore(key);
    if (kind == "mrope") kind = "default";
  }
  const auto known = std::ranges::find(kinds, kind, [](const auto& k) { return k.first; });
  if (known == std::end(kinds)) {
    throw Error(Code::unsupported, keys.where(),
                fmt::format("rope scaling '{}': default, linear, dynamic, llama3, yarn and longrope are known", kind));
  }
  const double original = original_at_top.value_or(
      object->optional_number("original_max_position_embeddings").value_or(static_cast<double>(context)));
  known->second({*object, theta, width, context, original, defaults.alpha, defaults.mscale}, found.rope);
  if (defaults.growth) object->ignore("llama_4_scaling_beta");
  if (known->second == longrope && original < static_cast<double>(context))
    found.longest = static_cast<std::int64_t>(original);
  object->refuse_rest();
  return found;
}

namespace {

void scale_by_file(const Metadata& meta, const std::string& name, Rope& rope) {
  const View* factors = meta.archive().find(name);
  if (factors == nullptr) return;
  const Tensor values = decode(*factors);
  if (values.size() != static_cast<std::int64_t>(rope.frequencies.size()))
    throw Error(Code::shape, "gguf",
                fmt::format("{}: expected {}, found {}", name, rope.frequencies.size(), values.size()));
  for (std::size_t i = 0; i < rope.frequencies.size(); ++i)
    rope.frequencies[i] /= static_cast<double>(values.values()[i]);
}

}  // namespace

ReadRope read_rope(const Metadata& meta, std::int64_t width, std::int64_t context, bool truncate) {
  const double theta = meta.number(".rope.freq_base", 10000);
  Rope rope{rope_frequencies(theta, width), 1, false};
  // a factor of 0 is not a factor; one without a type is linear
  double factor = meta.number(".rope.scaling.factor", 0);
  if (factor == 0) factor = meta.number(".rope.scale_linear", 0);
  if (factor == 0) factor = 1;
  const std::string_view kind = meta.string(".rope.scaling.type", "linear");
  rope.scale = meta.number(".rope.scaling.attn_factor", 1);
  if (kind == "yarn") {
    const double original = meta.number(".rope.scaling.original_context_length", static_cast<double>(context));
    stretch_yarn({factor, meta.number(".rope.scaling.yarn_beta_fast", 32),
                  meta.number(".rope.scaling.yarn_beta_slow", 1), theta, original, truncate},
                 rope);
    rope.scale *= yarn_scale(factor);
  } else if (kind == "linear") {
    divide(rope, factor);
  } else if (kind != "none" && (kind != "longrope" || meta.archive().find("rope_factors_long.weight") == nullptr)) {
    throw Error(
        Code::unsupported, meta.where(),
        fmt::format("{}.rope.scaling.type '{}': none, linear, yarn and longrope are known", meta.architecture(), kind));
  }
  scale_by_file(meta, "rope_freqs.weight", rope);
  scale_by_file(meta, "rope_factors_short.weight", rope);
  std::optional<std::int64_t> longest;  // of texts that have the short factors, as longrope's above
  if (meta.archive().find("rope_factors_long.weight") != nullptr)
    longest = meta.integer(".rope.scaling.original_context_length", context);
  return {std::move(rope), longest};
}

}  // namespace embscope
