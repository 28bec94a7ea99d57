#pragma once

#include <gemm/mma_sync/tiles.hpp>
#include <ptx/ldmatrix.cuh>
#include <ptx/memory.cuh>
#include <ptx/mma.cuh>
#include <ptx/special_registers.cuh>

namespace qlinear::kernels {

/// c[16,8] += a[16,32] · b[8,32]ᵀ in the fragment layout of mma.m16n8k32. The fragments of m8n8k16
/// are that layout's registers taken singly, so four of them make one step.
template <MmaShape kShape, bool kUnsignedB>
__device__ __forceinline__ void mma_16x8x32(int (&c)[4], const unsigned (&a)[4],
                                            const unsigned (&b)[2]) {
  if constexpr (kShape == MmaShape::M16N8K32) {
    ptx::mma_m16n8k32<kUnsignedB>(c, a, b);
  } else {
    int upper[2] = {c[0], c[1]};
    int lower[2] = {c[2], c[3]};
    ptx::mma_m8n8k16<kUnsignedB>(upper, a[0], b[0]);
    ptx::mma_m8n8k16<kUnsignedB>(lower, a[1], b[0]);
    ptx::mma_m8n8k16<kUnsignedB>(upper, a[2], b[1]);
    ptx::mma_m8n8k16<kUnsignedB>(lower, a[3], b[1]);
    c[0] = upper[0];
    c[1] = upper[1];
    c[2] = lower[0];
    c[3] = lower[1];
  }
}

/// A warp, and the first row and column of its part of a block's tile.
struct WarpCorner {
  int warp;
  int row;
  int column;
};

/// A warp's part of a block's tile: kM x kN accumulators in 16 x 8 fragments. Of each fragment,
/// lane l holds rows l / 4 and l / 4 + 8, columns l % 4 * 2 and the next.
template <int kM, int kN>
struct WarpTile {
  static constexpr int kWarpM = kM;
  static constexpr int kWarpN = kN;
  static constexpr int kFragmentsM = kM / 16;
  static constexpr int kFragmentsN = kN / 8;
  static_assert(kM % 16 == 0 && kN % 16 == 0, "a warp reads its operands 16 rows at a time");

  /// Holds the operands of one step of 32 bytes of K.
  struct Fragments {
    unsigned a[kFragmentsM][4];
    unsigned b[kFragmentsN / 2][4];
  };

  int value[kFragmentsM][kFragmentsN][4] = {};

  /// Returns where this warp is in a tile of `kTileN` columns. It is computed again wherever it is
  /// needed, since a main loop has no register for it.
  template <int kTileN>
  static __device__ __forceinline__ WarpCorner corner() {
    constexpr int kWarpsN = kTileN / kN;
    const int warp = static_cast<int>(ptx::tid_x()) / 32;
    return {warp, warp / kWarpsN * kM, warp % kWarpsN * kN};
  }

  /// The addresses at which a lane's reads of a stage begin.
  struct LaneAddresses {
    ptx::SharedAddress a;
    ptx::SharedAddress b;

    __device__ __forceinline__ LaneAddresses operator+(int bytes) const {
      const auto offset = static_cast<ptx::SharedAddress>(bytes);
      return {a + offset, b + offset};
    }
  };

  /// Returns the lane's addresses. `A` and `B` are the operands' layouts in a stage, where B
  /// follows A; `corner` is this warp's.
  template <class A, class B>
  static __device__ __forceinline__ LaneAddresses lane_addresses(const unsigned char* stage,
                                                                 const WarpCorner& corner) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int matrix = lane / 8;
    // For A, ldmatrix.x4 loads the 8 x 16 byte quarters in the order of a fragment's registers; for
    // B, both registers of one fragment and then those of the next.
    const int a_row = corner.row + lane % 8 + matrix % 2 * 8;
    const int b_row = corner.column + lane % 8 + matrix / 2 * 8;
    return {ptx::shared_address(stage + A::chunk_offset(a_row, matrix / 2)),
            ptx::shared_address(stage + A::kStageBytes + B::chunk_offset(b_row, matrix % 2))};
  }

  /// Reads the `part`-th of `kFragmentsM` parts of the fragments of step `step`, in the order in
  /// which they are multiplied. `at` holds the lane's addresses in that stage.
  template <class A, class B>
  static __device__ __forceinline__ void read_part(Fragments& to, LaneAddresses at, int step,
                                                   int part) {
    constexpr int kFragmentsB = kFragmentsN / 2;
    constexpr int kReads = kFragmentsM + kFragmentsB;
#pragma unroll
    for (int read = 0; read < kReads; ++read) {
      if (read * kFragmentsM / kReads != part) continue;
      if (read == 0 || read > kFragmentsB) {
        const int i = read == 0 ? 0 : read - kFragmentsB;
        read_a<A>(to.a[i], at, step, i);
      } else {
        read_b<B>(to.b[read - 1], at, step, read - 1);
      }
    }
  }

  /// Reads fragment `i` of A of step `step` of a stage.
  template <class A>
  static __device__ __forceinline__ void read_a(unsigned (&to)[4], LaneAddresses at, int step,
                                                int i) {
    const auto rows = static_cast<ptx::SharedAddress>(i * A::k16Rows);
    ptx::ldmatrix_x4(to, A::chunks_on(at.a, step * 2) + rows);
  }

  /// Reads fragments 2 `pair` and 2 `pair` + 1 of B.
  template <class B>
  static __device__ __forceinline__ void read_b(unsigned (&to)[4], LaneAddresses at, int step,
                                                int pair) {
    const auto rows = static_cast<ptx::SharedAddress>(pair * B::k16Rows);
    ptx::ldmatrix_x4(to, B::chunks_on(at.b, step * 2) + rows);
  }

  /// Multiplies the `part`-th of `kFragmentsM` parts of a step.
  template <MmaShape kShape, bool kUnsignedB>
  __device__ __forceinline__ void multiply_part(const Fragments& from, int part) {
#pragma unroll
    for (int j = 0; j < kFragmentsN; ++j) {
      multiply<kShape, kUnsignedB>(part, j, from.a[part], from.b[j / 2]);
    }
  }

  /// Multiplies fragment `i` of A by fragment `j` of B, which is one of the pair `b`.
  template <MmaShape kShape, bool kUnsignedB>
  __device__ __forceinline__ void multiply(int i, int j, const unsigned (&a)[4],
                                           const unsigned (&b)[4]) {
    const unsigned b_fragment[2] = {b[j % 2 * 2], b[j % 2 * 2 + 1]};
    mma_16x8x32<kShape, kUnsignedB>(value[i][j], a, b_fragment);
  }
};

}  // namespace qlinear::kernels
