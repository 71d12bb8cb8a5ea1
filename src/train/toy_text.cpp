#include "embscope/train/toy_text.h"

extern "C" {
extern const char embscope_toy_begin[], embscope_toy_end[];
}

namespace embscope {

std::string_view toy_text() { return {embscope_toy_begin, embscope_toy_end}; }

}  // namespace embscope
