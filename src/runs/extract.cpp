#include "embscope/runs/extract.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>

#include <fmt/format.h>

#include "base/digest.h"
#include "files/safetensors_writer.h"
#include "forward/plan.h"
#include "runs/corpus.h"
#include "runs/extraction.h"

namespace embscope {
namespace {

// SHA-256 of the length and the first and last MiB: distinguishes files without reading large ones completely.
std::string fingerprint(std::string_view bytes) {
  constexpr std::size_t most = 1 << 20;
  const std::size_t head = std::min(most, bytes.size());
  const std::string all = fmt::format("{}:", bytes.size()) + std::string(bytes.substr(0, head)) +
                          std::string(bytes.substr(std::max(head, bytes.size() - std::min(most, bytes.size()))));
  return Digest(Digest::Kind::sha256).add(all).hex().substr(0, 32);
}

std::vector<Site> sites_of(const ExtractRequest& request, const Config& config) {
  std::vector<Site> sites;
  for (const std::string& text : request.sites) {
    for (const Site& site : parse_sites(text, config)) {
      if (is_attention_map(site.point))
        throw Error(Code::usage, "site " + site.name(),
                    "has a value for each pair of positions, no vector for each: extract takes sites with vectors");
      if (std::ranges::find(sites, site) == sites.end()) sites.push_back(site);
    }
  }
  if (sites.empty()) throw Error(Code::usage, "extract", "no site: say which activations to keep");
  return sites;
}

void check(const ExtractRequest& r) {
  if (r.dtype != DType::f32 && r.dtype != DType::f16 && r.dtype != DType::bf16)
    throw Error(Code::usage, "extract", fmt::format("{} is not written: F32, F16 and BF16 are", name(r.dtype)));
  if (r.shards < 1 || r.shard < 0 || r.shard >= r.shards)
    throw Error(Code::range, "extract",
                fmt::format("shard {}/{}: there are shards 0 to {}", r.shard, r.shards, r.shards - 1));
  if (r.part_tokens < 1 || r.batch_tokens < 1)
    throw Error(Code::range, "extract", "a part and a batch hold at least one token");
}

// One window: tokens that are run as a text, and their position in their document.
struct Window {
  std::int64_t document = 0;
  std::vector<TokenId> ids;
  std::vector<ByteRange> ranges;
};

// Splits documents into windows, starting at a place, in order.
class Windows {
 public:
  Windows(const Corpus& corpus, const Tokenizer& tokenizer, const ExtractRequest& request, std::int64_t context,
          ExtractPlace from)
      : corpus_(corpus), tokenizer_(tokenizer), request_(request), context_(context), place_(from) {
    if (from.window > 0) fetch();
  }

  /// The beginning of the window that `next` returns.
  ExtractPlace place() const { return place_; }

  std::optional<Window> next() {
    if (place_.window == 0 && !fetch()) return std::nullopt;
    const std::size_t bos = bos_.has_value(), most = static_cast<std::size_t>(context_) - bos;
    const std::size_t begin = static_cast<std::size_t>(place_.window) * most;
    const std::size_t end = std::min(begin + most, tokens_.size());
    Window window{document_->place.line, {}, {}};
    if (bos_)
      window.ids.push_back(*bos_), window.ranges.push_back({tokens_.ranges[begin].begin, tokens_.ranges[begin].begin});
    const auto at = [](auto& list, std::size_t i) { return list.begin() + static_cast<std::ptrdiff_t>(i); };
    window.ids.insert(window.ids.end(), at(tokens_.ids, begin), at(tokens_.ids, end));
    window.ranges.insert(window.ranges.end(), at(tokens_.ranges, begin), at(tokens_.ranges, end));
    if (end == tokens_.size())
      place_ = {document_->next.line, document_->next.byte, 0};
    else
      ++place_.window;
    return window;
  }

 private:
  bool fetch() {
    document_ = corpus_.next({place_.line, place_.byte}, request_.shard, request_.shards);
    if (!document_) return false;
    place_.line = document_->place.line, place_.byte = document_->place.byte;
    tokens_ = tokenizer_.with_bos(document_->text);
    bos_.reset();
    if (tokens_.ranges[0].begin == tokens_.ranges[0].end) {  // added by with_bos: every window gets it
      bos_ = tokens_.ids[0];
      tokens_.ids.erase(tokens_.ids.begin()), tokens_.ranges.erase(tokens_.ranges.begin());
    }
    if (context_ < 2 && bos_) throw Error(Code::unsupported, "extract", "the model's context has no room for a token");
    return true;
  }

