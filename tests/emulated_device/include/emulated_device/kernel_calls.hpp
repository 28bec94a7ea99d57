#pragma once

#include <emulated_device/warp_operation.hpp>

#include <cstddef>
#include <cstdint>

// The emulated instructions are made of these calls from a kernel's thread into the engine.
// `instruction` names the caller in diagnostics. Each call stops the kernel with a message when its
// rules are broken.

namespace qlinear::emulated_device {

// ---- Memory ----

/// Checks that the `bytes` at `address` lie in one live allocation that the device can reach, and
/// that the address is a multiple of `bytes`.
void check_global(const void* address, std::size_t bytes, const char* instruction);

/// Checks an address in the block's dynamic shared memory likewise.
void check_shared(const void* address, std::size_t bytes, const char* instruction);

/// Checks an address of either kind likewise.
void check_generic(const void* address, std::size_t bytes, const char* instruction);

unsigned char* dynamic_shared_memory();

/// cvta.to.shared: returns the address in the shared window of a pointer into the block's shared
/// memory.
std::uint32_t shared_window_address(const void* address);

/// mapa: returns the same place in the shared memory of block `rank` of the cluster, which must not
/// have exited.
void* map_shared_rank(const void* address, unsigned rank, std::size_t bytes,
                      const char* instruction);

// ---- Synchronisation ----

/// bar.sync and bar.red over the block; returns how many threads gave a true predicate.
unsigned synchronise_block(const char* instruction, bool predicate);

/// bar.sync: waits at barrier `id` of `threads` threads.
void synchronise_threads(int id, int threads);

/// Waits until all lanes of `mask` have reached `operation` with the same mask, and executes it
/// once for all. `arguments` belongs to this lane.
void execute_with_warp(const WarpOperation& operation, std::uint32_t mask, void* arguments);

/// Lets other threads run first, or not.
void yield_thread();

/// Stops the kernel.
[[noreturn]] void trap(const char* instruction);

unsigned cluster_rank();
unsigned cluster_size();
void arrive_at_cluster_barrier();
void wait_at_cluster_barrier();

void wait_for_prerequisite_grids();
void launch_dependent_grids();

// ---- Asynchronous copies ----

/// Copies the first `bytes` of `size` and zeroes the rest at a random time, at the latest in the
/// group's wait.
void copy_async(void* shared, const void* global, unsigned bytes, unsigned size);
void commit_async_group();
void wait_async_group(unsigned pending);

}  // namespace qlinear::emulated_device
