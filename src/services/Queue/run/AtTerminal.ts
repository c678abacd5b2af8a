/**
 * A command that has the terminal of this process: in a process group of its own, in the foreground, so that Ctrl-C and
 * Ctrl-Z are the command's. Node can give nobody a terminal; a shell with job control (POSIX, `set -m`) can, and takes
 * it back when the command has stopped or ended. Pure.
 */
import type { Startable } from "./ThroughShell.ts"

/** Says its own number, which is that of the group, and becomes the command. */
const begin = `echo $$ >&3
exec 3>&-
while [ "$1" != -- ]; do export "$1"; shift; done
shift
exec "$@"`

/**
 * Ctrl-Z stopped the command: whoever waits stops too (its own jobs first), and on its way back the command gets the
 * terminal again. Ctrl-C ended it: that is told as well.
 */
const wait = `trap : INT
modes=$(stty -g 2>/dev/null)
/bin/sh -c "$@"
code=$?
while jobs %1 >/dev/null 2>&1; do
  kill -TSTP $PPID
  kill -STOP $$
  fg %1 >/dev/null
  code=$?
done
[ -z "$modes" ] || stty "$modes"
[ $code -ne 130 ] || kill -INT $PPID
exit $code`

/**
 * `own`: variables that only the command has, by which it is found among the processes. Nothing secret: they are on a
 * command line.
 */
export const atTerminal = ({ args, cwd, env, file }: Startable, own: Readonly<Record<string, string>>): Startable => ({
  file: "/bin/sh",
  args: [
    "-m",
    "-c",
    wait,
    "sh",
    begin,
    "sh",
    ...Object.entries(own).map(([name, value]) => `${name}=${value}`),
    "--",
    file,
    ...args
  ],
  cwd,
  env: Object.fromEntries(Object.entries(env).filter(([name]) => !Object.hasOwn(own, name)))
})
