#pragma once

#include <load_k_chunk.cuh>
#include <ptx/cp_async.cuh>
#include <ptx/ldmatrix.cuh>
#include <ptx/memory.cuh>

#include <cstdint>

namespace qlinear::kernels {

/// One K-major operand of the mma.sync GEMM: how a stage of `kRows` rows of `kK` bytes comes from
/// global memory and lies in shared memory.
///
/// The 16-byte chunks of a row are permuted by its number, so that the eight rows an ldmatrix phase
/// reads lie in eight different groups of four banks. With 64-byte rows two rows share 128 bytes.
template <int kRows, int kK, int kThreads, bool kAnyAlignment>
class MmaSyncOperand {
  static constexpr int kChunksPerRow = kK / 16;
  static constexpr int kRowsPerPass = kThreads / kChunksPerRow;
  static_assert(kK == 64 || kK % 128 == 0);
  static_assert(kThreads % kChunksPerRow == 0);

 public:
  static constexpr int kStageBytes = kRows * kK;

  /// Rows `first_row`.. of `matrix`, `rows` in all, `stride` bytes apart, `k` bytes long.
  __device__ MmaSyncOperand(const void* matrix, std::int64_t stride, std::int64_t first_row,
                            std::int64_t rows, std::int64_t k)
      : stride_(stride),
        k_(k),
        row_(static_cast<int>(threadIdx.x) / kChunksPerRow),
        chunk_(static_cast<int>(threadIdx.x) % kChunksPerRow),
        rows_left_(rows - first_row),
        source_(static_cast<const std::uint8_t*>(matrix) + first_row * stride),
        is_aligned_(
            !kAnyAlignment ||
            (reinterpret_cast<std::uintptr_t>(matrix) | static_cast<std::uintptr_t>(stride)) % 16 ==
                0) {}

  /// Starts the copies of the stage whose first byte of K is `first_k`; zeros beyond K and the
  /// rows. They belong to the caller's cp.async group.
  __device__ void load(unsigned char* stage, std::int64_t first_k) const {
    const std::int64_t k = first_k + chunk_ * 16;
    const auto left = k_ - k;
    const unsigned bytes = left >= 16 ? 16u : left > 0 ? static_cast<unsigned>(left) : 0u;
    if (is_aligned_) {
#pragma unroll
      for (int row = row_; row < kRows; row += kRowsPerPass) {
        const unsigned wanted = row < rows_left_ ? bytes : 0u;
        const std::uint8_t* address = wanted > 0 ? source_ + row * stride_ + k : source_;
        ptx::cp_async_16(stage + chunk_offset(row, chunk_), address, wanted);
      }
    } else {
      for (int row = row_; row < kRows; row += kRowsPerPass) {
        const uint4 v = row < rows_left_ ? load_k_chunk(source_ + row * stride_, k, k_)
                                         : make_uint4(0, 0, 0, 0);
        ptx::st_shared(reinterpret_cast<uint4*>(stage + chunk_offset(row, chunk_)), v);
      }
    }
  }

  /// Where 16-byte chunk `chunk` of row `row` lies in a stage.
  static __device__ int chunk_offset(int row, int chunk) {
    const int phase = kK == 64 ? row / 2 % 4 : row % 8;
    return row * kK + (chunk ^ phase) * 16;
  }

 private:
  std::int64_t stride_;
  std::int64_t k_;
  int row_;
  int chunk_;
  std::int64_t rows_left_;
  const std::uint8_t* source_;
  bool is_aligned_;
};

}  // namespace qlinear::kernels
