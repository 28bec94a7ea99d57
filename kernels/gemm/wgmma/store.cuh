#pragma once

#include <epilogue/epilogue.cuh>
#include <gemm/wgmma/pipeline.cuh>
#include <gemm/wgmma/schedule.cuh>
#include <ptx/bar_sync.cuh>

namespace qlinear::kernels {

/// Runs a warpgroup's accumulators through the epilogue to the output.
///
/// Threads fetch what the epilogue needs from global memory to registers while the tile is
/// multiplied; then the warpgroup shares the columns' part in shared memory. Each warp turns its
/// elements, a few columns at a time, from fragments into 16-byte pieces of output rows there.
template <class TIn, int kTileIndex>
class WgmmaStore {
  using Traits = WgmmaTraits<kTileIndex>;
  using C = scale_t<TIn>;
  using Column = typename Epilogue<TIn>::Column;
  static constexpr bool kSwapAB = Traits::kSwapAB;
  static constexpr int kColumns = Traits::kColumns;
  // A lane moves this many elements, 16 bytes, at a time.
  static constexpr int kWidth = 16 / static_cast<int>(sizeof(TIn));
  // A warp stages passes of this many neighbouring elements of an output row.
  static constexpr int kPassColumns = kSwapAB ? 16 : 128 / static_cast<int>(sizeof(TIn));
  static constexpr int kPassFragments = kSwapAB ? kWgmmaStagedTokens<TIn> / 8 : kPassColumns / 8;
  static constexpr int kBatch = kPassFragments < 4 ? kPassFragments : 4;
  /// A pass has this many rows.
  static constexpr int kPassRows = kSwapAB ? kWgmmaStagedTokens<TIn> : 16;
  static constexpr int kPitch = kPassColumns + kWidth;
  // A thread fetches this many columns.
  static constexpr int kFetchedColumns = (kColumns + 127) / 128;
  static_assert(kPassRows * kPitch * static_cast<int>(sizeof(TIn)) <= kWgmmaWarpStagingBytes);

 public:
  /// A whole warpgroup constructs it at the start of a tile. `columns` is the warpgroup's memory
  /// for the columns' part, `staging` the warp's own, and `barrier` a barrier of the warpgroup.
  __device__ WgmmaStore(const GemmProblem& p, const WgmmaWork& work, unsigned char* columns,
                        unsigned char* staging, int barrier)
      : epilogue_(p.epilogue),
        m_(work.end_m),
        n_(work.end_n),
        work_(work),
        lane_(static_cast<int>(threadIdx.x) % 32),
        column_scale_(reinterpret_cast<C*>(columns)),
        column_bias_(column_scale_ + kColumns),
        staging_(reinterpret_cast<TIn*>(staging)),
        barrier_(barrier),
        aligned_(epilogue_.has_aligned_pieces()) {
    fetch_columns();
    fetch_row(0, work.first_row + lane_ / 4);
    fetch_row(1, work.first_row + lane_ / 4 + 8);
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
  __device__ void store(const WgmmaAccumulators<kColumns>& accumulators) const {
#pragma unroll
    for (int first = 0; first < kColumns; first += kPassFragments * 8) {
      __syncwarp();
#pragma unroll
      for (int j = 0; j < kPassFragments && first + j * 8 < kColumns; j += kBatch) {
        stage(accumulators.value + (first / 8 + j) * 4, first + j * 8, j * 8);
      }
      __syncwarp();
      copy_pass(first);
    }
  }

  /// The whole warpgroup calls it before it shares the columns of another tile.
  __device__ void await_readers() const { ptx::bar_sync(barrier_, 128); }

 private:
  /// Two neighbours that one access moves.
  template <class T>
  struct alignas(2 * sizeof(T)) Pair {
    T value[2];
  };
  template <class T>
  __device__ static Pair<T> load_pair(const T* values) {
    return ptx::ld_shared(reinterpret_cast<const Pair<T>*>(values));
  }

  /// Fetches a row of wgmma, which is a row of the output or, with swap_ab, a column.
  __device__ void fetch_row(int half, int row) {
    if constexpr (kSwapAB) {
      row_column_[half] = row < n_ ? epilogue_.column(row) : Column{};
    } else {
      row_scale_[half] = row < m_ ? epilogue_.row_scale(row) : C(0);
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
        if (column < m_) fetched_[i].scale = epilogue_.row_scale(column);
      } else {
        if (column < n_) fetched_[i] = epilogue_.column(column);
      }
    }
  }

