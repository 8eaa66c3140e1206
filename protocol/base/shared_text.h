// A text of less than 4 GiB that never changes and that several hold: one allocation, and a pointer for each that holds it. Threads may
// share it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <utility>

namespace bus {

class SharedText {
 public:
  SharedText() = default;
  SharedText(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): as a pointer's
  explicit SharedText(std::string_view text)
      : head_(new (::operator new(sizeof(Head) + text.size())) Head(text.size())) {
    std::copy(text.begin(), text.end(), reinterpret_cast<char*>(head_ + 1));
  }
  // cppcheck-suppress copyCtorPointerCopying ; it is counted
  SharedText(const SharedText& other) : head_(other.head_) {
    if (head_ != nullptr) head_->holders.fetch_add(1, std::memory_order_relaxed);
  }
  SharedText(SharedText&& other) noexcept : head_(std::exchange(other.head_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(head_, other.head_);
    return *this;
  }
  ~SharedText() {
    if (head_ != nullptr && head_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete): it does not see who counts
      head_->~Head();
      ::operator delete(head_);
    }
  }

  // Whether there is one, which may be empty.
  explicit operator bool() const { return head_ != nullptr; }
  friend bool operator==(const SharedText& a, std::nullptr_t) { return a.head_ == nullptr; }
  size_t size() const { return head_->size; }
  // Whether both are the same one, and not only alike.
  bool is(const SharedText& other) const { return head_ == other.head_; }
  // How many hold it, at this moment.
  size_t holders() const { return head_->holders.load(std::memory_order_relaxed); }
  std::string_view operator*() const { return {reinterpret_cast<const char*>(head_ + 1), head_->size}; }

 private:
  struct Head {
    explicit Head(size_t bytes) : size(static_cast<uint32_t>(bytes)) {}
    const uint32_t size;
    std::atomic<uint32_t> holders{1};
  };
  // Behind it, the text.
  Head* head_ = nullptr;
};

}  // namespace bus
