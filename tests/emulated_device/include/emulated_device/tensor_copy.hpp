#pragma once

#include <cuda.h>

namespace qlinear::emulated_device {

/// cp.async.bulk.tensor.2d from global memory, to the blocks of the cluster whose bits are set in
/// `blocks`; to the calling block alone where `blocks` is 0.
void load_tensor_box(void* shared, const CUtensorMap* map, int column, int row, const void* barrier,
                     unsigned blocks);

}  // namespace qlinear::emulated_device
