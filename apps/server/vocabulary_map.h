// VocabularyMap: t-SNE of all of a model's tokens, computed once in the background and stored in the cache for the next
// start. Lifetime: holds its model; the destructor cancels the work and waits for it. Thread rule: any number of
// threads.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "time_left.h"

#include "embscope/model/model.h"
#include "embscope/tensor/tensor.h"

namespace embscope::server {

class VocabularyMap {
 public:
  /// Reads the map from the cache, or starts to compute it.
  explicit VocabularyMap(std::shared_ptr<const Model> model);
  ~VocabularyMap();
  VocabularyMap(const VocabularyMap&) = delete;

  enum class State { computing, ready, failed };
  struct Status {
    State state = State::computing;
    double fraction = 0;
    std::optional<double> seconds_left;
    std::string what, error;
    std::string note;  ///< why the map is not cached, if it is not
    std::int64_t version = 0;
    bool from_cache = false;
  };
  Status status() const;
  /// x, y of every token, as float32; first the principal components, then the current state of t-SNE, then the map.
  /// Empty at the beginning; not-a-number for rows of zeros, which have no position.
  std::string points(std::int64_t& version) const;

 private:
  void make();
  void compute(const std::filesystem::path& file);
  bool report(double fraction, std::string_view what);
  void publish(const Tensor& points);

  const std::shared_ptr<const Model> model_;
  std::atomic<bool> cancelled_{false};
  mutable std::mutex mutex_;
  Status status_;
  TimeLeft left_;
  std::string points_;
  std::thread thread_;  // the last member, so that the others exist when it starts
};

}  // namespace embscope::server
