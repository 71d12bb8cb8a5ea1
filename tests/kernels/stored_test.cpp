// Products with matrices as they lie in a file: the bits of the matrix decoded beforehand, for every type on every
// instruction set.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "embscope/base/threads.h"
#include "kernels/gemm.h"
#include "kernels/random_matrix.h"
#include "kernels/tiles.h"
#include "kernels/vector.h"

namespace embscope {
namespace {

Packed stored(const View& view, bool by_inputs = false) {
  auto s = std::make_shared<Stored>();
  s->view = view, s->by_inputs = by_inputs;
  s->out = by_inputs ? view.columns() : view.rows(), s->in = by_inputs ? view.rows() : view.columns();
  s->file = "model.gguf", s->name = "block 3: up";
  return Packed(std::move(s));
}

Packed decoded(const View& view, bool by_inputs = false) {
  const Tensor w = decode(view);
  const std::int64_t rows = view.rows(), columns = view.columns(), out = by_inputs ? columns : rows,
                     in = by_inputs ? rows : columns;
  return Packed(out, in, [&](std::int64_t p, float* panel) {
    const std::int64_t first = p * panel_width, count = std::min(panel_width, out - first);
    by_inputs ? copy_panel(w.data() + first, columns, in, count, panel)
              : pack_panel(w.data() + first * columns, columns, count, in, panel);
  });
}

std::vector<float> irregular(std::int64_t n) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i)
    v[static_cast<std::size_t>(i)] = static_cast<float>(std::sin(static_cast<double>(i) * 12.9898) * 0.999);
  return v;
}

std::vector<float> product(const std::vector<float>& x, std::int64_t rows, const Packed& w) {
  std::vector<float> y(static_cast<std::size_t>(rows * w.out()), NAN);
  const auto bias = irregular(w.out());
  gemm(x.data(), w.in(), rows, {{Product{&w, bias.data(), y.data(), w.out()}}});
  return y;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class StoredProduct : public ::testing::TestWithParam<DType> {
 protected:
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }

  static void expect_bits_of_decoded(const View& view, bool by_inputs, std::int64_t rows) {
    const auto x = irregular(rows * (by_inputs ? view.rows() : view.columns()));
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      EXPECT_TRUE(same_bits(product(x, rows, stored(view, by_inputs)), product(x, rows, decoded(view, by_inputs))))
          << name(view.dtype) << " " << view.shape.text() << " for " << rows << " rows on " << hwy::TargetName(target);
    }
  }
};

TEST_P(StoredProduct, has_the_bits_of_the_matrix_decoded_beforehand) {
  for (const std::int64_t out : {1, 64, 101}) {
    const RandomMatrix w(GetParam(), out, columns_for(GetParam(), 790));
    for (const std::int64_t rows : {1, 2, 3, 4, 15}) expect_bits_of_decoded(w.view(), false, rows);
  }
  const RandomMatrix short_rows(GetParam(), 70, columns_for(GetParam(), 7));
  for (const std::int64_t rows : {1, 340}) expect_bits_of_decoded(short_rows.view(), false, rows);
}

// What is read as whole lines of the cache is read from where they begin.
TEST_P(StoredProduct, wherever_its_rows_begin_in_a_line_of_the_cache) {
  for (const std::int64_t columns : {16, 32, 64, 800}) {
    const RandomMatrix w(GetParam(), 37, columns_for(GetParam(), columns));
    const auto size = static_cast<std::size_t>(w.view().bytes());
    std::vector<std::byte> room(size + 128);
    const std::size_t line = 64 - reinterpret_cast<std::uintptr_t>(room.data()) % 64;
    for (const std::size_t place : {0, 1, 2, 28, 32, 60, 62}) {
      View view = w.view();
      std::memcpy(room.data() + line + place, view.data, size);
      view.data = room.data() + line + place;
      for (const std::int64_t rows : {1, 2, 20}) expect_bits_of_decoded(view, false, rows);
    }
  }
}

TEST_P(StoredProduct, of_the_transposed_matrix_too) {
  for (const std::int64_t in : {1, 45, 300}) {
    const RandomMatrix w(GetParam(), in, columns_for(GetParam(), 790));
    for (const std::int64_t rows : {1, 17}) expect_bits_of_decoded(w.view(), true, rows);
  }
}

TEST_P(StoredProduct, threads_do_not_change_a_bit) {
  const RandomMatrix w(GetParam(), 333, columns_for(GetParam(), 512));
  const auto x = irregular(3 * w.view().columns());
  const int before = threads();
  for (const std::int64_t rows : {1, 3}) {
    set_threads(1);
    const auto one = product(x, rows, stored(w.view()));
    set_threads(3);
    EXPECT_TRUE(same_bits(product(x, rows, stored(w.view())), one));
  }
  set_threads(before);
}

INSTANTIATE_TEST_SUITE_P(types, StoredProduct, ::testing::ValuesIn(stored_types),
                         [](const auto& type) { return std::string(name(type.param)); });

