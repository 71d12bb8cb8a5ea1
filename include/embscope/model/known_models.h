// Known models: the models in Embscope's cache and in the Hugging Face hub's cache that open by name.
// Thread rule: reads the disk at each call; any number of threads.
#pragma once

#include <string>
#include <vector>

namespace embscope {

/// The names that Model::open accepts without a download, sorted: only complete models, none that is partly downloaded.
std::vector<std::string> known_models();

}  // namespace embscope
