// A queue in one power-of-two buffer: push at either end, pop at the front, look at any place.
//
// Holds no memory while it has never been used, and gives a large buffer back when it runs empty: most
// consumers are idle most of the time, and std::deque keeps half a KiB for each even then.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "protocol/base/check.h"

namespace bus::hub {

template <class T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

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
    if (--size_ == 0 && capacity_ > kKeep) release();
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
  static constexpr size_t kStart = 8;
  static constexpr size_t kKeep = 64;

  void grow() {
    size_t larger = capacity_ == 0 ? kStart : capacity_ * 2;
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
  size_t capacity_ = 0;
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace bus::hub
