// Any bytes as a file: safetensors, GGUF, npy and PyTorch's checkpoints, told apart by content.
#include "archives.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  embscope::fuzz::open_and_read(embscope::fuzz::text_of(data, size));
  return 0;
}
