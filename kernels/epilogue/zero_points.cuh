#pragma once

#include <common/gated_rows.cuh>
#include <common/problems.hpp>
#include <ptx/memory.cuh>

namespace qlinear::kernels {

/// The part that zero points have in an accumulator: with za of the row and zw of the column
///
///   sum (q - za) * (w - zw) = sum q * w - (za * sum w + zw * (sum q - K * za)),
///
/// a product of two numbers of the row by two of the column. It is exact modulo 2^32, and what is
/// asked for fits. Its methods are called after griddepcontrol.wait, like those of `Epilogue`.
class ZeroPoints {
 public:
  __device__ explicit ZeroPoints(const GemmProblem& p)
      : p_(p.epilogue.zero_points),
        gate_rows_(p.epilogue.gate_rows),
        k_(static_cast<unsigned>(p.operands.k)),
        unsigned_weights_(p.operands.weight_element == ElementKind::U8) {}

  __device__ bool exist() const { return p_.a_zero_point != nullptr || p_.b_zero_point != nullptr; }

  /// Returns za and sum q - K * za.
  __device__ uint2 row(std::int64_t row) const {
    const int zero_point = p_.a_zero_point != nullptr
                               ? ptx::ld_global(p_.a_zero_point + row * p_.a_zero_point_stride)
                               : 0;
    const int sum = p_.b_zero_point != nullptr ? ptx::ld_global(p_.a_sum + row) : 0;
    const auto za = static_cast<unsigned>(zero_point);
    return make_uint2(za, static_cast<unsigned>(sum) - k_ * za);
  }

  /// Returns sum w and zw.
  template <int kBlock = kGatedBlock>
  __device__ uint2 column(std::int64_t column) const {
    const std::int64_t row = weight_row<kBlock>(column, gate_rows_);
    const int sum = p_.a_zero_point != nullptr ? ptx::ld_global(p_.b_sum + row) : 0;
    return make_uint2(static_cast<unsigned>(sum), weight_zero_point(row));
  }

  static __device__ __forceinline__ int subtract(int accumulator, const uint2& row,
                                                 const uint2& column) {
    return static_cast<int>(static_cast<unsigned>(accumulator) - row.x * column.x -
                            row.y * column.y);
  }

 private:
  __device__ unsigned weight_zero_point(std::int64_t row) const {
    if (p_.b_zero_point == nullptr) return 0;
    const auto bits = ptx::ld_global(static_cast<const std::uint8_t*>(p_.b_zero_point) + row);
    return static_cast<unsigned>(unsigned_weights_ ? int{bits}
                                                   : int{static_cast<std::int8_t>(bits)});
  }

  ZeroPointParameters p_;
  std::int64_t gate_rows_;
  unsigned k_;
  bool unsigned_weights_;
};

}  // namespace qlinear::kernels
