// Every name of tokenizer.ggml.pre, held to llama.cpp (tests/reference/make_pres.py).
#include <fstream>

#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "embscope/model/model.h"
#include "files/makers.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

namespace bj = boost::json;

bj::object read(const char* name) {
  std::ifstream file(std::string(EMBSCOPE_TEST_DATA "/reference/") + name);
  return bj::parse(std::string(std::istreambuf_iterator<char>(file), {})).as_object();
}

std::string text_key(std::string_view name, std::string_view value) {
  return files::key(name, 8, files::Bytes().string(value));
}
std::string texts_key(std::string_view name, const std::vector<std::string>& values) {
  files::Bytes bytes;
  for (const std::string& value : values) bytes.string(value);
  return files::array(name, 8, values.size(), bytes.text);
}

// The vocabulary of bytes in tokenizers.json, with llama.cpp's name for how its text is cut.
std::string file_of(const std::string& pre) {
  static const bj::object model = read("tokenizers.json").at("bases").at("bytes").as_object();
  std::vector<std::string> tokens(model.at("vocab").as_object().size()), merges;
  for (const auto& [token, id] : model.at("vocab").as_object()) tokens[static_cast<std::size_t>(id.as_int64())] = token;
  for (const bj::value& merge : model.at("merges").as_array())
    merges.push_back(std::string(merge.at(0).as_string()) + " " + std::string(merge.at(1).as_string()));
  files::Gguf file;
  file.keys = {text_key("tokenizer.ggml.model", "gpt2"), text_key("tokenizer.ggml.pre", pre),
               texts_key("tokenizer.ggml.tokens", tokens), texts_key("tokenizer.ggml.merges", merges)};
  return file.bytes();
}

TEST(GgufWords, are_cut_as_llama_cpp_cuts_them) {
  const tiny::Folder folder;
  const bj::object reference = read("pres.json");
  const bj::array& texts = reference.at("texts").as_array();
  std::size_t names = 0;
  for (const bj::value& row : reference.at("rows").as_array()) {
    for (const bj::value& name : row.at("names").as_array()) {
      const std::string pre(name.as_string());
      tiny::write(folder.path() / "one.gguf", file_of(pre));
      const auto tokenizer = open_tokenizer((folder.path() / "one.gguf").string());
      for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string text(texts[i].as_string());
        EXPECT_EQ(tokenizer->encode(text).ids, bj::value_to<std::vector<TokenId>>(row.at("ids").at(i)))
            << pre << ": " << visible(text);
      }
      ++names;
    }
  }
  EXPECT_GE(names, 86u);
}

}  // namespace
}  // namespace embscope
