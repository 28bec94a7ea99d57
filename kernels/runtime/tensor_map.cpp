#include <runtime/tensor_map.hpp>

#include <runtime/driver_function.hpp>

#include <common/gated_rows.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace qlinear::kernels {

namespace {

// A box has this many columns, a row of the 128-byte swizzle.
constexpr cuuint32_t kBoxColumns = 128;

/// Encodes a map of `kRank` dimensions. `strides` are of all but the first, in bytes.
template <std::size_t kRank>
cudaError_t encode(CUtensorMap& map, const void* base, const std::array<std::int64_t, kRank>& sizes,
                   const std::array<std::int64_t, kRank - 1>& strides,
                   const std::array<cuuint32_t, kRank>& box) {
  static DriverFunction<decltype(cuTensorMapEncodeTiled)> encode("cuTensorMapEncodeTiled", 12000);
  std::array<cuuint64_t, kRank> map_sizes;
  std::array<cuuint64_t, kRank - 1> map_strides;
  std::array<cuuint32_t, kRank> element_strides;
  std::copy(sizes.begin(), sizes.end(), map_sizes.begin());
  std::copy(strides.begin(), strides.end(), map_strides.begin());
  element_strides.fill(1);
  return encode(&map, CU_TENSOR_MAP_DATA_TYPE_UINT8, cuuint32_t{kRank}, const_cast<void*>(base),
                map_sizes.data(), map_strides.data(), box.data(), element_strides.data(),
                CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

}  // namespace

cudaError_t encode_tensor_map(CUtensorMap& map, const void* base, std::int64_t rows,
                              std::int64_t columns, std::int64_t stride, int box_rows) {
  // Nothing uses the stride of a lone row, but it has to be legal.
  const std::int64_t legal_stride = rows > 1 ? stride : (columns + 15) / 16 * 16;
  return encode<2>(map, base, {columns, rows}, {legal_stride},
                   {kBoxColumns, static_cast<cuuint32_t>(box_rows)});
}

cudaError_t encode_gated_tensor_map(CUtensorMap& map, const void* base, std::int64_t gate_rows,
                                    std::int64_t columns, std::int64_t stride, int box_rows) {
  if (gate_rows % kGatedTmaMultiple != 0) return cudaErrorInvalidValue;
  return encode<4>(
      map, base, {columns, kGatedBlock, 2, gate_rows / kGatedBlock},
      {stride, gate_rows * stride, kGatedBlock * stride},
      {kBoxColumns, kGatedBlock, 2, static_cast<cuuint32_t>(box_rows) / (2 * kGatedBlock)});
}

}  // namespace qlinear::kernels
