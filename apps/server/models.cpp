#include "models.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "reply.h"

namespace embscope::server {
namespace {

constexpr std::size_t most_models = 8;
constexpr double most_space_bytes = 2.0 * (1 << 30);

std::string free_name(const std::string& wanted, const std::vector<std::shared_ptr<OpenModel>>& open) {
  const auto taken = [&](const std::string& name) {
    return std::ranges::any_of(open, [&](const auto& one) { return one->name() == name; });
  };
  std::string name = wanted;
  for (int i = 2; taken(name); ++i) name = fmt::format("{}-{}", wanted, i);
  return name;
}

}  // namespace

OpenModel::OpenModel(std::string name, std::string opens, std::shared_ptr<const Model> model)
    : name_(std::move(name)), opens_(std::move(opens)), model_(std::move(model)), transformer_(model_) {}

const Transformer& OpenModel::transformer() const {
  const std::lock_guard warm(warming_);
  return transformer_;
}

void OpenModel::warm_up() const {
  const std::lock_guard warming(warming_);
  Request request;
  request.rows = {{0}};
  transformer_.run(request);
}

MatrixTiles& OpenModel::tiles() {
  std::call_once(tiles_once_, [this] { tiles_ = std::make_unique<MatrixTiles>(model_); });
  return *tiles_;
}

const Space& OpenModel::space() const {
  const double bytes = 4.0 * static_cast<double>(config().vocab) * static_cast<double>(config().width);
  require_memory(bytes, "the embedding matrix", most_space_bytes);
  std::call_once(space_once_, [this] { space_ = std::make_unique<const Space>(space_of(model_)); });
  return *space_;
}

VocabularyMap& OpenModel::map() {
  std::call_once(map_once_, [this] { map_ = std::make_unique<VocabularyMap>(model_); });
  return *map_;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

const OpenModel::Words& OpenModel::words() const {
  std::call_once(words_once_, [this] {
    for (TokenId id = 0; id < tokenizer().size(); ++id) {
      words_.bytes.push_back(tokenizer().bytes(id));
      words_.lower.push_back(lower(words_.bytes.back()));
    }
  });
  return words_;
}

std::shared_ptr<OpenModel> Models::open(const std::string& name_or_path) {
  const std::lock_guard one(opening_);
  const auto model = Model::open(name_or_path);  // only maps the file: cheap enough to see which one it is
  const auto open = all();
  const auto same = std::ranges::find_if(open, [&](const auto& o) { return o->model().path() == model->path(); });
  if (same != open.end()) return *same;
  if (open.size() >= most_models)
    throw Refusal(422, "range", "models", fmt::format("{} are open, which is the maximum", most_models));
  const bool by_path = std::filesystem::exists(name_or_path);
  auto added = std::make_shared<OpenModel>(
      free_name(model->name(), open), by_path ? std::filesystem::absolute(name_or_path).string() : name_or_path, model);
  const std::lock_guard lock(mutex_);
  open_.push_back(added);
  return added;
}

std::shared_ptr<OpenModel> Models::of(const Call& call) const {
  const auto wanted = call.query.find("model");
  if (wanted != call.query.end()) return named(wanted->second);
  const std::lock_guard lock(mutex_);
  return open_.front();
}

std::shared_ptr<OpenModel> Models::named(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& model : open_) {
    if (model->name() == name) return model;
    names.push_back(model->name());
  }
  throw Error(Code::not_found, fmt::format("model '{}'", name),
              fmt::format("is not open; there are: {}", fmt::join(names, ", ")));
}

std::vector<std::shared_ptr<OpenModel>> Models::all() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

}  // namespace embscope::server
