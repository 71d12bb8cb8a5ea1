// What fills folders: the training of a small model, and the extraction of a corpus.
#include <map>

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "embscope/figure/figure.h"
#include "embscope/files/archive.h"
#include "embscope/runs/extract.h"
#include "embscope/train/training_run.h"
#include "embscope/train/vocabulary.h"
#include "embscope/vocabulary/growth.h"

namespace embscope::python {
namespace {

using Shared = std::shared_ptr<Opened>;
using Path = std::filesystem::path;
using Words = std::vector<std::string>;

/// A run's steps as progress: the held-out loss where there is one, as far as it has come.
TrainingWatch watch_of(const Caller& caller) {
  return {.on_step =
              [progress = caller.progress()](const TrainingStep& s) {
                const std::string what = "step " + std::to_string(s.step) + " of " + std::to_string(s.steps) +
                                         ", loss " + std::to_string(s.loss);
                return progress(static_cast<double>(s.step) / static_cast<double>(s.steps), what);
              },
          .on_checkpoint = {}};
}

void bind_request(nb::module_& m) {
  using R = TrainingRequest;
  nb::class_<R>(m, "TrainingRequest", "What embscope.train fills in; each field has the engine's own default.")
      .def(nb::init<>())
      .def_rw("out", &R::out)
      .def_rw("text", &R::text)
      .def_rw("source", &R::from)
      .def_rw("tokens", &R::tokens)
      .def_rw("layers", &R::layers)
      .def_rw("heads", &R::heads)
      .def_rw("width", &R::width)
      .def_rw("context", &R::context)
      .def_rw("steps", &R::steps)
      .def_rw("batch", &R::batch)
      .def_rw("accumulate", &R::accumulate)
      .def_rw("seed", &R::seed)
      .def_rw("rate", &R::rate)
      .def_rw("least_rate", &R::least_rate)
      .def_rw("warmup", &R::warmup)
      .def_rw("dropout", &R::dropout)
      .def_rw("held_out", &R::held_out)
      .def_rw("evaluate", &R::evaluate)
      .def_rw("checkpoint", &R::checkpoint)
      .def_rw("snapshot", &R::snapshot)
      .def_prop_rw(
          "decay", [](const R& r) { return r.adam.decay; }, [](R& r, double value) { r.adam.decay = value; })
      .def_prop_rw(
          "clip", [](const R& r) { return r.adam.clip; }, [](R& r, double value) { r.adam.clip = value; });
}

std::size_t train_tokenizer(const std::string& text, std::int64_t size, const Path& folder, const Maybe& progress) {
  return work(
      [=](const Caller& caller) {
        make_folder(folder);
        const TokenizerSpec spec = bpe_vocabulary(text, size, caller.progress());
        write_file(folder / "tokenizer.json", tokenizer_json(spec));
        return spec.tokens.size();
      },
      progress);
}

nb::dict growth_of(const Path& run, const Words& words, int k, std::int64_t mapped, const std::string& method,
                   std::uint64_t seed, const Maybe& progress) {
  Growth found = work(
      [=](const Caller& caller) {
        return growth({.run = run, .words = words, .neighbours = k, .mapped = mapped, .method = method, .seed = seed},
                      caller.progress());
      },
      progress);
  nb::dict d;
  d["shape"] = std::move(found.shape);
  d["neighbours"] = std::move(found.neighbours);
  d["frequency"] = std::move(found.frequency);
  d["map"] = std::move(found.map);
  return d;
}

DType dtype_named(const std::string& name) {
  static const std::map<std::string, DType> types = {{"fp32", DType::f32}, {"fp16", DType::f16}, {"bf16", DType::bf16}};
  const auto found = types.find(name);
  if (found == types.end()) throw Error(Code::usage, "dtype", "'" + name + "': choose fp32, fp16 or bf16");
  return found->second;
}

nb::dict extract_of(const Shared& m, const Path& corpus, const Path& folder, const Words& sites,
                    const std::string& dtype, int shard, int shards, std::int64_t part_tokens,
                    std::int64_t batch_tokens, const std::string& field, bool keep_invalid, const Maybe& progress) {
  const ExtractRequest request{.corpus = corpus,
                               .folder = folder,
                               .sites = sites,
                               .dtype = dtype_named(dtype),
                               .shard = shard,
                               .shards = shards,
                               .part_tokens = part_tokens,
                               .batch_tokens = batch_tokens,
                               .field = field,
                               .keep_invalid = keep_invalid};
  const ExtractResult found =
      work([=](const Caller& caller) { return extract(m->ready(), request, caller.progress()); }, progress);
  nb::dict d;
  d["documents"] = found.documents;
  d["tokens"] = found.tokens;
  d["parts"] = found.parts;
  d["tokens_before"] = found.tokens_before;
  d["bytes"] = found.bytes;
  return d;
}

}  // namespace

void bind_folders(nb::module_& m) {
  bind_request(m);
  m.def("train", [](const TrainingRequest& request, const Maybe& progress) {
    return work([=](const Caller& caller) { return train(request, watch_of(caller)); }, progress);
  });
  m.def("resume_training", [](const Path& out, const Maybe& progress) {
    return work([=](const Caller& caller) { return resume_training(out, watch_of(caller)); }, progress);
  });
  m.def("train_tokenizer", train_tokenizer);
  m.def("growth", growth_of);
  m.def("extract", extract_of);
  m.def("figure_training", &figure_training);
  m.def("figure_growth", &figure_growth);
  m.def("figure_growth_map", [](const Table& map) { return figure_growth_map(map); });
  m.def("figure_frequency", &figure_frequency);
}

}  // namespace embscope::python
