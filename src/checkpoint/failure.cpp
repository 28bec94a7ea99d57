#include <base/whole_characters.hpp>
#include <checkpoint/failure.hpp>

#include <new>

namespace qlinear::checkpoint::detail {
namespace {

Status status_of_memory() noexcept {
  try {
    return {StatusCode::InvalidProblem, "(out of memory)"};
  } catch (...) {  // Strings of the old ABI have no inline buffer.
    return {StatusCode::InvalidProblem, {}};
  }
}

}  // namespace

void fail(std::string message) { throw Failure({StatusCode::InvalidProblem, std::move(message)}); }

void fail_unsupported(std::string message) {
  throw Failure({StatusCode::Unsupported, std::move(message)});
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  std::string result = "\"";
  for (const char c : qlinear::detail::whole_characters(text, kLongest)) {
    const auto code = static_cast<unsigned char>(c);
    result.push_back(code < 0x20 || code == 0x7F ? '?' : c);
  }
  if (text.size() > kLongest) result += "...";
  return result + "\"";
}

Status status_of_current_exception() noexcept {
  try {
    throw;
  } catch (const Failure& failure) {
    return failure.status();
  } catch (const std::bad_alloc&) {
    return status_of_memory();
  } catch (const std::exception& error) {
    try {
      return {StatusCode::InvalidProblem, error.what()};
    } catch (...) {
      return status_of_memory();
    }
  } catch (...) {
    return status_of_memory();
  }
}

}  // namespace qlinear::checkpoint::detail
