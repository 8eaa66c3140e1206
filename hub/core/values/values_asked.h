// What one frame asks of values, until it was answered.
#pragma once

#include <memory>
#include <string>

#include "hub/core/base/budget.h"
#include "hub/core/values/values.h"

namespace bus::hub {

// A key or pattern of a watch, in the tables.
inline constexpr size_t kWatchedKeyBytes = 128;

struct Values::Asked final : ValueOperation {
  // `leave`: of one that says nothing more; behind all that it has said.
  enum class Kind : uint8_t { change, get, list, watch, unwatch, leave };

  Asked() = default;
  ~Asked() override {
    charged.release();
    if (ledger != nullptr) ledger->release(*account);
  }

  // It may wait longer than its connection lives.
  void charge(Ledger& to, Account& whose) {
    ledger = &to;
    account = &whose;
    ledger->hold(whose);
    charged.set(whose, Pool::unfinished, bytes);
  }

  Kind kind = Kind::change;
  std::string id;      // empty: nobody wants an answer
  PeerId leaver = 0;   // of `leave`, which outlives its connection
  uint64_t frame = 0;  // of its connection
  std::unique_ptr<List> list;
  std::unique_ptr<Watch> watch;

  Ledger* ledger = nullptr;
  Account* account = nullptr;
  PoolCharge charged;
};

}  // namespace bus::hub
