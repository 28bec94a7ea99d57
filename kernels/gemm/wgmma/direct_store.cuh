#pragma once

#include <epilogue/epilogue.cuh>
#include <gemm/wgmma/pipeline.cuh>
#include <gemm/wgmma/schedule.cuh>

namespace qlinear::kernels {

/// Runs the accumulators of a swap_ab tile of few tokens through the epilogue, from the thread that
/// holds each straight to the output: storing so few elements takes less time than laying them out
/// in shared memory. Threads fetch what the epilogue needs while the tile is multiplied.
template <class TIn, int kTileIndex>
class WgmmaDirectStore {
  using Traits = WgmmaTraits<kTileIndex>;
  using C = scale_t<TIn>;
  static constexpr int kFragments = Traits::kColumns / 8;
  static_assert(Traits::kSwapAB);

 public:
  __device__ WgmmaDirectStore(const GemmProblem& p, const WgmmaWork& work)
      : epilogue_(p.epilogue),
        m_(work.end_m),
        n_(work.end_n),
        first_n_(work.first_row + lane() / 4),
        first_m_(work.first_column + lane() % 4 * 2) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      column_[half] = n(half) < n_ ? epilogue_.column(n(half)) : Column{};
    }
#pragma unroll
    for (int j = 0; j < kFragments; ++j) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        row_scale_[j][e] = m(j, e) < m_ ? epilogue_.row_scale(m(j, e)) : C(0);
      }
    }
  }

  // There is nothing to share: a thread fetches what it needs.
  __device__ void share_columns() const {}
  __device__ void await_readers() const {}

  __device__ void store(const WgmmaAccumulators<Traits::kColumns>& accumulators) const {
#pragma unroll
    for (int j = 0; j < kFragments; ++j) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int half = i / 2;
        const int e = i % 2;
        if (n(half) < n_ && m(j, e) < m_) {
          ptx::st_global(
              epilogue_.address(m(j, e), n(half)),
              epilogue_.value(accumulators.value[j * 4 + i], row_scale_[j][e], column_[half]));
        }
      }
    }
  }

 private:
  using Column = typename Epilogue<TIn>::Column;

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  /// Returns the output column of a thread's accumulator.
  __device__ int n(int half) const { return first_n_ + half * 8; }
  /// Returns its output row in fragment `j`.
  __device__ int m(int j, int e) const { return first_m_ + j * 8 + e; }

  Epilogue<TIn> epilogue_;
  int m_;
  int n_;
  int first_n_;
  int first_m_;
  Column column_[2];
  C row_scale_[kFragments][2];
};

}  // namespace qlinear::kernels
