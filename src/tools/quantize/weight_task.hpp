#pragma once

#include <qlinear/checkpoint/quantize.hpp>
#include <qlinear/checkpoint/safetensors.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace qlinear::tools {

using ColumnFactors = std::shared_ptr<const std::vector<float>>;

/// Rows `begin` to `end` of a weight.
struct RowRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// Parts of at most 256 Ki elements, or of one row: what a thread holds as floats at a time, and
/// how soon it notices an interrupt.
std::vector<RowRange> row_ranges(const checkpoint::Tensor& weight);

/// Those rows of a float weight, as floats, each column times its factor where there are `factors`.
std::vector<float> rows_as_floats(const checkpoint::Tensor& weight, const RowRange& rows,
                                  const ColumnFactors& factors);

/// A weight that is quantized in parts, which may run at the same time. Its tensors are complete
/// when all parts are.
class WeightTask {
 public:
  WeightTask(std::string module, checkpoint::Tensor weight, ColumnFactors factors,
             checkpoint::WeightScale method);

  const std::string& module() const noexcept { return module_; }
  const checkpoint::Tensor& source() const noexcept { return weight_; }
  std::size_t parts() const noexcept { return ranges_.size(); }
  std::uint64_t source_bytes_of_part(std::size_t part) const noexcept;

  /// Takes memory for the result.
  void begin();
  void quantize_part(std::size_t part);
  /// Gives the result away: `weight` I8 [N, K] and `weight_scale` F32 [N, 1].
  std::vector<checkpoint::NamedTensor> finish();
  checkpoint::QuantizationError error() const;

 private:
  std::string module_;
  checkpoint::Tensor weight_;
  ColumnFactors factors_;
  checkpoint::WeightScale method_;
  std::vector<RowRange> ranges_;
  std::vector<checkpoint::QuantizationError> errors_;  ///< Of each part: their sum has one order.
  std::shared_ptr<std::vector<S8>> quantized_;
  std::shared_ptr<std::vector<float>> scale_;
};

/// A tensor of `values`.
checkpoint::Tensor tensor_of(std::shared_ptr<std::vector<float>> values,
                             std::vector<std::int64_t> shape);

}  // namespace qlinear::tools
