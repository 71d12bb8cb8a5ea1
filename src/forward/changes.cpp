#include "forward/changes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/random.h"
#include "kernels/dot.h"

namespace embscope {
namespace {

void set(const Edit&, float* x, EditVector v, std::int64_t n, std::int64_t) {
  for (std::int64_t i = 0; i < n; ++i) x[i] = v[i];
}

void add(const Edit& edit, float* x, EditVector v, std::int64_t n, std::int64_t) {
  for (std::int64_t i = 0; i < n; ++i) x[i] += edit.amount * v[i];
}

void scale_by(const Edit& edit, float* x, EditVector, std::int64_t n, std::int64_t) {
  for (std::int64_t i = 0; i < n; ++i) x[i] *= edit.amount;
}

void mix(const Edit& edit, float* x, EditVector v, std::int64_t n, std::int64_t) {
  const float p = edit.amount;
  if (p == 1) return;  // even -0 and rounding stay: an untouched run and p = 1 are the same bits
  for (std::int64_t i = 0; i < n; ++i) x[i] = p == 0 ? v[i] : p * x[i] + (1 - p) * v[i];
}

void zero(const Edit&, float* x, EditVector, std::int64_t n, std::int64_t) { std::fill_n(x, n, 0.0f); }

void project_out(const Edit&, float* x, EditVector v, std::int64_t n, std::int64_t) {
  const double product = dot(x, v, n), square = dot(v, v, n);
  if (square == 0) return;  // this head's part of the vector is zero: nothing lies along it
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(x[i] - product / square * v[i]);
}

// In the plane of x and v: with u = x / |x| and w the direction of v - (v.u) u, x := |x| (cos(angle) u + sin(angle) w).
void rotate(const Edit& edit, float* x, EditVector v, std::int64_t n, std::int64_t) {
  const double length = std::sqrt(dot(x, x, n)), along = length > 0 ? dot(x, v, n) / length : 0;
  const double square = dot(v, v, n);
  const double across = std::sqrt(std::max(0.0, square - along * along));
  if (length == 0 || across <= 1e-7 * std::sqrt(square)) return;  // no plane: x lies along v already
  const double angle = std::min(static_cast<double>(edit.amount) * std::numbers::pi / 180, std::atan2(across, along));
  const double of_v = std::sin(angle) * length / across, of_x = std::cos(angle) - of_v * along / length;
  for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(of_x * x[i] + of_v * v[i]);
}

void clamp(const Edit& edit, float* x, EditVector, std::int64_t n, std::int64_t) {
  if (edit.dimensions.empty()) {
    for (std::int64_t i = 0; i < n; ++i) x[i] = std::clamp(x[i], edit.low, edit.high);
  }
  for (int d : edit.dimensions) x[d] = std::clamp(x[d], edit.low, edit.high);
}

void read_clamp(Cursor& cursor, Edit& edit) {
  if (!cursor.accept('*')) edit.dimensions = cursor.integers();
  edit.low = cursor.number(), edit.high = cursor.number();
}

std::string problem_of_clamp(const Edit& edit) {
  return edit.low <= edit.high ? "" : fmt::format("clamps to {}..{}: no number lies there", edit.low, edit.high);
}

void noise(const Edit& edit, float* x, EditVector, std::int64_t n, std::int64_t position) {
  Random random(edit.seed * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(position));
  for (std::int64_t i = 0; i < n; ++i) x[i] += edit.amount * static_cast<float>(random.normal());
}

void read_amount(Cursor& cursor, Edit& edit) { edit.amount = cursor.number(); }

void read_noise(Cursor& cursor, Edit& edit) {
  edit.amount = cursor.number();
  if (cursor.done()) return;
  const std::size_t start = cursor.at();
  if (cursor.name() != "seed") cursor.fail("expected 'seed'", start);
  edit.seed = cursor.seed();
}

std::string problem_of_noise(const Edit& edit) {
  return edit.amount < 0 ? "the deviation of noise cannot be negative" : "";
}

// One row an operation, in the order of Change: all that there is to it.
constexpr Operation table[] = {
    {.change = Change::set, .info = {"set", "set V", "vector"}, .vector = true, .overwrites = true, .apply = set},
    {.change = Change::add, .info = {"add", "add V", "x + amount * vector"}, .vector = true, .apply = add},
    {.change = Change::scale, .info = {"scale", "scale N", "amount * x"}, .read = read_amount, .apply = scale_by},
    {.change = Change::mix,
     .info = {"mix", "mix P V", "amount * x + (1 - amount) * vector"},
     .vector = true,
     .read = read_amount,
     .apply = mix},
    {.change = Change::zero, .info = {"zero", "zero", "0"}, .overwrites = true, .apply = zero},
    {.change = Change::project_out,
     .info = {"project_out", "project_out V", "x without its component along vector"},
     .vector = true,
     .needs_length = true,
     .apply = project_out},
    {.change = Change::rotate,
     .info = {"rotate", "rotate DEGREES V", "x rotated by `amount` degrees towards vector"},
     .vector = true,
     .needs_length = true,
     .read = read_amount,
     .apply = rotate},
    {.change = Change::clamp,
     .info = {"clamp", "clamp DIMENSIONS LOW HIGH", "`dimensions` limited to low..high"},
     .read = read_clamp,
     .problem = problem_of_clamp,
     .apply = clamp},
    {.change = Change::noise,
     .info = {"noise", "noise DEVIATION [seed N]", "x + amount * normal values from `seed`"},
     .read = read_noise,
     .problem = problem_of_noise,
     .apply = noise},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(table); ++i) {
    if (table[i].change != Change{static_cast<int>(i)} || table[i].apply == nullptr) return false;
  }
  return true;
}
static_assert(in_order());

constexpr auto infos = [] {
  std::array<ChangeInfo, std::size(table)> all;
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = table[i].info;
  return all;
}();

}  // namespace

const Operation& operation(Change change) { return table[static_cast<std::size_t>(change)]; }

const Operation* find_operation(std::string_view name) {
  const auto found = std::ranges::find(table, name, [](const Operation& o) { return o.info.name; });
  return found == std::end(table) ? nullptr : found;
}

std::span<const ChangeInfo> changes() { return infos; }

Change change_named(std::string_view name) {
  if (const Operation* found = find_operation(name)) return found->change;
  std::vector<std::string> names;
  for (const ChangeInfo& info : infos) names.emplace_back(info.name);
  throw Error(Code::not_found, "Edit", fmt::format("no change '{}'{}", name, nearest_names(name, names)));
}

bool takes_vector(Change change) { return operation(change).vector; }

}  // namespace embscope
