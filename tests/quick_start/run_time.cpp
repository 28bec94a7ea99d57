#include "run_time.hpp"

#include "support/cuda_check.hpp"

#include <algorithm>
#include <vector>

namespace qlinear::quick_start {
namespace {

class Event {
 public:
  Event() { test::check(cudaEventCreate(&event_), "cudaEventCreate"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { static_cast<void>(cudaEventDestroy(event_)); }

  void record(cudaStream_t stream) const {
    test::check(cudaEventRecord(event_, stream), "cudaEventRecord");
  }
  void synchronize() const { test::check(cudaEventSynchronize(event_), "cudaEventSynchronize"); }
  double microseconds_since(const Event& earlier) const {
    float milliseconds = 0;
    test::check(cudaEventElapsedTime(&milliseconds, earlier.event_, event_),
                "cudaEventElapsedTime");
    return 1000.0 * static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace

double median_microseconds(cudaStream_t stream, const std::function<void()>& enqueue) {
  constexpr int kWarmUpRuns = 20;
  const Event start;
  const Event stop;
  std::vector<double> times;
  for (int i = 0; i < kWarmUpRuns + kTimedRuns; ++i) {
    start.record(stream);
    enqueue();
    stop.record(stream);
    stop.synchronize();
    if (i >= kWarmUpRuns) times.push_back(stop.microseconds_since(start));
  }
  const auto middle = times.begin() + kTimedRuns / 2;
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

}  // namespace qlinear::quick_start
