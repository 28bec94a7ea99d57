#pragma once

#include <epilogue/epilogue.cuh>
#include <gemm/mma_sync/store.hpp>
#include <ptx/special_registers.cuh>

namespace qlinear::kernels {

/// Brings a warp's sums through the epilogue to the output.
///
/// Fragments hold two neighbouring sums a lane. They become elements where they are; a detour
/// through shared memory then gives each lane 16 bytes of an output row. All that the epilogue
/// needs from global memory is loaded at the start, at once: no load could overtake a store, and
/// each waited for its own.
template <class TIn, class Sums>
class MmaSyncStore {
  using C = scale_t<TIn>;

  static constexpr int kColumns = Sums::kWarpN;
  static constexpr int kWidth = 16 / static_cast<int>(sizeof(TIn));  // Elements of 16 bytes.
  static constexpr int kFullPass = kMmaSyncStagedBytes / static_cast<int>(sizeof(TIn));
  static constexpr int kPassColumns = kColumns < kFullPass ? kColumns : kFullPass;
  static constexpr int kPitch = kMmaSyncStagedPitch / static_cast<int>(sizeof(TIn));
  static constexpr int kLanesPerRow = kPassColumns / kWidth;
  static constexpr int kRowsAtOnce = 32 / kLanesPerRow;
  // Fragments whose columns' part is in registers at a time.
  static constexpr int kBatch = kPassColumns / 8 < 4 ? kPassColumns / 8 : 4;
  static_assert(kColumns % kPassColumns == 0 && 32 % kLanesPerRow == 0);

 public:
  /// `memory`: the warp's own. The warp's sums begin at `first_row` and `first_column` of the
  /// output and are rows up to `end_row`, at most M.
  __device__ __forceinline__ MmaSyncStore(const GemmProblem& p, unsigned char* memory,
                                          std::int64_t first_row, std::int64_t end_row,
                                          std::int64_t first_column)
      : epilogue_(p),
        staging_(reinterpret_cast<TIn*>(memory)),
        lane_(static_cast<int>(ptx::laneid())),
        rows_(static_cast<int>(min(end_row - first_row, std::int64_t{Sums::kWarpM}))),
        columns_left_(static_cast<int>(min(p.n - first_column, std::int64_t{kColumns})) -
                      lane_column()),
        target_(epilogue_.address(first_row, first_column + lane_column())),
        ldc_(p.ldc),
        aligned_(epilogue_.has_aligned_pieces()) {
    // Beyond the last row or column that one again, so that no load waits behind a branch.
    C row_scale[kRowsOfLane];
#pragma unroll
    for (int i = 0; i < kRowsOfLane; ++i) {
      row_scale[i] = epilogue_.row_scale(min(first_row + i * 32 + lane_, p.m - 1));
    }
    typename Epilogue<TIn>::Column column[kColumnsOfLane];
#pragma unroll
    for (int i = 0; i < kColumnsOfLane; ++i) {
      column[i] = epilogue_.column(min(first_column + i * 32 + lane_, p.n - 1));
    }
    __syncwarp();  // Until nobody reads what this memory held before.
#pragma unroll
    for (int i = 0; i < kColumnsOfLane; ++i) {
      if (i * 32 + lane_ >= kColumns) continue;
      ptx::st_shared(column_scale() + i * 32 + lane_, column[i].scale);
      ptx::st_shared(column_bias() + i * 32 + lane_, column[i].bias);
    }
#pragma unroll
    for (int i = 0; i < kRowsOfLane; ++i) {
      if (i * 32 + lane_ < Sums::kWarpM) ptx::st_shared(row_scale_of(i * 32 + lane_), row_scale[i]);
    }
  }

