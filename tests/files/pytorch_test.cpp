// PyTorch's checkpoints: what torch wrote (tests/reference/make_pytorch.py), and pickles and zips that mean harm.
#include <cstring>
#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "embscope/files/archive.h"
#include "files/makers.h"
#include "refusal.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using files::Bytes;
using ::testing::AllOf;
using ::testing::HasSubstr;

const fs::path data = fs::path(EMBSCOPE_TEST_DATA) / "reference/pytorch";

TEST(PyTorch, has_the_tensors_that_safetensors_has) {
  const auto expected = Archive::open(data / "tensors.safetensors");
  for (const char* name : {"zip.pt", "legacy.pt", "protocol4.pt"}) {
    const auto found = Archive::open(data / name);
    EXPECT_EQ(found->format(), "pytorch");
    ASSERT_EQ(found->tensors().size(), expected->tensors().size()) << name;
    for (const Archive::Entry& entry : expected->tensors()) {
      const View &a = found->at(entry.name), &b = entry.view;
      EXPECT_EQ(a.dtype, b.dtype) << name << " " << entry.name;
      EXPECT_EQ(a.shape, b.shape) << name << " " << entry.name;
      EXPECT_EQ(std::memcmp(a.data, b.data, static_cast<std::size_t>(b.bytes())), 0) << name << " " << entry.name;
    }
    EXPECT_EQ(found->at("tied").data, found->at("base").data) << "tensors lie where they are in the file, once";
    EXPECT_EQ(found->at("rows").data, found->at("base").data + 24) << name;
  }
}

TEST(PyTorch, finds_the_tensors_of_a_training_checkpoint) {
  const auto found = Archive::open(data / "training.pt");
  ASSERT_EQ(found->tensors().size(), 1u);
  EXPECT_EQ(found->at("f32").shape, Shape({3, 5}));
}

TEST(PyTorch, that_holds_more_than_tensors_is_refused_by_name) {
  const std::pair<const char*, const char*> cases[] = {
      {"turned.pt", "tensor 'turned' does not lie row by row: save it with .contiguous()"},
      {"several.pt", "holds several dicts of tensors, 'a', 'b'"},
      {"sparse.pt", "'torch.serialization._get_layout', which is not allowed"},
      {"module.pt", "torch.nn.modules.linear.Linear"},
  };
  for (const auto& [name, message] : cases)
    EXPECT_THAT(refusal([&] { Archive::open(data / name); }), HasSubstr(message)) << name;
}

// A zip of members that are stored.
struct Zip {
  std::vector<std::pair<std::string, std::string>> members;
  int method = 0;

  std::string bytes() const {
    Bytes file, directory;
    for (const auto& [name, content] : members) {
      const std::size_t at = file.text.size();
      file.u32(0x04034b50).raw("\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s).u32(content.size()).u32(content.size());
      file.put(static_cast<std::uint16_t>(name.size())).put(std::uint16_t{0}).raw(name).raw(content);
      directory.u32(0x02014b50).raw("\0\0\0\0\0\0"s).put(static_cast<std::uint16_t>(method)).raw("\0\0\0\0\0\0\0\0"s);
      directory.u32(content.size()).u32(content.size()).put(static_cast<std::uint16_t>(name.size()));
      directory.raw("\0\0\0\0\0\0\0\0\0\0\0\0"s).u32(at).raw(name);
    }
    const std::size_t start = file.text.size();
    file.raw(directory.text).raw("PK\x05\x06\0\0\0\0"s);
    file.put(static_cast<std::uint16_t>(members.size())).put(static_cast<std::uint16_t>(members.size()));
    file.u32(directory.text.size()).u32(start).put(std::uint16_t{0});
    return file.text;
  }
};

class PyTorchFile : public ::testing::Test {
 protected:
  PyTorchFile() : path_(fs::temp_directory_path() / ("embscope-pytorch-" + std::to_string(getpid()) + ".pt")) {}
  ~PyTorchFile() override { fs::remove(path_); }

