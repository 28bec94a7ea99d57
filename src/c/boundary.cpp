#include "boundary.hpp"

#include <base/whole_characters.hpp>
#include <c/enums.hpp>

#include <cstdint>

namespace qlinear::c {

bool write_text(TextBuffer buffer, std::string_view text) noexcept {
  if (buffer.data == nullptr || buffer.bytes == 0) return false;
  const std::string_view fits = detail::whole_characters(text, buffer.bytes - 1);
  std::memcpy(buffer.data, fits.data(), fits.size());
  buffer.data[fits.size()] = '\0';
  return fits.size() == text.size();
}

qlinear_status report(TextBuffer message, const Status& status) noexcept {
  write_text(message, status.message());
  return to_c(status.code());
}

Status check_pointer(const char* name, const void* pointer) noexcept {
  if (pointer != nullptr) return {};
  return detail::invalid("{} is a null pointer; pass one to what it should be", name);
}

Status check_struct_size(const char* name, std::size_t given, std::size_t least) noexcept {
  // Nobody's struct will be so large: it is a size that was never set.
  constexpr std::size_t kTooLarge = std::size_t{1} << 16U;
  if (given >= least && given < kTooLarge && given % alignof(std::int64_t) == 0) return {};
  return detail::invalid(
      "{}->struct_size is {}, expected the size of the struct, at least {}; set it to sizeof", name,
      given, least);
}

Status check_unknown_fields(const char* name, const void* given, std::size_t size,
                            std::size_t known) noexcept {
  const char* const bytes = static_cast<const char*>(given);
  for (std::size_t i = known; i < size; ++i) {
    if (bytes[i] != 0) {
      return detail::invalid(
          "{}->struct_size is {}, of which this library knows {}, and what follows is not zero; "
          "clear it, or load the library that the program was compiled for",
          name, size, known);
    }
  }
  return {};
}

Status check_reserved(const char* name, std::int32_t reserved) noexcept {
  if (reserved == 0) return {};
  return detail::invalid("{} is {}, expected 0; clear the struct before its fields are set", name,
                         reserved);
}

}  // namespace qlinear::c
