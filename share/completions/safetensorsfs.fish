# SPDX-License-Identifier: Apache-2.0
# Completion of safetensorsfs for fish.

# What to offer for the operand at the cursor, by the words before it.
function __safetensorsfs_operand
    if string match -q -- '--sum=*' (commandline -ct)
        printf '%s\n' --sum={xxh128,sha256}
        return
    end
    set -l words (commandline -opc)
    set -l mode mount
    set -l rules
    set -l operands
    set -l wants
    set -l ended
    for word in $words[2..-1]
        if test -n "$wants"
            test $wants = --depth; or set -a rules $wants $word
            set wants
            continue
        end
        switch "$ended$word"
            case --
                set ended yes
            case --info --check --list --cat --extract --unmount
                set mode (string sub -s 3 -- $word)
            case --sum '--sum=*'
                set mode sum
            case -o --include --exclude --rename --depth
                set wants $word
            case '-o*' '--include=*' '--exclude=*' '--rename=*'
                set -a rules $word
            case '--*'
            case '-*u*'
                set mode unmount
            case '-*'
            case '*'
                set -a operands (string replace -r '^~/' $HOME/ -- $word)
        end
    end
    switch $mode:(count $operands)
        case mount:0 'info:*' 'check:*' 'sum:*' list:0 cat:0 extract:0
            __safetensorsfs_sources
        case mount:1 extract:1
            __fish_complete_directories (commandline -ct)
        case 'unmount:*'
            __safetensorsfs_mounts
            string match -q '/*' -- (commandline -ct); or __fish_complete_directories (commandline -ct)
        case list:1 'cat:*' 'extract:*'
            __safetensorsfs_paths $words[1] $operands[1] $rules
    end
end

# What may be a source; any file if there is none.
function __safetensorsfs_sources
    set -l found (__fish_complete_suffix .safetensors)
    string match -er '(?:/|\.safetensors|\.safetensors\.index\.json)$' -- $found
    or printf '%s\n' $found
end

# What is mounted.
function __safetensorsfs_mounts
    string match -r '^\S+ \S+ \S+ \S+ (\S+) .* - fuse\.safetensorsfs ' -g </proc/self/mountinfo |
        while read -l place
            printf '%b\n' (string replace -a \\ \\0 -- $place)
        end
end

# Paths of the tree of a source: the program lists them, one folder at a time.
function __safetensorsfs_paths -a program source
    set -l current (commandline -ct)
    set -l folder (string match -r '.*/' -- $current)
    $program $argv[3..-1] --list --depth 1 -- $source "$folder" 2>/dev/null </dev/null
    string match -q '.*' -- $current; and test -z "$folder"; and echo .view/
end

# Mount options stand between commas: what is before the last one is part of the word.
function __safetensorsfs_mountopts
    set -l names view= io= missing= sandbox= idle= include= exclude= rename= direct xattr nonempty uid= \
        gid= umask= allow_other
    set -l values view={tensors,npy,f32,flat,offload,safetensors,model,torch,npz,sums} \
        io={auto,map,pread} missing={error,skip} sandbox={on,require,off}
    set -l word (string replace -r '^-o' '' -- (commandline -ct))
    set -l head (string match -r '.*,' -- $word)
    if string match -q '*=*' -- (string replace -r '.*,' '' -- $word)
        printf '%s\n' "$head"$values
    else
        printf '%s\n' "$head"$names
    end
end

complete -c safetensorsfs -f -a '(__safetensorsfs_operand)'
complete -c safetensorsfs -s f -d 'Stay in the foreground'
complete -c safetensorsfs -s d -d 'Stay in the foreground and print every request'
complete -c safetensorsfs -s s -d 'Serve with a single thread'
complete -c safetensorsfs -s v -l verbose -d 'Say what was opened and how long it took'
complete -c safetensorsfs -s o -x -a '(__safetensorsfs_mountopts)' -d 'Mount options'
complete -c safetensorsfs -s u -l unmount -d 'Unmount'
complete -c safetensorsfs -s z -l lazy -d 'Unmount what is in use, too'
complete -c safetensorsfs -l info -d 'Show what a model is'
complete -c safetensorsfs -l json -d 'All of it, for programs'
complete -c safetensorsfs -l check -d 'Check models'
complete -c safetensorsfs -l list -d 'Print the paths of the tree'
complete -c safetensorsfs -s l -d 'With modes, sizes, dates, types and shapes'
complete -c safetensorsfs -l depth -x -d 'Go no further down'
complete -c safetensorsfs -l cat -d 'Write files of the tree to standard output'
complete -c safetensorsfs -l extract -d 'Write the tree, or parts of it, below a folder'
complete -c safetensorsfs -l force -d 'Write again what is there'
complete -c safetensorsfs -l sum -d 'Print a digest of each tensor'
complete -c safetensorsfs -l include -x -d 'Show only tensors of such names'
complete -c safetensorsfs -l exclude -x -d 'Leave out tensors of such names'
complete -c safetensorsfs -l rename -x -d 'Rename tensors'
complete -c safetensorsfs -s h -l help -d 'Print a summary'
complete -c safetensorsfs -s V -l version -d 'Print the version'
