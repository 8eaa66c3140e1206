// Reads the arguments of a command line into what was declared, and finds what is wrong with them.
//
// Options are read as getopt_long(3) reads them: -n 5, -n5, -qn5, --count 5, --count=5; after "--" everything
// is an argument, and belongs to the argument that is `behind_dashes`, if there is one. What begins with "-" and
// a digit, and "-" alone, is an argument or a value, no option.
//
// CLI11 2.1 (Debian 12) was tried in its place: it gives "--socket= KEY" the value "KEY", cannot tell "--id
// -x" from "--id=-x" or takes the "--help" of "-n --help" for a value, reads "-type" as "-t ype" and "---x"
// as an argument, and forgets the order of options and other words. Marking such words before it reads them
// and sorting its answers afterwards took 215 lines in place of the 187 here, and made each program 290 KB
// larger.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/error_report.h"

namespace bus {

struct Declared;

// What an option says of another one.
struct Relation {
  const Declared* other;
  std::string hint;  // what to do if it is violated; empty: nothing in particular
};

// An option that does not exist, but is typed for an argument or another option.
struct Mistaken {
  std::string option;  // as it is typed: "-t"
  std::string hint;    // what to do instead
};

struct Declared {
  std::vector<std::string> names;  // "-n", "--count"; of an argument "KEY"
  std::string listed;              // the names as they were declared: "-n,--count"
  std::string value_name;
  std::string help;
  bool is_flag = false;
  bool required = false;
  bool repeatable = false;
  bool value_is_optional = false;
  bool hidden = false;         // for programs; neither listed nor suggested
  bool behind_dashes = false;  // of an argument: takes all words behind "--", and no others
  std::string (*check)(const std::string&) = nullptr;
  std::function<void(const std::string&)> take;
  std::vector<Relation> excludes;
  std::vector<Relation> needs;
  const char* extra_hint = "";  // of an argument: what to do about a second one
  std::vector<Mistaken> mistaken_for;
  const char* dash_hint = "";  // of an argument: how one that begins with "-" is written
  std::string
      command_word;  // of an argument: the value behind which a command with options of its own stands
  bool given = false;
  std::string typed;  // the name that it was given by

  bool is_argument() const { return !names.front().starts_with('-'); }
  // What errors call it: as it was typed, else the long one.
  const std::string& name() const { return typed.empty() ? names.back() : typed; }
};

// The part of --help that says how the program is called and lists what was declared.
std::string usage_text(const std::string& program, const std::vector<std::unique_ptr<Declared>>& declared);

class ArgumentReader {
 public:
  ArgumentReader(const std::vector<std::unique_ptr<Declared>>& declared, const std::string& program)
      : declared_(declared), program_(program) {}

  // What is wrong: all unknown options in the order typed; else the first other error. Everything that could
  // be taken was taken, so that --help is known in any case.
  std::vector<ErrorReport> read(const std::vector<std::string>& arguments);

 private:
  void read_long(const std::string& argument);
  void read_short(const std::string& argument);
  void read_argument(const std::string& text);
  void take_value(Declared& declared, const std::string* inline_value);
  void take(Declared& declared, const std::string& value);
  void check_together();
  // The option of this name, which errors then call it by.
  Declared* find_typed(const std::string& name) const;
  Declared* find(std::string_view name) const;
  void unknown(const std::string& option);
  std::string suggestion_for(const std::string& option) const;
  std::string form() const;
  std::string completed() const;
  void wrong(ReportCode code, std::string message, std::string hint = {});

  const std::vector<std::unique_ptr<Declared>>& declared_;
  const std::string& program_;
  const std::vector<std::string>* arguments_ = nullptr;
  size_t at_ = 0;
  std::vector<const Declared*> given_;  // in the order typed
  std::vector<ErrorReport> unknown_;
  std::vector<ErrorReport> wrong_;
};

}  // namespace bus
