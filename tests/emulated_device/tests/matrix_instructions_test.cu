#include "device_test.hpp"

#include <ptx/ldmatrix.cuh>
#include <ptx/memory.cuh>
#include <ptx/mma.cuh>

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

// These tests compare the fragment layouts of the PTX manual, "Warp-level matrix instructions", as
// formulas of lane and element index, with a plain product of matrices.

namespace qlinear::emulated_device::test {
namespace {

// ---- ldmatrix ----

constexpr unsigned kMatrixBytes = 8 * 16;

__global__ void load_four_matrices(const std::uint8_t* matrices, unsigned* registers) {
  unsigned char* shared = ptx::dynamic_shared_memory();
  for (unsigned i = threadIdx.x; i < 4 * kMatrixBytes; i += 32) {
    ptx::st_shared(shared + i, ptx::ld_global(matrices + i));
  }
  __syncthreads();
  unsigned r[4];
  ptx::ldmatrix_x4(r, ptx::shared_address(shared + threadIdx.x * 16));
  for (unsigned i = 0; i < 4; ++i) ptx::st_global(registers + threadIdx.x * 4 + i, r[i]);
}

TEST(Ldmatrix, GivesEachLaneTwoElementsOfItsRow) {
  with_seeds(5, [] {
    const std::vector<std::uint8_t> matrices = test_bytes(4 * kMatrixBytes);
    const DeviceBuffer<std::uint8_t> input(matrices);
    const DeviceBuffer<unsigned> registers(32 * 4);
    ASSERT_EQ((kernels::launch_kernel<&load_four_matrices>(
                  one_block("load_four_matrices", 32, 4 * kMatrixBytes),
                  static_cast<const std::uint8_t*>(input.data()), registers.data())),
              cudaSuccess);
    const std::vector<unsigned> result = registers.read();
    for (unsigned lane = 0; lane < 32; ++lane) {
      for (unsigned matrix = 0; matrix < 4; ++matrix) {
        const unsigned row = lane / 4;
        const unsigned first_element = 2 * (lane % 4);
        unsigned expected = 0;
        std::memcpy(&expected, &matrices[matrix * kMatrixBytes + row * 16 + first_element * 2], 4);
        EXPECT_EQ(result[lane * 4 + matrix], expected) << "lane " << lane << " matrix " << matrix;
      }
    }
  });
}

// ---- mma ----

template <bool kUnsignedB>
__global__ void multiply_16_8_32(const unsigned* a, const unsigned* b, int* c) {
  const unsigned lane = threadIdx.x;
  unsigned fragment_a[4];
  unsigned fragment_b[2];
  int fragment_c[4];
  for (unsigned i = 0; i < 4; ++i) fragment_a[i] = ptx::ld_global(a + lane * 4 + i);
  for (unsigned i = 0; i < 2; ++i) fragment_b[i] = ptx::ld_global(b + lane * 2 + i);
  for (unsigned i = 0; i < 4; ++i) fragment_c[i] = ptx::ld_global(c + lane * 4 + i);
  ptx::mma_m16n8k32<kUnsignedB>(fragment_c, fragment_a, fragment_b);
  for (unsigned i = 0; i < 4; ++i) ptx::st_global(c + lane * 4 + i, fragment_c[i]);
}

template <bool kUnsignedB>
__global__ void multiply_8_8_16(const unsigned* a, const unsigned* b, int* c) {
  const unsigned lane = threadIdx.x;
  int fragment_c[2];
  for (unsigned i = 0; i < 2; ++i) fragment_c[i] = ptx::ld_global(c + lane * 2 + i);
  ptx::mma_m8n8k16<kUnsignedB>(fragment_c, ptx::ld_global(a + lane), ptx::ld_global(b + lane));
  for (unsigned i = 0; i < 2; ++i) ptx::st_global(c + lane * 2 + i, fragment_c[i]);
}

struct Place {
  unsigned row;
  unsigned column;
};

// They return element i of a lane's fragment, with groupID = lane >> 2 and threadID_in_group = lane
// % 4.

/// "Matrix fragments for mma.m16n8k32" with .s8 or .u8.
struct M16N8K32 {
  static constexpr unsigned kM = 16;
  static constexpr unsigned kN = 8;
  static constexpr unsigned kK = 32;
  static constexpr unsigned kA = 16;  ///< A lane holds this many elements of A.
  static constexpr unsigned kB = 8;
  static constexpr unsigned kC = 4;
  static Place a(unsigned lane, unsigned i) {
    const bool upper = i < 4 || (8 <= i && i < 12);
    return {(lane >> 2) + (upper ? 0 : 8), (lane % 4) * 4 + (i & 3) + (i < 8 ? 0 : 16)};
  }
  static Place b(unsigned lane, unsigned i) {
    return {(lane % 4) * 4 + (i & 3) + (i < 4 ? 0 : 16), lane >> 2};
  }
  static Place c(unsigned lane, unsigned i) {
    return {(lane >> 2) + (i < 2 ? 0 : 8), (lane % 4) * 2 + (i & 1)};
  }
  template <bool kUnsignedB>
  static constexpr auto kernel = &multiply_16_8_32<kUnsignedB>;
};

/// "Matrix fragments for mma.m8n8k16".
struct M8N8K16 {
  static constexpr unsigned kM = 8;
  static constexpr unsigned kN = 8;
  static constexpr unsigned kK = 16;
  static constexpr unsigned kA = 4;
  static constexpr unsigned kB = 4;
  static constexpr unsigned kC = 2;
  static Place a(unsigned lane, unsigned i) { return {lane >> 2, (lane % 4) * 4 + i}; }
  static Place b(unsigned lane, unsigned i) { return {(lane % 4) * 4 + i, lane >> 2}; }
  static Place c(unsigned lane, unsigned i) { return {lane >> 2, (lane % 4) * 2 + i}; }
  template <bool kUnsignedB>
  static constexpr auto kernel = &multiply_8_8_16<kUnsignedB>;
};

/// Distributes a row-major matrix over the lanes' fragments.
std::vector<unsigned> to_fragments(const std::vector<std::uint8_t>& matrix, unsigned columns,
                                   unsigned elements, Place (*place)(unsigned, unsigned)) {
  std::vector<unsigned> fragments(32 * elements / 4, 0);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < elements; ++i) {
      const Place at = place(lane, i);
      const unsigned byte = matrix[at.row * columns + at.column];
      fragments[(lane * elements + i) / 4] |= byte << (8 * (i % 4));
    }
  }
  return fragments;
}

