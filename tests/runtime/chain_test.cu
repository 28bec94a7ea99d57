// Plans between other kernels of a stream: what the launches of a chain may overlap, and what not.

#include "support/device.hpp"
#include "support/linear_run.hpp"

#include "emulated_device/tests/device_test.hpp"

#include <ptx/griddepcontrol.cuh>
#include <ptx/memory.cuh>

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace qlinear::test {
namespace {

using Bf16 = __nv_bfloat16;
using Plan = QuantizedLinearPlan<Bf16, S8>;
using Device = DeviceLinear<Bf16, S8>;
using emulated_device::test::with_seeds;

/// Lets its successor start at once, and only then writes `to`, other values first: it takes so
/// long that what the successor does before its wait sees those, or older ones.
__global__ void copy_late(const S8* from, S8* to, int count) {
  ptx::griddepcontrol_launch_dependents();
  ptx::griddepcontrol_wait();
  const auto step = static_cast<int>(gridDim.x * blockDim.x);
  for (int wrong = 1; wrong >= 0; --wrong) {
    for (auto i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < count; i += step) {
      ptx::st_global(to + i, static_cast<S8>(ptx::ld_global(from + i) ^ wrong));
    }
    __syncthreads();
  }
}

void enqueue_copy(cudaStream_t stream, const GuardedMatrix<S8>& from, const GuardedMatrix<S8>& to,
                  std::int64_t count) {
  kernels::LaunchConfig config{"copy_late", dim3(3), dim3(64)};
  config.stream = stream;
  check(kernels::launch_kernel<&copy_late>(config, static_cast<const S8*>(from.data()), to.data(),
                                           static_cast<int>(count)),
        "launch copy_late");
}

/// Every GEMM kernel that runs here, and "" for the choice of `select`.
std::vector<std::string> gemm_kernels() {
  std::vector<std::string> names = {""};
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category == KernelCategory::Gemm) names.emplace_back(sku.name);
  }
  return names;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  return info.param.empty() ? "chosen" : info.param;
}

class Chain : public ::testing::TestWithParam<std::string> {
 protected:
  static bool runs() {
    for (const KernelSku& sku : registered_kernels()) {
      if (sku.name == GetParam()) return runs_here(sku);
    }
    return true;
  }

  static Plan select_plan(cudaStream_t stream, const LinearCase& c, bool constant_weights) {
    PlanPreference preference;
    preference.kernel = GetParam();
    preference.constant_weights = constant_weights;
    return Plan::select(stream, linear_descriptor<Bf16, S8>(c), preference).value();
  }
};

// Without a promise, weights may come from the kernel just before.
TEST_P(Chain, ReadsWeightsThatItsPredecessorWrites) {
  if (!runs()) return;
  const LinearCase c{.m = 5, .n = 40, .k = 512, .seed = 3};
  const Stream stream;
  const Plan plan = select_plan(stream, c, false);
  auto operands = make_operands<Bf16, S8>(c);
  const auto expected = reference_result(c, operands);
  const GuardedMatrix<S8> weight(operands.weight, {}, kFinitePoison);
  operands.weight = HostMatrix<S8>(c.n, c.k);
  const GuardedWorkspace workspace(plan.workspace_size());
  with_seeds(8, [&] {
    const Device device(c, operands);
    enqueue_copy(stream, weight, device.weight, c.n * c.k);
    ASSERT_TRUE(plan.run(stream, workspace.get(), device.args()).ok());
    stream.synchronize();
    EXPECT_TRUE(same_result(expected, device.download()));
  });
}

/// Layers of equal width, each of which reads what the one before wrote. They share their scratch.
class Layers {
 public:
  explicit Layers(int count) {
    HostMatrix<Bf16> input;
    for (int i = 0; i < count; ++i) {
      LinearCase c = kLayer;
      c.seed = static_cast<std::uint64_t>(10 + i);
      auto operands = make_operands<Bf16, S8>(c);
      if (i > 0) operands.activation = input;
      expected_.push_back(reference_result(c, operands));
      input = expected_.back().output;
      devices_.emplace_back(c, operands);
    }
  }

  static constexpr LinearCase kLayer{.m = 4, .n = 320, .k = 320, .bias = true};

  /// Runs the plan's layers one after the other.
  template <class RunLayer>
  void enqueue(const RunLayer& run_layer) const {
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      auto args = devices_[i].args();
      if (i > 0) args.activation = devices_[i - 1].output.ref();
      args.act_q_scratch = devices_[0].act_q.mut();
      args.act_scale_scratch = devices_[0].act_scale.vector_mut();
      run_layer(args);
    }
  }

  void expect_outputs() const {
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      EXPECT_TRUE(same_matrix("output", expected_[i].output, devices_[i].output.download()))
          << "layer " << i;
      EXPECT_TRUE(devices_[i].output.guards_intact("output"));
    }
    EXPECT_FALSE(std::isnan(__bfloat162float(expected_.back().output.at(0, 0))));
  }

 private:
  std::vector<LinearResult<Bf16>> expected_;
  std::vector<Device> devices_;
};

TEST_P(Chain, OverlapsLayersOfConstantWeights) {
  if (!runs()) return;
  const Stream stream;
  const Plan plan = select_plan(stream, Layers::kLayer, true);
  const GuardedWorkspace workspace(plan.workspace_size());
  with_seeds(4, [&] {
    const Layers layers(4);
    layers.enqueue(
        [&](const Plan::Args& args) { EXPECT_TRUE(plan.run(stream, workspace.get(), args).ok()); });
    stream.synchronize();
    layers.expect_outputs();
  });
}

TEST_P(Chain, OverlapsTheHalvesOfConstantWeights) {
  if (!runs()) return;
  const Stream stream;
  const Plan plan = select_plan(stream, Layers::kLayer, true);
  const GuardedWorkspace workspace(plan.workspace_size());
  with_seeds(4, [&] {
    const Layers layers(3);
    layers.enqueue([&](const Plan::Args& args) {
      EXPECT_TRUE(plan.quantize_activation(stream, args).ok());
      EXPECT_TRUE(plan.multiply(stream, workspace.get(), args).ok());
    });
    stream.synchronize();
    layers.expect_outputs();
  });
}

INSTANTIATE_TEST_SUITE_P(, Chain, ::testing::ValuesIn(gemm_kernels()), test_name);

}  // namespace
}  // namespace qlinear::test
