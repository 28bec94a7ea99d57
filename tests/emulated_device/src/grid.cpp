#include "grid.hpp"

#include "settings.hpp"

#include <algorithm>
#include <numeric>

namespace qlinear::emulated_device {
namespace {

constexpr unsigned kMostResidentBlocks = 4;

__extension__ using Wide = unsigned __int128;

uint3 coordinates(std::uint64_t number, const dim3& extent) {
  const auto x = static_cast<unsigned>(number % extent.x);
  const auto y = static_cast<unsigned>(number / extent.x % extent.y);
  const auto z = static_cast<unsigned>(number / extent.x / extent.y);
  return {x, y, z};
}

/// Chooses how many clusters run interleaved: sometimes one after another, sometimes several.
unsigned choose_resident_limit(const LaunchRequest& launch, Random& random) {
  const auto cluster_blocks = static_cast<unsigned>(volume(launch.cluster));
  const unsigned most = std::max(2U, kMostResidentBlocks / cluster_blocks);
  return 1 + static_cast<unsigned>(random.below(most));
}

void prepare_threads(Block& block, const dim3& extent) {
  const auto count = static_cast<unsigned>(volume(extent));
  constexpr auto kLanes = static_cast<unsigned>(kWarpSize);
  block.threads.resize(count);
  block.warps.resize((count + kLanes - 1) / kLanes);
  constexpr std::size_t kWarpgroup = WarpgroupMultiplies::kWarps;
  block.warpgroups.assign((block.warps.size() + kWarpgroup - 1) / kWarpgroup, {});
  for (unsigned i = 0; i < count; ++i) {
    Thread& thread = block.threads[i];
    thread.warp = &block.warps[i / kLanes];
    thread.lane = i % kLanes;
    thread.index = coordinates(i, extent);
    thread.waiting_at = nullptr;
    thread.cluster_arrived = false;
    thread.copies.reset();
  }
  for (std::size_t w = 0; w < block.warps.size(); ++w) {
    Warp& warp = block.warps[w];
    const unsigned first = static_cast<unsigned>(w) * kLanes;
    const unsigned lanes = std::min(kLanes, count - first);
    warp.block = &block;
    warp.lanes = &block.threads[first];
    warp.ready = 0;
    warp.arrived = 0;
    warp.exited = lanes == kLanes ? 0 : ~0U << lanes;
  }
}

}  // namespace

unsigned Cluster::threads() const {
  return static_cast<unsigned>(blocks.size()) * grid->threads_per_block();
}

ShuffledOrder::ShuffledOrder(std::uint64_t count, Random& random)
    : count_(count), start_(random.below(count)), stride_(1) {
  switch (random.below(3)) {
    case 0:
      start_ = 0;
      break;
    case 1:
      stride_ = count - 1;  // It runs backwards.
      break;
    default:
      stride_ = 1 + random.below(count);
      break;
  }
  while (std::gcd(stride_, count_) != 1) ++stride_;
}

std::uint64_t ShuffledOrder::at(std::uint64_t position) const {
  const auto product = static_cast<Wide>(position) * stride_ + start_;
  return static_cast<std::uint64_t>(product % count_);
}

Grid::Grid(const LaunchRequest& request, int device_ordinal, Random& random)
    : launch(request),
      device(device_ordinal),
      cluster_grid(request.grid.x / request.cluster.x, request.grid.y / request.cluster.y,
                   request.grid.z / request.cluster.z),
      clusters(volume(cluster_grid)),
      order(clusters, random),
      resident_limit(choose_resident_limit(request, random)),
      ready(static_cast<unsigned>(volume(request.cluster)), random) {}

std::uint64_t Grid::blocks() const { return volume(launch.grid); }

unsigned Grid::threads_per_block() const { return static_cast<unsigned>(volume(launch.block)); }

void prepare_cluster(Cluster& cluster, Grid& grid, std::uint64_t number, Random& random) {
  const dim3& shape = grid.launch.cluster;
  const uint3 origin = coordinates(number, grid.cluster_grid);
  cluster.grid = &grid;
  cluster.arrived = 0;
  cluster.exited = 0;
  cluster.phase = 0;
  cluster.barrier_waiters.clear();
  cluster.blocks.resize(volume(shape));
  for (unsigned rank = 0; rank < cluster.blocks.size(); ++rank) {
    Block& block = cluster.blocks[rank];
    const uint3 inner = coordinates(rank, shape);
    block.cluster = &cluster;
    block.index = {origin.x * shape.x + inner.x, origin.y * shape.y + inner.y,
                   origin.z * shape.z + inner.z};
    block.rank = rank;
    block.exited = 0;
    block.released = false;
    block.barrier = BlockBarrier{};
    for (NamedBarrier& barrier : block.named_barriers) barrier = NamedBarrier{};
    block.transaction_barriers.clear();
    block.shared.resize(grid.launch.dynamic_shared_bytes);
    fill_with_garbage(block.shared.data(), block.shared.bytes(), random);
    prepare_threads(block, grid.launch.block);
  }
}

}  // namespace qlinear::emulated_device
