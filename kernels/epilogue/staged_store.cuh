#pragma once

#include <epilogue/epilogue.cuh>
#include <ptx/memory.cuh>
#include <ptx/special_registers.cuh>

#include <cstdint>
#include <utility>

namespace qlinear::kernels {

/// Two neighbours that one access moves.
template <class T>
struct alignas(2 * sizeof(T)) Pair {
  T value[2];

  static __device__ __forceinline__ Pair load(const T* values) {
    return ptx::ld_shared(reinterpret_cast<const Pair*>(values));
  }
};

/// Stores a warp's accumulators.
///
/// Tensor cores leave them in fragments of 16 rows and 8 columns, of which lane l holds rows l / 4
/// and l / 4 + 8, columns l % 4 * 2 and the next. Lanes turn them into elements in registers; a
/// detour through shared memory, a pass at a time, then gives each lane 16 bytes of an output row.
///
/// `Layout` says how a kernel holds its fragments:
///  - `Accumulators`, and `fragment(accumulators, strip, j)`, which points to the lane's four
///    accumulators of the `j`-th fragment of a strip of 16 rows,
///  - `kSwapAB`: rows of fragments are columns of the output,
///  - `kStrips` of 16 rows, each of `kColumns` columns, of which a pass stages `kPassColumns`.
template <class TIn, class Layout>
class StagedStore {
  using C = scale_t<TIn>;
  using Accumulators = typename Layout::Accumulators;
  static constexpr bool kSwapAB = Layout::kSwapAB;
  static constexpr int kColumns = Layout::kColumns;
  static constexpr int kPassFragments = Layout::kPassColumns / 8;
  static constexpr int kPassesOfStrip =
      (kColumns + Layout::kPassColumns - 1) / Layout::kPassColumns;
  static constexpr int kPasses = Layout::kStrips * kPassesOfStrip;
  // Registers hold the columns' part of this many fragments at a time.
  static constexpr int kBatch = kPassFragments < 4 ? kPassFragments : 4;

  // A pass stages this much of the output.
  static constexpr int kOutputRows = kSwapAB ? Layout::kPassColumns : 16;
  static constexpr int kOutputColumns = kSwapAB ? 16 : Layout::kPassColumns;
  // A lane moves this many elements, 16 bytes, at a time.
  static constexpr int kWidth = 16 / static_cast<int>(sizeof(TIn));
  // The padding spreads rows over banks.
  static constexpr int kPitch = kOutputColumns + kWidth;
  static constexpr int kLanesPerRow = kOutputColumns / kWidth;
  static constexpr int kRowsAtOnce = 32 / kLanesPerRow;
  static constexpr int kPieces = (kOutputRows + kRowsAtOnce - 1) / kRowsAtOnce;
  static_assert(kColumns % 8 == 0 && Layout::kPassColumns % 8 == 0 && 32 % kLanesPerRow == 0);

 public:
  using Column = typename Epilogue<TIn>::Column;
  static constexpr int kStagingBytes = kOutputRows * kPitch * static_cast<int>(sizeof(TIn));

  /// What the two rows of fragments that a lane holds bring to their elements: their scales or,
  /// where they are columns of the output, more.
  struct Rows {
    std::conditional_t<kSwapAB, Column, C> value[2];
  };

  /// `staging` belongs to the warp and is 16-byte aligned. The accumulators begin at `first_row`
  /// and `first_column` of the output, which has `rows` rows and `columns` columns from there on.
  __device__ __forceinline__ StagedStore(const Epilogue<TIn>& epilogue, unsigned char* staging,
                                         std::int64_t first_row, std::int64_t first_column,
                                         int rows, int columns)
      : epilogue_(epilogue),
        staging_(reinterpret_cast<TIn*>(staging)),
        lane_(static_cast<int>(ptx::laneid())),
        first_row_(first_row),
        first_column_(first_column),
        rows_(rows),
        columns_(columns),
        aligned_(epilogue.has_aligned_pieces()) {}

  /// The whole warp calls it. `factors.rows(strip)` returns the lane's `Rows` of a strip;
  /// `factors.column_scale()` and, where rows are not columns of the output,
  /// `factors.column_bias()` point to those of the fragments' columns in shared memory.
  template <class Factors>
  __device__ __forceinline__ void store(const Accumulators& accumulators,
                                        const Factors& factors) const {
    // Accumulators have no address, so that each pass has its own code to stage them. The rest is
    // the same for all.
#pragma unroll 1
    for (int pass = 0; pass < kPasses; ++pass) {
      __syncwarp();  // Wait until nobody reads what this memory held before.
      stage_pass(pass, accumulators, factors, std::make_integer_sequence<int, kPasses>{});
      __syncwarp();
      copy_pass(pass);
    }
  }

