// The text that ships with the program, for small models: a toy world in short sentences. Words of one kind (animals,
// countries, numbers) occur in the same places, so that a small model puts their vectors side by side in seconds.
// Lifetime: the program's. Thread rule: constant.
#pragma once

#include <string_view>

namespace embscope {

std::string_view toy_text();

}  // namespace embscope
