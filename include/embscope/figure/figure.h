// Figure: a picture as a value: a Vega-Lite specification, the same for notebooks, browsers and reports.
// Thread rule: a value.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embscope/model/model.h"
#include "embscope/tensor/table.h"
#include "embscope/tensor/tensor.h"

namespace embscope {

struct Figure {
  std::string name;  ///< for file names: "vectors", "map"
  std::string title;
  std::string spec;  ///< Vega-Lite v6, JSON, data included
};

// One function per figure. The tables are those of the analyses, described in the named headers.
Figure figure_vectors(const Table& vectors);  ///< similarity.h vectors(): lines; with two words also b against a
Figure figure_cosines(const Table& cosines);  ///< matrix of cosines, values written in the cells
Figure figure_similar(const Table& similar, std::string_view word);
Figure figure_pairs(const Table& histogram, double mean, double positive_share);
Figure figure_dimensions(const Table& dimensions);  ///< mean per dimension, stripes marked
Figure figure_predict(const Table& predictions, std::string_view text);
Figure figure_mix(const Table& sweep, std::span<const double> crossings, std::string_view replace,
                  std::string_view with);
/// mix.h LayeredMix: a heatmap of mixture by block, with the p at which each block's answer changes.
Figure figure_mix_layers(const Table& cells, const Table& crossings, std::string_view replace, std::string_view with);
Figure figure_trace(const Table& life, std::string_view own, std::string_view predicted);
/// The kind of a label, for a map's colours: "word" (a leading space), "Word", "piece", "Piece", "digits",
/// "punctuation", "bytes", "special", or the script of its letters ("Cyrillic", "Han", "Arabic", ...).
std::string_view token_kind(std::string_view label);

struct MapStyle {
  std::vector<std::string> kinds;  ///< a class for each point, or
  std::vector<double> values;      ///< a number for each point; both empty: one colour
  std::string colour_title;        ///< "kind", "rank", "norm"
  std::string note;                ///< a second line of the subtitle: the map's quality
  std::size_t added = 0;  ///< the number of points at the end that were added to a finished map; they are highlighted
};

/// projection.h points [N, 2]: circles with names up to 2,000 points; for more, pixels whose intensity is the density,
/// so that the figure stays small. Names are drawn where they do not overlap.
Figure figure_map(const Tensor& points, std::span<const std::string> labels, std::string_view title,
                  const MapStyle& look = {});
Figure figure_toy(const Table& toy);
/// lens.h cells: positions from left to right, blocks from top to bottom with the embedding last, the most likely token
/// in each cell. The colour is its probability, or that of the target if there is one. The last `most` positions are
/// drawn; the subtitle says if there are more.
Figure figure_lens(const Table& cells, std::string_view target = {}, std::size_t most = 32);
/// attention_patterns.h patterns [heads, T, T]: one panel per head, queries as rows, keys as columns. Up to 64 tokens
/// with labels and one mark per cell; for more as pixels, each with the largest value of the cells that it covers.
Figure figure_attention(const Tensor& patterns, std::span<const int> heads, int block,
                        std::span<const std::string> labels);
/// attribution.h parts: what each block's attention and MLP add, as bars, over the heads of each block.
Figure figure_attribution(const Table& parts, std::string_view title, std::string_view subtitle);
Figure figure_intervention(const Table& changes,
                           std::string_view what);  ///< intervention.h: probabilities before and after
/// patching.h: a heatmap of blocks x positions for each site, and one of blocks x heads.
Figure figure_patch(const Table& grid, const Table& heads, std::string_view target, std::string_view against);
/// patching.h agreement: one dot per patch, the estimate against the real patch.
Figure figure_patch_agreement(const Table& patches, const Table& sites, std::string_view target,
                              std::string_view against);
/// attribution.h attribute_by_gradient: blocks x positions for each site, and blocks x heads for sites with heads.
Figure figure_gradient(const Table& parts, std::string_view title, std::string_view subtitle);
Figure figure_steer(const Table& runs, std::string_view site);  ///< steering.h: probabilities by strength
/// training_run.h: training and held-out loss by step; for several runs the logs one after the other, with a column
/// "seed".
Figure figure_training(const Table& log);
/// Maps of the same tokens from two runs, side by side: columns seed, token, x, y, the first run's rows first. A token
/// has the colour of its position in the first map, so that the second map shows whether neighbours are still
/// neighbours.
Figure figure_seed_maps(const Table& maps);
Figure figure_growth(const Table& shape);  ///< growth.h: norm, cosines, share of positive cosines, by step
/// growth.h: the map with a slider that moves smoothly from step to step; in a page (.html) with a play button, which
/// jumps from step to step if the reader prefers reduced motion. `only`: a still of one step, with the same axes.
Figure figure_growth_map(const Table& map, std::optional<double> only = {});
Figure figure_frequency(const Table& frequency);  ///< growth.h: norm by frequency

/// geometry.h: variance by principal axis and its cumulated sum; lengths; the under-trained tokens among all tokens,
/// with the names of the lowest.
Figure figure_spectrum(const Table& spectrum);
Figure figure_norms(const Table& norms);
Figure figure_hubs(const Table& hubs);  ///< the forty largest
Figure figure_undertrained(const Table& tokens, std::string_view reference);
/// geometry.h layer_geometry: cosines, lengths and rank by layer; the sampling is always stated.
Figure figure_layers(const Table& layers, std::string_view sampling);
/// analogy.h relations: shares by relation and method; words.h pairs and between; compare.h measures, pairs and layers.
Figure figure_analogies(const Table& relations, std::string_view verdict);
Figure figure_judgements(const Table& pairs, double spearman);
Figure figure_categories(const Table& between);
Figure figure_compare(const Table& measures, const Table& pairs, std::string_view a, std::string_view b);
Figure figure_layer_similarity(const Table& layers, std::string_view a, std::string_view b);
/// trajectory.h table: the points joined in the order of the pass.
Figure figure_trajectory(const Table& points, std::string_view across, std::string_view up);

/// The entire matrix as a picture: tokens from left to right, dimensions from top to bottom, red for positive and blue
/// for negative values, zero white, the range is the 99th percentile of |value|; each pixel is the mean of the cells
/// that it covers, whose number the picture states; beside it the mean of each dimension.
struct Heatmap {
  std::vector<std::uint8_t> png;
  double range = 0;  ///< the |value| that has the full colour
  double tokens_per_pixel = 1, dimensions_per_pixel = 1;
};
Heatmap heatmap(const Model& model, int pixels_across = 1600);
Figure figure_heatmap(const Heatmap& heatmap, const Table& dimensions, std::int64_t vocab, std::int64_t width,
                      std::string_view model);

/// Saves by extension: .json (the specification), .html (self-contained, opens without a network), .svg and .png (drawn
/// by vl-convert, which scripts/setup installs; if it is missing, Error{unsupported} says how to install it). A file is
/// written completely or not at all.
void save(const Figure& figure, const std::filesystem::path& path);

/// Call it before the work for a figure: throws what `save` would throw for this path, and leaves no file.
void expect_figure(const std::filesystem::path& path);

/// Many figures as .svg files in `folder` with one start of the converter; returns false and writes nothing if it is
/// missing.
bool save_svgs(std::span<const Figure> figures, const std::filesystem::path& folder);

/// One self-contained HTML page of text and figures.
class Report {
 public:
  explicit Report(std::string title, std::string subtitle);
  void section(std::string_view heading);  ///< also a line of the table of contents
  void text(std::string_view html);        ///< a paragraph; the caller escapes everything that is not markup
  void command(std::string_view line);     ///< the command that made the next figures and tables
  void table(const Table& table, std::size_t most_rows = 20);
  void figure(const Figure& figure);
  std::string html() const;

 private:
  std::string title_, subtitle_, body_, contents_, scripts_;
  int figures_ = 0, sections_ = 0;
};

/// Escapes `&<>"'` for HTML.
std::string escape_html(std::string_view text);

}  // namespace embscope
