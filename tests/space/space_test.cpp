// Spaces from every kind of file, and files that lie.
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "embscope/files/archive.h"
#include "embscope/space/space.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SpaceFiles : public ::testing::Test {
 protected:
  SpaceFiles() { fs::create_directories(folder_); }
  ~SpaceFiles() override { fs::remove_all(folder_); }

  std::string file(const std::string& name, std::string_view bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  std::string matrix(const std::string& name, std::span<const float> values, Shape shape) const {
    const NamedArray array{"array", std::move(shape), values};
    write_arrays(folder_ / name, {&array, 1});
    return (folder_ / name).string();
  }

  fs::path folder_ = fs::temp_directory_path() / fmt::format("embscope-space-{}", getpid());
};

std::string error_of(const std::string& path) {
  try {
    open_space(path);
  } catch (const Error& error) { return error.message(); }
  return "opened";
}

std::string binary_row(std::string_view word, std::initializer_list<float> values, std::string_view end = "\n") {
  std::string row = std::string(word) + " ";
  for (float v : values) row.append(reinterpret_cast<const char*>(&v), sizeof(v));
  return row + std::string(end);
}

TEST_F(SpaceFiles, Word2VecTextHasAHeaderAndMayEndLinesWithSpaces) {
  const Space space = open_space(file("w.txt", "2 3\nking 1 -2.5 3e-1 \nqueen 0 +1 .5\n"));
  EXPECT_THAT(space.labels, ElementsAre("king", "queen"));
  EXPECT_THAT(space.vectors.values(), ElementsAre(1.f, -2.5f, .3f, 0.f, 1.f, .5f));
  EXPECT_EQ(space.model, nullptr);
  EXPECT_EQ(space.name, "w.txt");
}

TEST_F(SpaceFiles, Word2VecBinaryOfTheCProgramAndOfGensim) {
  for (const char* end : {"\n", ""}) {
    const Space space = open_space(
        file("w.bin", "2 2\n" + binary_row("king", {1.5f, -2}, end) + binary_row("caf\xC3\xA9", {3, 4}, end)));
    EXPECT_THAT(space.labels, ElementsAre("king", "café"));
    EXPECT_THAT(space.vectors.values(), ElementsAre(1.5f, -2.f, 3.f, 4.f));
  }
}

TEST_F(SpaceFiles, Word2VecBinaryMayEndARowLikeText) {
  float values[2];
  std::memcpy(values, "abcdef 1", sizeof(values));
  const Space space =
      open_space(file("w.bin", "2 2\n" + binary_row("king", {values[0], values[1]}) + binary_row("queen", {3, 4})));
  EXPECT_THAT(space.labels, ElementsAre("king", "queen"));
  EXPECT_THAT(space.vectors.values(), ElementsAre(values[0], values[1], 3.f, 4.f));
}

TEST_F(SpaceFiles, GloVeWordsMayHoldSpacesAndBeNumbers) {
  const Space space = open_space(file("g.txt", "the 1 2\n2008 3 4\n. . . 5 6\r\n"));
  EXPECT_THAT(space.labels, ElementsAre("the", "2008", ".␣.␣."));
  EXPECT_THAT(space.vectors.values(), ElementsAre(1.f, 2.f, 3.f, 4.f, 5.f, 6.f));
  for (const std::string first : {"2008", ". ."}) {  // in the line that the width is counted in too
    const Space counted = open_space(file("g.txt", first + " 1 2\nthe 3 4\n"));
    EXPECT_EQ(counted.width(), 2) << first;
    EXPECT_EQ(counted.labels[1], "the");
  }
}

