// The processes below a process, and signals that reach the one that was meant.
//
// What the kernel says of the children of ANOTHER process is a picture that may miss one that comes or goes meanwhile; of our
// own children it is exact, because they stay until we reap them. So nothing is ever concluded from a tree but what to
// signal next: that nothing is left is read off our own children, to which every orphan below us is given
// (PR_SET_CHILD_SUBREAPER in processes.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/base/result.h"

namespace bus::sources {

// Those that have ended and are not reaped included. An error says nothing of them: nothing can be read (process_facts.h).
Result<std::vector<int64_t>> children_of(int64_t pid);

// A process and the one that it was found below.
struct TreeNode {
  int64_t pid = 0;
  int64_t parent = 0;
};

// All that are found below `pid`, parents before their children; at most kMostInTree.
Result<std::vector<TreeNode>> descendants_of(int64_t pid);
inline constexpr size_t kMostInTree = 100'000;

// Signals a descendant, unless it is gone or its number is another process' by now: the process is opened first, and has to
// be a child of the node's parent, or of ours since that parent has died. False, with errno, if it lives and may not be
// signalled.
bool signal_descendant(const TreeNode& node, int signal);

}  // namespace bus::sources
