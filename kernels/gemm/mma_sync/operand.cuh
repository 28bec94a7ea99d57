#pragma once

#include <common/gated_rows.cuh>
#include <gemm/load_k_chunk.cuh>
#include <ptx/cp_async.cuh>
#include <ptx/ldmatrix.cuh>
#include <ptx/memory.cuh>

#include <cstdint>

namespace qlinear::kernels {

/// Lays out `kRows` rows of `kK` bytes of K in shared memory. A row's number permutes its 16-byte
/// chunks, so that the eight rows that an ldmatrix phase reads lie in eight different groups of
/// four banks. Two 64-byte rows share 128 bytes; for 128-byte rows it is the 128-byte swizzle of
/// TMA.
template <int kRows, int kK>
struct SwizzledRows {
  static_assert(kK == 64 || kK % 128 == 0, "the permutation has chunks of 64 or 128 bytes");
  static constexpr int kStageBytes = kRows * kK;

  /// Returns the offset of 16-byte chunk `chunk` of row `row` in a stage.
  static __device__ __forceinline__ int chunk_offset(int row, int chunk) {
    const int phase = kK == 64 ? row / 2 % 4 : row % 8;
    return row * kK + (chunk ^ phase) * 16;
  }

  /// The distance to the same chunk 16 rows on, where the permutation is the same.
  static constexpr int k16Rows = 16 * kK;
  /// Returns the address `chunks` chunks, an even number, after chunk 0 or 1 of a row. The stage
  /// begins at a multiple of a row.
  static __device__ __forceinline__ ptx::SharedAddress chunks_on(ptx::SharedAddress chunk,
                                                                 int chunks) {
    return chunk ^ static_cast<ptx::SharedAddress>(chunks * 16);
  }
};

/// The distances in bytes from the rows of one pass to those of the next. Where a pass has the rows
/// of one block only, gates and ups of interleaved weights take turns, and so do two distances.
template <bool kAlternates>
class PassStrides {
 public:
  __device__ PassStrides(std::int64_t even, std::int64_t odd) : even_(even), odd_(odd) {}
  /// Returns the distance from pass `pass` to the one after it.
  __device__ __forceinline__ std::int64_t after(int pass) const {
    return pass % 2 == 0 ? even_ : odd_;
  }
  /// Returns the distance from pass 0 to pass `pass`.
  __device__ __forceinline__ std::int64_t to(int pass) const {
    return (pass + 1) / 2 * even_ + pass / 2 * odd_;
  }

 private:
  std::int64_t even_;
  std::int64_t odd_;
};
template <>
class PassStrides<false> {
 public:
  __device__ PassStrides(std::int64_t stride, std::int64_t) : stride_(stride) {}
  __device__ __forceinline__ std::int64_t after(int) const { return stride_; }
  __device__ __forceinline__ std::int64_t to(int pass) const { return pass * stride_; }

 private:
  std::int64_t stride_;
};

/// Loads one K-major operand of the mma.sync GEMM from global memory by cp.async. A thread moves
/// one 16-byte chunk of every `kRowsPerPass`-th row.
template <int kRows, int kK, int kThreads, bool kAnyAlignment>
class MmaSyncOperand : public SwizzledRows<kRows, kK> {
  static constexpr int kChunksPerRow = kK / 16;
  static constexpr int kRowsPerPass = kThreads / kChunksPerRow;
  static_assert(kThreads % kChunksPerRow == 0 && kRowsPerPass % 8 == 0,
                "a thread's chunks lie at one place of the permutation");
  static constexpr bool kAlternates = kRowsPerPass % (2 * kGatedBlock) != 0;
  static_assert(!kAlternates || kRowsPerPass == kGatedBlock, "a pass has whole blocks");
  using Strides = PassStrides<kAlternates>;

 public:
  static constexpr int kPasses = (kRows + kRowsPerPass - 1) / kRowsPerPass;

  /// Copies stages that lie inside the matrix, one after another and a pass at a time: the main
  /// loop only adds to a pointer for it.
  class Stream {
   public:
    /// Starts at the stage whose first byte of K is `first_k`.
    __device__ Stream(const MmaSyncOperand& operand, int first_k)
        : next_(operand.source_ + operand.chunk_k_ + first_k),
          strides_(operand.strides_),
          target_(operand.target_) {}

    /// Copies pass `pass` of the stage; to be called for each pass in order.
    __device__ __forceinline__ void copy(unsigned char* stage, int pass) {
      if (kRows % kRowsPerPass == 0 || is_tile_row(pass)) {
        ptx::cp_async_16(stage + target_ + pass * kRowsPerPass * kK, next_);
      }
      next_ += pass + 1 < kPasses ? strides_.after(pass) : kK - strides_.to(kPasses - 1);
    }

   private:
    const std::uint8_t* next_;
    Strides strides_;
    int target_;
  };

