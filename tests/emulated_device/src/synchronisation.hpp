#pragma once

#include "grid.hpp"

// Synchronising instructions learn here of threads and grids that end.

namespace qlinear::emulated_device {

/// Tells those that wait for the thread that it has returned from the kernel.
void leave_block(Thread& self);
void leave_cluster(Thread& self);
void check_no_lane_waits_for(const Thread& self);

/// Counts the block as one that no longer holds back programmatic dependents.
void release_dependents(Block& block);

/// Lets the threads at griddepcontrol.wait of `grid` go on.
void finish_prerequisites(Grid& grid);

}  // namespace qlinear::emulated_device
