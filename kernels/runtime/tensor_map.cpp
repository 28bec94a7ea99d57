#include <runtime/tensor_map.hpp>

#include <runtime/driver_function.hpp>

#include <algorithm>

namespace qlinear::kernels {

cudaError_t encode_tensor_map(CUtensorMap& map, const void* base, std::int64_t rows,
                              std::int64_t columns, std::int64_t stride, int box_rows) {
  static DriverFunction<decltype(cuTensorMapEncodeTiled)> encode("cuTensorMapEncodeTiled", 12000);
  constexpr cuuint32_t kBoxColumns = 128;
  // Nothing uses the stride of a lone row, but it has to be legal.
  const std::int64_t legal_stride = rows > 1 ? stride : (columns + 15) / 16 * 16;
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t strides[1] = {static_cast<cuuint64_t>(legal_stride)};
  const cuuint32_t box[2] = {kBoxColumns, static_cast<cuuint32_t>(box_rows)};
  const cuuint32_t element_strides[2] = {1, 1};
  return encode(&map, CU_TENSOR_MAP_DATA_TYPE_UINT8, cuuint32_t{2}, const_cast<void*>(base), sizes,
                strides, box, element_strides, CU_TENSOR_MAP_INTERLEAVE_NONE,
                CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

}  // namespace qlinear::kernels
