// Figures on the disk: whole or not at all, and never under another name than the one asked for.
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "figure/page.h"
#include "figure/spec.h"
#include "forward/tiny.h"

namespace embscope {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Save : public ::testing::Test {
 protected:
  void SetUp() override { use_converter("/nowhere/python"); }
  void TearDown() override { unsetenv("EMBSCOPE_VL_CONVERT"); }
  static void use_converter(const std::string& python) { setenv("EMBSCOPE_VL_CONVERT", python.c_str(), 1); }

  fs::path at(const std::string& name) const { return folder_.path() / name; }
  static std::string read(const fs::path& path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_.path())) found.insert(entry.path().filename());
    return found;
  }
  void expect_refused(const fs::path& path, Code code, const std::string& says) const {
    const auto before = names();
    expect_error(path, code, says);
    EXPECT_EQ(names(), before);
  }
  void expect_error(const fs::path& path, Code code, const std::string& says) const {
    try {
      save(figure_, path);
      ADD_FAILURE() << path << ": saved";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      EXPECT_THAT(e.what(), HasSubstr(says));
    }
  }
  // A stand-in for the Python that has vl_convert: it gets -c, a program and the file of jobs.
  void converter_that(const std::string& does) {
    tiny::write(at("converter"), "#!/bin/sh\n" + does + "\n");
    fs::permissions(at("converter"), fs::perms::owner_all);
    use_converter(at("converter"));
  }

  tiny::Folder folder_;
  const Figure figure_ =
      finish("test", "A </title> of it", "", {{"data", {{"values", bj::array{1, 2}}}}, {"mark", "point"}});
};

TEST_F(Save, json_is_the_specification) {
  save(figure_, at("a.json"));
  EXPECT_EQ(bj::parse(read(at("a.json"))), bj::parse(figure_.spec));
}

TEST_F(Save, html_is_the_page) {
  save(figure_, at("a.html"));
  EXPECT_EQ(read(at("a.html")), page_of(figure_));
  EXPECT_EQ(names(), std::set<std::string>{"a.html"});
}

TEST_F(Save, an_old_file_is_replaced) {
  tiny::write(at("a.json"), "old");
  save(figure_, at("a.json"));
  EXPECT_NE(read(at("a.json")), "old");
  EXPECT_EQ(names(), std::set<std::string>{"a.json"});
}

TEST_F(Save, other_extensions_are_refused_with_those_there_are) {
  for (const char* name : {"a.pdf", "a", "a.json.gz", ".html", "a.htm"})
    expect_refused(at(name), Code::usage, ".html, .svg, .png or .json");
}

TEST_F(Save, a_folder_that_is_missing_or_in_the_way_leaves_nothing) {
  expect_refused(at("none/a.json"), Code::io, "a.json");
  fs::create_directory(at("taken.html"));
  expect_refused(at("taken.html"), Code::io, "taken.html");
}

TEST_F(Save, a_read_only_folder_is_an_error) {
  tiny::write(at("a.json"), "old");
  fs::permissions(folder_.path(), static_cast<fs::perms>(0555));
  const uid_t user = geteuid();  // root, whom no permission stops, looks on as an ordinary user
  ASSERT_EQ(user == 0 ? seteuid(65534) : 0, 0);
  expect_error(at("a.json"), Code::io, "Permission denied");
  expect_error(at("b.html"), Code::io, "Permission denied");
  ASSERT_EQ(user == 0 ? seteuid(0) : 0, 0);
  EXPECT_EQ(names(), std::set<std::string>{"a.json"});
  EXPECT_EQ(read(at("a.json")), "old");
}

TEST_F(Save, pictures_without_the_converter_say_how_to_get_it) {
  for (const char* name : {"a.svg", "a.png"}) expect_refused(at(name), Code::unsupported, "scripts/setup");
  EXPECT_FALSE(save_svgs(std::vector<Figure>{figure_}, folder_.path()));
  EXPECT_TRUE(names().empty());
}

TEST_F(Save, the_converter_gets_the_specification_and_the_path) {
  converter_that("cp \"$3\" " + at("seen").string());
  save(figure_, at("a.svg"));
  const bj::value jobs = bj::parse(read(at("seen")));
  EXPECT_EQ(jobs, (bj::array{bj::object{{"spec", bj::parse(figure_.spec)}, {"to", at("a.svg").string()}}}));
  EXPECT_TRUE(save_svgs(std::vector<Figure>{figure_, figure_}, folder_.path()));
  EXPECT_EQ(bj::parse(read(at("seen"))).as_array().size(), 2u);
}

TEST_F(Save, a_converter_that_fails_is_an_error_with_its_last_words) {
  converter_that("echo one; echo 'the disk is full' >&2; exit 3");
  tiny::write(at("a.svg"), "old");
  expect_refused(at("a.svg"), Code::io, "the disk is full");
  EXPECT_EQ(read(at("a.svg")), "old");
}

TEST_F(Save, a_converter_that_cannot_start_is_an_error) {
  tiny::write(at("converter"), "no program");
  use_converter(at("converter"));
  expect_refused(at("a.png"), Code::io, "converter");
}

TEST_F(Save, the_converter_s_jobs_are_cleared_away) {
  auto left = [] {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(fs::temp_directory_path()))
      count += entry.path().filename().string().starts_with(fmt::format("embscope-{}-", getpid()));
    return count;
  };
  converter_that("exit 0");
  save(figure_, at("a.svg"));
  converter_that("exit 1");
  EXPECT_THROW(save(figure_, at("a.svg")), Error);
  EXPECT_EQ(left(), 0);
}

TEST_F(Save, a_specification_that_is_no_json_is_an_error_of_the_library) {
  converter_that("exit 0");
  Figure broken = figure_;
  broken.spec = "{\"title\": \"\xff\"}";
  EXPECT_THROW(save(broken, at("a.svg")), Error);
}

}  // namespace
}  // namespace embscope
