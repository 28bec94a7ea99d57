#pragma once

#include <epilogue/epilogue.cuh>
#include <epilogue/zero_points.cuh>
#include <ptx/memory.cuh>
#include <ptx/special_registers.cuh>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace qlinear::kernels {

/// Two neighbours, which one access of shared memory moves.
template <class T>
struct alignas(2 * sizeof(T)) Pair {
  T value[2];

  static __device__ __forceinline__ Pair load(const T* values) {
    return ptx::ld_shared(reinterpret_cast<const Pair*>(values));
  }
  __device__ __forceinline__ void store(T* values) const {
    ptx::st_shared(reinterpret_cast<Pair*>(values), *this);
  }
};

/// Stores a warp's accumulators.
///
/// Tensor cores leave them in fragments of 16 rows and 8 columns, of which lane l holds rows l / 4
/// and l / 4 + 8, columns l % 4 * 2 and the next. Lanes turn them into elements in registers; a
/// detour through shared memory, a pass at a time, then gives each lane 16 bytes of an output row.
///
/// `Layout` says how a kernel holds its fragments:
///  - `fragment(accumulators, strip, j)` points to the lane's four accumulators of the `j`-th
///    fragment of a strip of 16 rows,
///  - `Index` numbers rows and columns of the output,
///  - `kSwapAB`: rows of fragments are columns of the output,
///  - `kFinishedBytes` are handled at a time beside the accumulators: 16, or less where registers
///  are few,
///  - `kByFours` as in `Epilogue::transform`,
///  - `kStrips` of 16 rows, each of `kColumns` columns, of which a pass stages `kPassColumns`.
///
/// Without `kOptions` it has no code for what `Epilogue` then does not know.
template <class TIn, class Layout, bool kOptions = true>
class StagedStore {
  using C = scale_t<TIn>;
  using Accumulators = typename Layout::Accumulators;
  using Index = typename Layout::Index;
  static constexpr int kRows = Layout::kStrips * 16;
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
  static constexpr int kWidth = Epilogue<TIn>::kWidth;
  // The padding spreads rows over banks.
  static constexpr int kPitch = kOutputColumns + kWidth;
  static constexpr int kLanesPerRow = kOutputColumns / kWidth;
  static constexpr int kRowsAtOnce = 32 / kLanesPerRow;
  static constexpr int kPieces = (kOutputRows + kRowsAtOnce - 1) / kRowsAtOnce;
  // What follows the rounding is done to this many neighbours at a time.
  static constexpr int kFinished = Layout::kFinishedBytes / static_cast<int>(sizeof(TIn));
  static constexpr int kFinishedPieces = kOutputColumns / kFinished;  // Of a row.
  static constexpr int kPiecesOfLane = (kOutputRows * kFinishedPieces + 31) / 32;
  static constexpr int kResidualPieces = std::min(kPiecesOfLane, Layout::kFinishedBytes / 4);
  // Where registers are fewest, there are none for several pieces of a residual.
  static constexpr bool kAddsPieces = Layout::kFinishedBytes > 4;
  using Neighbours = Piece<TIn, kFinished>;
  struct Residual {
    Neighbours piece[kResidualPieces];
  };

  static_assert(kColumns % 8 == 0 && Layout::kPassColumns % 8 == 0 && 32 % kLanesPerRow == 0,
                "lanes share rows of a pass evenly: a warp has 16, 32 or at least 64 columns");

 public:
  using Column = EpilogueColumn<C>;
  /// A pass needs this much memory, and zero points two numbers for each row and column.
  static constexpr int kStagingBytes =
      std::max(kOutputRows * kPitch * static_cast<int>(sizeof(TIn)),
               (kRows + kColumns) * static_cast<int>(sizeof(uint2)));

  /// What the two rows of fragments that a lane holds bring to their elements: their scales or,
  /// where they are columns of the output, more.
  struct Rows {
    std::conditional_t<kSwapAB, Column, C> value[2];
  };

  /// `staging` belongs to the warp and is 16-byte aligned. The accumulators begin at `first_row`
  /// and `first_column` of the products, of which `rows` rows and `columns` columns from there on
  /// are to be stored.
  __device__ __forceinline__ StagedStore(const GemmProblem& p, unsigned char* staging,
                                         Index first_row, Index first_column, int rows, int columns)
      : epilogue_(p.epilogue),
        zero_points_(p),
        staging_(reinterpret_cast<TIn*>(staging)),
        lane_(static_cast<int>(ptx::laneid())),
        first_row_(first_row),
        first_column_(first_column),
        rows_(rows),
        columns_(columns),
        aligned_(epilogue_.has_aligned_pieces()) {}

