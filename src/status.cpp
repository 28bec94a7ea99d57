#include <qlinear/status.hpp>

namespace qlinear {

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
