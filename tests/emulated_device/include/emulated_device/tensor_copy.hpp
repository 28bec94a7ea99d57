#pragma once

#include <cuda.h>

#include <initializer_list>

namespace qlinear::emulated_device {

/// cp.async.bulk.tensor from global memory, of the box that begins at `coordinates`, one for each
/// dimension: to the blocks of the cluster whose bits are set in `blocks`; to the calling block
/// alone where `blocks` is 0.
void load_tensor_box(void* shared, const CUtensorMap* map, std::initializer_list<int> coordinates,
                     const void* barrier, unsigned blocks);

}  // namespace qlinear::emulated_device
