#pragma once

#include <qlinear/status.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <utility>

// Inside, what goes wrong is thrown: the public functions turn it into their Status in one place.

namespace qlinear::checkpoint::detail {

class Failure : public std::exception {
 public:
  explicit Failure(Status status) noexcept : status_(std::move(status)) {}
  const Status& status() const noexcept { return status_; }
  const char* what() const noexcept override { return status_.message().c_str(); }

 private:
  Status status_;
};

/// Throws an InvalidProblem.
[[noreturn]] void fail(std::string message);

/// Throws an Unsupported.
[[noreturn]] void fail_unsupported(std::string message);

/// `text` in quotation marks, for a message: it may come from any file, so it is cut where it is
/// long, and what a terminal could take for a command is written as `?`.
std::string in_quotes(std::string_view text);

/// Precondition: called while an exception is handled.
Status status_of_current_exception() noexcept;

/// Calls `work`, which returns a Status or a Result.
template <class Work>
auto without_exceptions(const Work& work) noexcept -> decltype(work()) {
  try {
    return work();
  } catch (...) {
    return status_of_current_exception();
  }
}

}  // namespace qlinear::checkpoint::detail
