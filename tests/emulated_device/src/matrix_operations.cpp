#include <emulated_device/matrix_operations.hpp>

#include "dot.hpp"
#include "engine.hpp"

#include <emulated_device/kernel_calls.hpp>

#include <cstdint>
#include <cstring>

// These are the warp-wide matrix instructions. In the fragments of all of them lane l belongs to
// group l / 4 and has place l % 4 in it. Source: PTX ISA, "Warp-level matrix instructions".

namespace qlinear::emulated_device {
namespace {

unsigned group_of(unsigned lane) { return lane / 4; }
unsigned place_of(unsigned lane) { return lane % 4; }

// ---- ldmatrix ----

struct LoadArguments {
  const unsigned char* row;
  unsigned* registers;
};

/// Lane l receives elements 2 * place and 2 * place + 1 of row `group` of each matrix i. Lane 8 * i
/// + group gave the row's address.
void load(const WarpArguments& arguments) {
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned matrix = 0; matrix < 4; ++matrix) {
      const auto& source = arguments.of<LoadArguments>(8 * matrix + group_of(lane));
      std::memcpy(&arguments.of<LoadArguments>(lane).registers[matrix],
                  source.row + 4 * place_of(lane), 4);
    }
  }
}

constexpr WarpOperation kLoad = {"ldmatrix.x4", load};

// ---- mma ----

struct MultiplyArguments {
  int* c;
  const unsigned* a;
  const unsigned* b;
};

/// A[16,32]: registers 0 and 2 hold row `group`, 1 and 3 row `group` + 8; registers 2 and 3 start
/// at column 16. B[32,8]: column `group`; register 1 starts at row 16. Four elements a register,
/// from 4 * place on. C[16,8]: elements 0 and 1 in row `group`, 2 and 3 in row `group` + 8, columns
/// 2 * place and 2 * place + 1.
template <bool kUnsignedB>
void multiply_16_8_32(const WarpArguments& arguments) {
  std::int16_t a[16][32];
  std::int16_t b[8][32];
  for (unsigned lane = 0; lane < 32; ++lane) {
    const auto& own = arguments.of<MultiplyArguments>(lane);
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned row = group_of(lane) + 8 * (i % 2);
      unpack<false>(own.a[i], &a[row][16 * (i / 2) + 4 * place_of(lane)]);
    }
    for (unsigned i = 0; i < 2; ++i) {
      unpack<kUnsignedB>(own.b[i], &b[group_of(lane)][16 * i + 4 * place_of(lane)]);
    }
  }
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < 4; ++i) {
      const auto& row = a[group_of(lane) + 8 * (i / 2)];
      const auto& column = b[2 * place_of(lane) + i % 2];
      int& c = arguments.of<MultiplyArguments>(lane).c[i];
      c = add_wrapping(c, dot(row, column));
    }
  }
}

/// A[8,16]: row `group`; B[16,8]: column `group`; four elements from 4 * place on. C[8,8]: row
/// `group`, columns 2 * place and 2 * place + 1.
template <bool kUnsignedB>
void multiply_8_8_16(const WarpArguments& arguments) {
  std::int16_t a[8][16];
  std::int16_t b[8][16];
  for (unsigned lane = 0; lane < 32; ++lane) {
    const auto& own = arguments.of<MultiplyArguments>(lane);
    unpack<false>(*own.a, &a[group_of(lane)][4 * place_of(lane)]);
    unpack<kUnsignedB>(*own.b, &b[group_of(lane)][4 * place_of(lane)]);
  }
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < 2; ++i) {
      const auto& row = a[group_of(lane)];
      const auto& column = b[2 * place_of(lane) + i];
      int& c = arguments.of<MultiplyArguments>(lane).c[i];
      c = add_wrapping(c, dot(row, column));
    }
  }
}

/// The index is whether B is unsigned.
constexpr WarpOperation kMultiply16x8x32[] = {
    {"mma.m16n8k32.s32.s8.s8.s32", multiply_16_8_32<false>},
    {"mma.m16n8k32.s32.s8.u8.s32", multiply_16_8_32<true>}};
constexpr WarpOperation kMultiply8x8x16[] = {{"mma.m8n8k16.s32.s8.s8.s32", multiply_8_8_16<false>},
                                             {"mma.m8n8k16.s32.s8.u8.s32", multiply_8_8_16<true>}};

}  // namespace

void load_matrices(unsigned (&registers)[4], const void* row) {
  check_shared(row, 16, kLoad.name);
  LoadArguments arguments{static_cast<const unsigned char*>(row), registers};
  execute_with_warp(kLoad, kAllLanes, &arguments);
}

void multiply_m16n8k32(int (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                       bool unsigned_b) {
  const WarpOperation& operation = kMultiply16x8x32[unsigned_b ? 1 : 0];
  engine().require_capability(80, operation.name);
  MultiplyArguments arguments{c, a, b};
  execute_with_warp(operation, kAllLanes, &arguments);
}

void multiply_m8n8k16(int (&c)[2], unsigned a, unsigned b, bool unsigned_b) {
  const WarpOperation& operation = kMultiply8x8x16[unsigned_b ? 1 : 0];
  MultiplyArguments arguments{c, &a, &b};
  execute_with_warp(operation, kAllLanes, &arguments);
}

}  // namespace qlinear::emulated_device
