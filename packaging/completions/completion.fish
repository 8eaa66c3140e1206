# Completion of one program of busd in fish; made by packaging/completions/generate.

# The words before the cursor, without the program, the variables before it, and the files of redirections.
function __busd_before
    set -l tokens (commandline -pco)
    for file in (commandline -pc | string match -r -a -g '(?:^|\s)\d*(?:[<>]+|&>)[?]?\s*([^\s<>]+)')
        set -l at (contains -i -- $file $tokens); and set -e tokens[$at]
    end
    while string match -q -r '^[A-Za-z_][A-Za-z_0-9]*=' -- $tokens[1]
        set -e tokens[1]
    end
    string join \n -- $tokens[2..]
end

# Those behind the word that the cursor is in.
function __busd_behind
    set -l next (math (count (commandline -pco)) + 1)
    test -n "$(commandline -t)"; and set next (math $next + 1)
    set -l tokens (commandline -po)
    string join \n -- $tokens[$next..]
end

# __busd_without NAME…: none of these options is on the line.
function __busd_without
    for token in (string replace -r '^(--[^=]*)=.*' '$1' -- (__busd_before) (__busd_behind))
        contains -- $token $argv; and return 1
    end
    return 0
end

# __busd_after NAME…: the word before the cursor's is one of these.
function __busd_after
    contains -- (__busd_before)[-1] $argv
end

# __busd_at POSITION NAME…: a positional is to stand here, and it is the one of this number, or, of "2-", that one or a later
# one; a value follows each NAME.
function __busd_at
    set -l at 1
    set -l plain
    set -l value
    for token in (__busd_before)
        if set -q value[1]
            set -e value[1]
        else if test -n "$plain"; or not string match -q -- '-?*' $token
            set at (math $at + 1)
        else if test $token = --
            set plain 1
        else if contains -- $token $argv[2..]
            set value 1
        end
    end
    set -q value[1]; and return 1
    if string match -q -- '*-' $argv[1]
        test $at -ge (string trim -r -c - -- $argv[1])
    else
        test $at -eq $argv[1]
    end
end

# The cursor is in the command that "--" begins.
function __busd_at_command
    contains -- -- (__busd_before)[-1]
end

# The word that the cursor is in, up to there; of --option=VALUE the value.
function __busd_typed
    string replace -r '^--[^=]*=' '' -- (commandline -ct)
end

function __busd_directories
    __fish_complete_directories (__busd_typed)
end

function __busd_commands
    complete -C (__busd_typed)
end

# __busd_names keys|types|entries|tasks|sources|values|more_values: what the running hub knows of; entries are types and patterns,
# of tasks there are only names, of values the keys; more_values are keys where the verb takes several. Silent, and done within 100 ms, whether a hub answers, does not, or is not there. The line is never
# evaluated.
function __busd_names
    set -l option
    set -l place
    for token in (__busd_before) (__busd_behind)
        set -l value $token
        if string match -q -r '^--(socket|bus)=' -- $token
            set option (string split -m 1 = -- $token)[1]
            set value (string split -m 1 = -- $token)[2]
        end
        if set -q option[1]
            # As the shell would, but nothing beyond a home directory or a variable at the beginning.
            set -l parts (string match -r -g '^\$([A-Za-z_][A-Za-z_0-9]*)(.*)$' -- $value)
            and set value "$$parts[1]$parts[2]"
            set place $option (string replace -r '^~/' "$HOME/" -- $value)
            set -e option
            set option
        else if contains -- $token --socket --bus
            set option $token
        end
    end
    # Fish itself would say that it is missing.
    command -q timeout; or return
    set -l ask bus-status --list (string replace entries types $argv[1])
    if test $argv[1] = more_values
        # The first of these words on the line: those that may stand before it are options and their values.
        contains -- (string match -r '^(?:get|put|delete|list|watch)$' -- (__busd_before))[1] delete list watch; or return
    end
    string match -q -- '*values' $argv[1]; and set ask bus-value list --names --no-start
    set -l names (timeout 0.08 $ask $place </dev/null 2>/dev/null)
    if contains $argv[1] types tasks
        string match -v -r '^(.*\.)?\*$' -- $names
    else
        string join \n -- $names
    end
end
