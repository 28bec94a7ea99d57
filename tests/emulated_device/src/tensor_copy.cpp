#include <emulated_device/tensor_copy.hpp>

#include "engine.hpp"
#include "settings.hpp"
#include "swizzle.hpp"
#include "tensor_map.hpp"

#include <emulated_device/kernel_calls.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace qlinear::emulated_device {
namespace {

constexpr const char* kInstruction = "cp.async.bulk.tensor";
constexpr std::size_t kChunk = 16;

using Coordinates = std::array<std::int64_t, TensorMap::kMostRank>;

/// A box on its way to one place in the shared memory of some blocks.
struct BoxCopy {
  TensorMap map;
  Coordinates first;
  std::uintptr_t offset;
  std::uintptr_t barrier_offset;
  std::vector<Block*> targets;

  /// Rows are all that is not along the innermost dimension.
  std::size_t rows() const {
    std::size_t rows = 1;
    for (unsigned i = 1; i < map.rank; ++i) rows *= map.box[i];
    return rows;
  }
  std::size_t bytes() const { return map.box_row_bytes() * rows(); }
};

/// Returns where row `index` of the box begins in the tensor, in bytes; -1 if it lies outside.
std::int64_t find_row(const BoxCopy& copy, std::size_t index) {
  std::int64_t offset = 0;
  for (unsigned i = 1; i < copy.map.rank; ++i) {
    const std::int64_t at = copy.first[i] + static_cast<std::int64_t>(index % copy.map.box[i]);
    if (at < 0 || at >= std::int64_t{copy.map.sizes[i]}) return -1;
    offset += at * static_cast<std::int64_t>(copy.map.strides[i - 1]);
    index /= copy.map.box[i];
  }
  return offset;
}

/// Copies row `index` of the box; what lies outside of the tensor is zero.
std::vector<unsigned char> read_row(const BoxCopy& copy, std::size_t index) {
  const TensorMap& map = copy.map;
  std::vector<unsigned char> bytes(map.box_row_bytes(), 0);
  const std::int64_t row = find_row(copy, index);
  const std::int64_t column = copy.first[0];
  const std::int64_t first = std::max<std::int64_t>(column, 0);
  const std::int64_t end = std::min<std::int64_t>(column + map.box[0], map.sizes[0]);
  if (row < 0 || first >= end) return bytes;
  std::memcpy(&bytes[static_cast<std::size_t>(first - column) * map.element_bytes],
              map.base + row + first * map.element_bytes,
              static_cast<std::size_t>(end - first) * map.element_bytes);
  return bytes;
}

void write_row(const BoxCopy& copy, std::size_t index, const std::vector<unsigned char>& bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += kChunk) {
    const std::uintptr_t offset = copy.offset + index * bytes.size() + at;
    const std::uintptr_t place = swizzle(offset, copy.map.swizzle_row_bytes);
    for (Block* target : copy.targets) {
      std::memcpy(target->shared.data() + place, &bytes[at], kChunk);
    }
  }
}

void perform(const BoxCopy& copy) {
  for (std::size_t i = 0; i < copy.rows(); ++i) write_row(copy, i, read_row(copy, i));
  for (Block* target : copy.targets) {
    complete_transaction(find_barrier(*target, copy.barrier_offset, kInstruction), copy.bytes());
  }
}

void check_map(const TensorMap& map, std::size_t rank) {
  if (map.mark != TensorMap::kMark || map.rank != rank) {
    engine().fail(cudaErrorLaunchFailure, "%s with a descriptor that is no tensor map of rank %zu",
                  kInstruction, rank);
  }
  std::size_t extent = std::size_t{map.sizes[0]} * map.element_bytes;
  for (unsigned i = 1; i < map.rank; ++i) {
    extent += (std::size_t{map.sizes[i]} - 1) * map.strides[i - 1];
  }
  const Allocation* allocation = engine().find_allocation(map.base, extent);
  const int device = grid_of(engine().current(kInstruction)).device;
  if (allocation == nullptr || (allocation->device != device && allocation->device != kHost)) {
    engine().fail_at(cudaErrorIllegalAddress, kInstruction, extent, map.base,
                     engine().allocations().locate(map.base));
  }
}

