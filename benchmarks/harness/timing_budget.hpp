#pragma once

namespace qlinear::benchmark {

struct TimingBudget {
  double seconds = 0.020;       ///< Measured time, as far as `min_replays` allows.
  double graph_seconds = 1e-3;  ///< Shortest graph: what surrounds its calls is lost in it.
  int min_replays = 5;
  int max_replays = 50;
  double settle_seconds = 0;  ///< Not measured, at the start of each turn.
  int most_rounds = 10;       ///< Of turns.

  /// Of `seconds`, in graphs so long that `max_replays` of them take as much.
  static TimingBudget of(double seconds, int min_replays, int max_replays);
  /// For work that may take a GPU to its power limit. How fast that is depends on what it did in
  /// the 50 to 100 ms before (seen on an H200), on how much power the work takes as well as on its
  /// clocks: in shorter turns each finds the clocks that others left.
  TimingBudget settled() const;
};

}  // namespace qlinear::benchmark
