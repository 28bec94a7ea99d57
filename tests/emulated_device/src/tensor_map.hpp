#pragma once

#include <cuda.h>

#include <cstddef>
#include <cstdint>

namespace qlinear::emulated_device {

/// The emulated device keeps this in the 128 opaque bytes of a CUtensorMap.
struct TensorMap {
  static constexpr std::uint64_t kMark = 0x70616d20726f736eU;
  static constexpr unsigned kMostRank = 5;

  std::uint64_t mark;
  unsigned char* base;
  /// These are in bytes, for all dimensions but the innermost.
  std::uint64_t strides[kMostRank - 1];
  std::uint32_t sizes[kMostRank];  ///< These count elements, like the box.
  std::uint16_t box[kMostRank];
  std::uint8_t rank;
  std::uint8_t element_bytes;
  std::uint8_t swizzle_row_bytes;  ///< 0 means no swizzle.

  std::size_t box_row_bytes() const { return std::size_t{box[0]} * element_bytes; }
};
static_assert(sizeof(TensorMap) <= sizeof(CUtensorMap));

/// Returns the contents of `map`, whose `mark` says whether it was encoded.
TensorMap decode(const CUtensorMap& map);

/// The emulated driver's cuTensorMapEncodeTiled refuses what the manual forbids.
CUresult encode_tiled(CUtensorMap* map, CUtensorMapDataType type, cuuint32_t rank, void* base,
                      const cuuint64_t* sizes, const cuuint64_t* strides, const cuuint32_t* box,
                      const cuuint32_t* element_strides, CUtensorMapInterleave interleave,
                      CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                      CUtensorMapFloatOOBfill fill);

}  // namespace qlinear::emulated_device
