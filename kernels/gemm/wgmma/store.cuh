#pragma once

#include <epilogue/staged_store.cuh>
#include <gemm/wgmma/pipeline.cuh>
#include <gemm/wgmma/schedule.cuh>
#include <ptx/bar_sync.cuh>

#include <algorithm>

namespace qlinear::kernels {

/// A warp's part of a warpgroup's accumulators, which is one strip.
template <class TIn, int kTileIndex>
struct WgmmaFragments {
  using Traits = WgmmaTraits<kTileIndex>;
  using Accumulators = WgmmaAccumulators<Traits::kColumns>;
  using Index = int;
  static constexpr bool kSwapAB = Traits::kSwapAB;
  static constexpr int kStrips = 1;
  static constexpr int kColumns = Traits::kColumns;
  static constexpr int kPassColumns =
      kSwapAB ? kWgmmaStagedTokens<TIn> : 128 / static_cast<int>(sizeof(TIn));

  static constexpr int kSpareBytes = !WgmmaRegisters<TIn, kTileIndex>::kLeavesSome ? 16
                                     : kColumns <= 128                             ? 16
                                     : kColumns < 160                              ? 8
                                                                                   : 4;
  static constexpr int kFinishedBytes = std::max(kSpareBytes, static_cast<int>(sizeof(TIn)));

  static constexpr bool kByFours = false;

  template <class Held>
  static __device__ __forceinline__ auto* fragment(Held& accumulators, int, int j) {
    return accumulators.value + j * 4;
  }
};

/// Runs a warpgroup's accumulators through the epilogue to the output.
///
/// Threads fetch what the epilogue needs from global memory to registers while the tile is
/// multiplied; then the warpgroup shares the columns' part in shared memory, and each warp stores
/// its rows.
template <class TIn, int kTileIndex, bool kOptions>
class WgmmaStore {
  using Traits = WgmmaTraits<kTileIndex>;
  using C = scale_t<TIn>;
  using Column = EpilogueColumn<C>;
  using Staged = StagedStore<TIn, WgmmaFragments<TIn, kTileIndex>, kOptions>;
  static constexpr bool kSwapAB = Traits::kSwapAB;
  static constexpr int kColumns = Traits::kColumns;
  // A thread fetches this many columns.
  static constexpr int kFetchedColumns = (kColumns + 127) / 128;
  static_assert(Staged::kStagingBytes <= kWgmmaWarpStagingBytes);

 public:
  /// A whole warpgroup constructs it at the start of a tile. `columns` is the warpgroup's memory
  /// for the columns' part, `staging` the warp's own, and `barrier` a barrier of the warpgroup.
  __device__ WgmmaStore(const GemmProblem& p, const WgmmaWork& work, unsigned char* columns,
                        unsigned char* staging, int barrier)
      : p_(p),
        epilogue_(p.epilogue),
        work_(work),
        column_scale_(reinterpret_cast<C*>(columns)),
        column_bias_(column_scale_ + kColumns),
        staging_(staging),
        barrier_(barrier) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    fetch_columns();
    fetch_row(0, work.first_row + lane / 4);
    fetch_row(1, work.first_row + lane / 4 + 8);
    epilogue_.prefetch_residual(first_m(), first_n(), stored_rows(), stored_columns(), lane, 32);
  }

  /// The whole warpgroup calls it before any of its warps stores.
  __device__ void share_columns() const {
#pragma unroll
    for (int i = 0; i < kFetchedColumns; ++i) {
      const int column = fetched_column(i);
      if (column >= kColumns) continue;
      ptx::st_shared(column_scale_ + column, fetched_[i].scale);
      if (!kSwapAB) ptx::st_shared(column_bias_ + column, fetched_[i].bias);
    }
    ptx::bar_sync(barrier_, 128);
  }

  /// A warp stores its part of the tile.
  __device__ void store(WgmmaAccumulators<kColumns>& accumulators) const {
    Staged(p_, staging_, first_m(), first_n(), stored_rows(), stored_columns())
        .store(accumulators, *this);
  }

  /// The whole warpgroup calls it before it shares the columns of another tile.
  __device__ void await_readers() const { ptx::bar_sync(barrier_, 128); }

  // What the staged store asks for.
  __device__ typename Staged::Rows rows(int) const { return rows_; }
  __device__ const C* column_scale() const { return column_scale_; }
  __device__ const C* column_bias() const { return column_bias_; }

 private:
  // The warp's part of the output.
  __device__ int first_m() const { return kSwapAB ? work_.first_column : work_.first_row; }
  __device__ int first_n() const { return kSwapAB ? work_.first_row : work_.first_column; }
  __device__ int stored_rows() const {
    return min(work_.end_m - first_m(), kSwapAB ? kColumns : 16);
  }
  __device__ int stored_columns() const {
    return min(work_.end_n - first_n(), kSwapAB ? 16 : kColumns);
  }

  /// Fetches a row of wgmma, which is a row of the output or, with swap_ab, a column.
  __device__ void fetch_row(int half, int row) {
    if constexpr (kSwapAB) {
      rows_.value[half] = row < work_.end_n ? epilogue_.column(row) : Column{};
    } else {
      rows_.value[half] = row < work_.end_m ? epilogue_.row_scale(row) : C(0);
    }
  }

  /// Returns the tile's column that this thread fetches as its `i`-th.
  __device__ static int fetched_column(int i) {
    return static_cast<int>(threadIdx.x) % 128 + i * 128;
  }

  __device__ void fetch_columns() {
#pragma unroll
    for (int i = 0; i < kFetchedColumns; ++i) {
      const int column = work_.first_column + fetched_column(i);
      fetched_[i] = {};
      if (fetched_column(i) >= kColumns) continue;
      if constexpr (kSwapAB) {
        if (column < work_.end_m) fetched_[i].scale = epilogue_.row_scale(column);
      } else {
        if (column < work_.end_n) fetched_[i] = epilogue_.column(column);
      }
    }
  }

  const GemmProblem& p_;
  Epilogue<TIn, kOptions> epilogue_;
  WgmmaWork work_;
  C* column_scale_;
  C* column_bias_;
  unsigned char* staging_;
  int barrier_;
  typename Staged::Rows rows_;
  Column fetched_[kFetchedColumns];
};

}  // namespace qlinear::kernels
