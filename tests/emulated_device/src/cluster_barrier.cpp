#include "engine.hpp"
#include "synchronisation.hpp"

#include <emulated_device/kernel_calls.hpp>

namespace qlinear::emulated_device {
namespace {

constexpr const char* kClusterArrive = "barrier.cluster.arrive";
constexpr const char* kClusterWait = "barrier.cluster.wait";

/// The barrier waits for all threads of the cluster that have not exited.
void complete_if_due(Cluster& cluster) {
  if (cluster.arrived == 0 || cluster.arrived + cluster.exited < cluster.threads()) return;
  cluster.arrived = 0;
  ++cluster.phase;
  for (Thread* waiter : cluster.barrier_waiters) engine().wake(*waiter);
  cluster.barrier_waiters.clear();
}

}  // namespace

unsigned cluster_rank() { return block_of(engine().current("%cluster_ctarank")).rank; }

unsigned cluster_size() {
  return static_cast<unsigned>(cluster_of(engine().current("%cluster_nctarank")).blocks.size());
}

void arrive_at_cluster_barrier() {
  Thread& self = engine().current(kClusterArrive);
  Cluster& cluster = cluster_of(self);
  if (self.cluster_arrived) {
    engine().fail(cudaErrorLaunchFailure, "%s twice without %s between", kClusterArrive,
                  kClusterWait);
  }
  self.cluster_arrived = true;
  self.cluster_phase = cluster.phase;
  ++cluster.arrived;
  complete_if_due(cluster);
  engine().yield();
}

void wait_at_cluster_barrier() {
  Thread& self = engine().current(kClusterWait);
  Cluster& cluster = cluster_of(self);
  if (!self.cluster_arrived) {
    engine().fail(cudaErrorLaunchFailure, "%s without %s before it", kClusterWait, kClusterArrive);
  }
  self.cluster_arrived = false;
  if (cluster.phase != self.cluster_phase) return;
  cluster.barrier_waiters.push_back(&self);
  engine().park(kClusterWait);
}

void leave_cluster(Thread& self) {
  Cluster& cluster = cluster_of(self);
  // An arrival that is part of an unfinished phase must not count twice.
  if (self.cluster_arrived && self.cluster_phase == cluster.phase) --cluster.arrived;
  ++cluster.exited;
  complete_if_due(cluster);
  if (cluster.finished()) engine().request_attention();
}

}  // namespace qlinear::emulated_device
