#include "engine.hpp"
#include "synchronisation.hpp"

#include <emulated_device/kernel_calls.hpp>

namespace qlinear::emulated_device {
namespace {

constexpr const char* kGridWait = "griddepcontrol.wait";
constexpr const char* kLaunchDependents = "griddepcontrol.launch_dependents";

}  // namespace

void wait_for_prerequisite_grids() {
  Thread& self = engine().current(kGridWait);
  Grid& grid = grid_of(self);
  if (grid.prerequisites_finished) return;
  grid.dependency_waiters.push_back(&self);
  engine().park(kGridWait);
}

void finish_prerequisites(Grid& grid) {
  grid.prerequisites_finished = true;
  for (Thread* waiter : grid.dependency_waiters) engine().wake(*waiter);
  grid.dependency_waiters.clear();
}

void launch_dependent_grids() {
  release_dependents(block_of(engine().current(kLaunchDependents)));
  engine().give_way();
}

void release_dependents(Block& block) {
  if (block.released) return;
  block.released = true;
  Grid& grid = *block.cluster->grid;
  ++grid.released_blocks;
  if (grid.released_blocks == grid.blocks()) engine().release(grid);
}

}  // namespace qlinear::emulated_device
