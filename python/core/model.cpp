// Opening, tokens, embedding rows, the forward pass with captures, edits and hooks.
#include <algorithm>
#include <map>
#include <mutex>

#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "embscope/catalogue/read.h"

namespace embscope::python {

const Transformer& Opened::ready() const { return *transformer(); }

std::shared_ptr<const Transformer> Opened::transformer() const {
  const std::lock_guard lock(once);
  if (!made) made = std::make_shared<const Transformer>(model);
  return made;
}

std::shared_ptr<const Space> Opened::space() const {
  const std::lock_guard lock(once);
  if (!matrix) matrix = std::make_shared<const Space>(space_of(model));
  return matrix;
}

namespace {

nb::bytes bytes_of(const std::string& text) { return nb::bytes(text.data(), text.size()); }

std::shared_ptr<Opened> load(const std::string& name, bool bos) {
  return work([name, bos](const Caller&) {
    auto opened = std::make_shared<Opened>();
    opened->model = Model::open(name, bos);
    return opened;
  });
}

nb::dict config_of(const Opened& m) {
  const Config& c = m.model->config();
  nb::dict d;
  d["family"] = c.family;
  d["vocab"] = c.vocab;
  d["width"] = c.width;
  d["blocks"] = c.blocks;
  d["heads"] = c.heads;
  d["kv_heads"] = c.kv_heads;
  d["head_width"] = c.head_width;
  d["mlp_width"] = c.mlp_width;
  d["context"] = c.context;
  d["tied"] = c.tied;
  d["bos"] = c.bos;
  d["eos"] = c.eos;
  return d;
}

nb::list sites_of(const Opened& m) {
  nb::list out;
  for (const SiteInfo& site : sites(m.model->config())) {
    nb::dict d;
    d["site"] = site.name;
    d["shape"] = site.shape;
    d["transformer_lens"] = site.transformer_lens;
    d["hugging_face"] = site.hugging_face;
    d["gguf"] = site.gguf;
    out.append(d);
  }
  return out;
}

nb::tuple tokens_of(const Opened& m, const std::string& text, bool special, bool bos) {
  const Tokenizer& tokenizer = m.model->tokenizer();
  const Tokens tokens = bos ? tokenizer.with_bos(text, special) : tokenizer.encode(text, special);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  std::vector<std::string> labels;
  for (const ByteRange& range : tokens.ranges) ranges.emplace_back(range.begin, range.end);
  for (const TokenId id : tokens.ids) labels.push_back(tokenizer.label(id));
  return nb::make_tuple(tokens.ids, ranges, labels);
}

Tensor wte_of(const std::shared_ptr<const Model>& model) {
  const Matrix& wte = model->weights().wte;
  if (wte.view.dtype == DType::f32 && wte.first == 0) {
    // Only read: the array made of it cannot be written.
    return Tensor::borrowed({wte.out, wte.in}, const_cast<float*>(wte.view.floats()), model);
  }
  Tensor values = Tensor::uninitialised({wte.out, wte.in});
  for (std::int64_t i = 0; i < wte.out; ++i) wte.row(i, values.row(i).data());
  return values;
}

/// The embedding matrix: the file's own memory where that holds fp32, else decoded once.
nb::object wte_array(const std::shared_ptr<Opened>& m) {
  {
    const std::lock_guard lock(m->once);
    if (!m->wte) m->wte = std::make_shared<Tensor>(wte_of(m->model));
  }
  return array_over(m->wte->data(), m->wte->shape(), nb::cast(m));
}

Tensor rows_of(const Opened& m, const std::vector<TokenId>& ids) {
  Tensor out = Tensor::uninitialised({static_cast<std::int64_t>(ids.size()), m.model->config().width});
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::ranges::copy(m.model->embedding(ids[i]).values(), out.row(static_cast<std::int64_t>(i)).begin());
  }
  return out;
}

// A hook is called for each row of a batch with the engine's own memory. NumPy cannot be told when that memory is gone,
// so an array that somebody kept is an error, told at once rather than as a crash later.
void call_hook(const nb::callable& function, const std::string& site, std::size_t row, const SiteValues::Row& values) {
  const nb::object array = lent_array(values.values, values.shape);
  nb::object given = function(array, nb::str(site.c_str()), row, values.first_position);
  if (!given.is_none() && !given.is(array)) copy_to(given, values.shape, values.values, "hook at " + site);
  given.reset();
  if (Py_REFCNT(array.ptr()) > 1) {
    throw Error(Code::usage, "hook at " + site,
                "the array it was given is the engine's own memory and was kept: keep x.copy()");
  }
}

struct HookCall {
  Site site;
  std::size_t function;
};

LogitsAt logits_at(const std::string& name) {
  if (name == "last") return LogitsAt::last;
  if (name == "all") return LogitsAt::all;
  if (name == "none") return LogitsAt::none;
  throw Error(Code::usage, "logits", "'" + name + "': choose 'last', 'all' or None");
}

Prompt prompt_of(const Model& model, const std::vector<TokenId>& ids, const std::string& text) {
  if (!text.empty()) return make_prompt(model.tokenizer(), text);
  Prompt prompt;
  prompt.tokens.ids = ids;
  prompt.tokens.ranges.resize(ids.size());
  return prompt;
}

/// `row` -1: a run of one row.
void add_edits(std::vector<Edit>& out, std::vector<Edit> edits, int row) {
  for (Edit& edit : edits) {
    if (row >= 0 && !edit.rows.empty() && std::ranges::find(edit.rows, row) == edit.rows.end()) continue;
    if (row >= 0) edit.rows = {row};
    out.push_back(std::move(edit));
  }
}

/// (site, values as the hook sees them) of every row; see `Model.run` in model.py.
nb::tuple run(const std::shared_ptr<Opened>& m, std::vector<std::vector<TokenId>> rows,
              const std::vector<std::string>& texts, const std::vector<std::string>& capture, const nb::list& edits,
              const std::string& logits, std::vector<TokenId> of, const nb::list& hooks, const Maybe& progress) {
  Request request;
  request.rows = std::move(rows);
  request.logits = logits_at(logits);
  request.tokens = std::move(of);
  const Config& config = m->model->config();
  for (const std::string& pattern : capture)
    std::ranges::copy(parse_sites(pattern, config), std::back_inserter(request.capture));
  const bool edited = nb::len(edits) > 0;
  const Value given = value_of("edits", edits);
  std::vector<HookCall> calls;
  std::vector<nb::callable> functions;
  for (nb::handle hook : hooks) {
    const auto pair = nb::cast<nb::tuple>(hook);
    for (const Site& site : parse_sites(nb::cast<std::string>(pair[0]), config))
      calls.push_back({site, functions.size()});
    functions.push_back(nb::cast<nb::callable>(pair[1]));
  }
  std::vector<std::string> names;
  for (const Site& site : request.capture) names.push_back(site.name());
  const std::vector<nb::callable>* mine = &functions;  // stays with this thread, which calls them
  Result result = work(
      [m, request = std::move(request), edited, given, texts, calls, mine](const Caller& caller) mutable {
        for (std::size_t r = 0; edited && r < request.rows.size(); ++r) {
          const Prompt prompt = prompt_of(*m->model, request.rows[r], texts[r]);
          add_edits(request.edits, read_edits(*subject_of(m), given, prompt),
                    request.rows.size() == 1 ? -1 : static_cast<int>(r));
        }
        Hooks listening;
        for (const HookCall& call : calls) {
          listening.write(call.site, [&caller, call, mine](SiteValues& seen) {
            caller.ask([&] {
              for (std::size_t r = 0; r < seen.rows.size(); ++r)
                call_hook((*mine)[call.function], seen.site.name(), r, seen.rows[r]);
            });
          });
        }
        request.hooks = calls.empty() ? nullptr : &listening;
        request.progress = caller.progress();
        return m->ready().run(request);
      },
      progress);
  nb::list out;
  for (RowResult& row : result.rows) {
    nb::dict arrays;
    for (std::size_t i = 0; i < names.size(); ++i) arrays[names[i].c_str()] = array_of(std::move(row.captured[i]));
    out.append(nb::make_tuple(arrays, row.logits.empty() ? nb::none() : array_of(std::move(row.logits))));
  }
  return nb::make_tuple(out, cost_of(result.cost));
}

nb::object unembed(const std::shared_ptr<Opened>& m, nb::handle residual) {
  Tensor vectors = tensor_of(residual, "unembed", 2);
  auto shared = std::make_shared<Tensor>(std::move(vectors));
  return array_of(work([m, shared](const Caller&) { return m->ready().unembed(*shared); }));
}

}  // namespace

