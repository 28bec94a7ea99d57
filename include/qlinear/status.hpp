#pragma once

#include <qlinear/export.hpp>

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace qlinear {

enum class StatusCode {
  Ok,
  InvalidProblem,  ///< The descriptor or an argument contradicts the documented rules.
  Unsupported,     ///< The problem is valid, but no kernel here, or not the forced one, can do it.
  WorkspaceTooSmall,  ///< The caller's workspace is smaller than `workspace_size()`.
  CudaError,          ///< The CUDA runtime reported an error; the message carries its text.
};

/// Returns the name of the enumerator, for example "InvalidProblem".
QLINEAR_API const char* to_string(StatusCode code) noexcept;

/// Outcome of a call. A failure's message says what was given, what was expected and what to do, or
/// is "(out of memory)" where there was no memory for it. Success holds no message and allocates
/// nothing. No member throws.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  /// With `StatusCode::Ok` the message is dropped.
  Status(StatusCode code, std::string message) noexcept : code_(code) {
    if (code != StatusCode::Ok) message_ = std::move(message);
  }
  QLINEAR_API Status(const Status& other) noexcept;
  QLINEAR_API Status& operator=(const Status& other) noexcept;
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  bool ok() const noexcept { return code_ == StatusCode::Ok; }
  StatusCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }

 private:
  template <class T>
  friend class Result;
  /// Returns `status`, or an InvalidProblem where that is Ok.
  QLINEAR_API static Status failure_of_result(Status status) noexcept;

  StatusCode code_ = StatusCode::Ok;
  std::string message_;
};

/// A `T`, or the `Status` that says why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  /// Precondition: `!failure.ok()`. Otherwise the result is an InvalidProblem.
  Result(Status failure) noexcept : status_(Status::failure_of_result(std::move(failure))) {}

  bool ok() const noexcept { return value_.has_value(); }
  const Status& status() const noexcept { return status_; }

  /// Precondition: `ok()`.
  T& value() & noexcept {
    assert(ok());
    return *value_;
  }
  const T& value() const& noexcept {
    assert(ok());
    return *value_;
  }
  T&& value() && noexcept {
    assert(ok());
    return *std::move(value_);
  }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace qlinear
