# Makes what scdoc writes into what mandoc has nothing to say about and every groff prints as it was written: no paragraph
# macro without a paragraph, characters of commands and code that stay themselves, and nothing but ASCII.

# What people copy from a page must be what the program reads: typographic quotes, hyphens and accents are not.
function exact(text) {
  gsub(/-/, "\\-", text)
  gsub(/'/, "\\(aq", text)
  gsub(/`/, "\\(ga", text)
  gsub(/\^/, "\\(ha", text)
  gsub(/~/, "\\(ti", text)
  return text
}

function exact_in_bold(text,    out, begin, end) {
  out = ""
  while ((begin = index(text, "\\fB")) > 0) {
    out = out substr(text, 1, begin + 2)
    text = substr(text, begin + 3)
    end = index(text, "\\fR")
    if (!end) break
    out = out exact(substr(text, 1, end - 1)) "\\fR"
    text = substr(text, end + 3)
  }
  return out text
}

function put(line) {
  if (paragraph) print ".P"
  paragraph = 0
  print line
}

{
  gsub(/\342\200\246/, "\\[u2026]")
  gsub(/\342\206\222/, "\\[u2192]")
  if ($0 ~ /[\200-\377]/) {
    printf "%s:%d: give tidy.awk the name of this character: %s\n", FILENAME, FNR, $0 >"/dev/stderr"
    failed = 1
    exit 1
  }
}

$1 == ".TH" {
  # The build's own day would make each build another.
  sub(/"1970-01-01"/, "\"" date "\"")
  print
  # scdoc says it before .TH, which is too early: words of commands and of the wire are not to be broken.
  print ".nh"
  next
}

$1 == ".P" {
  if (!after_heading) paragraph = 1
  next
}

$1 == ".SH" || $1 == ".SS" {
  paragraph = 0
  after_heading = 1
  print
  next
}

# Space that belongs behind an indented part, not into it.
$1 == ".RE" { print; next }

$1 == ".nf" { literal = 1; put($0); after_heading = 0; next }
$1 == ".fi" { literal = 0; put($0); next }

literal { put($1 ~ /^\.[A-Z][A-Z]/ ? $0 : exact($0)); next }

# An empty line is space that scdoc puts behind lists.
$0 == "" { next }

{
  put(exact_in_bold($0))
  after_heading = 0
}

END { if (failed) exit 1 }
