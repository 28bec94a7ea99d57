#include <common/dispatch_element.hpp>
#include <epilogue/epilogue.cuh>
#include <gemm/dp4a/gemm.hpp>
#include <gemm/load_k_chunk.cuh>
#include <ptx/dp4a.cuh>
#include <ptx/griddepcontrol.cuh>
#include <runtime/launch.cuh>

namespace qlinear::kernels {
namespace {

constexpr int kSide = 16;                // A block has this many threads along m and along n.
constexpr int kKWords = kDp4aTileK / 4;  // A row of a tile has this many words of four k.
constexpr int kChunksPerRow = kDp4aTileK / 16;

/// One operand's tile in shared memory, word-major: word w of row r lies at [w][r], so that one
/// load brings neighbouring rows of a w.
template <int kRows>
struct SharedTile {
  static constexpr int kPitch = Dp4aTile::pitch(kRows);
  unsigned* words;

  __device__ unsigned* at(int word, int row) const { return words + word * kPitch + row; }

  /// Fills the tile with rows of `matrix` from `first_row` on and k from `first_k` on, with zeros
  /// past its ends.
  __device__ void fill(const std::uint8_t* matrix, std::int64_t stride, std::int64_t first_row,
                       std::int64_t rows, std::int64_t first_k, std::int64_t k) const {
    for (int i = static_cast<int>(threadIdx.x); i < kRows * kChunksPerRow; i += kDp4aThreads) {
      const int row = i / kChunksPerRow;
      const int chunk = i % kChunksPerRow;
      uint4 v = make_uint4(0, 0, 0, 0);
      if (first_row + row < rows) {
        v = load_k_chunk(matrix + (first_row + row) * stride, first_k + chunk * 16, k);
      }
      ptx::st_shared(at(chunk * 4 + 0, row), v.x);
      ptx::st_shared(at(chunk * 4 + 1, row), v.y);
      ptx::st_shared(at(chunk * 4 + 2, row), v.z);
      ptx::st_shared(at(chunk * 4 + 3, row), v.w);
    }
  }

  /// Reads a thread's `kCount` rows: groups of up to four neighbours, `kSide` groups apart.
  template <int kCount>
  __device__ void read(unsigned (&rows)[kCount], int word, int thread) const {
    constexpr int kGroup = kCount < 4 ? kCount : 4;
#pragma unroll
    for (int i = 0; i < kCount; i += kGroup) {
      const unsigned* source = at(word, i * kSide + thread * kGroup);
      if constexpr (kGroup == 4) {
        const uint4 v = ptx::ld_shared(reinterpret_cast<const uint4*>(source));
        rows[i] = v.x;
        rows[i + 1] = v.y;
        rows[i + 2] = v.z;
        rows[i + 3] = v.w;
      } else {
        static_assert(kGroup == 1);
        rows[i] = ptx::ld_shared(source);
      }
    }
  }

  /// Returns the row of the tile that `read` gives `thread` as its `i`-th.
  template <int kCount>
  static __device__ int row_of(int i, int thread) {
    constexpr int kGroup = kCount < 4 ? kCount : 4;
    return i / kGroup * kGroup * kSide + thread * kGroup + i % kGroup;
  }
};

template <bool kUnsignedB, int kRows, int kColumns>
__device__ void multiply_word(int (&sum)[kRows][kColumns], const unsigned (&a)[kRows],
                              const unsigned (&b)[kColumns]) {
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) sum[i][j] = ptx::dp4a<kUnsignedB>(a[i], b[j], sum[i][j]);
  }
}

