#include "engine.hpp"
#include "synchronisation.hpp"

#include <emulated_device/kernel_calls.hpp>

namespace qlinear::emulated_device {
namespace {

constexpr const char* kArrive = "barrier.cluster.arrive";
constexpr const char* kWait = "barrier.cluster.wait";

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
  Thread& self = engine().current(kArrive);
  Cluster& cluster = cluster_of(self);
  if (self.cluster_arrived) {
    engine().fail(cudaErrorLaunchFailure, "%s twice without %s between", kArrive, kWait);
  }
  self.cluster_arrived = true;
  self.cluster_phase = cluster.phase;
  ++cluster.arrived;
  complete_if_due(cluster);
  engine().yield();
}

void wait_at_cluster_barrier() {
  Thread& self = engine().current(kWait);
  Cluster& cluster = cluster_of(self);
  if (!self.cluster_arrived) {
    engine().fail(cudaErrorLaunchFailure, "%s without %s before it", kWait, kArrive);
  }
  self.cluster_arrived = false;
  if (cluster.phase != self.cluster_phase) return;
  cluster.barrier_waiters.push_back(&self);
  engine().park(kWait);
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
