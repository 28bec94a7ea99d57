#pragma once

#include <common/element.cuh>
#include <common/gated_rows.cuh>
#include <common/problems.hpp>
#include <epilogue/activation.cuh>
#include <ptx/memory.cuh>

#include <cstdint>
#include <type_traits>

namespace qlinear::kernels {

/// What the elements of one output column share.
template <class C>
struct EpilogueColumn {
  C scale;
  C bias;
};

/// Neighbours in a row of the output, which one access moves.
template <class T, int kCount>
union Piece {
  using Bits = std::conditional_t<kCount * sizeof(T) == 16, uint4,
                                  std::conditional_t<kCount * sizeof(T) == 8, uint2, unsigned>>;
  static_assert(sizeof(Bits) == kCount * sizeof(T));

  Bits bits;
  T value[kCount];

  __device__ Piece() : bits{} {}
  __device__ __forceinline__ void load_shared(const T* from) {
    bits = ptx::ld_shared(reinterpret_cast<const Bits*>(from));
  }
  __device__ __forceinline__ void load_global(const T* from) {
    bits = ptx::ld_global(reinterpret_cast<const Bits*>(from));
  }
  __device__ __forceinline__ void store_shared(T* to) const {
    ptx::st_shared(reinterpret_cast<Bits*>(to), bits);
  }
  __device__ __forceinline__ void store_global(T* to) const {
    ptx::st_global(reinterpret_cast<Bits*>(to), bits);
  }
};

/// The one epilogue turns exact int32 sums into output elements: the rows "dequantize", "with a
/// bias" and "store" of the contract. Kernels differ only in how accumulators reach threads.
/// Without `kOptions` it knows nothing but scales and a bias: see
/// `EpilogueParameters::has_options`.
template <class TIn, bool kOptions = true>
class Epilogue {
 public:
  using C = scale_t<TIn>;
  using Column = EpilogueColumn<C>;

  /// A piece of a row is as many elements as 16 bytes hold.
  static constexpr int kWidth = 16 / static_cast<int>(sizeof(TIn));

  /// Adding it as a bias leaves the bits of the rounded product: -0 + -0 is -0, and +0 + -0 is +0.
  static constexpr C kNoBias = C(-0.0);

  __device__ explicit Epilogue(const EpilogueParameters& p)
      : a_scale_(static_cast<const C*>(p.a_scale)),
        a_scale_stride_(p.a_scale_stride),
        b_scale_(static_cast<const C*>(p.b_scale)),
        bias_(static_cast<const TIn*>(p.bias)),
        c_(static_cast<TIn*>(p.c)),
        ldc_(p.ldc),
        activation_(p.activation),
        routing_weight_(static_cast<const C*>(p.routing_weight)),
        residual_(static_cast<const TIn*>(p.residual)),
        ldr_(p.ldr),
        gate_rows_(p.gate_rows) {}

  // Call `row_scale` and `column` only after griddepcontrol.wait: earlier kernels write what these
  // read and may still run when this kernel starts. So ld.global.nc must not load it.
  __device__ C row_scale(std::int64_t row) const {
    return ptx::ld_global(a_scale_ + row * a_scale_stride_);
  }

  /// Returns what belongs to a column of the products, which kernels that are gated interleave by
  /// `kBlock`.
  template <int kBlock = kGatedBlock>
  __device__ Column column(std::int64_t column) const {
    const std::int64_t row = weight_row<kBlock>(column, gate_rows());
    return {ptx::ld_global(b_scale_ + row),
            bias_ ? Element<TIn>::to_compute(ptx::ld_global(bias_ + row)) : kNoBias};
  }

  __device__ bool has_bias() const { return bias_ != nullptr; }

  __device__ TIn value(int sum, C row_scale, const Column& column) const {
    const C scale = multiply_rn(row_scale, column.scale);
    const C x = int_to_compute_rn<C>(sum);
    return Element<TIn>::from_compute(fma_rn(scale, x, column.bias));
  }

