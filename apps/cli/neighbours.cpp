// neighbours: the nearest tokens of every token, as a file.
#include <fmt/format.h>

#include "command.h"
#include "embscope/files/archive.h"
#include "embscope/project/neighbours.h"
#include "embscope/space/space.h"

namespace embscope::cli {
namespace {

struct Options {
  bool all = false, centred = false;
  int k = 10;
  std::string metric = "cosine", to;
};

// ids and values [N, k]: both in one .npz or .safetensors; a .npy holds the ids, and the values go beside it.
void write(const Neighbours& found, const std::string& path, const std::string& value) {
  const std::vector<std::int64_t> ids(found.ids.begin(), found.ids.end());
  const Shape shape{found.count, found.k};
  const NamedArray names{"ids", shape, std::span<const std::int64_t>(ids), DType::f32};
  const NamedArray values{value, shape, std::span<const float>(found.values), DType::f32};
  const std::filesystem::path file(path);
  if (file.extension() != ".npy") return write_arrays(file, std::vector<NamedArray>{names, values});
  write_arrays(file, std::vector<NamedArray>{names});
  std::filesystem::path beside = file;
  beside.replace_filename(fmt::format("{}_{}.npy", file.stem().string(), value));
  write_arrays(beside, std::vector<NamedArray>{values});
  fmt::print(stderr, "ids in {}, {} in {}\n", file.string(), value, beside.string());
}

}  // namespace

void add_neighbours(CLI::App& app) {
  const auto [command, common] =
      without_figure(add_command(app, "neighbours", "The exact nearest tokens of every token",
                                 "neighbours --all -k 10 --metric cosine --to neighbours.npz"));
  auto o = std::make_shared<Options>();
  command->add_flag("--all", o->all, "Search for every token (the default)");
  command->add_option("-k", o->k, "Number of neighbours of each token");
  command->add_option("--metric", o->metric, "Metric: cosine, euclidean or dot");
  command->add_flag("--centred", o->centred, "Remove the mean of all vectors first");
  command
      ->add_option("--to", o->to, "Write all neighbours to FILE.npz, .npy or .safetensors: ids and values [tokens, k]")
      ->check(takes_arrays);
  command->callback([common, o] {
    const Metric metric = metric_named(o->metric);
    const Space space = common->space();
    const Neighbours found = nearest_neighbours(space.vectors, {o->k, metric, o->centred, true}, progress_line());
    remark(left_out_note(space, found.left_out));
    if (!o->to.empty())
      write(found, o->to, metric == Metric::euclidean ? "distances" : metric == Metric::dot ? "products" : "cosines");
    // Printed: the nearest of each, the most similar pairs first
    std::vector<std::int64_t> order;
    for (std::int64_t i = 0; i < found.count; ++i)
      if (found.ids_of(i)[0] >= 0) order.push_back(i);
    const std::size_t answered = order.size();
    const bool small_is_near = metric == Metric::euclidean;
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
      const float x = found.values_of(a)[0], y = found.values_of(b)[0];
      return small_is_near ? x < y : x > y;
    });
    if (!common->json && !common->csv) order.resize(std::min<std::size_t>(20, order.size()));
    std::vector<double> id, other, value;
    std::vector<std::string> token, name_of_other;
    for (std::int64_t i : order) {
      const std::int32_t j = found.ids_of(i)[0];
      id.push_back(static_cast<double>(i)), other.push_back(j),
          value.push_back(static_cast<double>(found.values_of(i)[0]));
      token.push_back(space.labels[static_cast<std::size_t>(i)]),
          name_of_other.push_back(space.labels[static_cast<std::size_t>(j)]);
    }
    Table table(fmt::format("nearest of each of {} tokens by {}{}", answered, o->metric,
                            o->centred ? ", the mean removed" : ""));
    table.add("id", id, whole)
        .add("token", token)
        .add("nearest", name_of_other)
        .add("nearest_id", other, whole)
        .add(o->metric, value, 5);
    std::vector<std::string> notes = {
        fmt::format("exact: fp32 left {} of {} rows undecided, which were searched again in double",
                    found.searched_again, found.count)};
    if (order.size() < answered)
      notes.push_back(fmt::format(
          "the {} most similar of {}; --json or --csv prints all, --to FILE writes all {} neighbours of each",
          order.size(), answered, found.k));
    print(*common, table, notes);
  });
}

}  // namespace embscope::cli
