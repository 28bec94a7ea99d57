#include "engine.hpp"
#include "settings.hpp"
#include "text.hpp"

#include <emulated_device/kernel_calls.hpp>

namespace qlinear::emulated_device {
namespace {

bool aligned(const void* address, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(address) % bytes == 0;
}

void check_alignment(const void* address, std::size_t bytes, const char* instruction) {
  if (aligned(address, bytes)) return;
  engine().fail(cudaErrorMisalignedAddress, "%s of %zu bytes at %p, which is not a multiple of %zu",
                instruction, bytes, address, bytes);
}

std::string describe_shared(const SharedMemory& shared, const void* address) {
  const auto offset = static_cast<std::ptrdiff_t>(shared.offset_of(address));
  return text("offset %td of the block's %zu bytes of dynamic shared memory", offset,
              shared.bytes());
}

[[noreturn, gnu::noinline]] void fail_shared(const SharedMemory& shared, const void* address,
                                             std::size_t bytes, const char* instruction) {
  engine().fail_at(cudaErrorIllegalAddress, instruction, bytes, address,
                   describe_shared(shared, address));
}

[[noreturn, gnu::noinline]] void fail_global(const void* address, std::size_t bytes,
                                             const char* instruction) {
  const Block& block = block_of(engine().current(instruction));
  std::string place = block.shared.contains(address, 1) ? describe_shared(block.shared, address)
                                                        : engine().allocations().locate(address);
  engine().fail_at(cudaErrorIllegalAddress, instruction, bytes, address, std::move(place));
}

}  // namespace

void check_global(const void* address, std::size_t bytes, const char* instruction) {
  Engine& here = engine();
  const Allocation* allocation = here.find_allocation(address, bytes);
  const int device = grid_of(here.current(instruction)).device;
  if (allocation == nullptr || (allocation->device != device && allocation->device != kHost)) {
    fail_global(address, bytes, instruction);
  }
  check_alignment(address, bytes, instruction);
}

void check_shared(const void* address, std::size_t bytes, const char* instruction) {
  const SharedMemory& shared = block_of(engine().current(instruction)).shared;
  if (!shared.contains(address, bytes)) fail_shared(shared, address, bytes, instruction);
  check_alignment(address, bytes, instruction);
}

void check_generic(const void* address, std::size_t bytes, const char* instruction) {
  const Block& block = block_of(engine().current(instruction));
  if (block.shared.contains(address, bytes)) {
    check_alignment(address, bytes, instruction);
  } else {
    check_global(address, bytes, instruction);
  }
}

unsigned char* dynamic_shared_memory() {
  return block_of(engine().current("dynamic_shared_memory")).shared.data();
}

std::uint32_t shared_window_address(const void* address) {
  constexpr const char* kInstruction = "cvta.to.shared";
  const SharedMemory& shared = block_of(engine().current(kInstruction)).shared;
  if (!shared.contains(address, 0)) fail_shared(shared, address, 0, kInstruction);
  return static_cast<std::uint32_t>(kReservedSharedBytes + shared.offset_of(address));
}

void* map_shared_rank(const void* address, unsigned rank, std::size_t bytes,
                      const char* instruction) {
  check_shared(address, bytes, instruction);
  const Block& own = block_of(engine().current(instruction));
  if (rank >= own.cluster->blocks.size()) {
    engine().fail(cudaErrorIllegalAddress, "%s of block rank %u in a cluster of %zu blocks",
                  instruction, rank, own.cluster->blocks.size());
  }
  const Block& other = own.cluster->blocks[rank];
  if (other.exited == other.threads.size()) {
    engine().fail(cudaErrorIllegalAddress, "%s of block rank %u, which has exited", instruction,
                  rank);
  }
  return other.shared.data() + own.shared.offset_of(address);
}

void copy_async(void* shared, const void* global, unsigned bytes, unsigned size) {
  constexpr const char* kInstruction = "cp.async";
  check_shared(shared, size, kInstruction);
  if (bytes > size) {
    engine().fail(cudaErrorLaunchFailure, "%s with a source of %u bytes and a destination of %u",
                  kInstruction, bytes, size);
  }
  if (bytes > 0) {
    check_alignment(global, size, kInstruction);
    check_global(global, 1, kInstruction);
    check_global(static_cast<const unsigned char*>(global) + bytes - 1, 1, kInstruction);
  }
  AsyncCopies& copies = engine().current(kInstruction).copies;
  copies.issue(static_cast<unsigned char*>(shared), static_cast<const unsigned char*>(global),
               bytes, size, engine().random());
  // Before sm_80 it is an ordinary copy.
  if (settings().compute_capability < 80) copies.perform_all();
}

void commit_async_group() { engine().current("cp.async.commit_group").copies.commit_group(); }

void wait_async_group(unsigned pending) {
  engine().current("cp.async.wait_group").copies.wait_group(pending);
}

void yield_thread() { engine().yield(); }

void trap(const char* instruction) {
  engine().current(instruction);
  engine().fail(cudaErrorLaunchFailure, "%s", instruction);
}

}  // namespace qlinear::emulated_device
