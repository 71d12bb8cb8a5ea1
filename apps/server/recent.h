// Recent: a cache of the most recent values, by key; the value that is unused for longest is removed.
// Thread rule: any number of threads. Two threads that need the same value at once may both make it.
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <utility>

namespace embscope::server {

template <class Key, class Value>
class Recent {
 public:
  Recent(std::size_t most, double most_bytes) : most_(most), most_bytes_(most_bytes) {}

  /// The cached value of a key, or else the result of `make`, whose size is `bytes_of` it.
  template <class Make, class Bytes>
  Value of(const Key& key, Make&& make, Bytes&& bytes_of) {
    {
      const std::lock_guard lock(mutex_);
      const auto known = places_.find(key);
      if (known != places_.end()) {
        list_.splice(list_.begin(), list_, known->second);
        return known->second->value;
      }
    }
    Value value = make();
    keep(key, value, bytes_of(value));
    return value;
  }

 private:
  struct Entry {
    Key key;
    Value value;
    double bytes;
  };

  void keep(const Key& key, const Value& value, double bytes) {
    const std::lock_guard lock(mutex_);
    if (places_.contains(key)) return;
    list_.push_front({key, value, bytes});
    places_[key] = list_.begin();
    bytes_ += bytes;
    while (list_.size() > most_ || (bytes_ > most_bytes_ && list_.size() > 1)) {
      bytes_ -= list_.back().bytes;
      places_.erase(list_.back().key);
      list_.pop_back();
    }
  }

  const std::size_t most_;
  const double most_bytes_;
  std::mutex mutex_;
  std::list<Entry> list_;
  std::map<Key, typename std::list<Entry>::iterator> places_;
  double bytes_ = 0;
};

}  // namespace embscope::server
