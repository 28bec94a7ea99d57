#pragma once

#include <epilogue/staged_store.cuh>
#include <gemm/mma_sync/store.hpp>

namespace qlinear::kernels {

/// A warp's accumulators, of type `WarpTile`.
template <class TIn, class Tile>
struct MmaSyncFragments {
  using Accumulators = Tile;
  using Index = std::int64_t;
  static constexpr bool kSwapAB = false;
  static constexpr int kStrips = Tile::kFragmentsM;
  static constexpr int kColumns = Tile::kWarpN;
  static constexpr int kFullPass = kMmaSyncStagedBytes / static_cast<int>(sizeof(TIn));
  static constexpr int kPassColumns = kColumns < kFullPass ? kColumns : kFullPass;

  static constexpr int kFinishedBytes = kStrips * kColumns / 2 > 64 ? 8 : 16;

  static constexpr bool kByFours = true;

  template <class Held>
  static __device__ __forceinline__ auto* fragment(Held& accumulators, int strip, int j) {
    return accumulators.value[strip][j];
  }
};

/// Runs a warp's accumulators through the epilogue to the output. All loads from global memory come
/// at the start, since no load could overtake a store and each would wait alone.
template <class TIn, class Tile>
class MmaSyncStore {
  using C = scale_t<TIn>;
  using Staged = StagedStore<TIn, MmaSyncFragments<TIn, Tile>>;
  static constexpr int kColumns = Tile::kWarpN;
  static_assert(Staged::kStagingBytes <= kMmaSyncStagedRows * kMmaSyncStagedPitch);

 public:
  /// `memory` belongs to the warp. Its accumulators begin at `first_row` and `first_column` of the
  /// output; rows end at `end_row`, at most M.
  __device__ __forceinline__ MmaSyncStore(const GemmProblem& p, unsigned char* memory,
                                          std::int64_t first_row, std::int64_t end_row,
                                          std::int64_t first_column)
      : p_(p),
        epilogue_(p.epilogue),
        memory_(memory),
        first_row_(first_row),
        first_column_(first_column),
        rows_(static_cast<int>(min(end_row - first_row, std::int64_t{Tile::kWarpM}))),
        columns_(static_cast<int>(min(p.operands.n - first_column, std::int64_t{kColumns}))) {
    const int lane = static_cast<int>(ptx::laneid());
    // Past the end the last row or column is loaded again, so that no load waits for a branch.
    C row_scale[kRowsOfLane];
#pragma unroll
    for (int i = 0; i < kRowsOfLane; ++i) {
      row_scale[i] = epilogue_.row_scale(min(first_row + i * 32 + lane, p.operands.m - 1));
    }
    typename Epilogue<TIn>::Column column[kColumnsOfLane];
#pragma unroll
    for (int i = 0; i < kColumnsOfLane; ++i) {
      column[i] = epilogue_.column(min(first_column + i * 32 + lane, p.operands.n - 1));
    }
    __syncwarp();  // Wait until nobody reads what this memory held before.
#pragma unroll
    for (int i = 0; i < kColumnsOfLane; ++i) {
      if (i * 32 + lane >= kColumns) continue;
      ptx::st_shared(column_scale() + i * 32 + lane, column[i].scale);
      ptx::st_shared(column_bias() + i * 32 + lane, column[i].bias);
    }
#pragma unroll
    for (int i = 0; i < kRowsOfLane; ++i) {
      if (i * 32 + lane < Tile::kWarpM) ptx::st_shared(row_scale_of(i * 32 + lane), row_scale[i]);
    }
  }

  /// The whole warp calls it.
  __device__ __forceinline__ void store(Tile& accumulators) const {
    Staged(p_, memory_, first_row_, first_column_, rows_, columns_).store(accumulators, *this);
  }

  // What the staged store asks for.
  __device__ __forceinline__ typename Staged::Rows rows(int strip) const {
    const int row = strip * 16 + static_cast<int>(ptx::laneid()) / 4;
    return {ptx::ld_shared(row_scale_of(row)), ptx::ld_shared(row_scale_of(row + 8))};
  }
  // The columns' part follows the staged rows.
  __device__ __forceinline__ C* column_scale() const {
    return reinterpret_cast<C*>(memory_ + kMmaSyncStagedRows * kMmaSyncStagedPitch);
  }
  __device__ __forceinline__ C* column_bias() const { return column_scale() + kColumns; }

 private:
  static constexpr int kRowsOfLane = (Tile::kWarpM + 31) / 32;
  static constexpr int kColumnsOfLane = (kColumns + 31) / 32;

  __device__ __forceinline__ C* row_scale_of(int row) const {
    return column_bias() + kColumns + row;
  }

  const GemmProblem& p_;
  Epilogue<TIn> epilogue_;
  unsigned char* memory_;
  std::int64_t first_row_;
  std::int64_t first_column_;
  int rows_;
  int columns_;
};

}  // namespace qlinear::kernels