TEST_F(SpaceFiles, AMatrixWithLabelsIsNamedWithAColon) {
  const float values[] = {1, 2, 3, 4, 5, 6};
  const std::string labels = file("labels.txt", "a\nb c\n\n");
  for (const char* name : {"m.npy", "m.safetensors"}) {
    const std::string path = matrix(name, values, {3, 2});
    const Space space = open_space(path + ":" + labels);
    EXPECT_THAT(space.labels, ElementsAre("a", "b␣c", ""));
    EXPECT_EQ(space.width(), 2);
    EXPECT_THAT(open_space(path).labels, ElementsAre("<0>", "<1>", "<2>"));
  }
  EXPECT_THAT(open_space((folder_ / "m.safetensors#array:").string() + labels).labels, ElementsAre("a", "b␣c", ""));
}

TEST_F(SpaceFiles, SeveralMatricesAskForAName) {
  const float values[] = {1, 2};
  const NamedArray arrays[] = {{"in", {2, 1}, std::span<const float>(values)},
                               {"out", {1, 2}, std::span<const float>(values)}};
  const std::string path = (folder_ / "two.safetensors").string();
  write_arrays(path, arrays);
  EXPECT_THAT(error_of(path), HasSubstr("2 matrices: choose one as two.safetensors#in"));
  EXPECT_EQ(open_space(path + "#out").width(), 2);
  EXPECT_THAT(error_of(path + "#inn"), HasSubstr("did you mean 'in'"));
}

TEST_F(SpaceFiles, AModelsRowsAreItsTokens) {
  const Space space = open_space(EMBSCOPE_TEST_DATA "/reference/tiny-gpt2");
  ASSERT_NE(space.model, nullptr);
  EXPECT_EQ(space.size(), space.model->config().vocab);
  EXPECT_EQ(space.labels[7], space.model->label(7));
  EXPECT_THAT(space.vectors.row(7), ::testing::ElementsAreArray(space.model->embedding(7).values()));
}

TEST_F(SpaceFiles, WordsAreFoundWithTheirSpaceWhereLabelsMarkIt) {
  const float values[] = {1, 2, 3};
  const std::string path = matrix("m.npy", values, {3, 1});
  const Space spaced = open_space(path + ":" + file("l.txt", "king\n king\n Paris\n"));
  const WordIndex index(spaced);
  EXPECT_TRUE(index.spaced());
  EXPECT_EQ(index.find("king"), 0) << "as it is written, before the one with a space";
  EXPECT_EQ(index.find(" king"), 1);
  EXPECT_EQ(index.row("king"), 0);
  EXPECT_EQ(index.find("Paris"), 2) << "with a space where there is no other";
  EXPECT_EQ(index.find("paris"), std::nullopt);
  EXPECT_EQ(index.find("KING"), 0) << "in lower case, in the same order";
  const Space plain = open_space(path + ":" + file("p.txt", "king\nparis\nking\n"));
  EXPECT_EQ(WordIndex(plain).find("king"), 0) << "the first of equal labels";
  EXPECT_EQ(WordIndex(plain).find("Paris"), 1) << "in lower case where only that is there";
}

TEST_F(SpaceFiles, OfAModelAPlainWordIsTheTokenWithItsSpace) {
  Space space = open_space(EMBSCOPE_TEST_DATA "/reference/tiny-gpt2");
  for (std::string& label : space.labels) label = "␣x" + label;
  space.labels[3] = "king", space.labels[5] = "␣king", space.labels[7] = "only";
  const WordIndex index(space);
  EXPECT_EQ(index.find("king"), 5);
  EXPECT_EQ(index.find(" king"), 5);
  EXPECT_EQ(index.find("only"), std::nullopt);
}

