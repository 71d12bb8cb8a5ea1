// Direct logit attribution: bars for what each block adds, and under them its heads.
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "figure/spec.h"

namespace embscope {
namespace {

// The values of the table as bars and cells; places are the labels of the shared axis.
struct Marks {
  bj::array places, blocks, others, heads;
  double most = 0;  // |value| of the strongest head
};

bj::object bar(const std::string& place, std::string_view kind, double value) {
  return {{"place", place}, {"kind", bj::string(kind)}, {"value", value}};
}

// The table may be sorted by value: its parts are sorted into the order of the pass.
Marks marks_of(const Table& parts) {
  const auto& name = parts.column("part").texts();
  const auto &block = parts.column("block").numbers(), &head = parts.column("head").numbers(),
             &value = parts.column("value").numbers();
  std::map<int, double> attention, mlp;
  std::map<std::string, double> outside;
  Marks marks;
  for (std::size_t i = 0; i < parts.rows(); ++i) {
    if (std::isnan(block[i])) {
      outside[name[i]] = value[i];
      continue;
    }
    (name[i] == "mlp" ? mlp : attention)[static_cast<int>(block[i])] += value[i];
    if (std::isnan(head[i])) continue;
    marks.most = std::max(marks.most, std::abs(value[i]));
    marks.heads.push_back(
        bj::object{{"place", fmt::format("{}", block[i])}, {"head", static_cast<int>(head[i])}, {"value", value[i]}});
  }
  const auto add_outside = [&](const std::string& part, const char* label, const char* kind) {
    if (!outside.contains(part)) return;
    marks.places.push_back(bj::string(label));
    marks.others.push_back(bar(label, kind, outside[part]));
  };
  add_outside("wte", "wte", "embedding");
  add_outside("wpe", "wpe", "embedding");
  for (const auto& [b, sum] : attention) {
    marks.places.push_back(bj::string(fmt::format("{}", b)));
    marks.blocks.push_back(bar(fmt::format("{}", b), "attention", sum));
    marks.blocks.push_back(bar(fmt::format("{}", b), "mlp", mlp[b]));
  }
  add_outside("ln_final_bias", "bias", "final norm's bias");
  return marks;
}

bj::object place_axis(const bj::array& places, bool title) {
  bj::object x = {{"field", "place"},
                  {"type", "nominal"},
                  {"scale", {{"domain", places}, {"paddingInner", 0}, {"paddingOuter", 0}}}};
  x["title"] = title ? bj::value("block") : bj::value(nullptr);
  x["axis"] = {{"labelAngle", 0}, {"labelOverlap", true}};
  return x;
}

// Only what the model has is in the legend.
bj::object kinds(const Marks& marks) {
  bj::array names = {"embedding", "attention", "mlp"};
  bj::array colours = {bj::string(palette[2]), bj::string(palette[0]), bj::string(palette[1])};
  if (marks.places.back() == "bias") {
    names.push_back("final norm's bias");
    colours.push_back("#9aa4b2");
  }
  return {{"field", "kind"}, {"type", "nominal"}, {"scale", {{"domain", names}, {"range", colours}}}};
}

bj::object bars(const Marks& marks, int width) {
  bj::object encoding = {
      {"x", place_axis(marks.places, false)},
      {"y", number_field("value", "added to the logit")},
      {"color", kinds(marks)},
      {"tooltip", {text_field("place", "block"), text_field("kind", "part"), number_field("value", "value")}}};
  bj::object beside = encoding;
  beside["xOffset"] = {{"field", "kind"}, {"scale", {{"domain", {"attention", "mlp"}}, {"paddingOuter", 0.25}}}};
  return {{"width", width},
          {"height", 220},
          {"layer",
           {bj::object{{"data", {{"values", marks.blocks}}}, {"mark", "bar"}, {"encoding", std::move(beside)}},
            bj::object{{"data", {{"values", marks.others}}},
                       {"mark", {{"type", "bar"}, {"width", {{"band", 0.6}}}}},
                       {"encoding", std::move(encoding)}}}}};
}

bj::object heads(const Marks& marks, int width) {
  bj::object colour = number_field("value", "a head adds");
  const double most = marks.most > 0 ? marks.most : 1;
  colour["scale"] = {{"domain", {-most, most}}, {"scheme", "redblue"}, {"reverse", true}};
  colour["legend"] = {{"title", "a head adds"}, {"orient", "right"}, {"gradientLength", 100}};
  bj::object y = {{"field", "head"}, {"type", "ordinal"}, {"title", "head"}};
  return {
      {"width", width},
      {"height", {{"step", 15}}},
      {"data", {{"values", marks.heads}}},
      {"mark", "rect"},
      {"encoding",
       {{"x", place_axis(marks.places, true)},
        {"y", std::move(y)},
        {"color", std::move(colour)},
        {"tooltip", {text_field("place", "block"), bj::object{{"field", "head"}}, number_field("value", "value")}}}}};
}

}  // namespace

Figure figure_attribution(const Table& parts, std::string_view title, std::string_view subtitle) {
  const Marks marks = marks_of(parts);
  const int width = std::clamp(static_cast<int>(marks.places.size()) * 24, 320, 1400);
  return finish(
      "attribution", std::string(title), std::string(subtitle),
      {{"vconcat", {bars(marks, width), heads(marks, width)}}, {"resolve", {{"scale", {{"color", "independent"}}}}}});
}

}  // namespace embscope
