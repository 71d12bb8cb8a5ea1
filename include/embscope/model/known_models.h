// Known models: what of Embscope's own cache and of the Hugging Face hub's opens by name.
// Thread rule: looks at the disk each time; any number of threads.
#pragma once

#include <string>
#include <vector>

namespace embscope {

/// The names that Model::open takes without a fetch, in order: whole models only, none that was left half fetched.
std::vector<std::string> known_models();

}  // namespace embscope
