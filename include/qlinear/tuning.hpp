#pragma once

#include <qlinear/export.hpp>
#include <qlinear/status.hpp>

#include <string>
#include <string_view>

// Tuning tables: kernels that were measured to be best for a problem, for `select` to take instead
// of those that its cost model expects to be best. A kernel that a `PlanPreference` or the
// environment forces comes before the table, and the table before the model. Any table is safe: an
// entry whose kernel cannot do a problem is passed over, and every kernel gives the same bits.
//
// A table is text. Its first line is "qlinear tuning table 1"; every other one holds an entry, or
// nothing, and what follows a # is a comment:
//
//   qlinear tuning table 1
//   # GPU SMs activation weight N K M kernel split_k [quantize_kernel]
//   9.0 132 bf16 s8 6144 4096 1-16 wgmma_swapped_16x64 2
//   9.0 132 bf16 s8 6144 4096 17 wgmma_swapped_deep_32x64 1 quantize_registers
//
// An entry counts on GPUs of that compute capability and that number of SMs (for a plan with
// `PlanPreference::max_sms`, of that many where they are fewer), for that pair of types, N = c_out
// and K, and for M or both ends of its range and what is between. It names the GEMM kernel, the
// slices of K (1 for none) and, if it is to change that, too, the quantize kernel of a
// `QuantizedLinearPlan`. Where several entries count, the last one does whose kernel takes the
// problem. Arguments that are not 16-byte aligned run the last one whose kernel takes those.

namespace qlinear {

/// Adds the entries of `text` to the table of this process, behind those that it has: they count in
/// every `select` that begins after the call. May be called while other threads select. Plans that
/// exist stay as they are. The file that the environment variable QLINEAR_TUNING_TABLE names is
/// read at the first `select` or call of a function of this header, whichever is earlier, and comes
/// first in the table.
/// Errors: InvalidProblem (text at a null pointer, another first line): the table stays as it was.
/// Unsupported (entries that are malformed, or name a kernel that does not exist or can never do
/// what the entry asks of it): these are skipped, all others have been added, and the message says
/// how many were skipped and what is wrong with the first.
QLINEAR_API Status import_tuning_table(std::string_view text) noexcept;

/// The table of this process as a text for `import_tuning_table`, sorted by GPU, types, N and K and
/// then in the order of import; of entries that are equal the last.
/// Errors: Unsupported where there is no memory for it.
QLINEAR_API Result<std::string> export_tuning_table() noexcept;

/// Empties the table. The environment's file is not read again.
QLINEAR_API void clear_tuning_table() noexcept;

}  // namespace qlinear
