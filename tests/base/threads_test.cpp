#include "base/threads.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "embscope/base/error.h"
#include "embscope/base/threads.h"

namespace embscope {
namespace {

class Threads : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_threads(GetParam()); }
  void TearDown() override { set_threads(before_); }
  const int before_ = threads();
};

TEST_P(Threads, every_index_is_met_once_in_chunks_of_the_size_asked_for) {
  for (std::int64_t count : {1, 2, 7, 64, 1000}) {
    for (std::int64_t chunk : {1, 3, 64, 1000}) {
      std::vector<std::atomic<int>> met(static_cast<std::size_t>(count));
      std::atomic<bool> regular = true;
      parallel_for(count, chunk, [&](std::int64_t begin, std::int64_t end) {
        // the split is fixed by the size alone: results must not depend on who works
        if (begin % chunk != 0 || end != std::min(count, begin + chunk)) regular = false;
        for (std::int64_t i = begin; i < end; ++i) ++met[static_cast<std::size_t>(i)];
      });
      EXPECT_TRUE(regular) << count << " in chunks of " << chunk;
      for (const auto& times : met) ASSERT_EQ(times, 1) << count << " in chunks of " << chunk;
    }
  }
}

TEST_P(Threads, nothing_to_do_calls_nothing) {
  parallel_for(0, 4, [](std::int64_t, std::int64_t) { FAIL() << "called for no index"; });
  parallel_for(-3, 4, [](std::int64_t, std::int64_t) { FAIL() << "called for a negative count"; });
  run_chunks(0, [](std::int64_t) { FAIL() << "called for no chunk"; });
}

TEST_P(Threads, the_first_exception_in_chunk_order_reaches_the_caller) {
  auto run = [] {
    run_chunks(40, [](std::int64_t c) {
      if (c == 3 || c == 17 || c == 39) throw std::out_of_range(std::to_string(c));
    });
  };
  for (int round = 0; round < 20; ++round) {
    try {
      run();
      FAIL() << "the exception was lost";
    } catch (const std::out_of_range& e) { ASSERT_STREQ(e.what(), "3"); }
  }
}

TEST_P(Threads, a_loop_works_after_another_one_has_thrown) {
  EXPECT_THROW(run_chunks(8, [](std::int64_t) { throw Error(Code::range, "here", "no"); }), Error);
  std::atomic<std::int64_t> sum = 0;
  run_chunks(8, [&](std::int64_t c) { sum += c; });
  EXPECT_EQ(sum, 28);
}

TEST_P(Threads, a_loop_inside_a_loop_covers_everything_too) {
  std::vector<std::atomic<int>> met(12 * 50);
  parallel_for(12, 1, [&](std::int64_t row, std::int64_t) {
    const auto caller = std::this_thread::get_id();
    parallel_for(50, 4, [&](std::int64_t begin, std::int64_t end) {
      // no second team: twelve loops of two threads each would be twelve times too many
      ASSERT_EQ(std::this_thread::get_id(), caller);
      for (std::int64_t i = begin; i < end; ++i) ++met[static_cast<std::size_t>(row * 50 + i)];
    });
  });
  for (const auto& times : met) ASSERT_EQ(times, 1);
}

INSTANTIATE_TEST_SUITE_P(count, Threads, ::testing::Values(1, 2, 5), ::testing::PrintToStringParamName());

TEST(SetThreads, takes_1_to_1024) {
  const int before = threads();
  for (int count : {0, -1, 1025}) {
    try {
      set_threads(count);
      ADD_FAILURE() << count << " was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Code::range);
      EXPECT_NE(std::string(e.what()).find(std::to_string(count)), std::string::npos);
    }
    EXPECT_EQ(threads(), before);
  }
  set_threads(1024);
  EXPECT_EQ(threads(), 1024);
  set_threads(before);
}

TEST(Callers, at_the_same_time_each_get_the_whole_of_their_own_loop) {
  std::vector<std::thread> callers;
  std::vector<std::int64_t> sums(6);
  for (std::size_t caller = 0; caller < sums.size(); ++caller) {
    callers.emplace_back([&sums, caller] {
      for (int round = 0; round < 200; ++round) {
        std::atomic<std::int64_t> sum = 0;
        run_chunks(17, [&](std::int64_t c) { sum += c; });
        sums[caller] += sum;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const std::int64_t sum : sums) EXPECT_EQ(sum, 200 * 136);
}

TEST(Fork, a_child_gets_helpers_of_its_own) {
  auto sum_of_a_loop = [] {
    std::atomic<std::int64_t> sum = 0;
    run_chunks(64, [&](std::int64_t c) { sum += c; });
    return sum.load();
  };
  const int before = threads();
  set_threads(3);
  ASSERT_EQ(sum_of_a_loop(), 2016);
  const pid_t child = fork();
  if (child == 0) _exit(sum_of_a_loop() == 2016 ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  set_threads(before);
}

TEST(SetThreads, holds_for_the_whole_process) {
  const int before = threads();
  for (int count : {1, 3}) {
    set_threads(count);
    int seen = 0;
    std::thread([&] { seen = threads(); }).join();
    EXPECT_EQ(seen, count);
  }
  set_threads(before);
}

}  // namespace
}  // namespace embscope
