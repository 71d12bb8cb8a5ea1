#include "files/foreign.h"

#include <algorithm>

#include "base/lines.h"

namespace embscope {
namespace {

using namespace std::string_view_literals;

struct Mark {
  std::string_view bytes;
  const char* what;
};

constexpr Mark marks[] = {
    {"\x1f\x8b"sv, "this is compressed with gzip: unpack it first, with gunzip"},
    {"BZh"sv, "this is compressed with bzip2: unpack it first, with bunzip2"},
    {"\xfd\x37zXZ\0"sv, "this is compressed with xz: unpack it first, with unxz"},
    {"\x28\xb5\x2f\xfd"sv, "this is compressed with zstd: unpack it first, with unzstd"},
    {"7z\xbc\xaf\x27\x1c"sv, "this is a 7z archive: unpack it first"},
    {"PK\x03\x04"sv, "this is a zip archive: unpack it first"},
    {"\xba\x16\x4f\x2f"sv, "this is fastText's own .bin: use the word vectors that come with it (.vec)"},
    {"\x89HDF\r\n\x1a\n"sv, "this is an HDF5 file: convert it to safetensors or npy"},
    {"PAR1"sv, "this is a Parquet file: convert it to safetensors or npy"},
    {"ARROW1"sv, "this is an Arrow file: convert it to safetensors or npy"},
    {"SQLite format 3"sv, "this is an SQLite database (perhaps Magnitude's): convert it to Word2Vec's format"},
    {"%PDF-"sv, "this is a PDF document"},
    {"version https://git-lfs"sv, "this is a Git LFS pointer, not the file itself: fetch it with 'git lfs pull'"},
    {"<!"sv, "this is a web page: the download gave a page instead of the file"},
    {"<html"sv, "this is a web page: the download gave a page instead of the file"},
    {"GGML"sv, "this is a GGML file older than GGUF: convert it to GGUF"},
    {"lmgg"sv, "this is a GGML file older than GGUF: convert it to GGUF"},
    {"tjgg"sv, "this is a GGML file older than GGUF: convert it to GGUF"},
    {"FUGG"sv, "this is a big-endian GGUF: only little-endian ones are read"},
    {"\xff\xfe"sv, "this is text in UTF-16: save it as UTF-8"},
    {"\xfe\xff"sv, "this is text in UTF-16: save it as UTF-8"},
};

// Protocols 2 to 5 (Python's pickletools, PROTO).
bool is_pickle(std::string_view bytes) {
  return bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("+-.0123456789eE") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

}  // namespace

std::string foreign_format(std::string_view bytes) {
  for (const Mark& mark : marks)
    if (bytes.starts_with(mark.bytes)) return mark.what;
  if (is_pickle(bytes))
    return "this is a Python pickle: convert it to safetensors, or word vectors to Word2Vec's format (gensim's "
           "save_word2vec_format)";
  if (bytes.size() > 262 && bytes.substr(257, 5) == "ustar") return "this is a tar archive: unpack it first";
  return "";
}

bool begins_like_word_vectors(std::string_view bytes) {
  std::string_view rest = without_mark(bytes.substr(0, 1 << 20));
  if (rest.empty()) return false;
  std::string_view line = take_line(rest);
  std::size_t numbers = 0, fields = 0;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    if (end > 0) ++fields, numbers += is_number(line.substr(0, end)) ? 1 : 0;
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return fields >= 2 && numbers + 1 >= fields;
}

}  // namespace embscope
