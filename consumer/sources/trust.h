// Whether others could put words into our mouth: who may write to what we would run.
//
// A file, or a directory, is trusted that belongs to this user or to root and that nobody else can write to. A group
// may, if it is its owner's private group: of the same name, and without another member. Who can write to a directory on
// the way can put another file in place of the one that is meant; in a sticky directory, such as /tmp, only the owner of
// that can.
#pragma once

#include <string>
#include <sys/stat.h>

namespace bus::sources {

// What is wrong with the file or directory `path` itself, of which `st` is known, as one line that says what to do; empty:
// nothing.
std::string trust_trouble(const std::string& path, const struct stat& st);

// The same of what the absolute `path` leads to, over links, and of each directory on the way there. Empty also where
// there is nothing: who uses it will see.
std::string path_trouble(const std::string& path);

}  // namespace bus::sources
