#include "embscope/model/known_models.h"

#include <set>

#include "embscope/model/model.h"
#include "model/folders.h"
#include "model/hub_cache.h"

namespace embscope {

std::vector<std::string> known_models() {
  const std::vector<std::string> hub = hub_model_names();
  std::set<std::string> names(hub.begin(), hub.end());
  const std::filesystem::path own = cache_folder() / "models";
  for (const std::string& folder : names_in(own))
    if (is_whole(own / folder)) names.insert(replaced(folder, "--", "/"));
  return {names.begin(), names.end()};
}

}  // namespace embscope
