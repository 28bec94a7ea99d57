#pragma once

#include <qlinear/status.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace qlinear::quick_start {

/// Throws std::runtime_error with the message of a failure.
inline void require(const Status& status) {
  if (status.ok()) return;
  throw std::runtime_error(std::string(to_string(status.code())) + ": " + status.message());
}

template <class T>
T require(Result<T> result) {
  require(result.status());
  return std::move(result).value();
}

}  // namespace qlinear::quick_start