  /// Returns how many columns a gated output has; 0 if it is none.
  __device__ std::int64_t gate_rows() const { return kOptions ? gate_rows_ : 0; }

  /// Returns the column of a gated output that products of column `column`, a gate, end in.
  template <int kBlock = kGatedBlock>
  __device__ std::int64_t gated_column(std::int64_t column) const {
    return gate_of_row<kBlock>(column);
  }

  /// Returns whether elements change between their rounding to TIn and their store.
  __device__ bool finishes() const { return transforms() || has_residual(); }

  /// Returns whether elements change before a residual is added.
  __device__ bool transforms() const {
    return kOptions && (activation_ != ActivationFunction::None || routing_weight_ != nullptr ||
                        gate_rows_ != 0);
  }
  __device__ bool has_residual() const { return kOptions && residual_ != nullptr; }

  /// Whether elements are multiplied after the activation function.
  __device__ bool multiplies() const {
    return kOptions && (gate_rows_ != 0 || routing_weight_ != nullptr);
  }

  /// Does what comes before a residual to elements: applies the activation function, then
  /// multiplies by `factor(i)`, if it `multiplies`: by the up, if the output is gated, or the
  /// routing weight. `kByFours` where the size of the code counts more than the last clock.
  template <bool kByFours, int kCount, class Factor>
  __device__ __forceinline__ void transform(TIn (&elements)[kCount], const Factor& factor) const {
    C values[kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) values[i] = Element<TIn>::to_compute(elements[i]);
    if constexpr (kCount > 4 && kByFours) {
      activate_by_fours(activation_, values);
    } else {
      activate_values(activation_, values);
    }
    if (multiplies()) {
      round_all<TIn>(values);
#pragma unroll
      for (int i = 0; i < kCount; ++i) values[i] = multiply_rn(values[i], factor(i));
    }
    from_compute_all(values, elements);
  }

  /// Returns the routing weight of a row; where there is none, any number.
  __device__ C routing_weight(std::int64_t row) const {
    return routing_weight_ != nullptr ? ptx::ld_global(routing_weight_ + row) : C(0);
  }

  static __device__ TIn add(TIn y, TIn residual) {
    using E = Element<TIn>;
    return E::from_compute(add_rn(E::to_compute(y), E::to_compute(residual)));
  }
  template <int kCount>
  static __device__ __forceinline__ void add(TIn (&elements)[kCount],
                                             const TIn (&residual)[kCount]) {
    using E = Element<TIn>;
    C sums[kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      sums[i] = add_rn(E::to_compute(elements[i]), E::to_compute(residual[i]));
    }
    from_compute_all(sums, elements);
  }

  /// Does all that follows the rounding of one element to TIn, and stores it. `up` belongs to the
  /// gate `y`, if the output is gated; `column` is a column of the output.
  __device__ __forceinline__ void finish(TIn y, TIn up, std::int64_t row,
                                         std::int64_t column) const {
    TIn elements[1] = {y};
    const C factor = gate_rows_ != 0 ? Element<TIn>::to_compute(up) : routing_weight(row);
    transform<false>(elements, [&](int) { return factor; });
    if (has_residual()) elements[0] = add(elements[0], ptx::ld_global(residual_at(row, column)));
    ptx::st_global(address(row, column), elements[0]);
  }

  __device__ const TIn* residual_at(std::int64_t row, std::int64_t column) const {
    return residual_ + row * ldr_ + column;
  }

  __device__ TIn* address(std::int64_t row, std::int64_t column) const {
    return c_ + row * ldc_ + column;
  }

  /// Returns whether 16-byte pieces of output rows are aligned, if they begin at a whole number of
  /// pieces.
  __device__ bool has_aligned_pieces() const { return pieces_are_aligned(c_, ldc_); }
  __device__ bool has_aligned_residual() const { return pieces_are_aligned(residual_, ldr_); }

