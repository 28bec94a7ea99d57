#pragma once

#include <algorithm>
#include <barrier>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace qlinear::engine {

/// Threads that split ranges between them. The caller is one of them.
class Workers {
 public:
  /// Calls with the number of the worker and its part of the range.
  using Work = std::function<void(int, std::int64_t, std::int64_t)>;

  explicit Workers(int count) : count_(std::max(count, 1)), start_(count_), end_(count_) {
    for (int worker = 1; worker < count_; ++worker) {
      threads_.emplace_back([this, worker] {
        for (start_.arrive_and_wait(); work_ != nullptr; start_.arrive_and_wait()) {
          work_part(worker);
          end_.arrive_and_wait();
        }
      });
    }
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() {
    work_ = nullptr;
    start_.arrive_and_wait();
    for (std::thread& thread : threads_) thread.join();
  }

  int count() const { return count_; }

  /// Calls `work`, which must not throw, once in each thread whose part of 0 ... size is not empty.
  void split(std::int64_t size, const Work& work) {
    work_ = &work;
    size_ = size;
    start_.arrive_and_wait();
    work_part(0);
    end_.arrive_and_wait();
    work_ = nullptr;
  }

 private:
  void work_part(int worker) const {
    const std::int64_t begin = size_ * worker / count_;
    const std::int64_t end = size_ * (worker + 1) / count_;
    if (begin < end) (*work_)(worker, begin, end);
  }

  int count_;
  std::barrier<> start_;
  std::barrier<> end_;
  const Work* work_ = nullptr;
  std::int64_t size_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace qlinear::engine