  /// The whole warp calls it. `factors.rows(strip)` returns the lane's `Rows` of a strip;
  /// `factors.column_scale()` and, where rows are not columns of the output,
  /// `factors.column_bias()` point to those of the fragments' columns in shared memory.
  template <class Factors>
  __device__ __forceinline__ void store(Accumulators& accumulators, const Factors& factors) const {
    constexpr auto kEachPass = std::make_integer_sequence<int, kPasses>{};
    if constexpr (kOptions) {
      if (zero_points_.exist()) subtract_zero_points(accumulators);
      if (epilogue_.finishes()) return store_changed(accumulators, factors, kEachPass);
    }
    store_plainly(accumulators, factors, kEachPass);
  }

 private:
  /// Stores what only has to be copied, without a loop over passes: so a pass turns accumulators
  /// into elements while the pieces of the one before are on their way.
  template <class Factors, int... kPass>
  __device__ __forceinline__ void store_plainly(const Accumulators& accumulators,
                                                const Factors& factors,
                                                std::integer_sequence<int, kPass...>) const {
    ((__syncwarp(), stage<kPass>(accumulators, factors), __syncwarp(), copy_pass(place_of(kPass))),
     ...);
  }

  /// Stores what changes on the way, a pass at a time, by one copy of the code for it.
  template <class Factors, class EachPass>
  __device__ __forceinline__ void store_changed(const Accumulators& accumulators,
                                                const Factors& factors, EachPass each_pass) const {
#pragma unroll 1
    for (int pass = 0; pass < kPasses; ++pass) {
      Residual residual;
      const bool adds = kAddsPieces && adds_pieces(pass);
      if (adds) load_residual(pass, 0, residual);
      __syncwarp();  // Wait until nobody reads what this memory held before.
      stage_pass(pass, accumulators, factors, each_pass);
      __syncwarp();
      if (adds) {
        add_pass(pass, residual);
      } else {
        finish_pass(pass);
      }
    }
  }

  /// A pass's place in what the warp stores.
  struct PassPlace {
    int row;
    int column;
  };
  static __device__ __forceinline__ PassPlace place_of(int pass) {
    const int strip = pass / kPassesOfStrip * 16;
    const int part = pass % kPassesOfStrip * Layout::kPassColumns;
    return kSwapAB ? PassPlace{part, strip} : PassPlace{strip, part};
  }

  /// Returns whether a pass only adds a residual, to whole pieces.
  __device__ __forceinline__ bool adds_pieces(int pass) const {
    return epilogue_.has_residual() && !epilogue_.transforms() && aligned_ &&
           epilogue_.has_aligned_residual() && (columns_ - place_of(pass).column) % kFinished == 0;
  }

  /// Where a lane's `i`-th piece of a pass is; `exists` tells whether there is one.
  struct PiecePlace {
    bool exists;
    int row;
    int column;
  };
  __device__ __forceinline__ PiecePlace piece_place(const PassPlace& place, int i) const {
    const int piece = static_cast<int>(ptx::laneid()) + i * 32;
    const int row = piece / kFinishedPieces;
    const int column = piece % kFinishedPieces * kFinished;
    return {row < min(rows_ - place.row, kOutputRows) && column < columns_ - place.column, row,
            column};
  }

  /// Loads pieces of the residual, from the `first`-th of the lane on, so that their latencies
  /// overlap: those of a pass's first pieces with its staging, too.
  __device__ __forceinline__ void load_residual(int pass, int first, Residual& residual) const {
    const PassPlace place = place_of(pass);
#pragma unroll
    for (int i = 0; i < kResidualPieces; ++i) {
      const PiecePlace at = piece_place(place, first + i);
      if (at.exists) {
        residual.piece[i].load_global(
            epilogue_.residual_at(std::int64_t{first_row_} + place.row + at.row,
                                  std::int64_t{first_column_} + place.column + at.column));
      }
    }
  }

  __device__ __forceinline__ void add_pass(int pass, Residual& residual) const {
    const PassPlace place = place_of(pass);
#pragma unroll 1
    for (int first = 0;; first += kResidualPieces) {
#pragma unroll
      for (int i = 0; i < kResidualPieces; ++i) {
        const PiecePlace at = piece_place(place, first + i);
        if (!at.exists) continue;
        Neighbours sum;
        sum.load_shared(staging_ + at.row * kPitch + at.column);
        epilogue_.add(sum.value, residual.piece[i].value);
        sum.store_global(epilogue_.address(std::int64_t{first_row_} + place.row + at.row,
                                           std::int64_t{first_column_} + place.column + at.column));
      }
      if (first + kResidualPieces >= kPiecesOfLane) return;
      load_residual(pass, first + kResidualPieces, residual);
    }
  }