  /// Loads rows of `matrix` from `first_row` on. It has `rows` rows of `k` bytes, `stride` bytes
  /// apart. With `gate_rows` they are interleaved.
  __device__ MmaSyncOperand(const void* matrix, std::int64_t stride, std::int64_t first_row,
                            std::int64_t rows, std::int64_t k, std::int64_t gate_rows)
      : strides_(strides_of(stride, gate_rows)) {
    const int row = static_cast<int>(threadIdx.x) / kChunksPerRow;
    const int chunk = static_cast<int>(threadIdx.x) % kChunksPerRow;
    const std::int64_t rows_left =
        gate_rows == 0 ? rows - first_row - row
                       : interleaved_rows(gate_rows - gate_of_row<kGatedBlock>(first_row + row));
    const std::int64_t source_row =
        rows_left > 0 ? weight_row<kGatedBlock>(first_row + row, gate_rows) : 0;
    source_ = static_cast<const std::uint8_t*>(matrix) + source_row * stride;
    rows_left_ = static_cast<int>(rows_left < kRows ? rows_left : kRows);
    k_ = static_cast<int>(k);
    chunk_k_ = chunk * 16;
    target_ = MmaSyncOperand::chunk_offset(row, chunk);
    has_whole_rows_ = (gate_rows == 0 ? rows : 2 * gate_rows) - first_row >= kRows;
    is_aligned_ =
        !kAnyAlignment ||
        (reinterpret_cast<std::uintptr_t>(matrix) | static_cast<std::uintptr_t>(stride)) % 16 == 0;
  }

  /// Returns how many stages from K = 0 on lie inside the matrix; all threads get the same.
  __device__ int stages_inside() const { return is_aligned_ && has_whole_rows_ ? k_ / kK : 0; }

  /// Starts the copies of the stage whose first byte of K is `first_k`, with zeros past K and past
  /// the last row. They belong to the caller's cp.async group.
  __device__ __forceinline__ void load(unsigned char* stage, int first_k) const {
    const int k = first_k + chunk_k_;
    if (!is_aligned_ || first_k + kK > k_) {
      load_edge(stage, k);
    } else if (!has_whole_rows_) {
      load_rows(stage, source_ + k);
    } else {
      const std::uint8_t* address = source_ + k;
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) {
        if (kRows % kRowsPerPass != 0 && !is_tile_row(pass)) break;
        ptx::cp_async_16(stage + target_ + pass * kRowsPerPass * kK, address);
        address += strides_.after(pass);
      }
    }
  }

 private:
  /// Loads a stage of whole chunks that has rows past the last. Every stage of a decode's
  /// activations is one.
  __device__ __forceinline__ void load_rows(unsigned char* stage,
                                            const std::uint8_t* address) const {
#pragma unroll 1
    for (int pass = 0; pass < kPasses; address += strides_.after(pass++)) {
      if (kRows % kRowsPerPass != 0 && !is_tile_row(pass)) break;
      unsigned char* target = stage + target_ + pass * kRowsPerPass * kK;
      if (pass * kRowsPerPass < rows_left_) {
        ptx::cp_async_16(target, address);
      } else {
        ptx::st_shared(reinterpret_cast<uint4*>(target), make_uint4(0, 0, 0, 0));
      }
    }
  }

  /// Loads a stage that crosses the end of K or is not aligned. It copies whole chunks as usual and
  /// reads parts of one exactly. (cp.async could fill up with zeros, too, but compute-sanitizer
  /// takes such a copy for a read of 16 bytes.)
  __device__ __forceinline__ void load_edge(unsigned char* stage, int k) const {
    const std::uint8_t* row = source_;
#pragma unroll 1
    for (int pass = 0; pass < kPasses; row += strides_.after(pass++)) {
      if (kRows % kRowsPerPass != 0 && !is_tile_row(pass)) break;
      unsigned char* target = stage + target_ + pass * kRowsPerPass * kK;
      const bool exists = pass * kRowsPerPass < rows_left_;
      if (exists && is_aligned_ && k + 16 <= k_) {
        ptx::cp_async_16(target, row + k);
      } else {
        ptx::st_shared(reinterpret_cast<uint4*>(target),
                       exists ? load_k_chunk(row, k, k_) : make_uint4(0, 0, 0, 0));
      }
    }
  }

  static __device__ Strides strides_of(std::int64_t stride, std::int64_t gate_rows) {
    if (gate_rows == 0) return {stride * kRowsPerPass, stride * kRowsPerPass};
    if (!kAlternates) return {stride * (kRowsPerPass / 2), 0};
    return {stride * gate_rows, stride * (kGatedBlock - gate_rows)};
  }

  __device__ static bool is_tile_row(int pass) {
    return static_cast<int>(threadIdx.x) / kChunksPerRow + pass * kRowsPerPass < kRows;
  }

  const std::uint8_t* source_;
  Strides strides_;
  int rows_left_;  ///< Rows from this thread's first to the end of the matrix or the tile.
  int k_;
  int chunk_k_;
  int target_;
  bool has_whole_rows_;
  bool is_aligned_;
};

}  // namespace qlinear::kernels
