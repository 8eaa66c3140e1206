// Whether others could put words into our mouth: who may write to what we would run.
//
// A file, or a directory, is trusted that belongs to this user or to root and that nobody else can write to. A group
// may, if it is its owner's private group: of the same name, and without another member.
#pragma once

#include <string>
#include <sys/stat.h>

namespace bus::sources {

// What is wrong with the file or directory `path`, of which `st` is known, as one line that says what to do; empty:
// nothing.
std::string trust_trouble(const std::string& path, const struct stat& st);

// The same of a program that is to be run: of what it is a link to, and the directory of that. Empty also where there is
// no such file: who runs it will see.
std::string program_trouble(const std::string& path);

}  // namespace bus::sources