 private:
  template <class Factors, int... kPass>
  __device__ __forceinline__ void stage_pass(int pass, const Accumulators& accumulators,
                                             const Factors& factors,
                                             std::integer_sequence<int, kPass...>) const {
    ((pass == kPass ? stage<kPass>(accumulators, factors) : void()), ...);
  }

  template <int kPass, class Factors>
  __device__ __forceinline__ void stage(const Accumulators& accumulators,
                                        const Factors& factors) const {
    constexpr int kStrip = kPass / kPassesOfStrip;
    constexpr int kFirst = kPass % kPassesOfStrip * kPassFragments;
    constexpr int kEnd =
        kFirst + kPassFragments < kColumns / 8 ? kFirst + kPassFragments : kColumns / 8;
    const Rows rows = factors.rows(kStrip);
#pragma unroll
    for (int j = kFirst; j < kEnd; j += kBatch) {
      stage_batch<kStrip>(accumulators, factors, rows, j, min(kBatch, kEnd - j), j - kFirst);
    }
  }

  /// Stages `count` fragments of a strip from the `first` on, as the `staged`-th and on of the
  /// pass. All loads of the columns' part come first, since no load could overtake a store.
  template <int kStrip, class Factors>
  __device__ __forceinline__ void stage_batch(const Accumulators& accumulators,
                                              const Factors& factors, const Rows& rows, int first,
                                              int count, int staged) const {
    const int pair = lane_ % 4 * 2;
    Pair<C> scale[kBatch];
    Pair<C> bias[kBatch];
#pragma unroll
    for (int j = 0; j < count; ++j) {
      const int column = (first + j) * 8 + pair;
      scale[j] = Pair<C>::load(factors.column_scale() + column);
      bias[j] = {Epilogue<TIn>::kNoBias, Epilogue<TIn>::kNoBias};
      if constexpr (!kSwapAB) {
        if (epilogue_.has_bias()) bias[j] = Pair<C>::load(factors.column_bias() + column);
      }
    }
#pragma unroll
    for (int j = 0; j < count; ++j) {
      const int* fragment = Layout::fragment(accumulators, kStrip, first + j);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        Pair<TIn> elements;
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          elements.value[e] = element(fragment[half * 2 + e], rows.value[half],
                                      {scale[j].value[e], bias[j].value[e]});
        }
        stage_pair(elements, lane_ / 4 + half * 8, (staged + j) * 8 + pair);
      }
    }
  }

  __device__ __forceinline__ TIn element(int sum, C row_scale, const Column& column) const {
    return epilogue_.value(sum, row_scale, column);
  }
  __device__ __forceinline__ TIn element(int sum, const Column& row, const Column& column) const {
    return epilogue_.value(sum, column.scale, row);
  }

  /// Stages two neighbours of one row of fragments.
  __device__ __forceinline__ void stage_pair(const Pair<TIn>& elements, int row, int column) const {
    if constexpr (kSwapAB) {
      TIn* target = staging_ + column * kPitch + row;
      ptx::st_shared(target, elements.value[0]);
      ptx::st_shared(target + kPitch, elements.value[1]);
    } else {
      ptx::st_shared(reinterpret_cast<Pair<TIn>*>(staging_ + row * kPitch + column), elements);
    }
  }

  /// Copies the elements of a pass to the output.
  __device__ __forceinline__ void copy_pass(int pass) const {
    const int strip = pass / kPassesOfStrip * 16;
    const int part = pass % kPassesOfStrip * Layout::kPassColumns;
    const int first_row = kSwapAB ? part : strip;
    const int first_column = kSwapAB ? strip : part;
    const int lane_row = lane_ / kLanesPerRow;
    const int lane_column = lane_ % kLanesPerRow * kWidth;
    const int rows_left = min(rows_ - first_row, kOutputRows) - lane_row;
    const int columns_left = columns_ - first_column - lane_column;
    if (columns_left <= 0) return;
    epilogue_.template copy_pieces<kPieces, kRowsAtOnce, kRowsAtOnce * kPitch>(
        epilogue_.address(first_row_ + first_row + lane_row,
                          first_column_ + first_column + lane_column),
        staging_ + lane_row * kPitch + lane_column, rows_left, columns_left, aligned_);
  }

  Epilogue<TIn> epilogue_;
  TIn* staging_;
  int lane_;
  std::int64_t first_row_;
  std::int64_t first_column_;
  int rows_;
  int columns_;
  bool aligned_;
};

}  // namespace qlinear::kernels