template <class Shape, bool kUnsignedB>
int expected_element(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b,
                     Place at, int initial) {
  using ElementB = std::conditional_t<kUnsignedB, std::uint8_t, std::int8_t>;
  int sum = initial;
  for (unsigned k = 0; k < Shape::kK; ++k) {
    sum += static_cast<std::int8_t>(a[at.row * Shape::kK + k]) *
           static_cast<ElementB>(b[k * Shape::kN + at.column]);
  }
  return sum;
}

template <class Shape, bool kUnsignedB>
void check_product(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  std::vector<int> initial(32 * Shape::kC);
  for (unsigned i = 0; i < initial.size(); ++i) initial[i] = static_cast<int>(i * 1000) - 50000;
  const DeviceBuffer<unsigned> fragments_a(to_fragments(a, Shape::kK, Shape::kA, &Shape::a));
  const DeviceBuffer<unsigned> fragments_b(to_fragments(b, Shape::kN, Shape::kB, &Shape::b));
  const DeviceBuffer<int> fragments_c(initial);
  ASSERT_EQ((kernels::launch_kernel<Shape::template kernel<kUnsignedB>>(
                one_block("multiply", 32), static_cast<const unsigned*>(fragments_a.data()),
                static_cast<const unsigned*>(fragments_b.data()), fragments_c.data())),
            cudaSuccess);
  const std::vector<int> result = fragments_c.read();
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < Shape::kC; ++i) {
      const unsigned index = lane * Shape::kC + i;
      EXPECT_EQ(result[index],
                (expected_element<Shape, kUnsignedB>(a, b, Shape::c(lane, i), initial[index])))
          << "lane " << lane << " element " << i;
    }
  }
}

template <class Shape, bool kUnsignedB>
struct Case {
  using ShapeType = Shape;
  static constexpr bool kIsUnsignedB = kUnsignedB;
};

template <class T>
class Mma : public ::testing::Test {};
using MmaCases = ::testing::Types<Case<M16N8K32, false>, Case<M16N8K32, true>, Case<M8N8K16, false>,
                                  Case<M8N8K16, true>>;
TYPED_TEST_SUITE(Mma, MmaCases, );

TYPED_TEST(Mma, MultipliesTheFragmentsOfTheManual) {
  using Shape = typename TypeParam::ShapeType;
  if (Shape::kM == 16 && compute_capability() < 80) return;  // no such instruction there
  with_seeds(5, [] {
    check_product<Shape, TypeParam::kIsUnsignedB>(test_bytes(Shape::kM * Shape::kK, 1),
                                                  test_bytes(Shape::kK * Shape::kN, 2));
  });
}

TYPED_TEST(Mma, MultipliesExtremes) {
  using Shape = typename TypeParam::ShapeType;
  if (Shape::kM == 16 && compute_capability() < 80) return;  // no such instruction there
  for (const std::uint8_t b : {std::uint8_t{0x80}, std::uint8_t{0xff}}) {
    check_product<Shape, TypeParam::kIsUnsignedB>(
        std::vector<std::uint8_t>(Shape::kM * Shape::kK, 0x80),
        std::vector<std::uint8_t>(Shape::kK * Shape::kN, b));
  }
}

}  // namespace
}  // namespace qlinear::emulated_device::test