// F64 and Q8_K, which no published model has, are decoded value by value.
TEST(Stored, is_decoded_in_lanes_whatever_the_type) {
  constexpr std::int64_t with_lanes = HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL | HWY_NEON;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (const DType dtype : stored_types) {
      Stored s;
      s.view = {nullptr, dtype, {1, 256}};
      const bool by_value = dtype == DType::f64 || dtype == DType::q8_k || (target & with_lanes) == 0;
      EXPECT_EQ(has_tiles(s), !by_value) << name(dtype) << " on " << hwy::TargetName(target);
      EXPECT_LE(has_dots(s), has_tiles(s)) << name(dtype);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

// One factor for the tensor, for each row, for each block of 128 x 128 (DeepSeek's) and for blocks that are not lines.
TEST(Stored, values_of_eight_bits_have_factors_of_their_blocks) {
  struct Blocks {
    std::int64_t rows, columns;
  };
  for (const DType dtype : {DType::f8_e4m3, DType::f8_e5m2}) {
    const RandomMatrix w(dtype, 300, 790);
    for (const Blocks blocks : {Blocks{300, 790}, Blocks{1, 790}, Blocks{128, 128}, Blocks{7, 5}}) {
      auto s = std::make_shared<Stored>();
      s->view = w.view(), s->out = 300, s->in = 790, s->scale_rows = blocks.rows, s->scale_columns = blocks.columns;
      const std::int64_t down = (300 + blocks.rows - 1) / blocks.rows,
                         across = (790 + blocks.columns - 1) / blocks.columns;
      s->scales = irregular(down * across);
      Tensor scaled = decode(w.view());
      for (std::int64_t i = 0; i < 300; ++i) {
        for (std::int64_t j = 0; j < 790; ++j)
          scaled.data()[i * 790 + j] *=
              s->scales[static_cast<std::size_t>(i / blocks.rows * across + j / blocks.columns)];
      }
      auto turned = std::make_shared<Stored>();
      turned->view = w.view(), turned->out = 790, turned->in = 300, turned->by_inputs = true;
      turned->scales = s->scales, turned->scale_rows = blocks.rows, turned->scale_columns = blocks.columns;
      for (const std::int64_t rows : {1, 2, 340}) {
        const auto x = irregular(rows * 790);
        for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
          hwy::SetSupportedTargetsForTest(target);
          EXPECT_TRUE(same_bits(product(x, rows, Packed(s)), product(x, rows, decoded(scaled.view()))))
              << blocks.rows << " x " << blocks.columns << ", " << rows << " rows on " << hwy::TargetName(target);
          EXPECT_TRUE(same_bits(product(x, rows, Packed(turned)), product(x, rows, decoded(scaled.view(), true))))
              << blocks.rows << " x " << blocks.columns << ", " << rows << " rows on " << hwy::TargetName(target);
        }
        hwy::SetSupportedTargetsForTest(0);
      }
    }
  }
}

TEST(Stored, rows_may_come_in_any_order_and_columns_begin_anywhere) {
  const RandomMatrix w(DType::f32, 90, 100);
  Stored part;
  part.view = w.view(), part.out = 3, part.in = 60, part.first_column = 17;
  part.order = {88, 2, 41};
  const auto x = irregular(2 * part.in);
  const Tensor all = decode(w.view());
  const Packed expected(3, 60, [&](std::int64_t, float* panel) {
    std::vector<float> rows;
    for (const std::int64_t i : {88, 2, 41}) rows.insert(rows.end(), all.row(i).begin() + 17, all.row(i).begin() + 77);
    pack_panel(rows.data(), 60, 3, 60, panel);
  });
  auto shared = std::make_shared<Stored>();
  shared->view = part.view, shared->out = 3, shared->in = 60, shared->first_column = 17, shared->order = part.order;
  for (const std::int64_t rows : {1, 2})
    EXPECT_TRUE(same_bits(product(x, rows, Packed(shared)), product(x, rows, expected)));
}

TEST(Stored, a_part_of_the_outputs_of_a_matrix_by_inputs) {
  const RandomMatrix w(DType::f32, 40, 300);  // three maps of 100 outputs in one tensor
  const Tensor all = decode(w.view());
  for (std::int64_t first = 0; first < 300; first += 100) {
    auto part = std::make_shared<Stored>();
    part->view = w.view(), part->out = 100, part->in = 40, part->by_inputs = true, part->first_column = first;
    const Packed expected(100, 40, [&](std::int64_t p, float* panel) {
      copy_panel(all.data() + first + p * panel_width, 300, 40, std::min(panel_width, 100 - p * panel_width), panel);
    });
    const auto x = irregular(5 * 40);
    for (const std::int64_t rows : {1, 5})
      EXPECT_TRUE(same_bits(product(x, rows, Packed(part)), product(x, rows, expected)));
  }
}

TEST(Stored, damaged_weights_are_named_when_they_are_used) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::q8_0, DType::q4_k, DType::q6_k}) {
    RandomMatrix w(dtype, 70, 512);
    const std::int64_t scale = dtype == DType::q6_k ? 208 : 0;  // where a block has its scale
    std::byte* at = w.bytes() + 41 * w.view().row_bytes() + scale;
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      const std::uint32_t bits = std::bit_cast<std::uint32_t>(bad);
      const std::uint16_t half = std::isnan(bad) ? 0x7e00 : 0x7c00, upper = static_cast<std::uint16_t>(bits >> 16);
      dtype == DType::f32 ? std::memcpy(at, &bits, 4) : std::memcpy(at, dtype == DType::bf16 ? &upper : &half, 2);
      for (const std::int64_t rows : {1, 3}) {
        try {
          product(irregular(rows * 512), rows, stored(w.view()));
          FAIL() << name(dtype) << ": accepted";
        } catch (const Error& e) {
          EXPECT_EQ(e.code(), Code::format);
          EXPECT_NE(std::string(e.what()).find("block 3: up holds NaN or infinite values"), std::string::npos)
              << e.what();
        }
      }
    }
  }
}

TEST(Stored, an_x_that_is_not_finite_is_not_the_weights_fault) {
  const RandomMatrix w(DType::q4_k, 70, 256);
  auto x = irregular(256);
  x[9] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(all_finite(product(x, 1, stored(w.view())).data(), 70));
}

}  // namespace
}  // namespace embscope