TEST_F(SpaceFiles, WindowsLineEndsAndAMarkChangeNothing) {
  const std::string words = "king 1 2\nqueen 3 4\n", header = "2 2\n" + words;
  const auto windows = [](std::string text) {
    std::string out = "\xEF\xBB\xBF";
    for (char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return out;
  };
  for (const std::string& text : {words, header, windows(words), windows(header)}) {
    const Space space = open_space(file("w.txt", text));
    EXPECT_THAT(space.labels, ElementsAre("king", "queen"));
    EXPECT_THAT(space.vectors.values(), ElementsAre(1.f, 2.f, 3.f, 4.f));
  }
  const float values[] = {1, 2};
  EXPECT_THAT(
      open_space(matrix("m.npy", values, {2, 1}) + ":" + file("l.txt", "\xEF\xBB\xBF king\r\nqueen\r\n")).labels,
      ElementsAre("␣king", "queen"));
}

TEST_F(SpaceFiles, ProjectorsVectorsTakeTheirLabelsFromTheirMetadata) {
  const std::string numbers = "1.0\t0.1\t0.2\n0.9\t0.2\t0.1\n";
  const std::string vectors = file("vectors.tsv", numbers);
  EXPECT_THAT(open_space(vectors).labels, ElementsAre("<0>", "<1>"));
  EXPECT_EQ(open_space(vectors).width(), 3);
  const std::string metadata = file("metadata.tsv", "word\tcount\ncat\t5\ndog\t4\n");
  for (const std::string& path : {vectors, vectors + ":" + metadata}) {
    const Space space = open_space(path);
    EXPECT_THAT(space.labels, ElementsAre("cat", "dog"));
    EXPECT_THAT(space.vectors.values(), ElementsAre(1.f, .1f, .2f, .9f, .2f, .1f));
  }
  EXPECT_THAT(open_space(vectors + ":" + file("one.tsv", "cat\r\ndog\r\n")).labels, ElementsAre("cat", "dog"))
      << "one column has no header";
  EXPECT_THAT(open_space(vectors + ":" + file("late.tsv", "count\tLabel\n5\tcat\n4\tdog\n")).labels,
              ElementsAre("cat", "dog"))
      << "a column called label";
  EXPECT_THAT(open_space(vectors + ":" + file("first.tsv", "animal\tcount\ncat\t5\ndog\t4\n")).labels,
              ElementsAre("cat", "dog"))
      << "else the first";
  EXPECT_EQ(error_of(vectors + ":" + file("none.tsv", "cat\t5\ndog\t4\n")),
            "2 lines of 2 columns for 2 vectors: a line with their names and one for each vector are needed");
  EXPECT_EQ(error_of(vectors + ":" + file("short.tsv", "cat\n")),
            "1 labels for 2 vectors: one line is needed for each");
  EXPECT_THAT(open_space(file("my_vectors.tsv", "1\t0\n0\t1\n")).labels, ElementsAre("<0>", "<1>"))
      << "whole numbers too";
  file("my_metadata.tsv", "a\nb\n");
  EXPECT_THAT(open_space((folder_ / "my_vectors.tsv").string()).labels, ElementsAre("a", "b"));
  EXPECT_EQ(error_of(file("words.txt", "cat 1 2\ndog 3 4\n") + ":" + metadata),
            "line 1: 3 numbers and nothing else are needed where the labels are in another file, found 'cat 1 2'");
}

TEST_F(SpaceFiles, NumbersAloneAreVectorsWhereTheFirstIsNoWholeNumber) {
  const Space table = open_space(file("savetxt.txt", "1.0e+00 2.0e+00\n5.0e-01 4.0e+00\n"));
  EXPECT_THAT(table.labels, ElementsAre("<0>", "<1>"));
  EXPECT_THAT(table.vectors.values(), ElementsAre(1.f, 2.f, .5f, 4.f));
  const Space years = open_space(file("years.txt", "2019 0.5 2\n2020 1 4\n"));
  EXPECT_THAT(years.labels, ElementsAre("2019", "2020"));
  EXPECT_EQ(years.width(), 2);
}

TEST_F(SpaceFiles, AnNpzOfOneMatrixOpensAsItsNpy) {
  const float values[] = {1, 2, 3, 4};
  const std::string npz = matrix("m.npz", values, {2, 2});
  EXPECT_THAT(open_space(npz).vectors.values(), ElementsAre(1.f, 2.f, 3.f, 4.f));
  EXPECT_THAT(open_space(npz + ":" + file("l.txt", "a\nb\n")).labels, ElementsAre("a", "b"));
}

TEST_F(SpaceFiles, WhatIsSomethingElseIsCalledThat) {
  const struct {
    std::string bytes, says;
  } cases[] = {
      {"\x1F"
       "\x8B"
       "\x08 and more",
       "compressed with gzip"},
      {"BZh91AY", "compressed with bzip2"},
      {"PK\x03"
       "\x04"
       "glove.txt",
       "a zip archive: unpack it"},
      {std::string("\xBA"
                   "\x16"
                   "O/\x0C"
                   "\0\0\0",
                   8),
       "fastText's own .bin"},
      {"\x80"
       "\x04"
       "\x95 gensim",
       "a Python pickle"},
      {"\x89"
       "HDF\r\n\x1A\n",
       "an HDF5 file"},
      {std::string("\xFF\xFEk\0", 4), "text in UTF-16"},
      {"2 2\ncat 0:1 1:0.1\ndog 0:0.9\n", "line 2: '1:0.1' is a value of a sparse vector (index:value)"},
      {"cat 0:1 1:0.1\ndog 0:0.9\n", "line 1: '1:0.1' is a value of a sparse vector"},
      {"2 2\ncat 1 2\ndog 0:1 1:1\n", "line 3: '1:1' is a value of a sparse vector"},
      {"2 2\ncat 1 x\ndog 1 2\n", "line 2: value 2 is not a number: 'x'"},
  };
  for (const auto& c : cases) EXPECT_THAT(error_of(file("other", c.bytes)), HasSubstr(c.says));
}

TEST_F(SpaceFiles, WhatTheHeaderStatesIsWhatThereIs) {
  EXPECT_EQ(error_of(file("w.txt", "2 2\na 1 2\nb 3 4\nc 5 6\n")), "line 1 says 2 vectors, the file has 3");
  EXPECT_EQ(error_of(file("w.bin", "1 2\n" + binary_row("a", {1, 2}) + binary_row("b", {3, 4}))),
            "line 1 says 1 vectors, 12 more bytes follow them");
  EXPECT_EQ(error_of(file("w.txt", "2 2\na 1 2 3\nb 3 4 5\n")),
            "line 1 says 2 values, line 2 has 3 and every other line more too");
  EXPECT_THAT(open_space(file("w.txt", "2 2\nnew york 2 1 2\nb 3 4\n\n")).labels, ElementsAre("new␣york␣2", "b"))
      << "a word may end in a number";
}

TEST_F(SpaceFiles, RowsOfZerosAreTold) {
  const Space space = open_space(file("w.txt", "a 0 0\nb 1 0\nc 0 -0\n"));
  const std::int64_t all[] = {0, 1, 2};
  const DirectedRows rows = directed_rows(space, all);
  EXPECT_THAT(rows.rows, ElementsAre(1));
  EXPECT_EQ(left_out_note(space, rows.zeros), "2 vectors are zero, have no direction and are left out: a, c");
  EXPECT_EQ(left_out_note(space, std::span(rows.zeros).first(1)),
            "1 vector is zero, has no direction and is left out: a");
  EXPECT_EQ(left_out_note(space, {}), "");
}

TEST_F(SpaceFiles, VectorsAreToldFromModels) {
  const float values[] = {1, 2};
  EXPECT_TRUE(holds_vectors(file("w.txt", "a 1\n")));
  EXPECT_TRUE(holds_vectors(matrix("m.npy", values, {2, 1})));
  EXPECT_FALSE(holds_vectors(EMBSCOPE_TEST_DATA "/reference/tiny-gpt2"));
  EXPECT_FALSE(holds_vectors(EMBSCOPE_TEST_DATA "/reference/tiny-gpt2/model.safetensors"));
  EXPECT_FALSE(holds_vectors("a-name"));
}

TEST_F(SpaceFiles, LabelsThatDoNotMatchAreCounted) {
  const float values[] = {1, 2};
  const std::string path = matrix("m.npy", values, {2, 1});
  EXPECT_EQ(error_of(path + ":" + file("short.txt", "a\n")), "1 labels for 2 vectors: one line is needed for each");
  EXPECT_EQ(error_of(path + ":" + file("long.txt", "a\nb\nc\n")),
            "3 labels for 2 vectors: one line is needed for each");
}

TEST_F(SpaceFiles, NotANumberIsRefusedWithItsRow) {
  const float values[] = {1, 2, 3, std::nanf("")};
  EXPECT_EQ(error_of(matrix("m.npy", values, {2, 2})), "vector 1 ('<1>') holds NaN or infinity");
  EXPECT_EQ(error_of(file("w.txt", "2 1\na 1\nb nan\n")), "vector 1 ('b') holds NaN or infinity");
  EXPECT_EQ(error_of(file("w.txt", "2 1\na 1e99\nb 1\n")), "vector 0 ('a') holds NaN or infinity");
}

TEST_F(SpaceFiles, ShapesThatAreNoMatrix) {
  const float values[] = {1, 2};
  EXPECT_EQ(error_of(matrix("m.npy", values, {2})), "a matrix of vectors [N, D] is needed, found 2");
  EXPECT_EQ(error_of(matrix("e.npy", {}, {0, 4})), "a matrix of vectors [N, D] is needed, found 0 x 4");
}

TEST_F(SpaceFiles, FilesThatLie) {
  const struct {
    std::string bytes, error;
  } cases[] = {
      {"", "the file is empty"},
      {"hello\nworld\n",
       "does not hold word vectors: line 1 should be 'N D' (Word2Vec) or a word and its values (GloVe)"},
      {"0 3\n", "the first line says 0 vectors of 3 values"},
      {"3 0\n", "the first line says 3 vectors of 0 values"},
      {"18446744073709551615 1000000\nx 1 2 3",
       "18446744073709551615 vectors of 1000000 values do not fit in the 7 bytes that follow"},
      {"1000000000 300\na b", "1000000000 vectors of 300 values do not fit in the 3 bytes that follow"},
      {"3 2\na 1 2\nb 3 4\n", "line 1 says 3 vectors, the file has 2"},
      {"2 2\na 1 2\nb 3\n", "line 3: a word and 2 values are needed, found 2 fields"},
      {"2 2\na 1 2\nb 3 x4\n", "line 3: value 2 is not a number: 'x4'"},
      {"a 1 2\nb 3\n", "line 2: a word and 2 values are needed, found 2 fields"},
      {"a 1 2\n" + std::string(5000, 'b') + " 3 4\n", "line 2: a word of 5000 bytes, at most 4096 are read"},
      {"2 2\n" + binary_row("a", {1, 2}) + "b 1234567", "vector 2 of 2: needs 8 bytes, 7 are left"},
      {"1 2\n" + binary_row("a\nb", {1, 2}), "vector 1 of 1: no word of at most 4096 bytes before it"},
      {"2 2\n" + binary_row("a", {1, 2}) + "bbbbbbbbbbb", "vector 2 of 2: no word of at most 4096 bytes before it"},
  };
  for (const auto& c : cases) EXPECT_EQ(error_of(file("lie", c.bytes)), c.error);
  EXPECT_THAT(error_of((folder_ / "absent").string()), HasSubstr("no such file or folder"));
}

TEST_F(SpaceFiles, EveryTruncationOfABinaryFileIsRefused) {
  const std::string whole = "2 2\n" + binary_row("ab", {1, 2}) + binary_row("cd", {3, 4}, "");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(error_of(file("cut", whole.substr(0, length))), "opened") << length;
  EXPECT_EQ(error_of(file("cut", whole)), "opened");
}

}  // namespace
}  // namespace embscope
