#pragma once

#include <epilogue.cuh>
#include <ptx/special_registers.cuh>

namespace qlinear::kernels {

/// Brings a warp's `kM` x `kN` int32 sums, which it lays out in shared memory some rows at a time,
/// through the epilogue to the output.
///
/// Tensor-core fragments hold two neighbouring sums a lane. The detour through shared memory, in
/// rows of `kPitch` words, gives each lane 16 bytes of one output row, always of the same columns.
/// All that the epilogue needs from global memory is loaded at the start, at once: no load could
/// overtake a store, and each waited for its own.
template <class TIn, int kM, int kN, int kPitch>
class StagedRows {
  static constexpr int kWidth = 16 / static_cast<int>(sizeof(TIn));  // Elements of a lane.
  static constexpr int kLanesPerRow = kN / kWidth;
  static constexpr int kRowsPerPass = 32 / kLanesPerRow;
  using C = scale_t<TIn>;
  static_assert(kN % kWidth == 0 && 32 % kLanesPerRow == 0 && kPitch % 2 == 0);

 public:
  /// `staging`: this warp's sums. `first_row`, `first_column`: where they lie in the output.
  __device__ StagedRows(const GemmProblem& p, const int* staging, std::int64_t first_row,
                        std::int64_t first_column)
      : epilogue_(p),
        first_row_(first_row),
        rows_(p.m),
        lane_(static_cast<int>(ptx::laneid())),
        staging_(staging + lane_ / kLanesPerRow * kPitch + lane_ % kLanesPerRow * kWidth),
        column_(first_column + lane_ % kLanesPerRow * kWidth),
        columns_left_(p.n - column_),
        vectorised_(reinterpret_cast<std::uintptr_t>(p.c) % 16 == 0 &&
                    p.ldc * static_cast<std::int64_t>(sizeof(TIn)) % 16 == 0 &&
                    columns_left_ >= kWidth) {
    // Beyond the last row or column that one again, so that no load waits behind a branch.
#pragma unroll
    for (int i = 0; i < kScales; ++i) {
      row_scale_[i] = epilogue_.row_scale(min(first_row + i * 32 + lane_, p.m - 1));
    }
    const std::int64_t first = min(column_, p.n - 1);
    const int last = static_cast<int>(min(p.n - 1 - first, std::int64_t{kWidth - 1}));
#pragma unroll
    for (int e = 0; e < kWidth; ++e) columns_[e] = epilogue_.column(first + min(e, last));
  }

  /// Stores the `kRows` rows of the staging memory as rows `row`.. of the warp's. Called by whole
  /// warps.
  template <int kRows>
  __device__ void store(int row) const {
    static_assert(kRows % kRowsPerPass == 0 && 32 % kRows == 0);
#pragma unroll
    for (int pass = 0; pass < kRows / kRowsPerPass; ++pass) {
      const int pass_row = row + pass * kRowsPerPass;
      const int lane_row = pass_row + lane_ / kLanesPerRow;
      const C row_scale = __shfl_sync(~0u, row_scale_[pass_row / 32], lane_row % 32);
      if (first_row_ + lane_row < rows_) {
        store_segment(first_row_ + lane_row, row_scale, staging_ + pass * kRowsPerPass * kPitch);
      }
    }
  }

 private:
  static constexpr int kScales = (kM + 31) / 32;

  __device__ void store_segment(std::int64_t m, C row_scale, const int* staged) const {
    struct alignas(16) Segment {
      TIn element[kWidth];
    };
    Segment segment;
#pragma unroll
    for (int e = 0; e < kWidth; e += 2) {
      const int2 sums = ptx::ld_shared(reinterpret_cast<const int2*>(staged + e));
      segment.element[e] = epilogue_.value(sums.x, row_scale, columns_[e]);
      segment.element[e + 1] = epilogue_.value(sums.y, row_scale, columns_[e + 1]);
    }
    TIn* target = epilogue_.address(m, column_);
    if (vectorised_) {
      ptx::st_global(reinterpret_cast<Segment*>(target), segment);
      return;
    }
#pragma unroll
    for (int e = 0; e < kWidth; ++e) {
      if (e < columns_left_) ptx::st_global(target + e, segment.element[e]);
    }
  }

  Epilogue<TIn> epilogue_;
  std::int64_t first_row_;
  std::int64_t rows_;
  int lane_;
  const int* staging_;  ///< This lane's first sums.
  std::int64_t column_;
  std::int64_t columns_left_;
  bool vectorised_;
  C row_scale_[kScales];  ///< Of rows `lane_`, `lane_ + 32`...
  typename Epilogue<TIn>::Column columns_[kWidth];
};

}  // namespace qlinear::kernels
