#pragma once

#include <epilogue/epilogue.cuh>
#include <gemm/mma_sync/store.hpp>
#include <ptx/special_registers.cuh>

namespace qlinear::kernels {

/// Runs a warp's accumulators through the epilogue to the output.
///
/// Fragments hold two neighbouring accumulators a lane. Lanes turn them into elements in registers;
/// a detour through shared memory then gives each lane 16 bytes of an output row. All loads from
/// global memory come at the start, since no load could overtake a store and each would wait alone.
template <class TIn, class Accumulators>
class MmaSyncStore {
  using C = scale_t<TIn>;

  static constexpr int kColumns = Accumulators::kWarpN;
  // A lane moves this many elements, 16 bytes, at a time.
  static constexpr int kWidth = 16 / static_cast<int>(sizeof(TIn));
  static constexpr int kFullPass = kMmaSyncStagedBytes / static_cast<int>(sizeof(TIn));
  static constexpr int kPassColumns = kColumns < kFullPass ? kColumns : kFullPass;
  static constexpr int kPitch = kMmaSyncStagedPitch / static_cast<int>(sizeof(TIn));
  static constexpr int kLanesPerRow = kPassColumns / kWidth;
  static constexpr int kRowsAtOnce = 32 / kLanesPerRow;
  // Registers hold the columns' part of this many fragments at a time.
  static constexpr int kBatch = kPassColumns / 8 < 4 ? kPassColumns / 8 : 4;
  static_assert(kColumns % kPassColumns == 0 && 32 % kLanesPerRow == 0);

 public:
  /// `memory` belongs to the warp. Its accumulators begin at `first_row` and `first_column` of the
  /// output; rows end at `end_row`, at most M.
  __device__ __forceinline__ MmaSyncStore(const GemmProblem& p, unsigned char* memory,
                                          std::int64_t first_row, std::int64_t end_row,
                                          std::int64_t first_column)
      : epilogue_(p.epilogue),
        staging_(reinterpret_cast<TIn*>(memory)),
        lane_(static_cast<int>(ptx::laneid())),
        rows_(static_cast<int>(min(end_row - first_row, std::int64_t{Accumulators::kWarpM}))),
        columns_left_(static_cast<int>(min(p.operands.n - first_column, std::int64_t{kColumns})) -
                      lane_column()),
        target_(epilogue_.address(first_row, first_column + lane_column())),
        ldc_(p.epilogue.ldc),
        aligned_(epilogue_.has_aligned_pieces()) {
    // Past the end the last row or column is loaded again, so that no load waits for a branch.
    C row_scale[kRowsOfLane];
#pragma unroll
    for (int i = 0; i < kRowsOfLane; ++i) {
      row_scale[i] = epilogue_.row_scale(min(first_row + i * 32 + lane_, p.operands.m - 1));
    }
    typename Epilogue<TIn>::Column column[kColumnsOfLane];
#pragma unroll
    for (int i = 0; i < kColumnsOfLane; ++i) {
      column[i] = epilogue_.column(min(first_column + i * 32 + lane_, p.operands.n - 1));
    }
    __syncwarp();  // Wait until nobody reads what this memory held before.
#pragma unroll
    for (int i = 0; i < kColumnsOfLane; ++i) {
      if (i * 32 + lane_ >= kColumns) continue;
      ptx::st_shared(column_scale() + i * 32 + lane_, column[i].scale);
      ptx::st_shared(column_bias() + i * 32 + lane_, column[i].bias);
    }
#pragma unroll
    for (int i = 0; i < kRowsOfLane; ++i) {
      if (i * 32 + lane_ < Accumulators::kWarpM)
        ptx::st_shared(row_scale_of(i * 32 + lane_), row_scale[i]);
    }
  }

  /// The whole warp calls it.
  __device__ __forceinline__ void store(const Accumulators& accumulators) const {
#pragma unroll
    for (int i = 0; i < Accumulators::kFragmentsM; ++i) {
#pragma unroll
      for (int first = 0; first < kColumns; first += kPassColumns) {
        __syncwarp();
        const C row_scale[2] = {ptx::ld_shared(row_scale_of(i * 16 + lane_ / 4)),
                                ptx::ld_shared(row_scale_of(i * 16 + lane_ / 4 + 8))};
#pragma unroll
        for (int j = 0; j < kPassColumns / 8; j += kBatch) {
          stage(&accumulators.value[i][first / 8 + j], row_scale, first + j * 8, j * 8);
        }
        __syncwarp();
        copy(i * 16, first);
      }
    }
  }

 private:
  static constexpr int kRowsOfLane = (Accumulators::kWarpM + 31) / 32;
  static constexpr int kColumnsOfLane = (kColumns + 31) / 32;

  /// Two neighbours that one access moves.
  template <class T>
  struct alignas(2 * sizeof(T)) Pair {
    T value[2];
  };
  static __device__ __forceinline__ Pair<C> load_pair(const C* values) {
    return ptx::ld_shared(reinterpret_cast<const Pair<C>*>(values));
  }

  // The columns' part follows the staged rows.
  __device__ __forceinline__ C* column_scale() const {
    constexpr int kStaged = kMmaSyncStagedRows * kMmaSyncStagedPitch;
    return reinterpret_cast<C*>(reinterpret_cast<unsigned char*>(staging_) + kStaged);
  }
  __device__ __forceinline__ C* column_bias() const { return column_scale() + kColumns; }
  __device__ __forceinline__ C* row_scale_of(int row) const {
    return column_bias() + kColumns + row;
  }

  /// Returns the first column of a pass that a lane copies.
  __device__ __forceinline__ int lane_column() const { return lane_ % kLanesPerRow * kWidth; }

  /// Stages a lane's accumulators of `kBatch` fragments. The first begins at the warp's column
  /// `column` and at `staged` in the staged rows. All loads of the columns' part come first, since
  /// no load could overtake a store.
  __device__ __forceinline__ void stage(const int (*accumulators)[4], const C (&row_scale)[2],
                                        int column, int staged) const {
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
          elements.value[e] = epilogue_.value(accumulators[j][half * 2 + e], row_scale[half],
                                              {scale[j].value[e], bias[j].value[e]});
        }
        TIn* target = staging_ + (half * 8 + lane_ / 4) * kPitch + staged + j * 8 + pair;
        ptx::st_shared(reinterpret_cast<Pair<TIn>*>(target), elements);
      }
    }
  }

  /// Copies the staged rows to the output: the warp's rows from `first_row` on, columns from
  /// `first` on.
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
  int rows_;          ///< The output has this many rows from the warp's first.
  int columns_left_;  ///< The output has this many columns from the lane's on.
  TIn* target_;       ///< Points to the lane's column of the warp's first row.
  std::int64_t ldc_;
  bool aligned_;
};

}  // namespace qlinear::kernels
