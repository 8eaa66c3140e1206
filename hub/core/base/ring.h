// A queue in one power-of-two buffer: push at either end, pop at the front, look at any place.
//
// Holds no memory while it is empty: most consumers are idle, or read as fast as is written, most of the
// time, and std::deque keeps half a KiB for each even then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "protocol/base/check.h"

namespace bus::hub {

template <class T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  size_t memory_bytes() const { return capacity_ * sizeof(T); }

  // The i-th from the front.
  T& operator[](size_t i) {
    BUSD_CHECK(i < size_);
    return buffer_[(first_ + i) & (capacity_ - 1)];
  }
  const T& operator[](size_t i) const {
    BUSD_CHECK(i < size_);
    return buffer_[(first_ + i) & (capacity_ - 1)];
  }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }

  void push_back(T value) {
    if (size_ == capacity_) grow();
    buffer_[(first_ + size_) & (capacity_ - 1)] = std::move(value);
    ++size_;
  }

  void push_front(T value) {
    if (size_ == capacity_) grow();
    first_ = (first_ + capacity_ - 1) & (capacity_ - 1);
    buffer_[first_] = std::move(value);
    ++size_;
  }

  void pop_front() {
    BUSD_CHECK(size_ > 0);
    buffer_[first_] = T();
    first_ = (first_ + 1) & (capacity_ - 1);
    if (--size_ == 0) release();
  }

  // Removes the i-th from the front; the ones before it move. O(i), and i is 0 or 1 here.
  void erase(size_t i) {
    for (; i > 0; --i) std::swap((*this)[i], (*this)[i - 1]);
    pop_front();
  }

  void clear() {
    while (!empty()) pop_front();
  }

 private:
  static constexpr uint32_t kStart = 4;

  void grow() {
    uint32_t larger = capacity_ == 0 ? kStart : capacity_ * 2;
    auto buffer = std::make_unique<T[]>(larger);
    for (size_t i = 0; i < size_; ++i) buffer[i] = std::move((*this)[i]);
    buffer_ = std::move(buffer);
    capacity_ = larger;
    first_ = 0;
  }

  void release() {
    buffer_.reset();
    capacity_ = 0;
    first_ = 0;
  }

  std::unique_ptr<T[]> buffer_;
  // 32 bits, since there are two for each connection.
  uint32_t capacity_ = 0;
  uint32_t first_ = 0;
  uint32_t size_ = 0;
};

}  // namespace bus::hub
