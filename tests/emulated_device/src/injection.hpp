#pragma once

#include <driver_types.h>

namespace qlinear::emulated_device {

/// What a test makes this call of `call` fail with; cudaSuccess if nothing. Remembered for
/// cudaGetLastError like any failure.
cudaError_t injected_failure(const char* call);

/// Sleeps for a random part of what a test asked for with `delay_function_attributes`.
void delay_function_attribute();

}  // namespace qlinear::emulated_device
