#include "embscope/files/text_file.h"

#include "base/file.h"
#include "base/lines.h"
#include "embscope/base/error.h"

namespace embscope {
namespace {

std::string with_plain_ends(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\r\n", at), text.size());
    out += text.substr(at, end - at);
    at = std::min(end + 1, text.size());  // the \n stays
  }
  return out;
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  const MappedFile file(path);
  if (file.text().starts_with("\xff\xfe") || file.text().starts_with("\xfe\xff"))
    throw Error(Code::format, path.string(), "is text in UTF-16: save it as UTF-8");
  std::string text = with_plain_ends(without_mark(file.text()));
  check_mapping(file.bytes().data());
  return text;
}

std::vector<std::string> text_lines(std::string_view text) {
  const auto lines = lines_of(text);
  return {lines.begin(), lines.end()};
}

std::vector<std::string> read_lines(const std::filesystem::path& path) { return text_lines(read_text(path)); }

}  // namespace embscope
