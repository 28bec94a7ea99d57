#pragma once

#include <qlinear/status.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace qlinear::tools {

/// What ends a command: main prints it and exits with 1. The message says what to do.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline void check(const Status& status) {
  if (!status.ok()) throw Failure(status.message());
}

template <class T>
T value_of(Result<T> result) {
  check(result.status());
  return std::move(result).value();
}

}  // namespace qlinear::tools