  __device__ TIn element(int sum, int half, C scale, C bias) const {
    if constexpr (kSwapAB) {
      return epilogue_.value(sum, scale, row_column_[half]);
    } else {
      return epilogue_.value(sum, row_scale_[half], Column{scale, bias});
    }
  }

  /// Stages a lane's accumulators of `kBatch` fragments. The first begins at the tile's column
  /// `column` and at `staged` in the pass. All loads of the columns' part come first, since no load
  /// could overtake a store.
  __device__ __forceinline__ void stage(const int* accumulators, int column, int staged) const {
    const int pair = lane_ % 4 * 2;
    Pair<C> scale[kBatch];
    Pair<C> bias[kBatch];
#pragma unroll
    for (int j = 0; j < kBatch && column + j * 8 < kColumns; ++j) {
      scale[j] = load_pair(column_scale_ + column + j * 8 + pair);
      bias[j] = {Epilogue<TIn>::kNoBias, Epilogue<TIn>::kNoBias};
      if (!kSwapAB && epilogue_.has_bias()) {
        bias[j] = load_pair(column_bias_ + column + j * 8 + pair);
      }
    }
#pragma unroll
    for (int j = 0; j < kBatch && column + j * 8 < kColumns; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        Pair<TIn> elements;
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          elements.value[e] = element(accumulators[j * 4 + half * 2 + e], half, scale[j].value[e],
                                      bias[j].value[e]);
        }
        stage_pair(elements, lane_ / 4 + half * 8, staged + j * 8 + pair);
      }
    }
  }

  /// Stages two neighbours of one row of wgmma.
  __device__ __forceinline__ void stage_pair(const Pair<TIn>& elements, int row, int column) const {
    if constexpr (kSwapAB) {
      TIn* target = staging_ + column * kPitch + row;
      ptx::st_shared(target, elements.value[0]);
      ptx::st_shared(target + kPitch, elements.value[1]);
    } else {
      ptx::st_shared(reinterpret_cast<Pair<TIn>*>(staging_ + row * kPitch + column), elements);
    }
  }

  /// Copies the staged elements of the columns from `first` on to the output.
  __device__ void copy_pass(int first) const {
    constexpr int kLanesPerRow = kPassColumns / kWidth;
    constexpr int kRowsAtOnce = 32 / kLanesPerRow;
    constexpr int kPieces = (kPassRows + kRowsAtOnce - 1) / kRowsAtOnce;
    const int lane_row = lane_ / kLanesPerRow;
    const int column = lane_ % kLanesPerRow * kWidth;
    if (!kSwapAB && first + column >= kColumns) return;  // The last pass may have fewer columns.
    const int m = lane_row + (kSwapAB ? work_.first_column + first : work_.first_row);
    const int n = column + (kSwapAB ? work_.first_row : work_.first_column + first);
    const int rows = kSwapAB ? min(kColumns - first, kPassRows) : kPassRows;
    const int rows_left = min(m_ - m, rows - lane_row);
    epilogue_.template copy_pieces<kPieces, kRowsAtOnce, kRowsAtOnce * kPitch>(
        epilogue_.address(m, n), staging_ + lane_row * kPitch + column, rows_left, n_ - n,
        aligned_);
  }

  Epilogue<TIn> epilogue_;
  int m_;
  int n_;
  WgmmaWork work_;
  int lane_;
  C* column_scale_;
  C* column_bias_;
  TIn* staging_;
  int barrier_;
  bool aligned_;
  C row_scale_[2];
  Column row_column_[2];
  Column fetched_[kFetchedColumns];
};

}  // namespace qlinear::kernels
