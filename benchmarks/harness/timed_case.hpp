#pragma once

#include <harness/floor.hpp>
#include <harness/graph_timer.hpp>
#include <harness/oracle.hpp>
#include <harness/workload.hpp>

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace qlinear::benchmark {

/// Something that is timed: a part of the library, or a peer. Its calls read and write the buffers
/// of a workload.
class TimedCase {
 public:
  virtual ~TimedCase() = default;

  virtual std::string name() const = 0;
  virtual Work work() const = 0;
  /// Whether it is worth registering for this problem on this device.
  virtual bool takes(std::int64_t m, const LayerShape& layer) const;
  /// Calls after which its buffers come around.
  virtual int rotation(const Workload& workload) const { return workload.rotation(work()); }

  /// What it runs, where that is worth telling; after `prepare`.
  virtual std::string label(const Workload& workload) const;

  /// Chooses kernels and allocates what the calls need. Throws where the problem cannot be done.
  virtual void prepare(Workload& workload, const GraphTimer& timer) = 0;
  virtual void enqueue(Workload& workload, cudaStream_t stream, int call) = 0;
  /// Poisons what call 0 writes, makes it, and throws unless the result is right.
  virtual void verify(Workload& workload, const Oracle& oracle) = 0;
};

inline bool TimedCase::takes(std::int64_t, const LayerShape&) const { return true; }

inline std::string TimedCase::label(const Workload&) const { return ""; }

using TimedCases = std::vector<std::unique_ptr<TimedCase>>;

/// Name of the case that is the library's whole linear layer.
inline constexpr const char* kLinearCase = "qlinear_linear";

/// The same with the promise that weights are constant, which the benchmark keeps.
inline constexpr const char* kConstantWeightsCase = "qlinear_constant_weights";

/// The library's quantize pass, its GEMM, and the whole linear layer without and with the promise.
TimedCases make_library_cases();

/// The library's GEMM with each option of the epilogue.
TimedCases make_epilogue_cases();

/// Every peer of this build that runs on the current device.
TimedCases make_peers();

}  // namespace qlinear::benchmark