/// On sm_90 a box that begins within 16 bytes was seen to be an illegal instruction.
void check_column(const BoxCopy& copy) {
  const std::int64_t offset = copy.first[0] * copy.map.element_bytes;
  if (offset % static_cast<std::int64_t>(kChunk) != 0) {
    engine().fail(cudaErrorIllegalInstruction,
                  "%s from byte %lld of a row, expected a multiple of %zu", kInstruction,
                  static_cast<long long>(offset), static_cast<std::size_t>(kChunk));
  }
}

void check_target(const BoxCopy& copy) {
  const SharedMemory& shared = block_of(engine().current(kInstruction)).shared;
  // A swizzled pattern repeats every eight rows of 16-byte chunks.
  const std::size_t alignment =
      std::max<std::size_t>(128, std::size_t{copy.map.swizzle_row_bytes} * 8);
  if (copy.offset > shared.bytes() || copy.bytes() > shared.bytes() - copy.offset) {
    engine().fail(cudaErrorIllegalAddress,
                  "%s of %zu bytes to offset %zu of the block's %zu bytes of dynamic shared memory",
                  kInstruction, copy.bytes(), copy.offset, shared.bytes());
  }
  if (copy.offset % alignment != 0) {
    engine().fail(cudaErrorMisalignedAddress,
                  "%s to offset %zu of shared memory, expected a multiple of %zu", kInstruction,
                  copy.offset, alignment);
  }
}

bool is_target(const Block& block, const Block& own, unsigned blocks) {
  return blocks == 0 ? &block == &own : ((blocks >> block.rank) & 1U) != 0;
}

void check_targets(std::uintptr_t barrier_offset, unsigned blocks) {
  const Block& own = block_of(engine().current(kInstruction));
  std::vector<Block>& cluster = own.cluster->blocks;
  if (blocks >> cluster.size() != 0) {
    engine().fail(cudaErrorLaunchFailure, "%s to blocks 0x%x of a cluster of %zu", kInstruction,
                  blocks, cluster.size());
  }
  for (Block& block : cluster) {
    if (!is_target(block, own, blocks)) continue;
    if (block.exited == block.threads.size()) {
      engine().fail(cudaErrorIllegalAddress, "%s to block rank %u, which has exited", kInstruction,
                    block.rank);
    }
    find_barrier(block, barrier_offset, kInstruction);
  }
}

std::vector<Block*> find_targets(unsigned blocks) {
  Block& own = block_of(engine().current(kInstruction));
  std::vector<Block*> targets;
  for (Block& block : own.cluster->blocks) {
    if (is_target(block, own, blocks)) targets.push_back(&block);
  }
  return targets;
}

/// Fills the targets with what a reader that does not wait may see.
void fill_targets(const BoxCopy& copy) {
  for (Block* target : copy.targets) {
    fill_with_garbage(target->shared.data() + copy.offset, copy.bytes(), engine().random());
  }
}

}  // namespace

void load_tensor_box(void* shared, const CUtensorMap* map, std::initializer_list<int> coordinates,
                     const void* barrier, unsigned blocks) {
  check_shared(barrier, 8, kInstruction);
  const SharedMemory& own = block_of(engine().current(kInstruction)).shared;
  BoxCopy copy{decode(*map), {}, own.offset_of(shared), own.offset_of(barrier), {}};
  std::copy(coordinates.begin(), coordinates.end(), copy.first.begin());
  check_map(copy.map, coordinates.size());
  check_column(copy);
  check_target(copy);
  check_targets(copy.barrier_offset, blocks);
  copy.targets = find_targets(blocks);
  if (engine().random().one_in(4)) {
    perform(copy);
    return;
  }
  if (engine().random().one_in(2)) fill_targets(copy);
  std::vector<const Block*> targets(copy.targets.begin(), copy.targets.end());
  engine().defer(std::move(targets), [copy = std::move(copy)] { perform(copy); });
}

}  // namespace qlinear::emulated_device