nb::dict cost_of(const Cost& cost) {
  nb::dict d;
  d["asked"] = cost.asked;
  d["computed"] = cost.computed;
  d["logit_rows"] = cost.logit_rows;
  return d;
}

void bind_model(nb::module_& m) {
  nb::class_<Opened>(m, "Opened", "A model that is open: what embscope.Model stands on.")
      .def_prop_ro("name", [](const Opened& o) { return o.model->name(); })
      .def_prop_ro("path", [](const Opened& o) { return o.model->path().string(); })
      .def_prop_ro("files",
                   [](const Opened& o) {
                     std::vector<std::string> out;
                     for (const auto& archive : o.model->archives())
                       for (const auto& file : archive->files()) out.push_back(file.string());
                     return out;
                   })
      .def_prop_ro("config", config_of)
      .def_prop_ro("sites", sites_of)
      .def("tokens", tokens_of)
      .def("decode",
           [](const Opened& o, const std::vector<TokenId>& ids) { return bytes_of(o.model->tokenizer().decode(ids)); })
      .def("label", [](const Opened& o, TokenId id) { return o.model->label(id); })
      .def("labels",
           [](const Opened& o) {
             std::vector<std::string> out;
             for (std::int64_t id = 0; id < o.model->config().vocab; ++id)
               out.push_back(o.model->label(static_cast<TokenId>(id)));
             return out;
           })
      .def("word", [](const Opened& o, const std::string& word) { return token_named(*o.model, word).id; })
      .def("site", [](const Opened& o, const std::string& name) { return parse_site(name, o.model->config()).name(); })
      .def("expand",
           [](const Opened& o, const std::string& pattern) {
             std::vector<std::string> out;
             for (const Site& site : parse_sites(pattern, o.model->config())) out.push_back(site.name());
             return out;
           })
      .def("rows", [](const Opened& o, const std::vector<TokenId>& ids) { return array_of(rows_of(o, ids)); })
      .def("vector",
           [](const std::shared_ptr<Opened>& o, const std::string& text, const std::string& site, int position) {
             const Site at = parse_site(site, o->model->config());
             std::vector<float> v = work([=](const Caller&) {
               return parse_vector(text, o->ready(), at, position, {.files = Files::allowed});
             });
             return array_of(Tensor::of({static_cast<std::int64_t>(v.size())}, v));
           })
      .def("unembed", unembed)
      .def("run", run);
  m.def("wte", wte_array);
  m.def("load", load, nb::arg("name"), nb::arg("bos") = true);
  nb::class_<PatternEdit>(m, "Edit");
  m.def("edit", [](const std::string& site, const std::string& change, const Maybe& vector, float amount,
                   std::vector<int> positions, std::vector<int> heads, std::vector<int> rows,
                   std::vector<int> dimensions, float low, float high, std::uint64_t seed) {
    PatternEdit out{.sites = site, .edit = {}};
    out.edit = {.site = {},
                .change = change_named(change),
                .rows = std::move(rows),
                .positions = std::move(positions),
                .heads = std::move(heads),
                .vector = {},
                .amount = amount,
                .dimensions = std::move(dimensions),
                .low = low,
                .high = high,
                .seed = seed};
    if (vector) {
      const Tensor values = tensor_of(*vector, "Edit at " + site);
      out.edit.vector.assign(values.values().begin(), values.values().end());
    }
    return out;
  });
}

}  // namespace embscope::python
