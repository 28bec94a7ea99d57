#pragma once

#include <element.cuh>
#include <kernels.hpp>
#include <ptx/memory.cuh>

namespace qlinear::kernels {

/// The one epilogue: exact int32 sums to output elements, the rows "dequantize", "with a bias" and
/// "store" of the contract. Kernels differ in how they bring sums to threads, not in this.
template <class TIn>
class Epilogue {
 public:
  using C = scale_t<TIn>;

  /// What the elements of one output column share.
  struct Column {
    C scale;
    C bias;
  };

  __device__ explicit Epilogue(const GemmProblem& p)
      : a_scale_(static_cast<const C*>(p.a_scale)),
        b_scale_(static_cast<const C*>(p.b_scale)),
        bias_(static_cast<const TIn*>(p.bias)),
        c_(static_cast<TIn*>(p.c)),
        ldc_(p.ldc) {}

  // Behind griddepcontrol.wait only: kernels before this one, which may still run when it starts,
  // write these. So they are no data for ld.global.nc.
  __device__ C row_scale(std::int64_t row) const { return ptx::ld_global(a_scale_ + row); }

  __device__ Column column(std::int64_t column) const {
    return {ptx::ld_global(b_scale_ + column),
            bias_ ? Element<TIn>::to_compute(ptx::ld_global(bias_ + column)) : C(0)};
  }

  __device__ bool has_bias() const { return bias_ != nullptr; }

  __device__ TIn value(int sum, C row_scale, const Column& column) const {
    const C scale = multiply_rn(row_scale, column.scale);
    const C x = int_to_compute_rn<C>(sum);
    return Element<TIn>::from_compute(bias_ ? fma_rn(scale, x, column.bias)
                                            : multiply_rn(scale, x));
  }

  __device__ TIn* address(std::int64_t row, std::int64_t column) const {
    return c_ + row * ldc_ + column;
  }

 private:
  const C* a_scale_;
  const C* b_scale_;
  const TIn* bias_;
  TIn* c_;
  std::int64_t ldc_;
};

}  // namespace qlinear::kernels
