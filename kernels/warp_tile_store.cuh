#pragma once

#include <epilogue.cuh>
#include <mma_sync_warp.cuh>

namespace qlinear::kernels {

/// Brings a warp's sums through the epilogue to the output. Fragments hold two neighbouring columns
/// a lane; a detour of the sums through shared memory, 16 rows at a time, gives each lane 16 bytes
/// of one output row, always of the same columns, whose scales it therefore loads once.
template <class TIn, int kM, int kN>
class WarpTileStore {
  static constexpr int kRows = 16;
  static constexpr int kPitch = kN + 8;  // Words; the next row begins eight banks later.
  static constexpr int kWidth = 16 / static_cast<int>(sizeof(TIn));  // Elements of a lane.
  static constexpr int kLanesPerRow = kN / kWidth < 32 ? kN / kWidth : 32;
  static constexpr int kRowsPerPass = 32 / kLanesPerRow;
  static_assert(kN % kWidth == 0 && kN / kWidth <= 32 && 32 % kLanesPerRow == 0);

 public:
  static constexpr int kWarpBytes = kRows * kPitch * 4;

  /// `staging`: `kWarpBytes` of shared memory of this warp. `first_row` and `first_column`: the
  /// corner of the warp's tile in the output.
  __device__ WarpTileStore(const GemmProblem& p, unsigned char* staging, std::int64_t first_row,
                           std::int64_t first_column)
      : epilogue_(p),
        staging_(reinterpret_cast<int*>(staging)),
        first_row_(first_row),
        rows_(p.m),
        lane_(static_cast<int>(threadIdx.x) % 32),
        staged_column_(lane_ % kLanesPerRow * kWidth),
        column_(first_column + staged_column_),
        columns_left_(p.n - column_),
        vectorised_(reinterpret_cast<std::uintptr_t>(p.c) % 16 == 0 &&
                    p.ldc * static_cast<std::int64_t>(sizeof(TIn)) % 16 == 0 &&
                    columns_left_ >= kWidth) {}

  __device__ void store(const WarpTile<kM, kN>& tile) const {
    typename Epilogue<TIn>::Column columns[kWidth];
#pragma unroll
    for (int e = 0; e < kWidth; ++e) {
      columns[e] =
          e < columns_left_ ? epilogue_.column(column_ + e) : typename Epilogue<TIn>::Column{};
    }
#pragma unroll
    for (int i = 0; i < kM / kRows; ++i) {
      __syncwarp();
      stage(tile.sum[i]);
      __syncwarp();
      store_rows(first_row_ + i * kRows, columns);
    }
  }

 private:
  __device__ void stage(const int (&sum)[kN / 8][4]) const {
    int* upper = staging_ + lane_ / 4 * kPitch + lane_ % 4 * 2;
    int* lower = upper + 8 * kPitch;
#pragma unroll
    for (int j = 0; j < kN / 8; ++j) {
      ptx::st_shared(reinterpret_cast<int2*>(upper + j * 8), make_int2(sum[j][0], sum[j][1]));
      ptx::st_shared(reinterpret_cast<int2*>(lower + j * 8), make_int2(sum[j][2], sum[j][3]));
    }
  }

  __device__ void store_rows(std::int64_t first_row,
                             const typename Epilogue<TIn>::Column (&columns)[kWidth]) const {
#pragma unroll
    for (int pass = 0; pass < kRows / kRowsPerPass; ++pass) {
      const int row = pass * kRowsPerPass + lane_ / kLanesPerRow;
      if (first_row + row < rows_) {
        store_segment(first_row + row, staging_ + row * kPitch + staged_column_, columns);
      }
    }
  }

  __device__ void store_segment(std::int64_t m, const int* staged,
                                const typename Epilogue<TIn>::Column (&columns)[kWidth]) const {
    struct alignas(16) Segment {
      TIn element[kWidth];
    };
    const auto row_scale = epilogue_.row_scale(m);
    Segment segment;
#pragma unroll
    for (int e = 0; e < kWidth; e += 2) {
      const int2 sums = ptx::ld_shared(reinterpret_cast<const int2*>(staged + e));
      segment.element[e] = epilogue_.value(sums.x, row_scale, columns[e]);
      segment.element[e + 1] = epilogue_.value(sums.y, row_scale, columns[e + 1]);
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
  int* staging_;
  std::int64_t first_row_;
  std::int64_t rows_;
  int lane_;
  int staged_column_;    ///< First column of this lane within the warp's tile,
  std::int64_t column_;  ///< and in the output.
  std::int64_t columns_left_;
  bool vectorised_;
};

}  // namespace qlinear::kernels
