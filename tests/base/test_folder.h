// A folder of its own for each test of files.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/system.h"
#include "embscope/base/error.h"

namespace embscope {

namespace fs = std::filesystem;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / ("embscope-base-" + process_id() + "-" + test->name());
    fs::create_directory(folder_);
  }
  void TearDown() override {
    fs::permissions(folder_, fs::perms::owner_all);
    fs::remove_all(folder_);
  }

  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_)) found.insert(entry.path().filename().string());
    return found;
  }
  static std::string read(const fs::path& path) { return std::string(MappedFile(path).text()); }
  static void write(const fs::path& path, std::string_view bytes) {
    AtomicFile file(path);
    file.write(bytes);
    file.commit();
  }
  // The kind of Error that opening or writing gives, and that it names the path.
  template <class F>
  static void expect_error(Code code, const fs::path& path, F&& action) {
    try {
      action();
      ADD_FAILURE() << path << ": no error";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      EXPECT_EQ(e.where(), path.string());
    }
  }

  fs::path folder_;
};

}  // namespace embscope
