// Indices beyond 16 and 32 bits.

#include "support/device.hpp"
#include "support/linear_run.hpp"

#include <qlinear/kernels.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace qlinear::test {
namespace {

TEST(LargeIndex, RowsBeyond65535) {
  EXPECT_TRUE(is_exact(run_case<__half, S8>({.m = 65537 + 7, .n = 2, .k = 3, .seed = 1})));
}

TEST(LargeIndex, OutputChannelsBeyond65535) {
  EXPECT_TRUE(is_exact(run_case<__half, U8>({.m = 2, .n = 65537 + 7, .k = 3, .seed = 2})));
}

/// A matrix whose rows are so far apart that the last one starts beyond 2^31 elements. Between the
/// rows nothing is touched, so memory that is committed lazily stays uncommitted there.
template <class T>
class FarApartRows {
 public:
  FarApartRows(std::int64_t rows, std::int64_t cols)
      : rows_(rows),
        cols_(cols),
        buffer_(static_cast<std::size_t>((rows - 1) * kStride + cols) * sizeof(T)) {}

  void upload(const HostMatrix<T>& values) {
    for (std::int64_t r = 0; r < rows_; ++r) {
      check(cudaMemcpy(row(r), values.row(r), row_bytes(), cudaMemcpyHostToDevice), "upload");
    }
  }
  void poison() {
    HostMatrix<T> values(rows_, cols_);
    std::memset(static_cast<void*>(values.row(0)), kNanPoison, values.values().size() * sizeof(T));
    upload(values);
  }
  HostMatrix<T> download() const {
    HostMatrix<T> values(rows_, cols_);
    for (std::int64_t r = 0; r < rows_; ++r) {
      check(cudaMemcpy(values.row(r), row(r), row_bytes(), cudaMemcpyDeviceToHost), "download");
    }
    return values;
  }
  TensorRef<T, 2> ref() const { return {row(0), {rows_, cols_}, {kStride, 1}}; }
  TensorMut<T, 2> mut() const { return {row(0), {rows_, cols_}, {kStride, 1}}; }

 private:
  static constexpr std::int64_t kStride = (std::int64_t{1} << 30) + 16;
  T* row(std::int64_t r) const { return static_cast<T*>(buffer_.data()) + r * kStride; }
  std::size_t row_bytes() const { return static_cast<std::size_t>(cols_) * sizeof(T); }

  std::int64_t rows_;
  std::int64_t cols_;
  DeviceBuffer buffer_;
};

class BeyondTwoToThe31 : public ::testing::Test {
 protected:
  using Args = QuantizedLinearArgs<__half, S8>;
  using Device = DeviceLinear<__half, S8>;

  static constexpr LinearCase kCase{.m = 3, .n = 3, .k = 48, .bias = true, .seed = 3};

  /// Forces each kernel of `category` that runs here. `place(args)` puts one of the tensors
  /// elsewhere before the run, and `verify(device)` looks at the outcome.
  template <class Place, class Verify>
  void run_each(KernelCategory category, const Place& place, const Verify& verify) {
    for (const KernelSku& sku : registered_kernels()) {
      if (sku.category != category || !runs_here(sku)) continue;
      SCOPED_TRACE(sku.name);
      LinearCase c = kCase;
      (category == KernelCategory::Gemm ? c.kernel : c.quantize_kernel) = sku.name;
      const auto plan = QuantizedLinearPlan<__half, S8>::select(
          stream_, linear_descriptor<__half, S8>(c), preference_of(c));
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      const GuardedWorkspace workspace(plan.value().workspace_size());
      const Device device(c, operands_);
      Args args = device.args();
      place(args);
      const Status status = plan.value().run(stream_, workspace.get(), args);
      ASSERT_TRUE(status.ok()) << status.message();
      stream_.synchronize();
      verify(device);
    }
  }

  Stream stream_;
  LinearOperands<__half, S8> operands_ = make_operands<__half, S8>(kCase);
  LinearResult<__half> expected_ = reference_result(kCase, operands_);
};

TEST_F(BeyondTwoToThe31, Activation) {
  FarApartRows<__half> activation(kCase.m, kCase.k);
  activation.upload(operands_.activation);
  run_each(
      KernelCategory::Quantize, [&](Args& args) { args.activation = activation.ref(); },
      [&](const Device& device) { EXPECT_TRUE(device.holds(expected_)); });
}

TEST_F(BeyondTwoToThe31, Weight) {
  FarApartRows<S8> weight(kCase.n, kCase.k);
  weight.upload(operands_.weight);
  run_each(
      KernelCategory::Gemm, [&](Args& args) { args.weight_q = weight.ref(); },
      [&](const Device& device) { EXPECT_TRUE(device.holds(expected_)); });
}

TEST_F(BeyondTwoToThe31, Output) {
  FarApartRows<__half> output(kCase.m, kCase.n);
  run_each(
      KernelCategory::Gemm,
      [&](Args& args) {
        output.poison();
        args.output = output.mut();
      },
      [&](const Device& device) {
        EXPECT_TRUE(same_matrix("output", expected_.output, output.download()));
        EXPECT_TRUE(device.output.untouched("output that was not given"));
      });
}

TEST_F(BeyondTwoToThe31, Scratch) {
  FarApartRows<S8> act_q(kCase.m, kCase.k);
  for (const KernelCategory category : {KernelCategory::Quantize, KernelCategory::Gemm}) {
    run_each(
        category,
        [&](Args& args) {
          act_q.poison();
          args.act_q_scratch = act_q.mut();
        },
        [&](const Device& device) {
          EXPECT_TRUE(same_matrix("act_q", expected_.act_q, act_q.download()));
          EXPECT_TRUE(same_matrix("output", expected_.output, device.output.download()));
        });
  }
}

}  // namespace
}  // namespace qlinear::test
