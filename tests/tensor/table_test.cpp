// Tables as text, CSV and JSON: whole numbers are whole, and no two columns share a name.
#include "embscope/tensor/table_rows.h"

#include <cmath>

#include <gmock/gmock.h>

#include "refusal.h"

namespace embscope {
namespace {

using ::testing::HasSubstr;

TEST(TableColumns, of_whole_numbers_have_no_point_anywhere) {
  Table table("t");
  table.add("id", {13855, 0, std::nan("")}, whole).add("x", {13855, 0.5, 0});
  EXPECT_EQ(table.json(), R"({"title":"t","columns":{"id":[13855,0,null],"x":[1.3855E4,5E-1,0E0]}})");
  EXPECT_EQ(table.csv(), "id,x\r\n13855,13855\r\n0,0.5\r\n,0\r\n");
  EXPECT_THAT(table.text(), HasSubstr("13855    13855\n"));
  EXPECT_TRUE(table.column("id").is_whole());
  EXPECT_FALSE(table.column("x").is_whole());
}

TEST(TableColumns, of_whole_numbers_keep_every_digit) {
  Table table;
  table.add("id", {1e15 + 3, -7}, whole);
  EXPECT_THAT(table.json(), HasSubstr("[1000000000000003,-7]"));
  EXPECT_THAT(table.csv(), HasSubstr("1000000000000003\r\n-7"));
}

TEST(TableColumns, that_are_not_whole_are_refused_as_such) {
  Table table;
  EXPECT_THAT(refusal([&] {
                table.add("id", std::vector{1.0, 2.5}, whole);
              }),
              HasSubstr("column 'id' is of whole numbers, and holds 2.5"));
  EXPECT_THAT(refusal([&] { table.add("id", std::vector{1e17}, whole); }), HasSubstr("whole numbers"));
}

TEST(TableColumns, never_share_a_name) {
  Table table;
  table.add("word", std::vector<std::string>{"a"})
      .add("word", std::vector{1.0})
      .add("word (2)", std::vector{2.0})
      .add("word", std::vector{3.0});
  std::vector<std::string> names;
  for (const Column& column : table.columns()) names.push_back(column.name);
  EXPECT_THAT(names, ::testing::ElementsAre("word", "word (2)", "word (2) (2)", "word (3)"));
  EXPECT_EQ(table.column("word").texts()[0], "a") << "the first keeps its name";
}

TEST(TableRows, are_chosen_with_their_titles_and_decimals) {
  Table table("all");
  table.add("id", std::vector<double>{4, 5, 6}, whole).add("x", std::vector<double>{-1, 3, -3}, 2);
  table.add("name", std::vector<std::string>{"a", "b", "c"});
  EXPECT_EQ(head(table, 2).csv(), "id,x,name\r\n4,-1,a\r\n5,3,b\r\n");
  EXPECT_EQ(head(table, 9).rows(), 3u);
  const Table largest = strongest(table, "x", 2);  // equal sizes in their order
  EXPECT_EQ(largest.column("name").texts(), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(largest.title(), "all");
  EXPECT_EQ(largest.column("x").decimals, 2);
  EXPECT_EQ(rows_at(table, std::vector<std::size_t>{2, 0}).column("id").numbers(), (std::vector<double>{6, 4}));
}

}  // namespace
}  // namespace embscope
