#pragma once

#include <benchmark/benchmark.h>

#include <vector>

namespace qlinear::benchmark {

/// One short line for each finished row, with its number, time, share of the floor and clock.
class ProgressReporter : public ::benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

 private:
  int finished_ = 0;
};

}  // namespace qlinear::benchmark