  /// Called by the whole warp.
  __device__ __forceinline__ void store(const Sums& sums) const {
#pragma unroll
    for (int i = 0; i < Sums::kFragmentsM; ++i) {
#pragma unroll
      for (int first = 0; first < kColumns; first += kPassColumns) {
        __syncwarp();
        const C row_scale[2] = {ptx::ld_shared(row_scale_of(i * 16 + lane_ / 4)),
                                ptx::ld_shared(row_scale_of(i * 16 + lane_ / 4 + 8))};
#pragma unroll
        for (int j = 0; j < kPassColumns / 8; j += kBatch) {
          stage(&sums.sum[i][first / 8 + j], row_scale, first + j * 8, j * 8);
        }
        __syncwarp();
        copy(i * 16, first);
      }
    }
  }

 private:
  static constexpr int kRowsOfLane = (Sums::kWarpM + 31) / 32;
  static constexpr int kColumnsOfLane = (kColumns + 31) / 32;

  /// Two neighbours, which one access moves.
  template <class T>
  struct alignas(2 * sizeof(T)) Pair {
    T value[2];
  };
  static __device__ __forceinline__ Pair<C> load_pair(const C* values) {
    return ptx::ld_shared(reinterpret_cast<const Pair<C>*>(values));
  }

  // Behind the staged rows.
  __device__ __forceinline__ C* column_scale() const {
    constexpr int kStaged = kMmaSyncStagedRows * kMmaSyncStagedPitch;
    return reinterpret_cast<C*>(reinterpret_cast<unsigned char*>(staging_) + kStaged);
  }
  __device__ __forceinline__ C* column_bias() const { return column_scale() + kColumns; }
  __device__ __forceinline__ C* row_scale_of(int row) const {
    return column_bias() + kColumns + row;
  }

  /// That a lane copies, of a pass.
  __device__ __forceinline__ int lane_column() const { return lane_ % kLanesPerRow * kWidth; }

  /// A lane's sums of `kBatch` fragments, the first of which begins at the warp's column `column`;
  /// `staged`: its place in the staged rows. The columns' part is loaded before anything is staged:
  /// no load could overtake a store.
  __device__ __forceinline__ void stage(const int (*sums)[4], const C (&row_scale)[2], int column,
                                        int staged) const {
    const int pair = lane_ % 4 * 2;
    Pair<C> scale[kBatch];
    Pair<C> bias[kBatch];
#pragma unroll
    for (int j = 0; j < kBatch; ++j) {
      scale[j] = load_pair(column_scale() + column + j * 8 + pair);
      bias[j] = {Epilogue<TIn>::kNoBias, Epilogue<TIn>::kNoBias};
      if (epilogue_.has_bias()) bias[j] = load_pair(column_bias() + column + j * 8 + pair);
    }
#pragma unroll
    for (int j = 0; j < kBatch; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        Pair<TIn> elements;
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          elements.value[e] = epilogue_.value(sums[j][half * 2 + e], row_scale[half],
                                              {scale[j].value[e], bias[j].value[e]});
        }
        TIn* target = staging_ + (half * 8 + lane_ / 4) * kPitch + staged + j * 8 + pair;
        ptx::st_shared(reinterpret_cast<Pair<TIn>*>(target), elements);
      }
    }
  }

  /// The staged rows to the output: those of the warp from `first_row` on, columns from `first` on.
  __device__ __forceinline__ void copy(int first_row, int first) const {
    constexpr int kPieces = (kMmaSyncStagedRows + kRowsAtOnce - 1) / kRowsAtOnce;
    const int row = lane_ / kLanesPerRow;
    const int rows_left = min(rows_ - first_row, kMmaSyncStagedRows) - row;
    epilogue_.template copy_pieces<kPieces, kRowsAtOnce, kRowsAtOnce * kPitch>(
        target_ + (first_row + row) * ldc_ + first, staging_ + row * kPitch + lane_column(),
        rows_left, columns_left_ - first, aligned_);
  }

  Epilogue<TIn> epilogue_;
  TIn* staging_;
  int lane_;
  int rows_;          ///< That exist, from the warp's first.
  int columns_left_;  ///< From the lane's column on.
  TIn* target_;       ///< That column of the warp's first row.
  std::int64_t ldc_;
  bool aligned_;
};

}  // namespace qlinear::kernels
