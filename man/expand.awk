# Puts into a page what has its place elsewhere in the tree. A line that begins with one of these words is replaced:
#
#   @prototypes NAME...   the functions as consumer.h, calls.h, streams.h, values.h and cache.h declare them
#   @types NAME...        structs, enumerations and other types of these headers, without comments
#   @program PATH         a whole file
#   @settings PREFIX      settings.scd; each heading *NAME* _VALUE_ becomes *PREFIXNAME* _VALUE_, or, where PREFIX is "=",
#                         *NAME* = _VALUE_
#   @errors               errors.scd
#   @protocol             protocol/PROTOCOL.md (protocol.awk)
#
# and @version@ stands for the version, anywhere. What is missing ends it: a page never lacks anything silently.

function fail(why) {
  printf "%s:%d: %s\n", FILENAME, FNR, why >"/dev/stderr"
  failed = 1
  exit 1
}

function each_line(path, lines,    n, line, status) {
  n = 0
  while ((status = (getline line <path)) > 0) lines[++n] = line
  close(path)
  if (status < 0) fail("cannot read " path)
  return n
}

# A backslash is special to scdoc in literal text, too.
function literal(text) {
  gsub(/\\/, "&&", text)
  print text
}

function read_headers() {
  if (headers_read++) return
  read_header("/consumer/include/busd/consumer.h")
  read_header("/consumer/include/busd/calls.h")
  read_header("/consumer/include/busd/streams.h")
  read_header("/consumer/include/busd/values.h")
  read_header("/consumer/include/busd/cache.h")
}

function read_header(path,    n, i, line, name, words, lines) {
  n = each_line(root path, lines)
  inside_comment = 0
  for (i = 1; i <= n; ++i) {
    line = without_comments(lines[i])
    if (collecting == "" && line ~ /^BUSD_API /) collecting = "function"
    if (collecting == "" && line ~ /^typedef /) collecting = line ~ /\{$/ ? "type" : "line"
    if (collecting == "" || line ~ /^[ \t]*$/) continue
    # A member whose name is on the line behind its type, for want of room beside its comment.
    if (collecting == "type" && text ~ /[A-Za-z0-9_*]$/ && line !~ /^\}/) {
      sub(/^ +/, " ", line)
      text = text line
    } else {
      text = text (text == "" ? "" : "\n") line
    }
    if (collecting == "type" ? line !~ /^\}.*;$/ : line !~ /;$/) continue
    name = text
    if (collecting == "function") {
      sub(/^BUSD_API /, "", text)
      gsub(/\n */, " ", text)
      name = text
      sub(/\(.*/, "", name)
      sub(/.*[ *]/, "", name)
      prototypes[name] = text
    } else if (text ~ /\(\*/) {
      sub(/.*\(\*/, "", name)
      sub(/\).*/, "", name)
      types[name] = text
    } else {
      sub(/;$/, "", name)
      sub(/(.|\n)*[ }]/, "", name)
      types[name] = text
    }
    collecting = text = ""
  }
}

function without_comments(line,    begin, end) {
  for (;;) {
    if (inside_comment) {
      end = index(line, "*/")
      if (!end) return ""
      line = substr(line, end + 2)
      inside_comment = 0
    }
    begin = index(line, "/*")
    if (!begin) break
    end = index(substr(line, begin + 2), "*/")
    if (end) {
      line = substr(line, 1, begin - 1) substr(line, begin + 2 + end + 1)
    } else {
      line = substr(line, 1, begin - 1)
      inside_comment = 1
      break
    }
  }
  sub(/[ \t]+$/, "", line)
  # What stood aligned with the comment behind it.
  if (line ~ /^ /) {
    sub(/^ +/, "", line)
    line = "  " line
  }
  return line
}

# Broken between arguments, where a terminal of 80 columns would break it anywhere.
function print_prototype(text,    parts, n, i, line, next_part) {
  n = split(text, parts, ", ")
  line = parts[1]
  for (i = 2; i <= n; ++i) {
    next_part = parts[i] (i < n ? "," : "")
    if (length(line) + 2 + length(next_part) > 68) {
      literal(line ",")
      line = "    " parts[i]
    } else {
      line = line ", " parts[i]
    }
  }
  literal(line)
}

function put_settings(prefix,    lines, n, i, line) {
  n = each_line(root "/man/settings.scd", lines)
  for (i = 1; i <= n; ++i) {
    line = lines[i]
    if (line ~ /^\*[a-z-]+\* _[A-Za-z|]+_$/) {
      if (prefix == "=") sub(/ /, " = ", line)
      else sub(/^\*/, "*" prefix, line)
    }
    print line
  }
}

function put_errors(    lines, n, i) {
  n = each_line(root "/man/errors.scd", lines)
  for (i = 1; i <= n; ++i) print lines[i]
}

function put_program(path,    lines, n, i) {
  n = each_line(root "/" path, lines)
  print "```"
  for (i = 1; i <= n; ++i) literal(lines[i])
  print "```"
}

$1 == "@prototypes" {
  read_headers()
  for (i = 2; i <= NF; ++i) {
    if (!($i in prototypes)) fail("the headers have no function " $i)
    print_prototype(prototypes[$i])
  }
  next
}

$1 == "@types" {
  read_headers()
  for (i = 2; i <= NF; ++i) {
    if (!($i in types)) fail("the headers have no type " $i)
    if (i > 2 && (types[$i] ~ /\n/ || types[$(i - 1)] ~ /\n/)) print ""
    n = split(types[$i], rows, "\n")
    for (row = 1; row <= n; ++row) literal(rows[row])
  }
  next
}

$1 == "@settings" { put_settings($2); next }
$1 == "@errors" { put_errors(); next }
$1 == "@program" { put_program($2); next }
$1 == "@protocol" { put_protocol(root "/protocol/PROTOCOL.md"); next }
$1 ~ /^@[a-z]+$/ { fail("unknown word " $1) }

{
  gsub(/@version@/, version)
  print
}

END { if (failed) exit 1 }
