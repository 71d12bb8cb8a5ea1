// Word2Vec (text and binary) and GloVe files, told apart by content.
#include "files/word_vectors.h"
#include "input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embscope;
  const fuzz::MemoryFile file(fuzz::text_of(data, size));
  fuzz::works_or_is_refused([&] {
    const WordVectors read = read_word_vectors(file.path());
    fuzz::hold(read.vectors.rows() == static_cast<std::int64_t>(read.words.size()), "as many words as vectors");
    fuzz::hold(read.vectors.size() * 2 <= static_cast<std::int64_t>(size), "no more values than the file can hold");
    for (const std::string& word : read.words)
      fuzz::hold(word.size() <= 4096 && word.find('\n') == word.npos, "a word without a line's end");
  });
  return 0;
}
