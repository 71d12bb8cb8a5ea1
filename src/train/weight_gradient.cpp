#include "train/weight_gradient.h"

#include <algorithm>

#include "base/threads.h"
#include "kernels/backward.h"
#include "kernels/gemm.h"

namespace embscope {
namespace {

// A piece: 140 inputs (ten tiles of 14 rows) by 128 outputs, over 384 positions at a time.
constexpr std::int64_t piece_in = 140, piece_out = 128, block_positions = 384;

struct Piece {
  const WeightGradient* map;
  std::int64_t in, out;  // where it begins
};

void run(const Piece& piece) {
  thread_local std::vector<float> panels;
  const WeightGradient& m = *piece.map;
  const std::int64_t ins = std::min(piece_in, m.in - piece.in), outs = std::min(piece_out, m.out - piece.out);
  for (std::int64_t n = 0; n < m.positions; n += block_positions) {
    const std::int64_t count = std::min(block_positions, m.positions - n), stride = count * panel_width;
    const float* dy = m.dy + n * m.dy_stride + piece.out;
    panels.resize(static_cast<std::size_t>((outs + panel_width - 1) / panel_width * stride));
    for (std::int64_t c = 0; c < outs; c += panel_width) {
      copy_panel(dy + c, m.dy_stride, count, std::min(panel_width, outs - c), panels.data() + c / panel_width * stride);
    }
    const bool add = m.add || n > 0;
    gemm_transposed(m.x + n * m.x_stride + piece.in, m.x_stride, ins, panels.data(), stride, count,
                    m.dw + piece.in * m.out + piece.out, m.out, outs, add);
    if (piece.in == 0 && m.dbias != nullptr) sum_rows(dy, m.dy_stride, count, outs, m.dbias + piece.out, add);
  }
}

}  // namespace

void weight_gradients(const std::vector<WeightGradient>& maps) {
  std::vector<Piece> pieces;
  for (const WeightGradient& m : maps) {
    for (std::int64_t out = 0; out < m.out; out += piece_out) {
      for (std::int64_t in = 0; in < m.in; in += piece_in) pieces.push_back({&m, in, out});
    }
  }
  parallel_for(static_cast<std::int64_t>(pieces.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) run(pieces[static_cast<std::size_t>(i)]);
  });
}

}  // namespace embscope
