#pragma once

#include <epilogue.cuh>
#include <ptx/special_registers.cuh>

namespace qlinear::kernels {

/// Brings int32 sums that a warp has laid out in shared memory through the epilogue to the output.
///
/// Tensor-core fragments hold two neighbouring sums a lane. The detour through shared memory, `kN`
/// columns in rows of `kPitch` words, gives each lane 16 bytes of one output row, always of the
/// same columns, whose scales it therefore loads once.
template <class TIn, int kN, int kPitch>
class StagedRows {
  static constexpr int kWidth = 16 / static_cast<int>(sizeof(TIn));  // Elements of a lane.
  static constexpr int kLanesPerRow = kN / kWidth;
  static constexpr int kRowsPerPass = 32 / kLanesPerRow;
  static_assert(kN % kWidth == 0 && 32 % kLanesPerRow == 0 && kPitch % 2 == 0);

 public:
  /// `staging`: this warp's sums. `first_column`: where they lie in the output.
  __device__ StagedRows(const GemmProblem& p, const int* staging, std::int64_t first_column)
      : epilogue_(p),
        rows_(p.m),
        lane_(static_cast<int>(ptx::laneid())),
        staging_(staging + lane_ / kLanesPerRow * kPitch + lane_ % kLanesPerRow * kWidth),
        column_(first_column + lane_ % kLanesPerRow * kWidth),
        columns_left_(p.n - column_),
        vectorised_(reinterpret_cast<std::uintptr_t>(p.c) % 16 == 0 &&
                    p.ldc * static_cast<std::int64_t>(sizeof(TIn)) % 16 == 0 &&
                    columns_left_ >= kWidth) {
#pragma unroll
    for (int e = 0; e < kWidth; ++e) {
      columns_[e] =
          e < columns_left_ ? epilogue_.column(column_ + e) : typename Epilogue<TIn>::Column{};
    }
  }

  /// Stores the `kRows` rows of the staging memory as output rows from `first_row` on.
  template <int kRows>
  __device__ void store(std::int64_t first_row) const {
#pragma unroll
    for (int pass = 0; pass < (kRows + kRowsPerPass - 1) / kRowsPerPass; ++pass) {
      const int row = pass * kRowsPerPass + lane_ / kLanesPerRow;
      if (row < kRows && first_row + row < rows_) {
        store_segment(first_row + row, staging_ + pass * kRowsPerPass * kPitch);
      }
    }
  }

 private:
  __device__ void store_segment(std::int64_t m, const int* staged) const {
    struct alignas(16) Segment {
      TIn element[kWidth];
    };
    const auto row_scale = epilogue_.row_scale(m);
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
  std::int64_t rows_;
  int lane_;
  const int* staging_;  ///< This lane's first sums.
  std::int64_t column_;
  std::int64_t columns_left_;
  bool vectorised_;
  typename Epilogue<TIn>::Column columns_[kWidth];
};

}  // namespace qlinear::kernels
