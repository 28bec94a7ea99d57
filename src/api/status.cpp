#include <qlinear/status.hpp>

#include <base/format.hpp>

namespace qlinear {
namespace {

/// Copies `text`, or returns `no_memory_text()` where there is no memory for a copy.
std::string copy_of(const std::string& text) noexcept {
  try {
    return text;
  } catch (...) {
    return detail::no_memory_text();
  }
}

}  // namespace

Status::Status(const Status& other) noexcept
    : code_(other.code_), message_(copy_of(other.message_)) {}

Status& Status::operator=(const Status& other) noexcept {
  if (this != &other) *this = Status(other);
  return *this;
}

Status Status::failure_of_result(Status status) noexcept {
  if (!status.ok()) return status;
  return {
      StatusCode::InvalidProblem,
      detail::formatted("a Result was made of the status Ok and no value; make it of a value or "
                        "of a failure")};
}

const char* to_string(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::Ok:
      return "Ok";
    case StatusCode::InvalidProblem:
      return "InvalidProblem";
    case StatusCode::Unsupported:
      return "Unsupported";
    case StatusCode::WorkspaceTooSmall:
      return "WorkspaceTooSmall";
    case StatusCode::CudaError:
      return "CudaError";
  }
  return "unknown";
}

}  // namespace qlinear
