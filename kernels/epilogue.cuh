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

  /// Whether 16-byte pieces of output rows are aligned, if they begin at whole ones.
  __device__ bool has_aligned_pieces() const {
    return reinterpret_cast<std::uintptr_t>(c_) % 16 == 0 &&
           ldc_ * static_cast<std::int64_t>(sizeof(TIn)) % 16 == 0;
  }

  /// Copies 16 bytes of elements from shared memory to `target`, where `columns_left` are left of
  /// the row. `aligned`: `has_aligned_pieces`, asked once.
  static __device__ __forceinline__ void copy_piece(TIn* target, std::int64_t columns_left,
                                                    const TIn* staged, bool aligned) {
    constexpr int kWidth = 16 / static_cast<int>(sizeof(TIn));
    if (aligned && columns_left >= kWidth) {
      ptx::st_global(reinterpret_cast<uint4*>(target),
                     ptx::ld_shared(reinterpret_cast<const uint4*>(staged)));
      return;
    }
#pragma unroll
    for (int e = 0; e < kWidth; ++e) {
      if (e < columns_left) ptx::st_global(target + e, ptx::ld_shared(staged + e));
    }
  }

 private:
  const C* a_scale_;
  const C* b_scale_;
  const TIn* bias_;
  TIn* c_;
  std::int64_t ldc_;
};

}  // namespace qlinear::kernels
