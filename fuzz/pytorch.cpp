// Any pickle as the data.pkl of a checkpoint, with one storage beside it; and as the third pickle of the older form.
#include "archives.h"

namespace {

using namespace std::string_literals;

std::string number(std::size_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 255);
  return text;
}

std::string zip(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string file, directory;
  for (const auto& [name, content] : members) {
    const std::string sizes = number(content.size(), 4) + number(content.size(), 4) + number(name.size(), 2);
    directory += "PK\x01\x02" + std::string(16, '\0') + sizes + std::string(12, '\0') + number(file.size(), 4) + name;
    file += "PK\x03\x04" + std::string(14, '\0') + sizes + number(0, 2) + name + content;
  }
  const std::string count = number(members.size(), 2);
  return file + directory + "PK\x05\x06" + number(0, 4) + count + count + number(directory.size(), 4) +
         number(file.size(), 4) + number(0, 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string pickle(embscope::fuzz::text_of(data, size)), storage(64, '\1');
  embscope::fuzz::open_and_read(zip({{"a/data.pkl", pickle}, {"a/data/0", storage}}));
  const std::string front = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."s;
  embscope::fuzz::open_and_read(front + pickle +
                                "\x80\x02]X\x01\0\0\0"
                                "0a."s +
                                number(16, 8) + storage);
  return 0;
}
