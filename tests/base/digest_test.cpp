// Hashes: the examples of FIPS 180-4.
#include "base/digest.h"

#include <gtest/gtest.h>

namespace embscope {
namespace {

TEST(Digest, has_the_values_of_the_standard) {
  EXPECT_EQ(Digest(Digest::Kind::sha1).add("abc").hex(), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Digest(Digest::Kind::sha256).add("abc").hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest(Digest::Kind::sha256).hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, of_parts_is_that_of_the_whole) {
  EXPECT_EQ(Digest(Digest::Kind::sha256).add("a").add("").add("bc").hex(),
            Digest(Digest::Kind::sha256).add("abc").hex());
}

}  // namespace
}  // namespace embscope