  std::string opening(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
    return refusal([&] { Archive::open(path_); });
  }
  std::string pickled(const std::string& pickle, const std::string& storage = std::string(24, 'x')) const {
    return opening(Zip{{{"a/data.pkl", "\x80\x02" + pickle}, {"a/data/0", storage}}}.bytes());
  }

  // A dict of one tensor: `count` elements stated, of which `size` from `offset` on with `stride`.
  static std::string tensor(const std::string& count, const std::string& offset, const std::string& size,
                            const std::string& stride = "K\x01") {
    const std::string storage =
        "((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
        "0X\x03\0\0\0"
        "cpu"s +
        count + "tQ";
    return "}X\x01\0\0\0xctorch._utils\n_rebuild_tensor_v2\n"s + storage + offset + size + "\x85" + stride +
           "\x85\x89}tRs.";
  }

  fs::path path_;
};

TEST_F(PyTorchFile, made_by_hand_opens) {
  EXPECT_EQ(pickled(tensor("K\x06", "K\x02", "K\x04")), "no error");
  EXPECT_EQ(Archive::open(path_)->at("x").shape, Shape({4}));
}

TEST_F(PyTorchFile, with_tensors_beyond_their_storage_is_refused) {
  const std::string huge = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", negative = "J\xff\xff\xff\xff";
  EXPECT_THAT(pickled(tensor("K\x06", "K\x03", "K\x04")), HasSubstr("lie beyond its storage of 6"));
  EXPECT_THAT(pickled(tensor("K\x07", "K\x00"s, "K\x04")), HasSubstr("7 elements are stated, the file has 24 bytes"));
  EXPECT_THAT(pickled(tensor("K\x06", huge, "K\x04")), HasSubstr("lie beyond"));
  EXPECT_THAT(pickled(tensor("K\x06", "K\x00"s, huge)), HasSubstr("overflow"));
  EXPECT_THAT(pickled(tensor(huge, "K\x00"s, "K\x04")), HasSubstr("elements are stated"));
  EXPECT_THAT(pickled(tensor("K\x06", negative, "K\x04")), HasSubstr("not those of a tensor"));
  EXPECT_THAT(pickled(tensor("K\x06", "K\x00"s, negative)), HasSubstr("a size or stride that is not possible"));
  EXPECT_THAT(pickled(tensor("K\x06", "K\x00"s, "K\x04", "K\x00"s)), HasSubstr("does not lie row by row"));
  EXPECT_THAT(opening(Zip{{{"a/data.pkl", "\x80\x02" + tensor("K\x06", "K\x00"s, "K\x04")}}}.bytes()),
              HasSubstr("storage '0' is missing"));
}

TEST_F(PyTorchFile, that_calls_executes_nothing) {
  const fs::path proof = path_.string() + ".proof";
  EXPECT_THAT(pickled("cposix\nsystem\nX\x05\0\0\0touch\x85R."s),
              HasSubstr("names 'posix.system', which is not a tensor: nothing is executed"));
  EXPECT_THAT(pickled("c__builtin__\neval\n(X\x01\0\0\0"
                      "1tR."s),
              HasSubstr("'__builtin__.eval'"));
  EXPECT_THAT(pickled("ctorch\nload\n(X\x01\0\0\0"
                      "1tR."s),
              HasSubstr("calls 'torch.load', which is not allowed"));
  EXPECT_THAT(pickled("ccollections\nOrderedDict\n)R}b."), HasSubstr("holds no tensors by name"));
  EXPECT_THAT(pickled("]}b."), HasSubstr("gives attributes to something that is not a dict"));
  EXPECT_THAT(pickled("(X\x05\0\0\0posixo."s), HasSubstr("an instruction 0x6f"));
  EXPECT_THAT(pickled("X\x02\0\0\0osX\x06\0\0\0system\x93."s), HasSubstr("'os.system'"));
}

TEST_F(PyTorchFile, with_a_broken_pickle_is_refused) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "ends too early"},
      {"}", "ends too early"},
      {".", "takes a value that is not there"},
      {"(.", "takes a value that is not there"},
      {"t.", "from a mark that is not there"},
      {"}h\x07.", "recalls a value 7 that it has not kept"},
      {"]K\x01s.", "takes a value that is not there"},
      {"]K\x01K\x02s.", "into what does not hold them"},
      {"X\xff\xff\xff\xff.", "ends too early"},
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "ends too early"},
      {"\x80\x06.", "protocol 6"},
      {"N.", "holds no dict of tensors"},
      {"}K\x01K\x02s.", "holds no tensors by name"},
      {"}(K\x01u.", "into what does not hold them"},
      {"r\xff\xff\xff\xff.", "takes a value that is not there"},
  };
  for (const auto& [pickle, message] : cases) EXPECT_THAT(pickled(pickle), HasSubstr(message)) << pickle;
}

