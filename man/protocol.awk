# PROTOCOL.md as scdoc: its sections become subsections, the rows of its tables a list of terms, for terminals of 80 columns.
# Knows as much Markdown as that page uses, and refuses links. Part of expand.awk.

# The text with its code and emphasis marked in the way of scdoc, and everything else literal.
function marked(text,    out, i, c, code, strong, emphasis) {
  out = ""
  for (i = 1; i <= length(text); ++i) {
    c = substr(text, i, 1)
    if (c == "`") {
      code = !code
      # What stands in bold already needs no second mark.
      if (!strong) out = out "*"
    } else if (!code && substr(text, i, 2) == "**") {
      strong = !strong
      out = out "*"
      ++i
    } else if (!code && c == "*") {
      emphasis = !emphasis
      out = out "_"
    } else if (!code && substr(text, i, 2) == "](") {
      fail("PROTOCOL.md: a page has no links: " text)
    } else {
      out = out (c ~ /[\\*_#|.+!~<>\[\];-]/ ? "\\" c : c)
    }
  }
  if (code || strong || emphasis) fail("PROTOCOL.md: a mark is not closed: " text)
  return out
}

function flush_paragraph() {
  if (paragraph != "") print bullet marked(paragraph)
  # Items of a list stand together.
  if (paragraph != "" && bullet == "") print ""
  paragraph = bullet = ""
}

function end_list() {
  if (in_list) print ""
  in_list = 0
}

# Cells are parted by bars, and no bar stands in one.
function put_row(line,    cells, n, i, head) {
  if (line ~ /^\|[-:| ]*-[-:| ]*\|$/) return
  n = split(line, cells, "|")
  for (i = 2; i < n; ++i) gsub(/^ +| +$/, "", cells[i])
  head = marked(cells[2])
  for (i = 3; i < n - 1; ++i) if (cells[i] != "") head = head " " marked(cells[i])
  print head
  if (n > 3 && cells[n - 1] != "") print "\t" marked(cells[n - 1])
  print ""
}

function put_protocol(path,    lines, n, i, line, fenced) {
  n = each_line(path, lines)
  for (i = 1; i <= n; ++i) {
    line = lines[i]
    if (line ~ /^```/) {
      flush_paragraph()
      end_list()
      fenced = !fenced
      print "```"
      if (!fenced) print ""
    } else if (fenced) {
      literal(line)
    } else if (line ~ /^# /) {
      continue
    } else if (line ~ /^## /) {
      flush_paragraph()
      end_list()
      print "## " marked(substr(line, 4))
      print ""
    } else if (line ~ /^### /) {
      flush_paragraph()
      end_list()
      print "*" marked(substr(line, 5)) "*"
      print ""
    } else if (line ~ /^\|/) {
      flush_paragraph()
      put_row(line)
    } else if (line ~ /^(-|[0-9]+\.) /) {
      flush_paragraph()
      bullet = line ~ /^-/ ? "- " : ". "
      paragraph = substr(line, index(line, " ") + 1)
      in_list = 1
    } else if (line == "") {
      flush_paragraph()
      end_list()
    } else {
      if (bullet != "") sub(/^ +/, "", line)
      paragraph = paragraph (paragraph == "" ? "" : " ") line
    }
  }
  flush_paragraph()
  end_list()
}
