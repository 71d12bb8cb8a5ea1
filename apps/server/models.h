// Models: the models that are open. Each is opened once, packed once, and shared by every request.
// Thread rule: any number of threads.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http.h"
#include "vocabulary_map.h"

#include "embscope/figure/matrix_tiles.h"
#include "embscope/forward/transformer.h"
#include "embscope/space/space.h"

namespace embscope::server {

class OpenModel {
 public:
  OpenModel(std::string name, std::string opens, std::shared_ptr<const Model> model);

  const std::string& name() const { return name_; }
  const std::string& opens() const {
    return opens_;
  }  ///< the name or path that opens it again with -m, from any folder
  const Model& model() const { return *model_; }
  const Transformer& transformer() const;  ///< waits for a running `warm_up`
  /// Packs the weights once, so that two runs do not pack them at the same time.
  void warm_up() const;
  const Tokenizer& tokenizer() const { return model_->tokenizer(); }
  const Config& config() const { return model_->config(); }
  MatrixTiles& tiles();  ///< made on first use
  /// The embedding matrix, decoded on first use and kept. Throws Refusal{413} for one of more than 2 GiB, what space_of
  /// throws.
  const Space& space() const;
  VocabularyMap& map();  ///< begun on first use

  /// The bytes of every token, and the same in lower case (ASCII); made on first use.
  struct Words {
    std::vector<std::string> bytes, lower;
  };
  const Words& words() const;

 private:
  std::string name_, opens_;
  std::shared_ptr<const Model> model_;
  Transformer transformer_;
  mutable std::mutex warming_;
  std::once_flag tiles_once_;
  std::unique_ptr<MatrixTiles> tiles_;
  std::once_flag map_once_;
  std::unique_ptr<VocabularyMap> map_;
  mutable std::once_flag space_once_;
  mutable std::unique_ptr<const Space> space_;
  mutable std::once_flag words_once_;
  mutable Words words_;
};

std::string lower(std::string_view text);  ///< ASCII letters

class Models {
 public:
  /// Opens a name or path; opening a file twice gives the same model. Throws what Model::open throws, Refusal{422}
  /// beyond 8 models.
  std::shared_ptr<OpenModel> open(const std::string& name_or_path);

  /// The model that the query's `model` names; the first one if it names none. Throws Error{not_found} that lists the
  /// names.
  std::shared_ptr<OpenModel> of(const Call& call) const;
  std::shared_ptr<OpenModel> named(const std::string& name) const;
  std::vector<std::shared_ptr<OpenModel>> all() const;

 private:
  mutable std::mutex mutex_;
  std::mutex opening_;  // one at a time; requests for open models do not wait
  std::vector<std::shared_ptr<OpenModel>> open_;
};

}  // namespace embscope::server
