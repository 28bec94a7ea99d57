#pragma once

#include <qlinear/status.hpp>
#include <qlinear/tensor_view.hpp>

#include <cstdint>
#include <span>

namespace qlinear::detail {

/// What of a linear layer a call is about to run.
enum class Pass : std::uint8_t {
  Quantize,  ///< Reads `activation`, writes the scratch; no other argument is looked at.
  Multiply,  ///< Reads the scratch, writes `output`; `activation` is not looked at.
  Both,
};

/// What a pass does to a tensor, in the order in which one outweighs the other.
enum class Access : std::uint8_t { None, Read, Write };

/// One tensor of a call: its role, what the descriptor asks of its shape, and what each pass does
/// to it.
struct CallTensor {
  const char* name;
  const char* axes;  ///< Names of the expected sizes, for messages.
  const TensorView& view;
  std::int64_t rows = 1;  ///< Of a vector 1.
  std::int64_t columns;
  Access quantize = Access::None;
  Access multiply = Access::None;
  bool optional = false;  ///< A null view without elements is none.
};

/// Rows of the longest table: the members of QuantizedLinearArgs, and the workspace.
inline constexpr std::size_t kMaxCallTensors = 8;

/// Checks each of the tensors that `pass` uses by itself, in the order of the table, then that none
/// that it writes overlaps another. Allocates only on failure. Errors: InvalidProblem, with the
/// argument's name, the fault and the remedy. Preconditions: no more than `kMaxCallTensors`, each
/// of rank 1 or 2.
Status check_tensors(std::span<const CallTensor> tensors, Pass pass);

}  // namespace qlinear::detail