  /// Accumulators have no address, so that each pass has its own code to stage them.
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
      elements.store(staging_ + row * kPitch + column);
    }
  }

  /// Does what follows the rounding to the staged elements, a piece at a time by one
  /// copy of the code for it; of a gated output lanes have pieces of gates alone.
  __device__ __forceinline__ void finish_pass(int pass) const {
    // It is read again, so that what follows from it is computed here. Computed for all passes at
    // once, it would take registers from the accumulators.
    const auto lane = static_cast<int>(ptx::laneid());
    const PassPlace place = place_of(pass);
    const bool gated = epilogue_.gate_rows() != 0;
    const int pieces_of_row = gated ? kFinishedPieces / 2 : kFinishedPieces;
    const int rows = min(rows_ - place.row, kOutputRows);
    const int columns = columns_ - place.column;
#pragma unroll 1
    for (int i = lane; i < rows * pieces_of_row; i += 32) {
      const int row = gated ? i / (kFinishedPieces / 2) : i / kFinishedPieces;
      const int piece = i - row * pieces_of_row;
      const int staged_column = gated ? gate_column(piece) : piece * kFinished;
      int columns_left = columns - staged_column;
      if (columns_left <= 0) continue;
      std::int64_t column = std::int64_t{first_column_} + place.column + staged_column;
      if (gated) {
        column = epilogue_.gated_column(column);
        columns_left =
            static_cast<int>(min(epilogue_.gate_rows() - column, std::int64_t{kFinished}));
      }
      epilogue_.template finish_staged<Layout::kByFours, kFinished>(
          staging_ + row * kPitch + staged_column, std::int64_t{first_row_} + place.row + row,
          column, columns_left, aligned_);
    }
  }

  /// Returns the staged column at which the `piece`-th piece of gates of a row begins.
  static __device__ __forceinline__ int gate_column(int piece) {
    constexpr int kOfBlock = kGatedBlock / kFinished;
    return piece / kOfBlock * (2 * kGatedBlock) + piece % kOfBlock * kFinished;
  }

  /// Copies the elements of a pass to the output.
  __device__ __forceinline__ void copy_pass(const PassPlace& place) const {
    const int lane_row = lane_ / kLanesPerRow;
    const int lane_column = lane_ % kLanesPerRow * kWidth;
    const std::int64_t row = std::int64_t{first_row_} + place.row + lane_row;
    const int rows_left = min(rows_ - place.row, kOutputRows) - lane_row;
    const std::int64_t column = std::int64_t{first_column_} + place.column + lane_column;
    const int columns_left = columns_ - place.column - lane_column;
    if (columns_left <= 0) return;
    epilogue_.template copy_pieces<kPieces, kRowsAtOnce, kRowsAtOnce * kPitch>(
        epilogue_.address(row, column), staging_ + lane_row * kPitch + lane_column, rows_left,
        columns_left, aligned_);
  }

  /// Lays out what zero points ask of the rows and columns of the fragments in the staging memory,
  /// then subtracts their part from the accumulators.
  __device__ __forceinline__ void subtract_zero_points(Accumulators& accumulators) const {
    auto* terms = reinterpret_cast<uint2*>(staging_);
    __syncwarp();  // Wait until nobody reads what this memory held before.
#pragma unroll 1
    for (int i = lane_; i < kColumns + kRows; i += 32) {
      ptx::st_shared(terms + i,
                     i < kColumns ? terms_of<kSwapAB>(i) : terms_of<!kSwapAB>(i - kColumns));
    }
    __syncwarp();
#pragma unroll
    for (int strip = 0; strip < Layout::kStrips; ++strip) {
      __syncwarp();  // Otherwise registers would keep the columns' terms for all strips.
      const uint2* row_terms = terms + kColumns + strip * 16 + lane_ / 4;
      const uint2 rows[2] = {ptx::ld_shared(row_terms), ptx::ld_shared(row_terms + 8)};
#pragma unroll
      for (int j = 0; j < kColumns / 8; ++j) {
        const auto columns = Pair<uint2>::load(terms + j * 8 + lane_ % 4 * 2);
        int* fragment = Layout::fragment(accumulators, strip, j);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          fragment[i] = ZeroPoints::subtract(fragment[i], rows[i / 2], columns.value[i % 2]);
        }
      }
    }
  }

  /// Returns the terms of the warp's `i`-th row or column of the output; any if it is not stored.
  template <bool kRow>
  __device__ __forceinline__ uint2 terms_of(int i) const {
    if constexpr (kRow) {
      return i < rows_ ? zero_points_.row(std::int64_t{first_row_} + i) : make_uint2(0, 0);
    } else {
      return i < columns_ ? zero_points_.column(std::int64_t{first_column_} + i) : make_uint2(0, 0);
    }
  }

  Epilogue<TIn, kOptions> epilogue_;
  ZeroPoints zero_points_;
  TIn* staging_;
  int lane_;
  Index first_row_;
  Index first_column_;
  int rows_;
  int columns_;
  bool aligned_;
};

}  // namespace qlinear::kernels
