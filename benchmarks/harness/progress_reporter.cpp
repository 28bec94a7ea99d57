#include <fmt/format.h>
#include <harness/progress_reporter.hpp>

#include <ostream>
#include <string>

namespace qlinear::benchmark {
namespace {

double counter(const ::benchmark::BenchmarkReporter::Run& run, const char* name) {
  const auto found = run.counters.find(name);
  return found == run.counters.end() ? 0.0 : found->second.value;
}

/// Why the run failed; empty where it did not. Google Benchmark 1.8 renamed the members.
template <class Run>
std::string failure(const Run& run) {
  if constexpr (requires { run.error_occurred; }) {
    return run.error_occurred ? run.error_message : std::string();
  } else {
    return run.skipped ? run.skip_message : std::string();
  }
}

std::string line(const ::benchmark::BenchmarkReporter::Run& run) {
  const std::string name = run.benchmark_name();
  if (const std::string reason = failure(run); !reason.empty()) {
    return fmt::format("{:<52} FAILED: {}", name, reason);
  }
  std::string text = fmt::format("{:<52} {:>11.3f} {}", name, run.GetAdjustedRealTime(),
                                 ::benchmark::GetTimeUnitString(run.time_unit));
  if (const double share = counter(run, "share_of_floor"); share > 0) {
    text += fmt::format("  {:>5.1f} % of floor", 100 * share);
  }
  if (const double mhz = counter(run, "sm_mhz"); mhz > 0) text += fmt::format("  {:.0f} MHz", mhz);
  if (!run.report_label.empty()) text += "  " + run.report_label;
  return text;
}

}  // namespace

bool ProgressReporter::ReportContext(const Context&) { return true; }

void ProgressReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    GetOutputStream() << fmt::format("{:>5}  ", ++finished_) << line(run) << std::endl;
  }
}

}  // namespace qlinear::benchmark
