#pragma once

#include <epilogue/epilogue.cuh>
#include <epilogue/zero_points.cuh>
#include <gemm/wgmma/pipeline.cuh>
#include <gemm/wgmma/schedule.cuh>

namespace qlinear::kernels {

/// Runs the accumulators of a swap_ab tile of few tokens through the epilogue, from the thread that
/// holds each straight to the output: storing so few elements takes less time than laying them out
/// in shared memory. Threads fetch what the epilogue needs while the tile is multiplied.
template <class TIn, int kTileIndex, bool kOptions>
class WgmmaDirectStore {
  using Traits = WgmmaTraits<kTileIndex>;
  using C = scale_t<TIn>;
  static constexpr int kFragments = Traits::kColumns / 8;
  static_assert(Traits::kSwapAB);

 public:
  __device__ WgmmaDirectStore(const GemmProblem& p, const WgmmaWork& work)
      : p_(p),
        epilogue_(p.epilogue),
        m_(work.end_m),
        n_(work.end_n),
        first_n_(work.first_row + lane() / 4),
        first_m_(work.first_column + lane() % 4 * 2) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      column_[half] = n(half * 2) < n_ ? epilogue_.column(n(half * 2)) : Column{};
    }
#pragma unroll
    for (int j = 0; j < kFragments; ++j) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        row_scale_[j][e] = m(j * 4 + e) < m_ ? epilogue_.row_scale(m(j * 4 + e)) : C(0);
      }
    }
  }

  // There is nothing to share: a thread fetches what it needs.
  __device__ void share_columns() const {}
  __device__ void await_readers() const {}

  __device__ void store(WgmmaAccumulators<Traits::kColumns>& accumulators) const {
    if constexpr (kOptions) {
      const ZeroPoints zero_points(p_);
      if (zero_points.exist()) subtract(zero_points, accumulators);
      if (epilogue_.finishes()) return finish(accumulators);
    }
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      if (stores(i)) ptx::st_global(epilogue_.address(m(i), n(i)), value(accumulators, i));
    }
  }

 private:
  using Column = EpilogueColumn<C>;

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  // A thread has a fragment's accumulator of two output columns, eight apart, and two neighbouring
  // rows.
  static constexpr int kElements = kFragments * 4;
  static constexpr __device__ int half_of(int i) { return i / 2 % 2; }
  __device__ int n(int i) const { return first_n_ + half_of(i) * 8; }
  __device__ int m(int i) const { return first_m_ + i / 4 * 8 + i % 2; }
  __device__ bool stores(int i) const { return n(i) < n_ && m(i) < m_; }

  __device__ TIn value(const WgmmaAccumulators<Traits::kColumns>& accumulators, int i) const {
    return epilogue_.value(accumulators.value[i], row_scale_[i / 4][i % 2], column_[half_of(i)]);
  }

  __device__ void subtract(const ZeroPoints& zero_points,
                           WgmmaAccumulators<Traits::kColumns>& accumulators) const {
    const uint2 none = make_uint2(0, 0);
    const uint2 columns[2] = {n(0) < n_ ? zero_points.column(n(0)) : none,
                              n(2) < n_ ? zero_points.column(n(2)) : none};
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      const uint2 row = m(i) < m_ ? zero_points.row(m(i)) : none;
      accumulators.value[i] = ZeroPoints::subtract(accumulators.value[i], row, columns[half_of(i)]);
    }
  }

  /// Stores elements that change on the way. The halves of a fragment are a gate and its up; ups go
  /// through the activation function, too, so that there is one copy of the code for it.
  __device__ void finish(const WgmmaAccumulators<Traits::kColumns>& accumulators) const {
    const bool gated = epilogue_.gate_rows() != 0;
    TIn elements[kElements];
    TIn residual[kElements];
    C factor[kElements];
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      elements[i] = value(accumulators, i);
      const bool adds = epilogue_.has_residual() && stores(i);
      residual[i] = adds ? ptx::ld_global(epilogue_.residual_at(m(i), n(i))) : TIn{};
      factor[i] = gated || m(i) >= m_ ? C(0) : epilogue_.routing_weight(m(i));
    }
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      if (gated && half_of(i) == 0) factor[i] = Element<TIn>::to_compute(elements[i + 2]);
    }
    if (epilogue_.transforms())
      epilogue_.template transform<false>(elements, [&](int i) { return factor[i]; });
    if (epilogue_.has_residual()) epilogue_.add(elements, residual);
#pragma unroll
    for (int i = 0; i < kElements; ++i) {
      const std::int64_t column = gated ? epilogue_.gated_column(n(i)) : n(i);
      if (!stores(i) || (gated && (half_of(i) != 0 || column >= epilogue_.gate_rows()))) continue;
      ptx::st_global(epilogue_.address(m(i), column), elements[i]);
    }
  }

  const GemmProblem& p_;
  Epilogue<TIn, kOptions> epilogue_;
  int m_;
  int n_;
  int first_n_;
  int first_m_;
  Column column_[2];
  C row_scale_[kFragments][2];
};

}  // namespace qlinear::kernels
