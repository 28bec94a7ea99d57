#include "text.hpp"

#include <cstdarg>
#include <cstdio>

namespace qlinear::emulated_device {

std::string text(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::string result = text_of(format, arguments);
  va_end(arguments);
  return result;
}

std::string text_of(const char* format, std::va_list arguments) {
  std::va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, arguments);
  std::string result(static_cast<std::size_t>(length), '\0');
  std::vsnprintf(result.data(), result.size() + 1, format, again);
  va_end(again);
  return result;
}

std::string to_string(const uint3& index) { return text("(%u,%u,%u)", index.x, index.y, index.z); }

std::string to_string(const dim3& extent) {
  return text("(%u,%u,%u)", extent.x, extent.y, extent.z);
}

}  // namespace qlinear::emulated_device
