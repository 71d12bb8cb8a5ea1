// config.json beside a small model, and the metadata of a GGUF model: what is accepted must run.
#include "embscope/forward/transformer.h"
#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope;
  namespace fs = std::filesystem;
  static const fuzz::Folder folder;
  static const bool copied = [] {
    fs::copy_file(EMBSCOPE_TEST_DATA "/reference/tiny-llama/model.safetensors", folder.path() / "model.safetensors",
                  fs::copy_options::overwrite_existing);
    return true;
  }();
  folder.put("config.json", fuzz::text_of(data, size));
  fuzz::works_or_is_refused([&] {
    fuzz::hold(copied, "the model is there");
    const Transformer transformer(Model::open(folder.path().string()));
    Request request;
    request.rows = {{0, 1, 2}};
    transformer.run(request);
  });
  return 0;
}
