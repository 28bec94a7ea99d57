#pragma once

#include <cuda_runtime_api.h>
#include <harness/workload.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace qlinear::benchmark {

/// Throws std::runtime_error, which names `what`, unless ‖actual - expected‖ <= bound * ‖expected‖
/// in the Frobenius norm. Synchronises the stream.
void expect_within(const Bf16* actual, const Bf16* expected, std::int64_t count, double bound,
                   const std::string& what, cudaStream_t stream);

/// What call 0 of a workload must give. Its output is the library's own, which the constructor
/// compares, bit for bit, with the CPU reference on a sample of rows and columns. All checks throw
/// std::runtime_error that says what differs.
class Oracle {
 public:
  explicit Oracle(Workload& workload);

  /// Fills what a case is to write with NaN bits or, for the quantized activation, -1.
  void poison_output() const;
  void poison_quantized() const;
  void poison_accumulator() const;

  void expect_output() const;
  /// The bits of the CPU reference with these options on the sample of rows and columns. Without a
  /// bias `bias` is null; `residual` is read if there is one.
  void expect_epilogue(const EpilogueDescriptor& epilogue, const Bf16* bias,
                       const Bf16* residual) const;
  /// ‖output - expected‖ <= bound * ‖expected‖, in the Frobenius norm.
  void expect_output_within(double bound) const;
  void expect_quantized() const;
  /// int32 equality on the sample, and the bits of the output once dequantized.
  void expect_accumulator() const;

 private:
  struct Sample {
    std::vector<std::int64_t> rows;
    std::int64_t columns = 0;
    std::int64_t column_step = 1;
    std::vector<std::int32_t> sums;  ///< [rows, columns]
  };

  void check_against_reference();
  /// Throws unless `actual`, row `row` of an output, has the reference's bits in the sample's
  /// columns.
  void check_row(std::int64_t row, const Bf16* actual, const EpilogueDescriptor& epilogue,
                 const Bf16* bias, const Bf16* residual, std::vector<S8>& q,
                 float& act_scale) const;
  void check_scratch_row(std::size_t index, const std::vector<S8>& q, float scale) const;
  void expect_same_bits(const void* actual, const void* expected, std::size_t bytes,
                        const char* what) const;

  Workload& workload_;
  Sample sample_;
  DeviceBuffer<Bf16> output_;
  DeviceBuffer<std::int8_t> quantized_;
  DeviceBuffer<float> activation_scale_;
};

}  // namespace qlinear::benchmark
