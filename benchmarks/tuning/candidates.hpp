#pragma once

#include <harness/options.hpp>
#include <harness/oracle.hpp>
#include <harness/workload.hpp>
#include <tuning/comparison.hpp>

#include <string>
#include <vector>

namespace qlinear::benchmark {

/// The GEMM kernel that `select` chooses for the workload, and its split of K, which no plan tells:
/// "name/split:2".
std::string name_of_choice(const Workload& workload);

/// Every registered GEMM kernel that `options` want and that can do the workload's problem on this
/// GPU, with every split of K it takes, each behind the quantize kernel that `select` chooses;
/// `select`'s choice comes first. The arguments must outlive the result.
std::vector<Candidate> linear_candidates(Workload& workload, const Oracle& oracle,
                                         const Options& options);

/// The same for the quantize kernels alone.
std::vector<Candidate> quantize_candidates(Workload& workload, const Oracle& oracle);

}  // namespace qlinear::benchmark
