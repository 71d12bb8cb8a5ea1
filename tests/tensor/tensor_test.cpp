#include "embscope/tensor/tensor.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "embscope/tensor/table.h"

namespace embscope {
namespace {

TEST(Shape, counts_and_reads) {
  EXPECT_EQ((Shape{50257, 768}).text(), "50257 x 768");
  EXPECT_EQ((Shape{2, 3, 4}).elements(), 24);
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ(Shape{}.text(), "scalar");
}

TEST(Tensor, owns_aligned_zeros) {
  Tensor t(Shape{3, 5});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(t.data()) % 64, 0u);
  for (float x : t.values()) EXPECT_EQ(x, 0);
  t.row(2)[4] = 7;
  EXPECT_EQ(t.clone().values()[14], 7);
  const float two[] = {1, 2};
  EXPECT_THROW(Tensor::of({3}, two), Error);
}

TEST(Tensor, borrowed_is_the_owner_s_memory_and_keeps_it) {
  auto owner = std::make_shared<std::vector<float>>(6, 1.0f);
  std::weak_ptr<std::vector<float>> kept = owner;
  {
    Tensor t = Tensor::borrowed({2, 3}, owner->data(), owner);
    t.row(1)[2] = 7;
    EXPECT_EQ(owner->back(), 7);
    owner.reset();
    EXPECT_FALSE(kept.expired());
  }
  EXPECT_TRUE(kept.expired());
}

TEST(Decode, plain_types_convert) {
  const std::int32_t ints[] = {-5, 0, 1 << 20};
  const Tensor t = decode({reinterpret_cast<const std::byte*>(ints), DType::i32, {3}});
  EXPECT_THAT(std::vector<float>(t.values().begin(), t.values().end()), ::testing::ElementsAre(-5, 0, 1048576));
  const std::uint16_t brain[] = {0x3f80, 0xc040};
  const Tensor b = decode({reinterpret_cast<const std::byte*>(brain), DType::bf16, {2}});
  EXPECT_THAT(std::vector<float>(b.values().begin(), b.values().end()), ::testing::ElementsAre(1, -3));
}

template <class T>
void expect_decoded(DType dtype) {
  const T values[] = {static_cast<T>(-5), 0, 100};
  const Tensor t = decode({reinterpret_cast<const std::byte*>(values), dtype, {3}});
  EXPECT_THAT(std::vector<float>(t.values().begin(), t.values().end()), ::testing::ElementsAre(-5, 0, 100))
      << name(dtype);
}

TEST(Decode, numbers_of_every_width_convert) {
  expect_decoded<double>(DType::f64);
  expect_decoded<std::int8_t>(DType::i8);
  expect_decoded<std::int16_t>(DType::i16);
  expect_decoded<std::int32_t>(DType::i32);
  expect_decoded<std::int64_t>(DType::i64);
}

TEST(Decode, rows_are_read_one_by_one) {
  const std::uint8_t bytes[] = {1, 2, 3, 4, 5, 6};
  float row[3];
  decode_rows({reinterpret_cast<const std::byte*>(bytes), DType::u8, {2, 3}}, 1, 1, row);
  EXPECT_THAT(row, ::testing::ElementsAre(4, 5, 6));
}

Table example() {
  Table table("title");
  table.add("word", std::vector<std::string>{"a", "漢字", "say \"hi\", you"});
  table.add("n", {1, 0.5, std::numeric_limits<double>::quiet_NaN()});
  return table;
}

TEST(Table, columns_must_agree) {
  Table table = example();
  EXPECT_THROW(table.add("short", std::vector<double>{1}), Error);
  EXPECT_THROW(table.add("short", std::vector<std::string>{"one"}), Error);
  EXPECT_THROW(table.column("none"), Error);
  EXPECT_EQ(table.column("n").numbers()[1], 0.5);
}

TEST(Table, text_is_aligned_by_what_a_terminal_shows) {
  EXPECT_EQ(
      example().text(),
      "title\nword                 n\na                    1\n漢字           0.50000\nsay \"hi\", you        -\n");
}

TEST(Table, csv_quotes_and_json_has_no_NaN) {
  EXPECT_EQ(example().csv(), "word,n\r\na,1\r\n漢字,0.5\r\n\"say \"\"hi\"\", you\",\r\n");
  EXPECT_THAT(example().json(), ::testing::HasSubstr("null"));
}

}  // namespace
}  // namespace embscope