  /// Requests the lines of a residual's rectangle, so that it is in the L2 when it is added; each
  /// of `threads` threads a part.
  __device__ void prefetch_residual(std::int64_t row, std::int64_t column, int rows, int columns,
                                    int thread, int threads) const {
    if (!has_residual()) return;
    constexpr int kLine = 128 / static_cast<int>(sizeof(TIn));
    const int lines = (columns + kLine - 1) / kLine;
#pragma unroll 1
    for (int i = thread; i < rows * lines; i += threads) {
      ptx::prefetch_l2(residual_at(row + i / lines, column + i % lines * kLine));
    }
  }

  /// Does all that follows the rounding to `kCount` neighbours of staged elements, and stores them.
  /// `row` and `column` are their place in the output, `columns_left` that remain from there on,
  /// and `aligned` the result of `has_aligned_pieces`. If the output is gated, the ups are
  /// `kGatedBlock` elements further on.
  template <bool kByFours, int kCount>
  __device__ __forceinline__ void finish_staged(TIn* staged, std::int64_t row, std::int64_t column,
                                                int columns_left, bool aligned) const {
    using Neighbours = Piece<TIn, kCount>;
    const bool whole = columns_left >= kCount;
    const bool adds_whole = has_residual() && whole && has_aligned_residual();
    Neighbours residual{};
    if (adds_whole) residual.load_global(residual_at(row, column));
    Neighbours piece;
    piece.load_shared(staged);
    if (transforms()) {
      if (gate_rows_ != 0) {
        Neighbours ups;
        ups.load_shared(staged + kGatedBlock);
        transform<kByFours>(piece.value,
                            [&](int i) { return Element<TIn>::to_compute(ups.value[i]); });
      } else {
        const C weight = routing_weight(row);
        transform<kByFours>(piece.value, [&](int) { return weight; });
      }
    }
    if (adds_whole) add(piece.value, residual.value);
    TIn* target = address(row, column);
    if (whole && aligned && (adds_whole || !has_residual())) return piece.store_global(target);
    piece.store_shared(staged);
#pragma unroll 1
    for (int e = 0; e < kCount && e < columns_left; ++e) {
      TIn y = ptx::ld_shared(staged + e);
      if (has_residual() && !adds_whole) y = add(y, ptx::ld_global(residual_at(row, column + e)));
      ptx::st_global(target + e, y);
    }
  }

  /// Copies a lane's pieces of 16 bytes from shared memory, where they are `kStagedStep` elements
  /// apart, to the output, where they are `kRowStep` rows apart. The first goes to `target`, from
  /// which `rows_left` rows and `columns_left` columns remain. `aligned` is the result of
  /// `has_aligned_pieces`. Two pieces are loaded before the first is stored, as no load could
  /// overtake a store; with more the largest mma.sync tile would spill.
  template <int kPieces, int kRowStep, int kStagedStep>
  __device__ __forceinline__ void copy_pieces(TIn* target, const TIn* staged, int rows_left,
                                              int columns_left, bool aligned) const {
    constexpr int kAtOnce = kPieces < 2 ? kPieces : 2;
    const std::int64_t step = kRowStep * ldc_;
    if (aligned && columns_left >= kWidth) {
#pragma unroll
      for (int first = 0; first < kPieces; first += kAtOnce) {
        uint4 piece[kAtOnce];
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) {
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
  static __device__ bool pieces_are_aligned(const TIn* matrix, std::int64_t stride) {
    return reinterpret_cast<std::uintptr_t>(matrix) % 16 == 0 &&
           stride * static_cast<std::int64_t>(sizeof(TIn)) % 16 == 0;
  }

  const C* a_scale_;
  std::int64_t a_scale_stride_;
  const C* b_scale_;
  const TIn* bias_;
  TIn* c_;
  std::int64_t ldc_;
  ActivationFunction activation_;
  const C* routing_weight_;
  const TIn* residual_;
  std::int64_t ldr_;
  std::int64_t gate_rows_;
};

}  // namespace qlinear::kernels