TEST_F(PyTorchFile, that_would_take_all_memory_or_the_stack_ends) {
  std::string deep, wide = "](", memo = "]";
  for (int i = 0; i < 200'000; ++i)
    deep += "]", wide += "K\x01", memo += "r" + std::string(reinterpret_cast<const char*>(&i), 4);
  EXPECT_THAT(pickled(deep + std::string(199'999, 'a') + "."), HasSubstr("holds no dict"));
  EXPECT_THAT(pickled(memo + "."), HasSubstr("holds no dict"));
  EXPECT_THAT(pickled("]q\x01h\x01"
                      "a."),
              HasSubstr("holds no dict"))
      << "a list that holds itself";
  std::string copies = wide + "tq\x01";  // a tuple of 200,000, given to a call again and again
  for (int i = 0; i < 100; ++i) copies += "ctorch\nSize\nh\x01R";
  EXPECT_THAT(pickled(copies + "."), HasSubstr("makes more than"));
  EXPECT_THAT(pickled(std::string(2'200'000, 'N') + "."), HasSubstr("makes more than"));
}

TEST_F(PyTorchFile, as_a_broken_zip_is_refused) {
  const std::string good = "\x80\x02" + tensor("K\x06", "K\x00"s, "K\x04");
  const std::string whole = Zip{{{"a/data.pkl", good}, {"a/data/0", std::string(24, 'x')}}}.bytes();
  EXPECT_EQ(opening(whole), "no error");
  EXPECT_THAT(opening(whole.substr(0, whole.size() - 30)), HasSubstr("it was cut off"));
  EXPECT_THAT(opening(Zip{{{"a/data.pkl", good}}, 8}.bytes()), AllOf(HasSubstr("compressed"), HasSubstr("torch.save")));
  EXPECT_THAT(opening(Zip{{{"a/data.pkl", good}, {"a/data.pkl", good}}}.bytes()),
              HasSubstr("'a/data.pkl' occurs twice"));
  EXPECT_THAT(opening(Zip{{{"a/data.pkl", good}, {"a/constants.pkl", ""}}}.bytes()), HasSubstr("TorchScript"));
  EXPECT_THAT(opening(Zip{{{"a/data.pkl", good}, {"a/byteorder", "big"}}}.bytes()), HasSubstr("big-endian"));
  std::string overlapping = whole;  // the second member of the directory begins where the first does
  const std::size_t second = overlapping.find("a/data/0", overlapping.find("PK\x01\x02"));
  std::memset(overlapping.data() + second - 4, 0, 4);
  EXPECT_THAT(opening(overlapping), HasSubstr("overlaps the member before it"));
}

TEST_F(PyTorchFile, of_the_older_form_that_is_cut_or_lies_is_refused) {
  std::ifstream file(data / "legacy.pt", std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(file), {});
  ASSERT_EQ(opening(whole), "no error");
  for (std::size_t size = 15; size < whole.size(); size += 7)
    EXPECT_NE(opening(whole.substr(0, size)), "no error") << size;
  std::string other = whole;
  other.replace(other.find("little_endian") + 13, 4, [&] {
    std::string text = other.substr(other.find("little_endian") + 13, 4);
    std::ranges::replace(text, '\x88', '\x89');
    return text;
  }());
  EXPECT_THAT(opening(other), HasSubstr("big-endian"));
}

}  // namespace
}  // namespace embscope