  const Corpus& corpus_;
  const Tokenizer& tokenizer_;
  const ExtractRequest& request_;
  std::int64_t context_;
  ExtractPlace place_;
  std::optional<Corpus::Document> document_;
  Tokens tokens_;
  std::optional<TokenId> bos_;
};

std::int64_t tokens_in(std::span<const Window> windows) {
  std::int64_t count = 0;
  for (const Window& w : windows) count += static_cast<std::int64_t>(w.ids.size());
  return count;
}

class Extractor {
 public:
  Extractor(const Transformer& transformer, const ExtractRequest& request)
      : transformer_(transformer),
        request_(request),
        corpus_(request.corpus, request.field, request.keep_invalid),
        sites_(sites_of(request, transformer.config())) {
    check(request);
  }

  ExtractResult run(const Progress& progress);
  ExtractEstimate estimate(bool run);

 private:
  boost::json::object description() const;
  std::vector<Window> next_part(Windows& windows) const;
  std::vector<SafetensorsWriter::Array> arrays(std::int64_t tokens) const;
  void write_part(std::span<const Window> windows, SafetensorsWriter& file,
                  const std::function<void(std::int64_t)>& done);
  void write_places(std::span<const Window> windows, SafetensorsWriter& file) const;
  Result run_batch(std::span<const Window> windows) const;
  Windows windows_from(ExtractPlace place) const {
    return {corpus_, transformer_.model().tokenizer(), request_, transformer_.config().context, place};
  }
  std::int64_t token_bytes() const;

