#pragma once

#include <common/element.cuh>
#include <common/problems.hpp>
#include <ptx/memory.cuh>

namespace qlinear::kernels {

/// The one epilogue turns exact int32 sums into output elements: the rows "dequantize", "with a
/// bias" and "store" of the contract. Kernels differ only in how accumulators reach threads.
template <class TIn>
class Epilogue {
 public:
  using C = scale_t<TIn>;

  /// Adding it as a bias leaves the bits of the rounded product: -0 + -0 is -0, and +0 + -0 is +0.
  static constexpr C kNoBias = C(-0.0);

  /// What the elements of one output column share.
  struct Column {
    C scale;
    C bias;
  };

  __device__ explicit Epilogue(const EpilogueParameters& p)
      : a_scale_(static_cast<const C*>(p.a_scale)),
        b_scale_(static_cast<const C*>(p.b_scale)),
        bias_(static_cast<const TIn*>(p.bias)),
        c_(static_cast<TIn*>(p.c)),
        ldc_(p.ldc) {}

  // Call `row_scale` and `column` only after griddepcontrol.wait: earlier kernels write what these
  // read and may still run when this kernel starts. So ld.global.nc must not load it.
  __device__ C row_scale(std::int64_t row) const { return ptx::ld_global(a_scale_ + row); }

  __device__ Column column(std::int64_t column) const {
    return {ptx::ld_global(b_scale_ + column),
            bias_ ? Element<TIn>::to_compute(ptx::ld_global(bias_ + column)) : kNoBias};
  }

  __device__ bool has_bias() const { return bias_ != nullptr; }

  __device__ TIn value(int sum, C row_scale, const Column& column) const {
    const C scale = multiply_rn(row_scale, column.scale);
    const C x = int_to_compute_rn<C>(sum);
    return Element<TIn>::from_compute(fma_rn(scale, x, column.bias));
  }

  __device__ TIn* address(std::int64_t row, std::int64_t column) const {
    return c_ + row * ldc_ + column;
  }

  /// Returns whether 16-byte pieces of output rows are aligned, if they begin at a whole number of
  /// pieces.
  __device__ bool has_aligned_pieces() const {
    return reinterpret_cast<std::uintptr_t>(c_) % 16 == 0 &&
           ldc_ * static_cast<std::int64_t>(sizeof(TIn)) % 16 == 0;
  }

  /// Copies a lane's pieces of 16 bytes from shared memory, where they are `kStagedStep` elements
  /// apart, to the output, where they are `kRowStep` rows apart. The first goes to `target`, from
  /// which `rows_left` rows and `columns_left` columns remain. `aligned` is the result of
  /// `has_aligned_pieces`. Two pieces are loaded before the first is stored, as no load could
  /// overtake a store; with more the largest mma.sync tile would spill.
  template <int kPieces, int kRowStep, int kStagedStep>
  __device__ __forceinline__ void copy_pieces(TIn* target, const TIn* staged, int rows_left,
                                              int columns_left, bool aligned) const {
    constexpr int kWidth = 16 / static_cast<int>(sizeof(TIn));
    constexpr int kAtOnce = kPieces < 2 ? kPieces : 2;
    const std::int64_t step = kRowStep * ldc_;
    if (aligned && columns_left >= kWidth) {
#pragma unroll
      for (int first = 0; first < kPieces; first += kAtOnce) {
        uint4 piece[kAtOnce];
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) {
          if ((first + i) * kRowStep >= rows_left) continue;
          piece[i] =
              ptx::ld_shared(reinterpret_cast<const uint4*>(staged + (first + i) * kStagedStep));
        }
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) {
          if ((first + i) * kRowStep >= rows_left) continue;
          ptx::st_global(reinterpret_cast<uint4*>(target + (first + i) * step), piece[i]);
        }
      }
      return;
    }
#pragma unroll 1
    for (int i = 0; i * kRowStep < rows_left && i < kPieces; ++i) {
#pragma unroll
      for (int e = 0; e < kWidth; ++e) {
        if (e >= columns_left) continue;
        ptx::st_global(target + i * step + e, ptx::ld_shared(staged + i * kStagedStep + e));
      }
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
