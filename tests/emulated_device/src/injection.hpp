#pragma once

#include <driver_types.h>

namespace qlinear::emulated_device {

/// Returns the error with which a test makes this call of `call` fail; cudaSuccess if none. It is
/// remembered for cudaGetLastError like any failure.
cudaError_t injected_failure(const char* call);

/// Sleeps for a random part of the time that a test set with `delay_function_attributes`.
void delay_function_attribute();

}  // namespace qlinear::emulated_device
