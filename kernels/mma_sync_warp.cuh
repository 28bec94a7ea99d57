#pragma once

#include <mma_sync_tiles.hpp>
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

/// A warp's part of a block's tile: kM x kN sums in 16 x 8 fragments. Lane l holds, of each
/// fragment, rows l / 4 and l / 4 + 8, columns l % 4 * 2 and the next.
template <int kM, int kN>
struct WarpTile {
  static constexpr int kFragmentsM = kM / 16;
  static constexpr int kFragmentsN = kN / 8;
  static_assert(kM % 16 == 0 && kN % 16 == 0);

  /// The operands of one step of 32 bytes of K.
  struct Fragments {
    unsigned a[kFragmentsM][4];
    unsigned b[kFragmentsN / 2][4];
  };

  int sum[kFragmentsM][kFragmentsN][4] = {};

  /// Where a lane's reads of a stage begin.
  struct LaneOffsets {
    int a;
    int b;
  };

  /// `A` and `B` are the operands' layouts in a stage, one behind the other; `first_row` and
  /// `first_column` are the warp's corner in the block's tile.
  template <class A, class B>
  static __device__ __forceinline__ LaneOffsets lane_offsets(int first_row, int first_column) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int matrix = lane / 8;
    // ldmatrix.x4 brings, for A, the 8 x 16 byte quarters in the order of a fragment's registers;
    // for B, both registers of one fragment and then those of the next.
    const int a_row = first_row + lane % 8 + matrix % 2 * 8;
    const int b_row = first_column + lane % 8 + matrix / 2 * 8;
    return {A::chunk_offset(a_row, matrix / 2),
            A::kStageBytes + B::chunk_offset(b_row, matrix % 2)};
  }

  /// Reads the `part`-th of `kFragmentsM` parts of the fragments of step `step` of a stage, those
  /// first that are multiplied first. `at`: the lane's offsets and the stage's together.
  template <class A, class B>
  static __device__ __forceinline__ void read_part(Fragments& to, const unsigned char* ring,
                                                   const LaneOffsets& at, int step, int part) {
    constexpr int kFragmentsB = kFragmentsN / 2;
    constexpr int kReads = kFragmentsM + kFragmentsB;
    const unsigned char* a = ring + A::chunks_on(at.a, step * 2);
    const unsigned char* b = ring + B::chunks_on(at.b, step * 2);
#pragma unroll
    for (int read = 0; read < kReads; ++read) {
      if (read * kFragmentsM / kReads != part) continue;
      if (read == 0 || read > kFragmentsB) {
        const int i = read == 0 ? 0 : read - kFragmentsB;
        ptx::ldmatrix_x4(to.a[i], a + i * A::k16Rows);
      } else {
        ptx::ldmatrix_x4(to.b[read - 1], b + (read - 1) * B::k16Rows);
      }
    }
  }

  /// The `part`-th of `kFragmentsM` parts of a step's products.
  template <MmaShape kShape, bool kUnsignedB>
  __device__ __forceinline__ void multiply_part(const Fragments& from, int part) {
#pragma unroll
    for (int j = 0; j < kFragmentsN; ++j) {
      const unsigned b_pair[2] = {from.b[j / 2][j % 2 * 2], from.b[j / 2][j % 2 * 2 + 1]};
      mma_16x8x32<kShape, kUnsignedB>(sum[part][j], from.a[part], b_pair);
    }
  }

  /// Lays the 16 rows of fragments `i` out in shared memory, rows of `kPitch` words.
  template <int kPitch>
  __device__ void stage(int* staging, int i) const {
    const int lane = static_cast<int>(ptx::laneid());
    int* upper = staging + lane / 4 * kPitch + lane % 4 * 2;
    int* lower = upper + 8 * kPitch;
#pragma unroll
    for (int j = 0; j < kFragmentsN; ++j) {
      const int(&s)[4] = sum[i][j];
      ptx::st_shared(reinterpret_cast<int2*>(upper + j * 8), make_int2(s[0], s[1]));
      ptx::st_shared(reinterpret_cast<int2*>(lower + j * 8), make_int2(s[2], s[3]));
    }
  }
};

}  // namespace qlinear::kernels
