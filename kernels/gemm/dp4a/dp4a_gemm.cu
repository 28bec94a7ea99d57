#include <common/dispatch_element.hpp>
#include <epilogue/epilogue.cuh>
#include <epilogue/zero_points.cuh>
#include <gemm/dp4a/gemm.hpp>
#include <gemm/load_k_chunk.cuh>
#include <ptx/dp4a.cuh>
#include <ptx/griddepcontrol.cuh>
#include <runtime/launch.cuh>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace qlinear::kernels {
namespace {

constexpr int kSide = 16;                // A block has this many threads along m and along n.
constexpr int kKWords = kDp4aTileK / 4;  // A row of a tile has this many words of four k.
constexpr int kChunksPerRow = kDp4aTileK / 16;
// Of each four neighbouring columns, which a thread has, two are gates and two their ups.
constexpr int kGatedPair = 2;

/// One operand's tile in shared memory, word-major: word w of row r lies at [w][r], so that one
/// load brings neighbouring rows of a w.
template <int kRows>
struct SharedTile {
  static constexpr int kPitch = Dp4aTile::pitch(kRows);
  unsigned* words;

  __device__ unsigned* at(int word, int row) const { return words + word * kPitch + row; }

  /// Fills the tile with rows of `matrix` from `first_row` on and k from `first_k` on, with zeros
  /// past its ends. With `gate_rows` its rows are interleaved.
  __device__ void fill(const std::uint8_t* matrix, std::int64_t stride, std::int64_t first_row,
                       std::int64_t rows, std::int64_t first_k, std::int64_t k,
                       std::int64_t gate_rows) const {
    for (int i = static_cast<int>(threadIdx.x); i < kRows * kChunksPerRow; i += kDp4aThreads) {
      const int row = i / kChunksPerRow;
      const int chunk = i % kChunksPerRow;
      uint4 v = make_uint4(0, 0, 0, 0);
      if (first_row + row < rows) {
        v = load_k_chunk(matrix + weight_row<kGatedPair>(first_row + row, gate_rows) * stride,
                         first_k + chunk * 16, k);
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
    static_assert(kCount % kGroup == 0, "a tile has 16 rows, or a multiple of 64");
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
        static_assert(kGroup == 1, "a tile has 16 rows, or a multiple of 64");
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

/// Stores a thread's sums.
template <class TIn, int kM, int kN>
class TileStore {
  static constexpr int kRows = kM / kSide;
  static constexpr int kColumns = kN / kSide;
  static constexpr int kElements = kRows * kColumns;

 public:
  __device__ TileStore(const GemmProblem& p, std::int64_t first_row, std::int64_t first_column)
      : epilogue_(p.epilogue),
        zero_points_(p),
        m_(p.operands.m),
        n_(p.operands.n),
        first_row_(first_row),
        first_column_(first_column) {}

  __device__ void store(int (&sum)[kRows][kColumns]) const {
    if (zero_points_.exist()) subtract_zero_points(sum);
    if (epilogue_.finishes()) return finish(sum);
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      const std::int64_t n = column(j);
      if (n >= n_) continue;
      const auto column = epilogue_.column(n);
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        const std::int64_t m = row(i);
        if (m >= m_) continue;
        ptx::st_global(epilogue_.address(m, n),
                       epilogue_.value(sum[i][j], epilogue_.row_scale(m), column));
      }
    }
  }

 private:
  __device__ std::int64_t row(int i) const {
    return first_row_ +
           SharedTile<kM>::template row_of<kRows>(i, static_cast<int>(threadIdx.x) / kSide);
  }
  __device__ std::int64_t column(int j) const {
    return first_column_ +
           SharedTile<kN>::template row_of<kColumns>(j, static_cast<int>(threadIdx.x) % kSide);
  }

  __device__ void subtract_zero_points(int (&sum)[kRows][kColumns]) const {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      const uint2 column_terms = zero_points_.template column<kGatedPair>(min(column(j), n_ - 1));
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        sum[i][j] =
            ZeroPoints::subtract(sum[i][j], zero_points_.row(min(row(i), m_ - 1)), column_terms);
      }
    }
  }

  /// Returns the element of the product of row `m` and column `n`.
  __device__ TIn element(const int (&sum)[kElements], int index, std::int64_t m,
                         std::int64_t n) const {
    return epilogue_.value(select_register(sum, index), epilogue_.row_scale(m),
                           epilogue_.template column<kGatedPair>(n));
  }

  /// Stores elements that change on the way, by one copy of the code for it.
  __device__ void finish(const int (&sums)[kRows][kColumns]) const {
    int sum[kElements];
#pragma unroll
    for (int i = 0; i < kElements; ++i) sum[i] = sums[i / kColumns][i % kColumns];
    const std::int64_t gate_rows = epilogue_.gate_rows();
#pragma unroll 1
    for (int i = 0; i < kElements; ++i) {
      const std::int64_t m = row(i / kColumns);
      const std::int64_t n = column(i % kColumns);
      if (m >= m_ || n >= n_) continue;
      if (gate_rows == 0) {
        epilogue_.finish(element(sum, i, m, n), TIn{}, m, n);
        continue;
      }
      const std::int64_t gate = epilogue_.template gated_column<kGatedPair>(n);
      if (i % (2 * kGatedPair) >= kGatedPair || gate >= gate_rows) continue;
      epilogue_.finish(element(sum, i, m, n), element(sum, i + kGatedPair, m, n + kGatedPair), m,
                       gate);
    }
  }

  Epilogue<TIn> epilogue_;
  ZeroPoints zero_points_;
  std::int64_t m_;
  std::int64_t n_;
  std::int64_t first_row_;
  std::int64_t first_column_;
};

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
                p.operands.m, first_k, p.operands.k, 0);
    b_tile.fill(static_cast<const std::uint8_t*>(p.operands.b), p.operands.ldb, first_column,
                p.operands.n, first_k, p.operands.k, p.epilogue.gate_rows);
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
  TileStore<TIn, kM, kN>(p, first_row, first_column).store(sum);
}

template <int kTile>
cudaError_t launch_dp4a_tile(const GemmProblem& p, cudaStream_t stream) {
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

template <int... kTiles>
constexpr auto dp4a_launchers(std::integer_sequence<int, kTiles...>) {
  return std::array<GemmLauncher, sizeof...(kTiles)>{&launch_dp4a_tile<kTiles>...};
}

}  // namespace

cudaError_t launch_dp4a_gemm_of(int tile, const GemmProblem& p, cudaStream_t stream) {
  constexpr auto kCount = static_cast<int>(kDp4aTiles.size());
  static constexpr auto kLaunchers = dp4a_launchers(std::make_integer_sequence<int, kCount>{});
  return kLaunchers[static_cast<std::size_t>(tile)](p, stream);
}

}  // namespace qlinear::kernels