  const Transformer& transformer_;
  const ExtractRequest& request_;
  Corpus corpus_;
  std::vector<Site> sites_;
  Cost cost_;
};

// Everything that determines the content of the parts. The number of the shard is in the names of its files.
boost::json::object Extractor::description() const {
  boost::json::array names, files;
  for (const Site& site : sites_) names.push_back(boost::json::string(site.name()));
  for (const auto& archive : transformer_.model().archives()) {
    for (const auto& file : archive->files())
      files.push_back(boost::json::string(fingerprint(MappedFile(file).text())));
  }
  const Model& model = transformer_.model();
  return {{"format", "embscope extraction 1"},
          {"corpus", fingerprint(corpus_.bytes())},
          {"field", request_.field},
          {"keep_invalid", request_.keep_invalid},
          {"model", model.name()},
          {"model_files", std::move(files)},
          {"sites", std::move(names)},
          {"dtype", std::string(name(request_.dtype))},
          {"part_tokens", request_.part_tokens},
          {"shards", request_.shards}};
}

std::vector<Window> Extractor::next_part(Windows& windows) const {
  std::vector<Window> part;
  for (std::int64_t tokens = 0; tokens < request_.part_tokens;) {
    std::optional<Window> window = windows.next();
    if (!window) break;
    tokens += static_cast<std::int64_t>(window->ids.size());
    part.push_back(std::move(*window));
  }
  return part;
}

std::vector<SafetensorsWriter::Array> Extractor::arrays(std::int64_t tokens) const {
  std::vector<SafetensorsWriter::Array> list;
  for (const Site& site : sites_) {
    const SiteShape shape = site_shape(site, transformer_.config());
    list.push_back({site.name(), request_.dtype,
                    shape.has_heads ? Shape{tokens, shape.heads, shape.width} : Shape{tokens, shape.width}});
  }
  for (const char* name : {"token_ids", "document", "position", "begin", "end"})
    list.push_back({name, DType::i64, {tokens}});
  return list;
}

void Extractor::write_places(std::span<const Window> windows, SafetensorsWriter& file) const {
  std::vector<std::int64_t> columns[5];
  for (const Window& w : windows) {
    for (std::size_t t = 0; t < w.ids.size(); ++t) {
      const std::int64_t row[] = {w.ids[t], w.document, static_cast<std::int64_t>(t),
                                  static_cast<std::int64_t>(w.ranges[t].begin),
                                  static_cast<std::int64_t>(w.ranges[t].end)};
      for (std::size_t c = 0; c < 5; ++c) columns[c].push_back(row[c]);
    }
  }
  for (std::size_t c = 0; c < 5; ++c) file.write(sites_.size() + c, 0, std::span<const std::int64_t>(columns[c]));
}

// Texts of any lengths in one batch; common beginnings are computed once, and nothing after the deepest site is
// computed.
Result Extractor::run_batch(std::span<const Window> windows) const {
  Request request;
  for (const Window& w : windows) request.rows.push_back(w.ids);
  request.capture = sites_;
  request.logits = LogitsAt::none;
  return transformer_.run(request);
}

void Extractor::write_part(std::span<const Window> windows, SafetensorsWriter& file,
                           const std::function<void(std::int64_t)>& done) {
  std::int64_t row = 0;
  for (std::size_t first = 0; first < windows.size();) {
    std::size_t last = first;
    std::int64_t tokens = 0;
    do tokens += static_cast<std::int64_t>(windows[last++].ids.size());
    while (last < windows.size() &&
           tokens + static_cast<std::int64_t>(windows[last].ids.size()) <= request_.batch_tokens);
    const auto batch = windows.subspan(first, last - first);
    const Result result = run_batch(batch);
    for (std::size_t r = 0; r < batch.size(); ++r) {
      for (std::size_t s = 0; s < sites_.size(); ++s)
        file.write(s, row, result.rows[r].captured[s].values(), fmt::format("line {}", batch[r].document + 1));
      row += static_cast<std::int64_t>(batch[r].ids.size());
    }
    cost_ += result.cost;
    done(row);
    first = last;
  }
  write_places(windows, file);
}

ExtractResult Extractor::run(const Progress& progress) {
  Extraction folder(request_, description());
  if (!folder.begun()) {
    corpus_.check(progress);
    folder.begin();
  }
  ExtractResult result;
  for (const ExtractPart& part : folder.parts()) result.tokens_before += part.tokens;
  Windows windows = windows_from(folder.next());
  const auto start = static_cast<double>(folder.next().byte), whole = static_cast<double>(corpus_.size());
  while (!folder.complete()) {
    const auto from = static_cast<double>(windows.place().byte);
    const std::vector<Window> part = next_part(windows);
    if (part.empty()) {
      folder.complete_it();
      break;
    }
    const std::int64_t tokens = tokens_in(part);
    std::filesystem::path path = folder.next_path();
    SafetensorsWriter file(path, arrays(tokens));
    const auto to = static_cast<double>(windows.place().byte);
    write_part(part, file, [&](std::int64_t row) {
      const double at = from + (to - from) * static_cast<double>(row) / static_cast<double>(tokens);
      report(progress, std::min(1.0, (at - start) / std::max(1.0, whole - start)),
             fmt::format("part {}", folder.parts().size()));
    });
    file.commit();
    ExtractPart finished{path.filename().string(), tokens, 0, file.bytes(), windows.place()};
    for (const Window& w : part) finished.documents += w.ranges.front().begin == 0;
    folder.add(std::move(finished));
  }
  report(progress, 1, "done");
  for (const ExtractPart& part : folder.parts())
    result.tokens += part.tokens, result.documents += part.documents, result.bytes += part.bytes;
  result.parts = static_cast<std::int64_t>(folder.parts().size());
  result.sites = sites_, result.cost = cost_;
  return result;
}

std::int64_t Extractor::token_bytes() const {
  std::int64_t bytes = 0;
  for (const SafetensorsWriter::Array& a : arrays(1)) bytes += a.shape.elements() * block_bytes(a.dtype);
  return bytes;
}

ExtractEstimate Extractor::estimate(bool run) {
  constexpr std::int64_t sampled_tokens = 32768, timed_tokens = 256;
  Windows windows = windows_from({});
  std::vector<Window> sample, timed;
  std::int64_t tokens = 0;
  while (tokens < sampled_tokens) {
    std::optional<Window> window = windows.next();
    if (!window) break;
    tokens += static_cast<std::int64_t>(window->ids.size());
    if (tokens_in(timed) < timed_tokens) timed.push_back(*window);
  }
  ExtractEstimate estimate;
  const double read = std::max<double>(1, static_cast<double>(windows.place().byte));
  estimate.tokens = static_cast<double>(tokens) * std::max(1.0, static_cast<double>(corpus_.size()) / read);
  estimate.bytes = estimate.tokens * static_cast<double>(token_bytes());
  std::error_code error;
  std::filesystem::path disk = std::filesystem::absolute(request_.folder);
  while (!std::filesystem::exists(disk, error) && disk.has_relative_path()) disk = disk.parent_path();
  const auto space = std::filesystem::space(disk, error);
  estimate.bytes_free = error ? 0 : static_cast<double>(space.available);
  if (!run || timed.empty()) return estimate;
  run_batch({timed.data(), 1});  // packs the weights
  const auto begin = std::chrono::steady_clock::now();
  run_batch(timed);
  estimate.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() * estimate.tokens /
                     static_cast<double>(tokens_in(timed));
  return estimate;
}

}  // namespace

ExtractResult extract(const Transformer& transformer, const ExtractRequest& request, const Progress& progress) {
  return Extractor(transformer, request).run(progress);
}

ExtractEstimate estimate_extract(const Transformer& transformer, const ExtractRequest& request, bool run) {
  return Extractor(transformer, request).estimate(run);
}

}  // namespace embscope
