#pragma once

#include <vector_types.h>

#include <string>

namespace qlinear::emulated_device {

/// printf into a string.
[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...);

std::string to_string(const uint3& index);
std::string to_string(const dim3& extent);

}  // namespace qlinear::emulated_device
