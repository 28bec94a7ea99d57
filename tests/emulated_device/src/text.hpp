#pragma once

#include <vector_types.h>

#include <cstdarg>
#include <string>

namespace qlinear::emulated_device {

/// Prints into a string as printf does.
[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...);
[[gnu::format(printf, 1, 0)]] std::string text_of(const char* format, std::va_list arguments);

std::string to_string(const uint3& index);
std::string to_string(const dim3& extent);

}  // namespace qlinear::emulated_device
