#pragma once

#include <bench.hpp>
#include <cliffs.hpp>
#include <subject.hpp>

#include <vector>

namespace qlinear::benchmark {

/// Registers a row with Google Benchmark for every layer, M and subject that the options ask for,
/// and for the sweep. A row verifies its subject, then times it; its counters hold the floor, the
/// share of it and the clocks. `bench` and `rows` must outlive the run.
class Rows {
 public:
  explicit Rows(Bench& bench);
  void register_all();

  /// Times of the whole linear layer over the sweep, in the order of M.
  const std::vector<SweepPoint>& sweep() const noexcept { return sweep_; }

 private:
  void register_row(const LayerShape& layer, std::int64_t m, Subject& subject);

  Bench& bench_;
  Subjects library_;
  Subjects peers_;
  std::vector<SweepPoint> sweep_;
};

}  // namespace qlinear::benchmark
