#pragma once

#include <harness/timed_case.hpp>
#include <qlinear/plan.hpp>

#include <optional>
#include <string>

namespace qlinear::benchmark {

/// `run` of a plan, with the kernel that `kernel` names or, if empty, the one `select` chooses.
/// `constant_weights` as in `PlanPreference`.
class LibraryLinear : public TimedCase {
 public:
  LibraryLinear(std::string name, std::string kernel, bool constant_weights = false)
      : name_(std::move(name)), kernel_(std::move(kernel)), constant_weights_(constant_weights) {}

  std::string name() const override { return name_; }
  Work work() const override { return Work::Linear; }
  std::string label(const Workload& workload) const override;
  void prepare(Workload& workload, const GraphTimer& timer) override;
  void enqueue(Workload& workload, cudaStream_t stream, int call) override;
  void verify(Workload& workload, const Oracle& oracle) override;

 protected:
  virtual QuantizedLinearDescriptor descriptor(const Workload& workload) const {
    return workload.descriptor();
  }
  const QuantizedLinearPlan<Bf16, S8>& plan() const { return *plan_; }
  Workspace workspace() const { return {space_.data(), space_.bytes()}; }

 private:
  std::string name_;
  std::string kernel_;
  bool constant_weights_;
  std::optional<QuantizedLinearPlan<Bf16, S8>> plan_;
  DeviceBuffer<std::byte> space_;
};

}  // namespace qlinear::benchmark
