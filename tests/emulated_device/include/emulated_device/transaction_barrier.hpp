#pragma once

#include <vector_types.h>

namespace qlinear::emulated_device {

/// mbarrier objects: 8 bytes of shared memory each, whose contents only these functions know.
void initialise_barrier(const void* barrier, unsigned arrivals);
/// Arrives once and makes the phase wait for `bytes` more.
void arrive_expecting(const void* barrier, unsigned bytes);
void arrive_in_cluster(const void* barrier, unsigned rank);
/// Stores `value` at the same place as `address` in block `rank`, at a random later time, and then
/// tells the barrier at the same place as `barrier` there.
void store_async(void* address, const uint4& value, const void* barrier, unsigned rank);
/// Waits until the phase of `parity` has completed.
void wait_for_phase(const void* barrier, unsigned parity);

}  // namespace qlinear::emulated_device
