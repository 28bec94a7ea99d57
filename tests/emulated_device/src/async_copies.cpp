#include "async_copies.hpp"

#include <algorithm>
#include <cstring>

namespace qlinear::emulated_device {

void AsyncCopies::perform(const Copy& copy) {
  if (copy.bytes > 0) std::memcpy(copy.shared, copy.global, copy.bytes);
  std::memset(copy.shared + copy.bytes, 0, copy.size - copy.bytes);
}

void AsyncCopies::issue(unsigned char* shared, const unsigned char* global, unsigned bytes,
                        unsigned size, Random& random) {
  const Copy copy{shared, global, bytes, size, group_};
  // An early copy harms readers of the old contents, a late one those that do not wait, and garbage
  // in between those that read a copy in flight.
  switch (random.below(4)) {
    case 0:
      perform(copy);
      return;
    case 1:
      fill_with_garbage(shared, size, random);
      break;
    default:
      break;
  }
  copies_.push_back(copy);
  if (random.one_in(8)) {
    const std::size_t early = random.below(copies_.size());
    perform(copies_[early]);
    copies_[early] = copies_.back();
    copies_.pop_back();
  }
}

void AsyncCopies::wait_group(std::uint64_t pending) {
  const auto waited_for = [this, pending](const Copy& copy) {
    return copy.group + pending < group_;
  };
  const auto first = std::partition(copies_.begin(), copies_.end(),
                                    [&](const Copy& copy) { return !waited_for(copy); });
  std::for_each(first, copies_.end(), perform);
  copies_.erase(first, copies_.end());
}

void AsyncCopies::perform_all() {
  std::for_each(copies_.begin(), copies_.end(), perform);
  copies_.clear();
}

void AsyncCopies::reset() {
  copies_.clear();
  group_ = 0;
}

}  // namespace qlinear::emulated_device