template <class TIn, int kM, int kN, int kRows, int kColumns>
__device__ void store_tile(const GemmProblem& p, const int (&sum)[kRows][kColumns],
                           std::int64_t first_row, std::int64_t first_column) {
  const int row_thread = static_cast<int>(threadIdx.x) / kSide;
  const int column_thread = static_cast<int>(threadIdx.x) % kSide;
  const Epilogue<TIn> epilogue(p.epilogue);
#pragma unroll
  for (int j = 0; j < kColumns; ++j) {
    const std::int64_t n =
        first_column + SharedTile<kN>::template row_of<kColumns>(j, column_thread);
    if (n >= p.operands.n) continue;
    const auto column = epilogue.column(n);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const std::int64_t m = first_row + SharedTile<kM>::template row_of<kRows>(i, row_thread);
      if (m >= p.operands.m) continue;
      ptx::st_global(epilogue.address(m, n),
                     epilogue.value(sum[i][j], epilogue.row_scale(m), column));
    }
  }
}

template <class TIn, class TWQ, int kM, int kN>
__global__ void __launch_bounds__(kDp4aThreads) dp4a_gemm(GemmProblem p) {
  constexpr int kRows = kM / kSide;
  constexpr int kColumns = kN / kSide;
  const SharedTile<kM> a_tile{reinterpret_cast<unsigned*>(ptx::dynamic_shared_memory())};
  const SharedTile<kN> b_tile{a_tile.words + kKWords * SharedTile<kM>::kPitch};
  const std::int64_t column_tiles = (p.operands.n + kN - 1) / kN;
  const std::int64_t first_row = blockIdx.x / column_tiles * kM;
  const std::int64_t first_column = blockIdx.x % column_tiles * kN;
  const int row_thread = static_cast<int>(threadIdx.x) / kSide;
  const int column_thread = static_cast<int>(threadIdx.x) % kSide;

  ptx::griddepcontrol_wait();
  ptx::griddepcontrol_launch_dependents();
  int sum[kRows][kColumns] = {};
  for (std::int64_t first_k = 0; first_k < p.operands.k; first_k += kDp4aTileK) {
    a_tile.fill(reinterpret_cast<const std::uint8_t*>(p.operands.a), p.operands.lda, first_row,
                p.operands.m, first_k, p.operands.k);
    b_tile.fill(static_cast<const std::uint8_t*>(p.operands.b), p.operands.ldb, first_column,
                p.operands.n, first_k, p.operands.k);
    __syncthreads();
#pragma unroll 4
    for (int word = 0; word < kKWords; ++word) {
      unsigned a[kRows];
      unsigned b[kColumns];
      a_tile.read(a, word, row_thread);
      b_tile.read(b, word, column_thread);
      multiply_word<std::is_same_v<TWQ, U8>>(sum, a, b);
    }
    __syncthreads();
  }
  store_tile<TIn, kM, kN>(p, sum, first_row, first_column);
}

}  // namespace

template <int kTile>
cudaError_t launch_dp4a_gemm(const GemmProblem& p, cudaStream_t stream) {
  constexpr int kM = kDp4aTiles[kTile].m;
  constexpr int kN = kDp4aTiles[kTile].n;
  const std::int64_t tiles = ((p.operands.m + kM - 1) / kM) * ((p.operands.n + kN - 1) / kN);
  LaunchConfig config{kDp4aTiles[kTile].name, dim3(static_cast<unsigned>(tiles)),
                      dim3(kDp4aThreads)};
  config.dynamic_shared_bytes = kDp4aTiles[kTile].shared_bytes();
  config.stream = stream;
  config.programmatic_dependent = p.launch.programmatic_dependent;
  return dispatch_element<kEveryPair>(p.operands.element, [&](auto element) {
    using TIn = typename decltype(element)::Type;
    return dispatch_weight<kEveryPair, TIn>(p.operands.weight_element, [&](auto weight) {
      using TWQ = typename decltype(weight)::Type;
      return launch_kernel<&dp4a_gemm<TIn, TWQ, kM, kN>>(config, p);
    });
  });
}

template cudaError_t launch_dp4a_gemm<0>(const GemmProblem&, cudaStream_t);
template cudaError_t launch_dp4a_gemm<1>(const GemmProblem&, cudaStream_t);
static_assert(kDp4aTiles.size() == 2, "instantiate every row of the table");

}  // namespace qlinear::kernels
