#include "tensor_map.hpp"

#include <cstring>

// The rules of cuTensorMapEncodeTiled come from the CUDA Driver API, "Tensor Map Object
// Management".

namespace qlinear::emulated_device {
namespace {

std::uint8_t bytes_of(CUtensorMapDataType type) {
  switch (type) {
    case CU_TENSOR_MAP_DATA_TYPE_UINT8:
      return 1;
    case CU_TENSOR_MAP_DATA_TYPE_UINT16:
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT16:
    case CU_TENSOR_MAP_DATA_TYPE_BFLOAT16:
      return 2;
    case CU_TENSOR_MAP_DATA_TYPE_UINT32:
    case CU_TENSOR_MAP_DATA_TYPE_INT32:
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT32:
      return 4;
    case CU_TENSOR_MAP_DATA_TYPE_UINT64:
    case CU_TENSOR_MAP_DATA_TYPE_INT64:
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT64:
      return 8;
    default:
      return 0;
  }
}

int swizzle_row_bytes(CUtensorMapSwizzle swizzle) {
  switch (swizzle) {
    case CU_TENSOR_MAP_SWIZZLE_NONE:
      return 0;
    case CU_TENSOR_MAP_SWIZZLE_32B:
      return 32;
    case CU_TENSOR_MAP_SWIZZLE_64B:
      return 64;
    case CU_TENSOR_MAP_SWIZZLE_128B:
      return 128;
    default:
      return -1;
  }
}

bool legal_sizes(const TensorMap& map, const cuuint64_t* sizes, const cuuint32_t* box,
                 const cuuint32_t* element_strides) {
  for (unsigned i = 0; i < map.rank; ++i) {
    if (sizes[i] < 1 || sizes[i] > UINT32_MAX || box[i] < 1 || box[i] > 256) return false;
    if (element_strides[i] != 1) return false;
  }
  return true;
}

/// Rows do not overlap. Further dimensions may lie in any order: on an H200 the driver took a
/// stride less than that of the dimension before it, and copies were right.
bool legal_strides(const TensorMap& map, const cuuint64_t* sizes, const cuuint64_t* strides) {
  constexpr cuuint64_t kStrideLimit = cuuint64_t{1} << 40;
  for (unsigned i = 0; i + 1 < map.rank; ++i) {
    if (strides[i] % 16 != 0 || strides[i] >= kStrideLimit) return false;
    if (strides[i] < sizes[0] * map.element_bytes) return false;
  }
  return true;
}

bool legal_box(const TensorMap& map) {
  const bool fits = map.swizzle_row_bytes == 0 || map.box_row_bytes() <= map.swizzle_row_bytes;
  return fits && map.box_row_bytes() % 16 == 0;
}

}  // namespace

TensorMap decode(const CUtensorMap& map) {
  TensorMap result;
  std::memcpy(&result, &map, sizeof(result));
  return result;
}

CUresult encode_tiled(CUtensorMap* map, CUtensorMapDataType type, cuuint32_t rank, void* base,
                      const cuuint64_t* sizes, const cuuint64_t* strides, const cuuint32_t* box,
                      const cuuint32_t* element_strides, CUtensorMapInterleave interleave,
                      CUtensorMapSwizzle swizzle, CUtensorMapL2promotion /*promotion*/,
                      CUtensorMapFloatOOBfill fill) {
  const int row_bytes = swizzle_row_bytes(swizzle);
  if (interleave != CU_TENSOR_MAP_INTERLEAVE_NONE || fill != CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE ||
      row_bytes < 0 || bytes_of(type) == 0) {
    return CUDA_ERROR_NOT_SUPPORTED;
  }
  const bool aligned = reinterpret_cast<std::uintptr_t>(base) % 16 == 0 &&
                       reinterpret_cast<std::uintptr_t>(map) % 64 == 0;
  if (!aligned || base == nullptr || rank < 1 || rank > TensorMap::kMostRank) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  TensorMap result{};
  result.mark = TensorMap::kMark;
  result.base = static_cast<unsigned char*>(base);
  result.rank = static_cast<std::uint8_t>(rank);
  result.element_bytes = bytes_of(type);
  result.swizzle_row_bytes = static_cast<std::uint8_t>(row_bytes);
  if (!legal_sizes(result, sizes, box, element_strides)) return CUDA_ERROR_INVALID_VALUE;
  if (!legal_strides(result, sizes, strides)) return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < rank; ++i) {
    result.sizes[i] = static_cast<std::uint32_t>(sizes[i]);
    result.box[i] = static_cast<std::uint16_t>(box[i]);
    if (i > 0) result.strides[i - 1] = strides[i - 1];
  }
  if (!legal_box(result)) return CUDA_ERROR_INVALID_VALUE;
  std::memcpy(map, &result, sizeof(result));
  return CUDA_SUCCESS;
}

}  // namespace qlinear::emulated_device
